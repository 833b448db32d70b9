package tcp

// ObserveAtLength is Observe without header prediction; quick says whether
// Observe would have used it.
func (c *Conn) ObserveAtLength(s *Segment) (step Step, quick bool) {
	copied := *c
	try := copied.look(s, copied.next(s))
	quick = try.expected()
	o := c.look(s, c.next(s))
	o.step = Step{N: c.n, From: o.from, Before: c.states()}
	o.atLength()
	o.x.last = c.n
	c.sees(s)
	o.relative()
	o.ends()
	return o.step, quick
}
