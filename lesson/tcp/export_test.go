package tcp

// ObserveAtLength is Observe without header prediction; quick says whether
// Observe would have used it.
func (c *Conn) ObserveAtLength(s *Segment) (step Step, quick bool) {
	copied := *c
	var try, o observation
	try.look(&copied, s, copied.next(s))
	quick = try.expected()
	o.look(c, s, c.next(s))
	o.step = Step{N: c.n, From: o.from, Before: c.states()}
	o.atLength()
	o.x.last = c.n
	c.sees(s)
	o.relative()
	o.ends()
	return o.step, quick
}
