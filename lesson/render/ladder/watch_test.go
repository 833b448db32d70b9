package ladder

import (
	"bytes"
	"fmt"
	"math/rand/v2"
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
				lines := strings.Split(b.String(), "\n")
				for _, height := range []int{10, 24, 60} {
					if err := w.Refresh(load, height); err != nil {
						t.Fatal(err)
					}
					if n := len(w.below.lines); n >= height {
						t.Errorf("a summary of %d lines on %d", n, height)
					}
					lines = append(lines, w.below.lines...)
				}
				for i, s := range lines {
					if n := text.Width(s); n > width || text.Clean(s) != s {
						t.Errorf("%s, %v, line %d is %d wide of %d: %q", name, l, i, n, width, s)
					}
				}
			}
		}
	}
}

// Of all summaries the last one stays, below everything that was told, on a
// terminal of whatever size, also where that changes.
func TestRefreshLeavesOne(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 4))
	for range 300 {
		s := &screen{t: t, columns: 60 + rng.IntN(60), rows: 3 + rng.IntN(40)}
		what := fmt.Sprintf("seed %d, %d by %d", seed, s.columns, s.rows)
		load := &Load{Title: lang.Text{EN: "TCP on lo", ZH: "lo 上的 TCP"}}
		var told bytes.Buffer
		w, rows := NewWatch(s, Options{Width: s.columns}), NewWatch(&told, Options{Width: s.columns})
		story := rendertest.Trouble()
		for _, e := range story[:len(story)-1] {
			for _, err := range []error{w.Tell(e), rows.Tell(e)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			if rng.IntN(3) > 0 {
				continue
			}
			if rows.above >= 0 {
				told.WriteByte('\n')
				rows.above = -1
			}
			for range rng.IntN(4) {
				load.Elapsed += time.Second
				load.Waiting = make([]*lesson.Socket, rng.IntN(20))
				for i := range load.Waiting {
					load.Waiting[i] = rendertest.Waiting()
				}
				if err := w.Refresh(load, s.rows); err != nil {
					t.Fatal(err)
				}
			}
			_ = w.Refresh(load, s.rows)
		}
		_ = w.Refresh(load, s.rows)
		if rows.above >= 0 {
			told.WriteByte('\n')
		}
		told.WriteString(strings.Join(w.below.lines, "\n") + "\n")
		for _, err := range []error{w.Stay(), w.Tell(story[len(story)-1]), rows.Tell(story[len(story)-1])} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if got, want := strings.TrimSpace(s.String()), strings.TrimSpace(told.String()); got != want {
			t.Fatalf("%s:\n%s\nwant\n%s", what, got, want)
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

// Long numbers stand on rows of their own where there is no room, and in full.
func TestWatchLongNumbers(t *testing.T) {
	s := &lesson.Segment{Captured: tcp.Captured{Segment: tcp.Segment{Flags: tcp.SYN | tcp.ACK, Len: 65535}}}
	s.Step.Seq, s.Step.Ack, s.Since = -2147483648, 4294967295, -19*time.Millisecond
	s.Hops, s.Src.IP[15] = 50, 1
	for width := 40; width <= 130; width++ {
		var b bytes.Buffer
		if err := NewWatch(&b, Options{Width: width, Verbose: true}).Tell(s); err != nil {
			t.Fatal(err)
		}
		all := strings.Join(strings.Fields(b.String()), " ")
		for _, want := range []string{"seq -2147483648", "ack 4294967295", "len 65535", "IPv6: hop limit 50"} {
			if !strings.Contains(all, want) {
				t.Errorf("%d columns lack %q:\n%s", width, want, b.String())
			}
		}
		if width >= withTime && !strings.Contains(all, "-0.019000") {
			t.Errorf("%d columns lack the time:\n%s", width, b.String())
		}
	}
}
