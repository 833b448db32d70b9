package wire

import (
	"math/rand/v2"
	"testing"
	"time"

	"lesson/lesson/tcp"
)

// deviation is what a kernel leaves behind that judges otherwise than the newest.
type deviation struct {
	found tcp.Findings
	want  [2]tcp.State
}

// TestLinux holds, one by one, what Linux does otherwise than RFC 9293: each
// row is played on two real kernels, and both agree with us at every step.
func TestLinux(t *testing.T) {
	need(t, refusal)
	const sender, receiver = tcp.Client, tcp.Server
	for port, tt := range []struct {
		name  string
		found tcp.Findings
		play  func(v *walk)
		want  [2]tcp.State
		// loose is what is different where tcp.LooseResets.
		loose *deviation
	}{
		{"a RST at the number of the FIN counts", tcp.ResetAtFin, func(v *walk) {
			v.open()
			v.shutdown(sender, tcp.Shutdown)
			v.all()
			v.forge(sender, func(s *tcp.Segment) { s.Flags, s.Seq = tcp.RST, s.Seq-1 })
		}, [2]tcp.State{tcp.FinWait2, tcp.Closed}, nil},

		{"a RST right after the last byte beyond a hole counts", tcp.ResetAhead, func(v *walk) {
			v.open()
			v.send(sender, 2000) // two segments
			v.lose(0)
			v.pass(0, "arrives")
			v.forge(sender, func(s *tcp.Segment) { s.Flags = tcp.RST })
		}, [2]tcp.State{tcp.Established, tcp.Closed}, nil},

		{"after close(), FIN_WAIT2 takes any RST in its window", tcp.ResetInWindow, func(v *walk) {
			v.open()
			v.close(receiver)
			v.all()
			v.forge(sender, func(s *tcp.Segment) { s.Flags, s.Seq = tcp.RST, s.Seq+500 })
		}, [2]tcp.State{tcp.CloseWait, tcp.Closed}, nil},

		{"after close(), FIN_WAIT2 is reset by a SYN in its window", tcp.SynResets, func(v *walk) {
			v.open()
			v.close(receiver)
			v.all()
			v.forge(sender, func(s *tcp.Segment) { s.Flags = tcp.SYN })
		}, [2]tcp.State{tcp.CloseWait, tcp.Closed}, nil},

		{"after close(), FIN_WAIT2 is reset by a FIN beyond a hole", 0, func(v *walk) {
			v.open()
			v.close(receiver)
			v.all()
			v.forge(sender, func(s *tcp.Segment) { s.Flags, s.Seq = tcp.FIN|tcp.ACK, s.Seq+10 })
		}, [2]tcp.State{tcp.CloseWait, tcp.Closed}, nil},

		{"and so is FIN_WAIT1", 0, func(v *walk) {
			v.open()
			v.close(receiver)
			v.forge(sender, func(s *tcp.Segment) { s.Flags, s.Seq = tcp.FIN|tcp.ACK, s.Seq+10 })
		}, [2]tcp.State{tcp.Established, tcp.Closed}, nil},

		{"bytes that go on beyond the FIN are answered with RST", tcp.DataPastFin, func(v *walk) {
			v.open()
			v.forge(sender, func(s *tcp.Segment) { s.Flags = tcp.FIN | tcp.ACK })
			v.send(sender, 100)
			v.pass(v.from(sender), "arrives")
		}, [2]tcp.State{tcp.Established, tcp.Closed}, nil},

		{"in a FIN that comes again, the ACK counts", tcp.RepeatedAcks, func(v *walk) {
			v.open()
			v.shutdown(sender, tcp.Shutdown)
			v.shutdown(receiver, tcp.Shutdown)
			v.all(0, 1)
			for len(v.flight) > 0 {
				v.lose(0) // both ACKs
			}
			for v.from(sender) < 0 && v.wait(time.Now().Add(5*time.Second)) {
			}
			v.pass(v.from(sender), "arrives")
		}, [2]tcp.State{tcp.Closing, tcp.TimeWait}, nil},

		{"whose listener is gone is forgotten when something comes", tcp.ListenerGone, func(v *walk) {
			v.listen(receiver)
			v.connect(sender)
			v.pass(0, "arrives")
			v.stopListening(receiver)
			v.all()
		}, [2]tcp.State{tcp.Closed, tcp.Closed}, nil},

		{"a new attempt ends the one before, and is refused itself", 0, func(v *walk) {
			v.listen(receiver)
			v.connect(sender)
			v.pass(0, "arrives")
			v.lose(0)
			v.forge(sender, func(s *tcp.Segment) { s.Flags, s.Seq = tcp.SYN, s.Seq+1000 })
		}, [2]tcp.State{tcp.SynSent, tcp.Listen}, nil},

		{"in SYN_RECV, a RST in the window counts on older kernels only", 0, func(v *walk) {
			v.listen(receiver)
			v.connect(sender)
			v.pass(0, "arrives")
			v.lose(0)
			v.forge(sender, func(s *tcp.Segment) { s.Flags, s.Seq = tcp.RST, s.Seq+1000 })
		}, [2]tcp.State{tcp.SynSent, tcp.SynRecv}, &deviation{tcp.ResetDepends, [2]tcp.State{tcp.SynSent, tcp.Listen}}},

		{"and one at its end too", 0, func(v *walk) {
			v.listen(receiver)
			v.connect(sender)
			v.pass(0, "arrives")
			edge := v.flight[0].Ack.Add(uint32(v.flight[0].Window))
			v.lose(0)
			v.forge(sender, func(s *tcp.Segment) { s.Flags, s.Seq = tcp.RST, edge })
		}, [2]tcp.State{tcp.SynSent, tcp.SynRecv}, &deviation{tcp.ResetDepends, [2]tcp.State{tcp.SynSent, tcp.Listen}}},

		{"but none beyond it", 0, func(v *walk) {
			v.listen(receiver)
			v.connect(sender)
			v.pass(0, "arrives")
			edge := v.flight[0].Ack.Add(uint32(v.flight[0].Window))
			v.lose(0)
			v.forge(sender, func(s *tcp.Segment) { s.Flags, s.Seq = tcp.RST, edge+1 })
		}, [2]tcp.State{tcp.SynSent, tcp.SynRecv}, nil},

		{"in SYN_RECV, a RST that acknowledges something else counts on newer kernels only", 0, func(v *walk) {
			v.listen(receiver)
			v.connect(sender)
			v.pass(0, "arrives")
			v.forge(sender, func(s *tcp.Segment) { s.Flags, s.Ack = tcp.RST|tcp.ACK, v.flight[0].Seq })
		}, [2]tcp.State{tcp.SynSent, tcp.Listen}, &deviation{tcp.ResetDepends, [2]tcp.State{tcp.SynSent, tcp.SynRecv}}},

		{"and one that acknowledges the SYN,ACK on all", 0, func(v *walk) {
			v.listen(receiver)
			v.connect(sender)
			v.pass(0, "arrives")
			v.forge(sender, func(s *tcp.Segment) { s.Flags, s.Ack = tcp.RST|tcp.ACK, v.flight[0].Seq+1 })
		}, [2]tcp.State{tcp.SynSent, tcp.Listen}, nil},

		{"shutdown() in SYN_RECV waits for the connection", 0, func(v *walk) {
			v.connect(sender)
			v.connect(receiver)
			v.pass(0, "arrives")
			v.shutdown(receiver, tcp.Shutdown)
		}, [2]tcp.State{tcp.SynSent, tcp.SynRecv}, nil},

		{"after a simultaneous open, an ACK of nothing opens the connection", tcp.AcksNothing, func(v *walk) {
			v.connect(sender)
			v.connect(receiver)
			v.pass(0, "arrives")
			v.forge(sender, func(s *tcp.Segment) { s.Flags, s.Ack = tcp.ACK, v.flight[0].Seq })
		}, [2]tcp.State{tcp.SynSent, tcp.Established}, nil},

		{"and close() does not", 0, func(v *walk) {
			v.connect(sender)
			v.connect(receiver)
			v.pass(0, "arrives")
			v.close(receiver)
		}, [2]tcp.State{tcp.SynSent, tcp.FinWait1}, nil},

		{"an end has closed while its FIN waits behind data", 0, func(v *walk) {
			v.narrow = true
			v.open()
			v.shutdown(receiver, tcp.Shutdown)
			v.all()
			for range 10 {
				v.send(sender, 1000)
			}
			v.shutdown(sender, tcp.Shutdown)
		}, [2]tcp.State{tcp.LastAck, tcp.FinWait2}, nil},

		{"data after close() is answered with RST", 0, func(v *walk) {
			v.open()
			v.close(receiver)
			v.all()
			v.send(sender, 10)
			v.pass(0, "arrives")
		}, [2]tcp.State{tcp.CloseWait, tcp.Closed}, nil},

		{"and so is data after shutdown() of both directions", 0, func(v *walk) {
			v.open()
			v.shutdown(receiver, tcp.Shutdown)
			v.shutdown(receiver, tcp.StopReading)
			v.all()
			v.send(sender, 10)
			v.pass(0, "arrives")
		}, [2]tcp.State{tcp.CloseWait, tcp.Closed}, nil},

		{"in SYN_SENT, shutdown() of the receiving direction ends the attempt", 0, func(v *walk) {
			v.connect(sender)
			v.shutdown(sender, tcp.StopReading)
		}, [2]tcp.State{tcp.Closed, tcp.Closed}, nil},

		{"a newer SYN ends TIME_WAIT, where somebody listens", 0, func(v *walk) {
			v.open()
			v.close(receiver)
			v.all()
			v.close(sender)
			v.all()
			v.connect(sender)
			v.pass(0, "arrives")
		}, [2]tcp.State{tcp.SynSent, tcp.SynRecv}, nil},

		{"and does not, where nobody does", 0, func(v *walk) {
			v.open()
			v.stopListening(receiver)
			v.close(receiver)
			v.all()
			v.close(sender)
			v.all()
			v.connect(sender)
			v.pass(0, "arrives")
		}, [2]tcp.State{tcp.SynSent, tcp.TimeWait}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newWalks(t, Options{})
			v := k.begin(uint16(firstPort+port), rand.New(rand.NewPCG(0, 0)))
			if tt.loose != nil && k.w.Linux()&tcp.LooseResets != 0 {
				tt.found, tt.want = tt.loose.found, tt.loose.want
			}
			tt.play(v)
			if got := [2]tcp.State{v.c.State(tcp.Client), v.c.State(tcp.Server)}; got != tt.want {
				v.fail("the states are not those expected")
			}
			if special := v.found & tcp.LinuxOnly; special != tt.found {
				v.fail("the findings are not those expected")
			}
			v.end()
		})
	}
}

// open makes a connection that the server's program has accepted.
func (v *walk) open() {
	v.listen(tcp.Server)
	v.connect(tcp.Client)
	v.all()
	v.accept(tcp.Server)
}

// all lets arrive what is in flight and whatever that draws; given places, only
// those segments.
func (v *walk) all(places ...int) {
	for n := range places {
		v.pass(places[n]-n, "arrives")
	}
	for places == nil && len(v.flight) > 0 && !v.wrong {
		v.pass(0, "arrives")
	}
}

// from is the place in flight of an end's first segment, or -1.
func (v *walk) from(e tcp.End) int {
	for i := range v.flight {
		if v.flight[i].From == e {
			return i
		}
	}
	return -1
}
