package trial

import (
	"net/netip"
	"testing"

	"lesson/lesson"
	"lesson/lesson/tcp"
)

// states is a teller that keeps the states after each segment, and the findings.
type states struct {
	after    [][2]tcp.State
	findings tcp.Findings
}

func (s *states) Tell(e lesson.Event) error {
	if e, ok := e.(*lesson.Segment); ok {
		s.after, s.findings = append(s.after, e.Step.After), e.Step.Findings
	}
	return nil
}

// told passes segments on in a trial without hosts. Its kernels are asked with
// each segment alone, never again: whatever is told must agree at once.
type told struct {
	*trial
	*testing.T
	ends   [2]netip.AddrPort
	states states
}

func newTold(t *testing.T, client, server string) *told {
	x := &told{trial: &trial{}, T: t, ends: [2]netip.AddrPort{netip.MustParseAddrPort(client), netip.MustParseAddrPort(server)}}
	x.telling = newTelling(&x.states)
	x.o.Ask = func(tcp.End, netip.AddrPort, netip.AddrPort) (lesson.Kernel, error) {
		t.Error("a kernel is asked again")
		return lesson.Kernel{}, nil
	}
	return x
}

// says is a kernel's answer.
func says(s tcp.State) lesson.Kernel { return lesson.Kernel{State: s} }

// sends lets a segment leave while its receiver's kernel is in a state.
func (x *told) sends(from tcp.End, flags tcp.Flags, seq, ack tcp.Seq, stamp uint32, receiver tcp.State) *landing {
	p := &passage{from: from}
	p.Src, p.Dst = tcp.EndpointFrom(x.ends[from]), tcp.EndpointFrom(x.ends[from.Peer()])
	p.Flags, p.Seq, p.Ack, p.Window = flags, seq, ack, 1000
	p.Options.HasTimestamps, p.Options.TSVal = stamp != 0, stamp
	p.inFlight[from.Peer()] = says(receiver)
	x.trial.departs(p)
	l := &landing{passage: p, what: p.Captured, fate: lesson.Delivered, before: says(receiver), done: make(chan struct{})}
	close(l.done)
	return l
}

// lands lets it arrive, after which the kernels are in these states.
func (x *told) lands(l *landing, client, server tcp.State) {
	x.Helper()
	l.after = [2]lesson.Kernel{says(client), says(server)}
	if l.before.State == tcp.TimeWait && l.Flags&(tcp.SYN|tcp.ACK) == tcp.SYN && !l.listener.Asked() {
		l.listener = says(tcp.Listen)
	}
	if err := x.arrives(l); err != nil {
		x.Fatal(err)
	}
	got := x.states.after[len(x.states.after)-1]
	if x.disagreed > 0 || !says(client).Agrees(got[tcp.Client]) || !says(server).Agrees(got[tcp.Server]) {
		x.Fatalf("told %v, the kernels say %v and %v", got, client, server)
	}
}

// opens is a handshake, whose SYN finds the server in a state.
func (x *told) opens(isn tcp.Seq, stamp uint32, found tcp.State) {
	x.Helper()
	x.lands(x.sends(tcp.Client, tcp.SYN, isn, 0, stamp, found), tcp.SynSent, tcp.SynRecv)
	x.answers(isn, stamp)
}

func (x *told) answers(isn tcp.Seq, stamp uint32) {
	x.Helper()
	x.lands(x.sends(tcp.Server, tcp.SYN|tcp.ACK, isn+5000, isn+1, stamp, tcp.SynSent), tcp.Established, tcp.SynRecv)
	x.lands(x.sends(tcp.Client, tcp.ACK, isn+1, isn+5001, stamp, tcp.SynRecv), tcp.Established, tcp.Established)
}

// closes is what the server begins, and in which it ends in TIME_WAIT.
func (x *told) closes(isn tcp.Seq, stamp uint32) {
	x.Helper()
	x.lands(x.sends(tcp.Server, tcp.FIN|tcp.ACK, isn+5001, isn+1, stamp, tcp.Established), tcp.CloseWait, tcp.FinWait1)
	x.lands(x.sends(tcp.Client, tcp.FIN|tcp.ACK, isn+1, isn+5002, stamp, tcp.FinWait1), tcp.LastAck, tcp.TimeWait)
	x.lands(x.sends(tcp.Server, tcp.ACK, isn+5002, isn+2, stamp, tcp.LastAck), tcp.Closed, tcp.TimeWait)
}

// The next connection between the same ends begins where the one before has left
// its receiver, over either protocol and wherever the numbers wrap.
func TestPortUsedAgain(t *testing.T) {
	for _, ends := range [][2]string{{"10.0.0.1:45678", "127.0.0.1:8080"}, {"[2001:db8::1]:45678", "[2001:db8::2]:8080"}} {
		for _, isn := range []tcp.Seq{0, 1000, 1 << 31, 0xfffffffe} {
			for name, again := range map[string]func(x *told){
				"newer": func(x *told) {
					for n := range tcp.Seq(20) {
						x.opens(isn+10+1000*n, 0, tcp.TimeWait)
						x.closes(isn+10+1000*n, 0)
					}
				},
				"by its time stamp": func(x *told) { x.opens(isn-900, 8, tcp.TimeWait) },
				"older": func(x *told) {
					x.lands(x.sends(tcp.Client, tcp.SYN, isn-900, 0, 0, tcp.TimeWait), tcp.SynSent, tcp.TimeWait)
					if x.states.findings != tcp.Unacceptable {
						t.Errorf("an older SYN: %v", x.states.findings.Names())
					}
					x.lands(x.sends(tcp.Server, tcp.ACK, isn+5002, isn+2, 0, tcp.SynSent), tcp.SynSent, tcp.TimeWait)
					x.lands(x.sends(tcp.Client, tcp.RST, isn+2, 0, 0, tcp.TimeWait), tcp.SynSent, tcp.Closed)
					x.opens(isn-900, 0, tcp.Listen)
				},
				"nobody listens": func(x *told) {
					l := x.sends(tcp.Client, tcp.SYN, isn+900, 0, 0, tcp.TimeWait)
					l.listener = says(tcp.Closed)
					x.lands(l, tcp.SynSent, tcp.TimeWait)
				},
				"at the end of TIME_WAIT": func(x *told) {
					l := x.sends(tcp.Client, tcp.SYN, isn-900, 0, 0, tcp.TimeWait)
					l.before = says(tcp.Listen)
					x.lands(l, tcp.SynSent, tcp.SynRecv)
					x.answers(isn-900, 0)
				},
			} {
				t.Run(name, func(t *testing.T) {
					x := newTold(t, ends[0], ends[1])
					x.opens(isn, 7, tcp.Listen)
					x.closes(isn, 7)
					again(x)
				})
			}
		}
	}
}

// A client that aborts may connect again before its RST has arrived: the SYN
// meets what the RST has left.
func TestPortUsedAgainAfterReset(t *testing.T) {
	x := newTold(t, "10.0.0.1:45678", "10.0.0.2:8080")
	x.opens(1000, 0, tcp.Listen)
	rst := x.sends(tcp.Client, tcp.RST|tcp.ACK, 1001, 6001, 0, tcp.Established)
	syn := x.sends(tcp.Client, tcp.SYN, 500, 0, 0, tcp.Established)
	rst.after = [2]lesson.Kernel{says(tcp.SynSent), says(tcp.Listen)} // the client's is of the next connection
	if err := x.arrives(rst); err != nil || x.disagreed > 0 {
		t.Fatalf("%v, %d disagreements", err, x.disagreed)
	}
	syn.before = says(tcp.Listen)
	x.lands(syn, tcp.SynSent, tcp.SynRecv)
	x.answers(500, 0)
}
