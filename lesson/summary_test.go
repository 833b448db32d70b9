package lesson

import (
	"strings"
	"testing"

	"lesson/lesson/tcp"
	"lesson/lesson/tcp/notation"
)

// What is said of a connection as a whole, of which some was not captured.
func TestSummarize(t *testing.T) {
	ends := [2]tcp.Endpoint{{Port: 40000}, {Port: 80}}
	for _, tt := range []struct {
		name, lines string
		opened      Opened
		closed      Closed
		state       [2]tcp.State
	}{
		{"a RST that does not acknowledge the SYN", "client S 100:100(0)\nserver R. 0:0(0) ack 77", OpenedHalf, ClosedNever, [2]tcp.State{tcp.SynSent, tcp.Closed}},
		{"refused", "client S 100:100(0)\nserver R. 0:0(0) ack 101", OpenedRefused, ClosedNever, [2]tcp.State{tcp.Closed, tcp.Closed}},
		{"reset, and its SYN,ACK was missed", "client S 100:100(0)\nclient . 101:101(0) ack 301\nserver P. 301:311(10) ack 101\nclient . 101:101(0) ack 311\nserver R. 311:311(0) ack 101",
			OpenedHandshake, ClosedReset, [2]tcp.State{tcp.Closed, tcp.Closed}},
		{"the client alone", "client S 100:100(0)\nclient . 101:101(0) ack 301\nclient P. 101:111(10) ack 301\nclient . 111:111(0) ack 401",
			OpenedHandshake, ClosedNot, [2]tcp.State{tcp.Unknown, tcp.Unknown}},
		{"the server alone", "server S. 300:300(0) ack 101\nserver . 301:301(0) ack 111\nserver P. 301:311(10) ack 111",
			OpenedHandshake, ClosedNot, [2]tcp.State{tcp.Unknown, tcp.Unknown}},
		{"a SYN,ACK alone", "server S. 300:300(0) ack 101", OpenedHalf, ClosedNever, [2]tcp.State{tcp.Unknown, tcp.SynRecv}},
		{"no ACK of the SYN,ACK", "client S 100:100(0)\nserver S. 300:300(0) ack 101\nserver S. 300:300(0) ack 101",
			OpenedHalf, ClosedNever, [2]tcp.State{tcp.Unknown, tcp.SynRecv}},
		{"no answer", "client S 100:100(0)", OpenedNot, ClosedNever, [2]tcp.State{tcp.SynSent, tcp.Unknown}},
		{"a RST alone", "server R. 301:301(0) ack 101", OpenedBefore, ClosedReset, [2]tcp.State{tcp.Unknown, tcp.Unknown}},
	} {
		c := tcp.NewConn(ends[0], ends[1])
		for _, l := range strings.Split(tt.lines, "\n") {
			line, err := notation.Parse(l)
			if err != nil {
				t.Fatal(err)
			}
			s := line.Segment(ends, [2]tcp.Seq{})
			c.Observe(&s)
		}
		sum := c.Summary()
		var got Connection
		summarize(&got, 0, &c, &sum, 0)
		if got.Opened != tt.opened || got.Closed != tt.closed || got.State != tt.state {
			t.Errorf("%s: opened %v, closed %v, %v", tt.name, got.Opened, got.Closed, got.State)
		}
	}
}
