package tcp_test

import (
	"math/rand/v2"
	"testing"

	"lesson/lesson/tcp"
)

// icmp is an ICMP error about an end's segment.
func icmp(from tcp.End, seq tcp.Seq, v6 bool, typ, code uint8) *tcp.ICMPError {
	return &tcp.ICMPError{Src: ends[from], Dst: ends[from.Peer()], Seq: seq, V6: v6, Type: typ, Code: code}
}

func show(c *tcp.Conn, from tcp.End, flags tcp.Flags, seq, ack tcp.Seq) tcp.Step {
	return c.Observe(&tcp.Segment{Src: ends[from], Dst: ends[from.Peer()], Flags: flags, Seq: seq, Ack: ack, Window: 1000})
}

// In SYN_SENT every error ends the attempt, but those about sizes, and what
// Linux takes no notice of.
func TestICMPEndsAttempt(t *testing.T) {
	for _, tt := range []struct {
		v6        bool
		typ, code uint8
		want      tcp.State
	}{
		{false, 3, 0, tcp.Closed}, {false, 3, 1, tcp.Closed}, {false, 3, 2, tcp.Closed}, {false, 3, 3, tcp.Closed}, {false, 3, 4, tcp.SynSent},
		{false, 3, 5, tcp.Closed}, {false, 3, 9, tcp.Closed}, {false, 3, 10, tcp.Closed}, {false, 3, 13, tcp.Closed}, {false, 3, 15, tcp.Closed},
		{false, 3, 16, tcp.SynSent}, {false, 4, 0, tcp.SynSent}, {false, 11, 0, tcp.Closed}, {false, 11, 1, tcp.SynSent}, {false, 12, 0, tcp.Closed},
		{true, 1, 0, tcp.Closed}, {true, 1, 1, tcp.Closed}, {true, 1, 3, tcp.Closed}, {true, 1, 4, tcp.Closed}, {true, 1, 6, tcp.Closed},
		{true, 2, 0, tcp.SynSent}, {true, 3, 0, tcp.Closed}, {true, 4, 1, tcp.Closed},
	} {
		var c tcp.Conn
		show(&c, tcp.Client, tcp.SYN, 100, 0)
		step := c.ObserveICMP(tcp.Anywhere, icmp(tcp.Client, 100, tt.v6, tt.typ, tt.code))
		if got := c.State(tcp.Client); got != tt.want || step.After[tcp.Client] != got || (step.Effect == tcp.Aborts) != (got == tcp.Closed) {
			t.Errorf("%+v: %v, %v", tt, got, step)
		}
		if s := c.Summary(); s.End[tcp.Client].Bounced != (tt.want == tcp.Closed) {
			t.Errorf("%+v: bounced %v", tt, s.End[tcp.Client].Bounced)
		}
	}
}

// What an end sends after an error that was taken to end its attempt takes that
// back; a RST does not, which is what is left to an end without a socket.
func TestICMPTakenBack(t *testing.T) {
	begin := func() (c tcp.Conn) {
		show(&c, tcp.Client, tcp.SYN, 100, 0)
		c.ObserveICMP(tcp.Anywhere, icmp(tcp.Client, 100, false, 3, 1))
		return c
	}
	c := begin()
	step := show(&c, tcp.Client, tcp.SYN, 100, 0)
	if want := (tcp.Revision{End: tcp.Client, Since: 2, State: tcp.SynSent}); step.Revised != want || c.State(tcp.Client) != tcp.SynSent || !step.Findings.Has(tcp.Corrected) {
		t.Errorf("the SYN again: %+v, %v", step, c.State(tcp.Client))
	}
	c = begin()
	show(&c, tcp.Server, tcp.SYN|tcp.ACK, 500, 101)
	if c.State(tcp.Client) != tcp.Closed || c.State(tcp.Server) != tcp.SynRecv {
		t.Errorf("an answer that comes too late: %v %v", c.State(tcp.Client), c.State(tcp.Server))
	}
	late := c
	step = show(&c, tcp.Client, tcp.ACK, 101, 501)
	if want := (tcp.Revision{End: tcp.Client, Since: 2, State: tcp.Established}); step.Revised != want || step.After != [2]tcp.State{tcp.Established, tcp.Established} {
		t.Errorf("the ACK of the answer: %+v", step)
	}
	step = show(&late, tcp.Client, tcp.RST, 101, 0)
	if step.Revised.Since != 0 || step.After[tcp.Client] != tcp.Closed || step.After[tcp.Server] == tcp.Established {
		t.Errorf("a RST: %+v", step)
	}
	c = begin()
	if step := c.ObserveICMP(tcp.Anywhere, icmp(tcp.Client, 100, false, 3, 3)); step.Effect != tcp.NoEffect || c.State(tcp.Client) != tcp.Closed {
		t.Errorf("a second error: %+v", step)
	}
}

// An error that quotes a number which is not under way changes nothing.
func TestICMPNumbers(t *testing.T) {
	for seq, want := range map[tcp.Seq]tcp.State{99: tcp.SynSent, 100: tcp.Closed, 101: tcp.Closed, 102: tcp.SynSent, 1 << 31: tcp.SynSent} {
		var c tcp.Conn
		show(&c, tcp.Client, tcp.SYN, 100, 0)
		c.ObserveICMP(tcp.Anywhere, icmp(tcp.Client, seq, false, 3, 3))
		if got := c.State(tcp.Client); got != want {
			t.Errorf("at %d: %v, want %v", seq, got, want)
		}
	}
}

// An error about a SYN,ACK: what becomes of the server depends on its system,
// and the client may not have had it. Either is known once it is heard.
func TestICMPAboutAnswer(t *testing.T) {
	var c tcp.Conn
	show(&c, tcp.Client, tcp.SYN, 100, 0)
	show(&c, tcp.Server, tcp.SYN|tcp.ACK, 500, 101)
	step := c.ObserveICMP(tcp.Anywhere, icmp(tcp.Server, 500, false, 3, 1))
	if step.Effect != tcp.MayAbort || step.After != [2]tcp.State{} || step.Since != 2 {
		t.Errorf("%+v", step)
	}
	again := c
	if step := show(&again, tcp.Server, tcp.SYN|tcp.ACK, 500, 101); step.After[tcp.Server] != tcp.SynRecv {
		t.Errorf("the SYN,ACK again: %+v", step)
	}
	show(&c, tcp.Client, tcp.ACK, 101, 501)
	if c.State(tcp.Client) != tcp.Established || c.State(tcp.Server) != tcp.Unknown {
		t.Errorf("the ACK: %v %v", c.State(tcp.Client), c.State(tcp.Server))
	}
	refused := c
	if show(&c, tcp.Server, tcp.ACK, 501, 101); c.State(tcp.Server) != tcp.Established {
		t.Errorf("an ACK of the server: %v", c.State(tcp.Server))
	}
	if show(&refused, tcp.Server, tcp.RST, 501, 0); refused.State(tcp.Server) != tcp.Closed {
		t.Errorf("a RST of the server: %v", refused.State(tcp.Server))
	}
}

// An open connection stays as it is, whatever the error says; but a FIN that is
// quoted may not have come.
func TestICMPInOpenConnection(t *testing.T) {
	var c tcp.Conn
	show(&c, tcp.Client, tcp.SYN, 100, 0)
	show(&c, tcp.Server, tcp.SYN|tcp.ACK, 500, 101)
	show(&c, tcp.Client, tcp.ACK, 101, 501)
	show(&c, tcp.Server, tcp.ACK, 501, 101)
	for _, code := range []uint8{0, 1, 2, 3, 13} {
		step := c.ObserveICMP(tcp.Anywhere, icmp(tcp.Client, 101, false, 3, code))
		if step.Effect != tcp.SoftError || step.After != [2]tcp.State{tcp.Established, tcp.Established} {
			t.Errorf("code %d: %+v", code, step)
		}
	}
	if step := c.ObserveICMP(tcp.Anywhere, icmp(tcp.Client, 100, false, 3, 3)); step.Effect != tcp.NoEffect {
		t.Errorf("acknowledged long ago: %+v", step)
	}
	if step := c.ObserveICMP(tcp.Anywhere, icmp(tcp.Client, 101, false, 3, 4)); step.Effect != tcp.SmallerPackets {
		t.Errorf("too big: %+v", step)
	}
	show(&c, tcp.Client, tcp.FIN|tcp.ACK, 101, 501)
	step := c.ObserveICMP(tcp.Anywhere, icmp(tcp.Client, 101, false, 3, 1))
	if step.After != [2]tcp.State{tcp.FinWait1, tcp.Unknown} || step.Since != 5 {
		t.Errorf("the FIN: %+v", step)
	}
	if show(&c, tcp.Server, tcp.ACK, 501, 102); c.State(tcp.Server) != tcp.CloseWait || c.State(tcp.Client) != tcp.FinWait2 {
		t.Errorf("its ACK: %v %v", c.State(tcp.Client), c.State(tcp.Server))
	}
}

// Where the capture was taken decides whether an error has come to an end.
func TestICMPVantage(t *testing.T) {
	for v, want := range map[tcp.Vantage]tcp.State{tcp.Anywhere: tcp.Closed, tcp.AtClient: tcp.Closed, tcp.AtServer: tcp.SynSent, tcp.Between: tcp.SynSent} {
		var c tcp.Conn
		c.ObserveAt(v, &tcp.Segment{Src: ends[0], Dst: ends[1], Flags: tcp.SYN, Seq: 100})
		if step := c.ObserveICMP(v, icmp(tcp.Client, 100, false, 3, 3)); c.State(tcp.Client) != want || (step.Effect == tcp.Unproven) != (want == tcp.SynSent) {
			t.Errorf("%v: %+v", v, step)
		}
	}
}

// Whatever segments and errors come, an error moves nobody but along an arrow of
// Figure 5, or to Unknown, and the segments after it follow on.
func TestRandomWalksWithICMP(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 3))
	effects := map[tcp.Effect]int{}
	for range 20000 {
		var c tcp.Conn
		nxt := [2]tcp.Seq{tcp.Seq(r.Uint32()), tcp.Seq(r.Uint32())}
		from := tcp.Vantage(r.IntN(4))
		prev := [2]tcp.State{}
		for i := range 14 {
			if i > 0 && r.IntN(3) == 0 {
				e := tcp.End(r.IntN(2))
				m := icmp(e, nxt[e]-tcp.Seq(r.IntN(3)), r.IntN(2) == 0, []uint8{1, 2, 3, 4, 11, 12}[r.IntN(6)], uint8(r.IntN(17)))
				step := c.ObserveICMP(from, m)
				effects[step.Effect]++
				if step.Before != prev {
					t.Fatalf("%v before the error, %v before", step.Before, prev)
				}
				for end, s := range step.After {
					if s != prev[end] && s != tcp.Unknown && !(s == tcp.Closed && step.Effect == tcp.Aborts && step.To == tcp.End(end)) {
						t.Fatalf("%+v", step)
					}
				}
				prev = step.After
				continue
			}
			s := gambler(r, &nxt)
			if i == 0 && r.IntN(4) > 0 {
				s.Flags, s.BadChecksum = tcp.SYN, false
			}
			step := c.ObserveAt(from, &s)
			if i > 0 {
				validate(t, prev, &step)
			}
			prev = step.After
		}
	}
	for e := range tcp.Effect(8) {
		if e != tcp.Survived && e != tcp.Discarded && effects[e] == 0 {
			t.Errorf("no error was %v", e)
		}
	}
}
