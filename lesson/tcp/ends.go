package tcp

// What a table of many connections asks of one.

// Joins reports whether a segment between src and dst, in either direction, has
// this connection's addresses and ports.
func (c *Conn) Joins(src, dst *Endpoint) bool {
	from := c.byPort(src)
	return c.ends[from] == *src && c.ends[from.Peer()] == *dst || c.ends[Client] == *dst && c.ends[Server] == *src
}

// nearby is how far beside what an end has sent another number may lie that is
// still taken for one of its own.
const nearby = 1 << 24

// Fits reports whether a segment with this connection's addresses and ports may
// belong to it by its numbers. Those of another connection fit by chance only.
func (c *Conn) Fits(s *Segment) bool {
	from := c.endOf(s)
	x, y := &c.half[from], &c.half[c.peer(from)]
	switch {
	case s.Flags&(SYN|ACK) == SYN:
		return !x.is(knowsSeq) || s.Seq == x.iss
	case s.Flags.Has(SYN | ACK):
		return (!x.is(sentSyn) || s.Seq == x.iss) && (!y.is(sentSyn) || y.iss.Less(s.Ack) && s.Ack.LessEq(y.nxt))
	case s.Flags.Has(RST|ACK) && s.Seq == 0: // from where there is no connection (RFC 9293 §3.10.7.1)
	case x.is(knowsSeq) && !c.near(from, s.Seq):
		return false
	}
	return !s.Flags.Has(ACK) || !y.is(knowsSeq) || c.near(c.peer(from), s.Ack)
}

// near reports whether a number is one that an end has sent, or almost.
func (c *Conn) near(e End, n Seq) bool {
	h := &c.half[e]
	first := h.iss
	if c.long(e) {
		first = h.nxt - 1<<30
	}
	return n.Sub(first-nearby) <= h.nxt.Sub(first)+2*nearby
}

// Ends returns both ends.
func (c *Conn) Ends() (client, server Endpoint) { return c.ends[Client], c.ends[Server] }

// FirstTime is the time of the first segment, in nanoseconds since 1970. Where a
// clock was set back, others may be from before it.
func (c *Conn) FirstTime() int64 { return c.first }

// LastTime is the time of the latest segment, in nanoseconds since 1970.
func (c *Conn) LastTime() int64 { return c.last }

// Touch reads a little of each part of a connection, so that all of it is on its
// way from memory.
func (c *Conn) Touch() uint32 {
	return uint32(c.ends[Client].Port) + uint32(c.half[Client].facts) + uint32(c.half[Server].rcv) + c.n
}
