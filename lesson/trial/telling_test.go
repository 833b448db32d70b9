package trial

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"lesson/lesson"
	"lesson/lesson/tcp"
)

// heard writes down what is told: "c2" for a word on connection 2, "2" for a
// segment of it, and notes as they are.
type heard struct{ words []string }

func (h *heard) Tell(e lesson.Event) error {
	switch e := e.(type) {
	case *lesson.Call:
		h.words = append(h.words, strings.TrimSuffix(strings.Fields(strings.ReplaceAll(e.Text.EN, "connection ", "c"))[0], ":"))
	case *lesson.Segment:
		h.words = append(h.words, fmt.Sprint(e.Src.Port))
	case *lesson.Connection:
		h.words = append(h.words, fmt.Sprintf("=%d", e.Stream+1))
	case *lesson.Note:
		h.words = append(h.words, e.Text.EN)
	}
	return nil
}

// One connection is told at a time: the first until it is over or silent, then
// the others in their order.
func TestOneAtATime(t *testing.T) {
	tests := []struct{ name, script, want string }{
		// A digit is a segment of that connection, ! ends it, ~ is silence.
		{"one", "111!", "c1 1 1 1 =1"},
		{"in turn", "11!22!", "c1 1 1 c2 2 2 =1 =2"},
		{"at once", "1212 1!2!", "c1 1 1 1 meanwhile 2 2 2 =1 =2"},
		{"three at once", "123 1!23!2!", "c1 1 1 meanwhile 2 2 2 meanwhile 3 3 =1 =2 =3"},
		{"never over", "1212", "c1 1 1 meanwhile 2 2 =1 =2"},
		{"silent", "11~2~1", "c1 1 1 c2 2 c1 1 =1 =2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h heard
			x := newTelling(&h)
			conns := map[rune]*connection{}
			now := time.Now()
			for i, r := range tt.script {
				if r == '~' {
					now = now.Add(2 * turn)
				}
				if r < '1' || r > '9' {
					continue
				}
				now = now.Add(time.Millisecond)
				c := conns[r]
				if c == nil {
					c = &connection{stream: len(x.all)}
					c.ends[tcp.Client] = netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(c.stream+1))
					c.narrator = lesson.NewNarrator(c.ends[tcp.Client], c.ends[tcp.Server])
					c.narrator.Conn().Know(tcp.Client, tcp.Established)
					conns[r], x.all = c, append(x.all, c)
				}
				if strings.HasPrefix(tt.script[i+1:], "!") {
					c.narrator.Conn().Know(tcp.Client, tcp.Closed)
				}
				c.last = now
				s := &lesson.Segment{}
				s.Src.Port, s.Time = uint16(c.stream+1), now.UnixNano()
				if err := x.row(c, s); err != nil {
					t.Fatal(err)
				}
			}
			if err := x.finish(); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(h.words, " "); got != tt.want {
				t.Errorf("told %q, want %q", got, tt.want)
			}
		})
	}
}
