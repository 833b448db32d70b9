package tcp_test

import (
	"testing"

	"lesson/lesson/tcp"
)

// What cannot be acknowledged is not (RFC 9293 §3.10.7): nothing that would
// follow a FIN, and not the number before a SYN; and an end in SYN_RECV that
// refuses such an ACK with a RST still waits for the right one.
func TestUnacceptableAcks(t *testing.T) {
	a, b := tcp.Endpoint{Port: 1}, tcp.Endpoint{Port: 2}
	seg := func(from tcp.End, f tcp.Flags, seq, ack tcp.Seq) *tcp.Segment {
		s := &tcp.Segment{Src: a, Dst: b, Flags: f, Seq: seq, Ack: ack, Window: 1000}
		if from == tcp.Server {
			s.Src, s.Dst = b, a
		}
		return s
	}
	t.Run("after the FIN", func(t *testing.T) {
		c := tcp.NewConn(a, b)
		for _, s := range []*tcp.Segment{seg(tcp.Client, tcp.SYN, 100, 0), seg(tcp.Server, tcp.SYN|tcp.ACK, 200, 101), seg(tcp.Client, tcp.ACK, 101, 201), seg(tcp.Server, tcp.FIN|tcp.ACK, 201, 101)} {
			c.Observe(s)
		}
		if step := c.Observe(seg(tcp.Client, tcp.ACK, 101, 5000)); c.State(tcp.Server) != tcp.FinWait1 || step.Findings&tcp.Unacceptable == 0 {
			t.Errorf("%v, %v", c.State(tcp.Server), step.Findings.Names())
		}
	})
	t.Run("before the SYN", func(t *testing.T) {
		c := tcp.NewConn(a, b)
		c.Observe(seg(tcp.Client, tcp.SYN, 100, 0))
		step := c.Observe(seg(tcp.Server, tcp.ACK, 700, 100)) // a challenge ACK of an earlier connection
		if c.State(tcp.Server) != tcp.Unknown || step.Findings&tcp.Unacceptable == 0 {
			t.Errorf("%v, %v", c.State(tcp.Server), step.Findings.Names())
		}
	})
	t.Run("refused in SYN_RECV", func(t *testing.T) {
		c := tcp.NewConn(a, b)
		for _, s := range []*tcp.Segment{seg(tcp.Client, tcp.SYN, 100, 0), seg(tcp.Server, tcp.SYN|tcp.ACK, 200, 101), seg(tcp.Client, tcp.ACK, 101, 200), seg(tcp.Server, tcp.RST, 200, 0)} {
			c.Observe(s)
		}
		if c.State(tcp.Server) != tcp.SynRecv {
			t.Errorf("%v", c.State(tcp.Server))
		}
	})
}
