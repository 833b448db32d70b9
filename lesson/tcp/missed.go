package tcp

// Missed tells the connection that segments have gone by unseen. What either
// end's state is, and its numbers, is unknown from then on until a segment
// proves it, as for a connection that was open before the capture began. The
// ends keep their roles and the counts go on.
func (c *Conn) Missed() {
	*c = Conn{
		ends: c.ends, odd: c.odd & oneSocket,
		first: c.first, last: c.last, bytes: c.bytes, n: c.n, seen: c.seen,
	}
}
