package tcp

// ObserveAtLength is Observe without header prediction; quick says whether
// Observe would have used it.
func (c *Conn) ObserveAtLength(s *Segment) (step Step, quick bool) {
	copied := *c
	var try, o observation
	try.look(&copied, s, copied.next(s))
	quick = try.expected()
	after := s.Time - c.last
	o.look(c, s, c.next(s))
	o.after = after
	o.doubted = c.inDoubt()
	o.step = Step{N: c.n, From: o.from, Before: c.states()}
	o.atLength()
	c.spoke(o.from)
	c.sees(s)
	o.relative()
	o.ends()
	return o.step, quick
}
