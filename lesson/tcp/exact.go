package tcp

// Depart tells the connection that a segment has left its sender, where the
// wire shows departure and arrival apart. Only the sender moves; whether the
// segment arrives, when, and how often is for Arrive to tell. Nothing is taken
// for granted, so no later segment takes anything back. What happens at one
// end must be told in the order in which it happened there.
func (c *Conn) Depart(s *Segment) Step {
	c.n++
	if c.n == 1 {
		c.begin(s)
	}
	c.last = s.Time
	o := c.look(s)
	o.exact = true
	o.leaves()
	o.x.last = c.n
	c.sees(s)
	o.finish()
	return o.step
}

// Arrive tells the connection that a segment has reached the kernel of its
// receiver: one that departed before, now or again, or one that the wire has
// made up. Only the receiver moves.
func (c *Conn) Arrive(s *Segment) Step {
	if c.n == 0 {
		c.begin(s)
	}
	o := c.look(s)
	o.exact = true
	if s.BadChecksum {
		o.step.Findings |= BadChecksum
	} else {
		o.arrives()
	}
	o.finish()
	return o.step
}

// Crash tells the connection that the kernel at one end has forgotten it
// without a word, as a machine does that lost power. That end is CLOSED, and
// nobody listens there. What segments of the old connection say is still
// counted from its first number.
func (c *Conn) Crash(e End) {
	h := &c.half[e]
	*h = half{state: Closed, calls: certain, last: h.last, facts: h.facts & knowsSeq, iss: h.iss, nxt: h.nxt, una: h.una}
}

// Happen tells the connection of what no segment shows: a program's call
// (PassiveOpen, StopListen, Close, Shutdown, Abort) or the end of a timer (Timeout2MSL,
// TimeoutUser). The segments that a call has sent at once are told before it.
//
// A FIN that has to wait behind data has not left yet, but its end has closed:
// it is in FIN_WAIT1 or LAST_ACK from now on (RFC 9293 §3.10.4). And data that
// comes after close() resets the connection (§3.6.1).
func (c *Conn) Happen(e End, on Event) Step {
	o := observation{c: c, from: e, to: c.peer(e), x: &c.half[e], y: &c.half[c.peer(e)],
		step: Step{N: c.n, From: e, Before: c.states()}}
	h := o.x
	switch {
	case on == PassiveOpen:
		h.calls |= listens | certain
	case on == StopListen:
		h.calls &^= listens
		if h.state == SynRecv && h.is(passive) {
			h.calls |= deserted
		}
	}
	o.move(e, on)
	switch {
	case on == Shutdown && h.state == SynRecv:
		h.calls |= finishes
	case on == Close && h.state == SynRecv, (on == Close || on == Shutdown) && (h.state == Established || h.state == CloseWait):
		o.move(e, SndFin)
	}
	if on == Close && h.state != Closed {
		h.calls |= gone
	}
	o.step.After = c.states()
	return o.step
}

// leaves is departs without a doubt: what the sender had received is known.
func (o *observation) leaves() {
	s, x, from := o.s, o.x, o.from
	switch {
	case s.Flags.Has(RST):
		o.notice()
		o.resets()
		return
	case s.Flags&(SYN|ACK) == SYN && x.is(knowsSeq) && s.Seq != x.iss:
		x.restart(Closed) // the next connection between the same ports
	}
	o.ownNumbers()
	o.notice()
	if x.state == Closed && o.step.Findings.Has(Retransmission) && x.is(pastSyn) {
		return // it left just before the end closed, drawn by the same segment
	}
	if s.Flags.Has(ACK) {
		x.acknowledges(s.Ack)
	}
	switch {
	case s.Flags.Has(SYN | ACK):
		if !x.is(answered) { // else it is sent again
			x.set(answered)
			o.leaveOn(SndSynAck)
		}
	case s.Flags.Has(SYN):
		x.set(active)
		o.leaveOn(SndSyn)
	default:
		o.leaveOn(SndAck)
		if x.state != SynRecv {
			x.set(pastSyn)
		}
		if s.Flags.Has(FIN) && !x.is(sentFin) {
			x.set(sentFin)
			x.fin = s.End() - 1
			o.move(from, SndFin)
		}
	}
	o.counts()
}

// leaveOn lets the sender do what it was seen to do.
func (o *observation) leaveOn(on Event) {
	if o.move(o.from, on) == Impossible {
		o.contradicts()
	}
}

// resets is a RST that has left: the sender's own end, or its answer to a
// segment that belongs to no connection it knows (RFC 9293 §3.5.2).
func (o *observation) resets() {
	x := o.x
	x.set(sentRst)
	switch x.state {
	case Closed, Listen, SynSent, Unknown:
	case SynRecv:
		if o.s.Seq == x.nxt {
			o.move(o.from, SndRst)
		}
	default:
		o.move(o.from, SndRst)
	}
}

// opensAgain makes a listener ready for the SYN that has come, whatever it
// remembers of an earlier connection between the same ports.
func (o *observation) opensAgain() {
	if y := o.y; y.state == Listen || y.state == Closed && y.calls&listens != 0 {
		y.restart(Listen)
	}
}

// takesText is getsText where only what has arrived counts: a FIN takes its
// number like a byte, and may wait beyond a hole.
func (o *observation) takesText() {
	s, y := o.s, o.y
	if y.is(gotPeerFin) || s.End().LessEq(y.rcv) {
		return
	}
	if y.calls&gone != 0 && s.Len > 0 && y.rcv.Less(s.Seq.Add(s.Len)) {
		o.move(o.to, SndRst) // nobody can read it any more
		return
	}
	if y.rcv.Less(s.Seq) || y.ahead != [3]span{} {
		o.step.Findings |= OutOfOrder
	}
	if y.is(heardFin) && s.Seq.LessEq(y.heard) && y.heard.Less(s.Seq.Add(s.Len)) {
		y.unset(heardFin) // that number was a byte of data
	}
	if fin := s.End() - 1; s.Flags.Has(FIN) && !y.isAhead(fin) && !(y.is(heardFin) && y.heard.Less(fin)) {
		y.set(heardFin)
		y.heard = fin
	}
	y.arrive(s.Seq, s.End())
	o.inOrder(o.to)
}
