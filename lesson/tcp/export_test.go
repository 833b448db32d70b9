package tcp

// ObserveAtLength is Observe without header prediction; quick says whether
// Observe would have used it.
func (c *Conn) ObserveAtLength(s *Segment) (step Step, quick bool) {
	copied := *c
	quick = copied.expected(s, copied.next(s), new(Findings))
	o := c.look(s, c.next(s))
	o.step = Step{N: c.n, From: o.from, Before: c.states()}
	o.judge()
	o.relative()
	o.ends()
	return o.step, quick
}
