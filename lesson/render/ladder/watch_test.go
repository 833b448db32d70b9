package ladder

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/rendertest"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
)

// Rows and summaries fit every width, in both languages, and show nothing that
// a terminal would obey; the summary fits its height.
func TestWatchFits(t *testing.T) {
	load := &Load{
		Title: lang.Text{EN: "TCP on lo", ZH: "lo 上的 TCP"}, Elapsed: 75 * time.Second,
		Segments: 50123, Opened: 5012.3, Closed: 5011, Open: 12, Dropped: 345, Full: true, Partly: true,
	}
	load.Ends[tcp.Client][tcp.TimeWait] = 8192
	for range 30 {
		load.Waiting = append(load.Waiting, rendertest.Waiting())
	}
	for name, story := range rendertest.All() {
		for _, l := range []lang.Lang{lang.English, lang.Chinese} {
			for _, width := range []int{40, 60, 80, 120, 200} {
				var b bytes.Buffer
				w := NewWatch(&b, Options{Lang: l, Width: width, Verbose: true})
				for _, e := range story {
					if err := w.Tell(e); err != nil {
						t.Fatal(err)
					}
				}
				for _, height := range []int{10, 24, 60} {
					before := b.Len()
					if err := w.Refresh(load, height); err != nil {
						t.Fatal(err)
					}
					if n := strings.Count(b.String()[before:], "\n"); n > height {
						t.Errorf("a summary of %d lines on %d", n, height)
					}
				}
				for i, line := range strings.Split(b.String(), "\n") {
					for _, s := range strings.Split(line, "\r\x1b[J") {
						if strings.HasPrefix(s, "\x1b[") && strings.HasSuffix(s, "A") {
							continue // up to where the last summary began
						}
						if n := text.Width(s); n > width || text.Clean(s) != s {
							t.Errorf("%s, %v, line %d is %d wide of %d: %q", name, l, i, n, width, s)
						}
					}
				}
			}
		}
	}
}

func TestWatchRows(t *testing.T) {
	var b bytes.Buffer
	w := NewWatch(&b, Options{Width: 80})
	for _, e := range rendertest.Handshake() {
		switch e.(type) {
		case *lesson.Segment, *lesson.Socket:
			if err := w.Tell(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Tell(rendertest.Waiting()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		" [0] 127.0.0.1:43210 → 127.0.0.2:2023\n",
		"━▶ SYN       seq 0                  SYN_SENT    SYN_RECV\n",
		"◀━ SYN ACK   seq 0 ack 1            ESTABLISHED SYN_RECV\n",
		" ! CLOSE_WAIT ✓  127.0.0.1:8080 ◀ 127.0.0.1:43210\n   peer closed 12 s ago, python3 (4242) has not called close()\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	if testing.Verbose() {
		fmt.Print(b.String())
	}
}
