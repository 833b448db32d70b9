package lesson

import (
	"net/netip"
	"time"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// Narrator follows one live connection and makes an event of each of its
// segments. Where segments are only captured, Tell does it all; on the wire,
// a segment's departure and its arrival are told apart.
type Narrator struct {
	// Linux is what the kernel at both ends does otherwise than the newest one.
	Linux tcp.Linux

	conn  tcp.Conn
	n     int
	first int64
}

// NewNarrator returns a narrator for the connection between two known ends.
func NewNarrator(client, server netip.AddrPort) *Narrator {
	return &Narrator{conn: tcp.NewConn(tcp.EndpointFrom(client), tcp.EndpointFrom(server))}
}

// Conn is the connection as observed so far.
func (n *Narrator) Conn() *tcp.Conn { return &n.conn }

// Owns reports whether a segment belongs to the connection, in either direction.
func (n *Narrator) Owns(s *tcp.Segment) bool {
	return n.conn.Joins(&s.Src, &s.Dst)
}

// Tell observes the connection's next segment, which is taken to arrive at
// once. The event keeps the captured bytes, which must not change any more.
func (n *Narrator) Tell(c *tcp.Captured) *Segment {
	s := n.next(c)
	s.Step = n.conn.Observe(&c.Segment)
	s.Explain = Explanations(s)
	return s
}

// Depart observes a segment leaving its sender. Its fate is Delayed until
// something is decided.
func (n *Narrator) Depart(c *tcp.Captured) *Segment {
	s := n.next(c)
	s.Fate = Delayed
	s.Step = n.conn.Depart(&c.Segment)
	s.Explain = Explanations(s)
	return s
}

// Arrive lets a segment that is not told yet reach the other end: it left and
// arrived in one.
func (n *Narrator) Arrive(s *Segment, fate Fate) {
	left := s.Step
	s.Fate = fate
	s.Step = n.conn.ArriveOn(n.Linux, &s.Segment)
	from := left.From
	s.Step.N, s.Step.Seq, s.Step.Ack = left.N, left.Seq, left.Ack
	s.Step.Before[from], s.Step.After[from], s.Step.Taken[from] = left.Before[from], left.After[from], left.Taken[from]
	s.Step.Findings |= left.Findings
	s.Explain = Explanations(s)
}

// Later lets a segment that has been told reach the other end, for the first
// time or once more. It keeps its number.
func (n *Narrator) Later(told *Segment, fate Fate, at time.Time) *Segment {
	s := *told
	s.Fate, s.Repeats, s.Provoked = fate, nil, nil
	s.Before, s.InFlight, s.Kernel = [2]Kernel{}, [2]Kernel{}, [2]Kernel{}
	s.Step = n.conn.ArriveOn(n.Linux, &s.Segment)
	s.Step.N, s.Step.Seq, s.Step.Ack = told.Step.N, told.Step.Seq, told.Step.Ack
	s.Since = time.Duration(at.UnixNano() - n.first)
	s.Explain = Explanations(&s)
	return &s
}

// Lose tells that a segment which has been told on its way will not arrive.
func (n *Narrator) Lose(told *Segment, at time.Time) *Segment {
	s := *told
	s.Fate, s.Repeats, s.Provoked = Lost, nil, nil
	for e := range s.Step.After {
		state := n.conn.State(tcp.End(e))
		s.Step.Before[e], s.Step.After[e], s.Step.Taken[e] = state, state, tcp.Path{}
	}
	s.Step.Findings, s.Explain = 0, nil
	s.Before, s.InFlight, s.Kernel = [2]Kernel{}, [2]Kernel{}, [2]Kernel{}
	s.Since = time.Duration(at.UnixNano() - n.first)
	return &s
}

// Inject lets a segment arrive that nobody has sent now.
func (n *Narrator) Inject(c *tcp.Captured) *Segment {
	s := n.next(c)
	s.Fate = Injected
	s.Step = n.conn.ArriveOn(n.Linux, &c.Segment)
	s.Explain = Explanations(s)
	return s
}

func (n *Narrator) next(c *tcp.Captured) *Segment {
	if n.n == 0 {
		n.first = c.Time
	}
	n.n++
	return &Segment{Captured: *c, N: n.n, Since: time.Duration(c.Time - n.first), Live: true}
}

var (
	ofClient = lang.Text{EN: "client: ", ZH: "客户端："}
	ofServer = lang.Text{EN: "server: ", ZH: "服务器："}
)

// Explanations says why both ends moved, the sender first, and what is notable.
func Explanations(s *Segment) []Explanation {
	var out []Explanation
	step := &s.Step
	for _, e := range [2]tcp.End{step.From, step.From.Peer()} {
		who := ofClient
		if e == tcp.Server {
			who = ofServer
		}
		for _, r := range step.Taken[e].Rules() {
			out = append(out, Explanation{lang.Text{EN: who.EN + r.Why.EN, ZH: who.ZH + r.Why.ZH}, r.Ref})
		}
	}
	for _, t := range s.Sentences() {
		out = append(out, Explanation{Text: t})
	}
	return out
}
