package tcp_test

import (
	"strings"
	"testing"

	"lesson/lesson/tcp"
)

var vantages = map[string]tcp.Vantage{"client": tcp.AtClient, "server": tcp.AtServer, "middle": tcp.Between}

// Where a capture was taken says what is known to have arrived.
func TestVantageScenes(t *testing.T) {
	for _, sc := range scenes(t, "vantage.txt") {
		t.Run(sc.title, func(t *testing.T) {
			name, _, _ := strings.Cut(sc.title, ":")
			from, ok := vantages[name]
			if !ok {
				t.Fatalf("no vantage %s", name)
			}
			for _, first := range [][2]tcp.Seq{{0, 0}, {0xffffff9a, 7}, {7, 0xfffffed3}, {1 << 31, 1<<31 - 350}} {
				var c tcp.Conn
				for _, l := range sc.lines {
					s := l.Segment(ends, first)
					if l.Flags.Has(tcp.RST) && l.Seq == 0 {
						s.Seq = 0
					}
					step := c.ObserveAt(from, &s)
					if step.After != l.State {
						t.Errorf("first %v: %s: got %v %v", first, l.text, step.After[0], step.After[1])
					}
					if got := step.Revised.Since != 0; got != l.corrects {
						t.Errorf("first %v: %s: corrects %v: %+v", first, l.text, got, step.Revised)
					}
				}
			}
		})
	}
}
