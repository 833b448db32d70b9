package tcp

// Depart tells the connection that a segment has left its sender, where the
// wire shows departure and arrival apart. Only the sender moves; whether the
// segment arrives, when, and how often is for Arrive to tell. Nothing is taken
// for granted, so no later segment takes anything back. What happens at one
// end must be told in the order in which it happened there.
func (c *Conn) Depart(s *Segment) Step {
	o := c.exactly(s, c.next(s))
	o.leaves()
	c.spoke(o.from)
	c.sees(s)
	o.relative()
	o.ends()
	return o.step
}

// Arrive tells the connection that a segment has reached the kernel of its
// receiver: one that departed before, now or again, or one that the wire has
// made up. Only the receiver moves.
func (c *Conn) Arrive(s *Segment) Step { return c.ArriveOn(0, s) }

// ArriveOn is Arrive where it is known which Linux the receiver's kernel is.
func (c *Conn) ArriveOn(l Linux, s *Segment) Step {
	if c.n == 0 {
		c.begin(s)
	}
	o := c.exactly(s, c.endOf(s))
	o.linux = l
	if s.BadChecksum {
		o.step.Findings |= BadChecksum
	} else {
		o.countsFrom()
		o.arrives()
	}
	o.relative()
	o.ends()
	return o.step
}

// countsFrom lets the numbers of an end that has not sent anything be counted
// from a SYN that the wire has made up in its name. What it sends itself later
// begins anew.
func (o *observation) countsFrom() {
	s, x := o.s, o.x
	if s.Flags&(SYN|ACK) == SYN && !x.is(knowsSeq) {
		x.learnSeq(s.Seq)
		x.nxt, x.una = s.Seq, s.Seq
	}
}

// exactly begins to look at a segment whose fate is known.
func (c *Conn) exactly(s *Segment, from End) (o observation) {
	o.look(c, s, from)
	o.exact = true
	o.step = Step{N: c.n, From: from, Before: c.states()}
	return o
}

// leaves is departs without a doubt: what the sender had received is known.
func (o *observation) leaves() {
	s, x, from := o.s, o.x, o.from
	switch {
	case s.Flags.Has(RST):
		o.notice()
		o.resets()
		return
	case x.state == Closed && (o.c.sentBefore(from, s) || x.calls&resetting != 0 && !s.Flags.Has(SYN)):
		// What has closed the end also drew a segment, which left first; or a
		// timer sent one again at that very moment.
		o.notice()
		o.counts()
		return
	case s.Flags&(SYN|ACK) == SYN && x.state != SynSent && o.c.sentBefore(from, s):
		// A timer sent it again at the moment its answer came.
		o.notice()
		return
	case s.Flags&(SYN|ACK) == SYN && (x.state == Closed || x.is(knowsSeq) && s.Seq != x.iss):
		x.restart(Closed) // the next connection between the same ports
	}
	o.numbers()
	o.notice()
	o.waits()
	if s.Flags.Has(ACK) {
		x.acknowledges(s.Ack)
		if x.is(knowsRcv) && x.rcv.Less(s.Ack) {
			x.rcv = s.Ack // its own word
			x.caughtUp(s.Ack)
		}
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

// waits learns how long the sender's retransmission timer runs: when the first
// segment that is not acknowledged leaves once more, it has just been doubled
// (RFC 6298 §5.5). Linux keeps a remainder of a closed connection in FIN_WAIT2
// for a minute, and the whole of it as long as 3.5 times that timer is more.
func (o *observation) waits() {
	s, x := o.s, o.x
	if s.SeqLen() == 0 || s.Seq != x.una || x.is(gotPeerFin) {
		return
	}
	now := uint32((s.Time - o.c.first) / 1e6) // in milliseconds; gotFin is when it left before
	if x.unset(waitsLong); s.Seq.Less(x.nxt) && now-x.gotFin > 60_000/7 {
		x.set(waitsLong)
	}
	x.gotFin = now
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
	x.calls &^= resetting
	switch x.state {
	case Closed, Listen, SynSent, Unknown:
	case SynRecv:
		if o.s.Flags.Has(ACK) || o.s.Seq == x.nxt {
			o.move(o.from, SndRst)
		}
	default:
		o.move(o.from, SndRst)
	}
}

// mustReset closes the receiver, whose RST is about to leave; a RST draws none.
func (o *observation) mustReset() {
	o.move(o.to, SndRst)
	if !o.s.Flags.Has(RST) {
		o.y.calls |= resetting
	}
}

// opensAgain makes a listener ready for the SYN that has come, whatever it
// remembers of an earlier connection between the same ports.
func (o *observation) opensAgain() {
	if y := o.y; y.state == Listen || y.state == Closed && (y.calls&listens != 0 || y.calls&certain == 0) {
		y.restart(Listen)
	}
}

// takesText is getsText where only what has arrived counts: a FIN takes its
// number like a byte, and may wait beyond a hole.
func (o *observation) takesText() {
	s, y := o.s, o.y
	if o.resetsByText() || y.is(gotPeerFin) || s.End().LessEq(y.rcv) || o.beyondWindow() {
		return
	}
	if y.rcv.Less(s.Seq) || y.holed() {
		o.step.Findings |= OutOfOrder
	}
	if y.is(heardTwo) && o.drops(y.finAck) {
		y.unset(heardTwo)
	}
	if y.is(heardFin) && o.drops(y.heard) {
		y.heard = y.finAck
		if !y.is(heardTwo) {
			y.unset(heardFin)
		}
		y.unset(heardTwo)
	}
	if fin := s.End() - 1; s.Flags.Has(FIN) && !y.isAhead(fin) {
		y.hearsFin(fin)
	}
	y.arrive(s.Seq, s.End())
	o.inOrder(o.to)
}

// drops reports whether a segment makes its receiver drop a FIN that waits
// beyond a hole, with all that it has come with: that number is a byte of data.
func (o *observation) drops(fin Seq) bool {
	at, ok := o.y.aheadAt(fin)
	return ok && o.s.Seq.LessEq(at.lo) && fin.Less(o.s.Seq.Add(o.s.Len))
}

// hearsFin remembers the first two FINs that have arrived: only one of them can
// be the peer's.
func (h *half) hearsFin(n Seq) {
	switch {
	case !h.is(heardFin):
		h.set(heardFin)
		h.heard = n
	case n.Less(h.heard):
		h.set(heardTwo)
		h.heard, h.finAck = n, h.heard
	case h.heard.Less(n) && !(h.is(heardTwo) && h.finAck.Less(n)):
		h.set(heardTwo)
		h.finAck = n
	}
}
