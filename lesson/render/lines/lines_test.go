package lines

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/rendertest"
)

func TestLines(t *testing.T) {
	for name, story := range rendertest.All() {
		for _, l := range []lang.Lang{lang.English, lang.Chinese} {
			var b bytes.Buffer
			n := New(&b, l)
			segments := 0
			for _, e := range story {
				if _, ok := e.(*lesson.Segment); ok {
					segments++
				}
				if err := n.Tell(e); err != nil {
					t.Fatal(err)
				}
			}
			if err := n.Flush(); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(b.String()) {
				if !strings.HasPrefix(line, "# ") {
					segments--
				}
				if strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
					t.Errorf("%s: %q", name, line)
				}
			}
			if segments != 0 {
				t.Errorf("%s: %d segments have no line", name, segments)
			}
		}
	}
}

func TestWaiting(t *testing.T) {
	for l, want := range map[lang.Lang]string{
		lang.English: "# [3] 127.0.0.1:8080 < 127.0.0.1:43210: CLOSE_WAIT: peer closed 12 s ago, python3 (4242) has not called close()\n",
		lang.Chinese: "# [3] 127.0.0.1:8080 < 127.0.0.1:43210: CLOSE_WAIT: 对端已于 12 秒前关闭，python3 (4242) 尚未调用 close()\n",
	} {
		var b bytes.Buffer
		n := New(&b, l)
		if err := n.Tell(rendertest.Waiting()); err != nil {
			t.Fatal(err)
		}
		if err := n.Flush(); err != nil || b.String() != want {
			t.Errorf("%v: %q", err, b.String())
		}
	}
}

func TestNoAllocation(t *testing.T) {
	var b bytes.Buffer
	n := New(&b, lang.English)
	for _, e := range rendertest.Teardown() {
		if s, ok := e.(*lesson.Segment); ok {
			if allocs := testing.AllocsPerRun(100, func() { n.buf = n.buf[:0]; _ = n.Tell(s) }); allocs > 0 {
				t.Errorf("%v allocations for %v", allocs, s.Flags)
			}
		}
	}
}
