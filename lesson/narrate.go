package lesson

import (
	"net/netip"
	"time"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// Narrator follows one live connection and makes an event of each of its
// segments.
type Narrator struct {
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
	c, v := n.conn.Endpoint(tcp.Client), n.conn.Endpoint(tcp.Server)
	return s.Src == c && s.Dst == v || s.Src == v && s.Dst == c
}

// Tell observes the connection's next segment. The event keeps the captured
// bytes, which must not change any more.
func (n *Narrator) Tell(c *tcp.Captured) *Segment {
	if n.n == 0 {
		n.first = c.Time
	}
	n.n++
	step := n.conn.Observe(&c.Segment)
	return &Segment{Captured: *c, N: n.n, Step: step, Since: time.Duration(c.Time - n.first), Live: true, Explain: explanations(&step)}
}

var (
	ofClient = lang.Text{EN: "client: ", ZH: "客户端："}
	ofServer = lang.Text{EN: "server: ", ZH: "服务器："}
)

// explanations says why both ends moved, the sender first, and what is notable.
func explanations(step *tcp.Step) []Explanation {
	var out []Explanation
	for _, e := range [2]tcp.End{step.From, step.From.Peer()} {
		who := ofClient
		if e == tcp.Server {
			who = ofServer
		}
		for _, r := range step.Taken[e].Rules() {
			out = append(out, Explanation{lang.Text{EN: who.EN + r.Why.EN, ZH: who.ZH + r.Why.ZH}, r.Ref})
		}
	}
	for _, t := range step.Findings.Texts() {
		out = append(out, Explanation{Text: t})
	}
	return out
}
