package tcp_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"lesson/lesson/tcp"
	"lesson/lesson/tcp/notation"
)

// openExact is what "> open" stands for in testdata/exact.txt.
const openExact = `over client S  100:100(0) win 1000         | SYN_SENT    SYN_RECV
over server S. 300:300(0) ack 101 win 1000 | ESTABLISHED SYN_RECV
over client .  101:101(0) ack 301 win 1000 | ESTABLISHED ESTABLISHED`

// calls are the words in a scene for what no segment shows.
var calls = map[string]func(c *tcp.Conn, e tcp.End){
	"crash":    (*tcp.Conn).Crash,
	"listen":   func(c *tcp.Conn, e tcp.End) { c.Happen(e, tcp.PassiveOpen) },
	"unlisten": func(c *tcp.Conn, e tcp.End) { c.Happen(e, tcp.StopListen) },
	"close":    func(c *tcp.Conn, e tcp.End) { c.Happen(e, tcp.Close) },
	"shutdown": func(c *tcp.Conn, e tcp.End) { c.Happen(e, tcp.Shutdown) },
	"abort":    func(c *tcp.Conn, e tcp.End) { c.Happen(e, tcp.Abort) },
}

// exactly plays the lines of one exact scene and reports what is not as told.
func exactly(c *tcp.Conn, linux tcp.Linux, lines []string, first [2]tcp.Seq) error {
	for _, text := range lines {
		what, rest, _ := strings.Cut(text, " ")
		what, rest = strings.TrimSpace(what), strings.TrimSpace(rest)
		happens, told := calls[what]
		if told {
			e := tcp.Client
			if strings.HasPrefix(rest, "server") {
				e = tcp.Server
			}
			happens(c, e)
			rest = strings.Replace(rest, e.String(), e.String()+" . ", 1)
		}
		l, err := notation.Parse(rest)
		if err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
		s := l.Segment(ends, first)
		if s.Flags.Has(tcp.RST) && l.Seq == 0 {
			s.Seq = 0
		}
		var steps []tcp.Step
		before := [2]tcp.State{c.State(tcp.Client), c.State(tcp.Server)}
		if what == "out" || what == "over" {
			step := c.Depart(&s)
			steps = append(steps, step)
			if r := l.From.Peer(); step.After[r] != before[r] {
				return fmt.Errorf("%s: the receiver moved when it left, to %v", text, step.After[r])
			}
		}
		if what == "in" || what == "over" {
			before[l.From] = c.State(l.From)
			step := c.ArriveOn(linux, &s)
			steps = append(steps, step)
			if step.After[l.From] != before[l.From] {
				return fmt.Errorf("%s: the sender moved when it arrived, to %v", text, step.After[l.From])
			}
		}
		if got := [2]tcp.State{c.State(tcp.Client), c.State(tcp.Server)}; got != l.State {
			return fmt.Errorf("%s: got %v", text, got)
		}
		for _, step := range steps {
			if step.Revised.Since != 0 || step.Findings&(tcp.Corrected|tcp.Contradiction|tcp.AckedUnseen|tcp.Gap) != 0 {
				return fmt.Errorf("%s: guesses: %v", text, step.Findings.Names())
			}
		}
	}
	return nil
}

// Where departure and arrival are known, every state is right at once.
func TestExactScenes(t *testing.T) {
	text, err := os.ReadFile("testdata/exact.txt")
	if err != nil {
		t.Fatal(err)
	}
	scenes := strings.Split(strings.ReplaceAll(string(text), "> open", openExact), "== ")[1:]
	for _, sc := range scenes {
		title, body, _ := strings.Cut(sc, "\n")
		t.Run(title, func(t *testing.T) {
			lines := strings.Split(strings.TrimSpace(body), "\n")
			server := tcp.Listen
			if lines[0] == "> CLOSED" {
				server, lines = tcp.Closed, lines[1:]
			}
			var linux tcp.Linux
			if lines[0] == "> loose resets" {
				linux, lines = tcp.LooseResets, lines[1:]
			}
			for _, first := range [][2]tcp.Seq{{0, 0}, {0xffffff9a, 7}, {7, 0xfffffed3}, {1 << 31, 1<<31 - 350}} {
				c := tcp.NewConn(ends[tcp.Client], ends[tcp.Server])
				c.Know(tcp.Client, tcp.Closed)
				c.Know(tcp.Server, server)
				if err := exactly(&c, linux, lines, first); err != nil {
					t.Errorf("first %v: %v", first, err)
				}
			}
		})
	}
}

// TestMadeUpSyn holds that numbers are counted from a SYN that nobody has sent,
// as in a capture of it (RFC 9293 §3.5, Figure 11): it takes one number.
func TestMadeUpSyn(t *testing.T) {
	c := tcp.NewConn(ends[tcp.Client], ends[tcp.Server])
	c.Know(tcp.Client, tcp.Listen)
	c.Know(tcp.Server, tcp.Listen)
	syn, answer, rst := segment(t, "client S 90:90(0)"), segment(t, "server S. 300:300(0) ack 91"), segment(t, "client R 91:91(0)")
	steps := []tcp.Step{c.Arrive(&syn), c.Depart(&answer), c.Arrive(&answer), c.Depart(&rst), c.Arrive(&rst)}
	for i, want := range [][2]int{{0, 0}, {0, 1}, {0, 1}, {1, 0}, {1, 0}} {
		if got := [2]int{int(steps[i].Seq), int(steps[i].Ack)}; got != want {
			t.Errorf("step %d: seq and ack %v, want %v", i+1, got, want)
		}
	}
	if c.State(tcp.Client) != tcp.Listen || c.State(tcp.Server) != tcp.Listen {
		t.Errorf("in the end %v %v", c.State(tcp.Client), c.State(tcp.Server))
	}
}
