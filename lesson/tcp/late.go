package tcp

// A capture may hold a packet once more, or later than others that were sent
// after it: a mirror port copies it late, two network cards are read in turn, a
// whole capture is replayed. Such a packet says what its sender was like when it
// was sent. What the sender's later segments have proved stands.

// identifies notes what tells the sender's latest SYN or FIN, captured again,
// from one that is sent again.
func (o *observation) identifies() {
	s, x := o.s, o.x
	x.id = s.ID
	if t := &s.Options; t.HasTimestamps && !(x.is(hasClock) && Seq(t.TSVal).Less(Seq(x.clock))) {
		x.set(hasClock)
		x.clock = t.TSVal
	}
}

// late reports whether the sender has sent something later before: it had
// acknowledged more, or its clock was ahead (RFC 7323 §5.2).
func (o *observation) late() bool {
	s, x := o.s, o.x
	if s.Flags.Has(RST) {
		return false
	}
	if s.Flags.Has(SYN) {
		return x.is(pastSyn)
	}
	return o.behind() || s.Flags.Has(ACK) && x.is(hasAcked) && s.Ack.Less(x.acked)
}

// behind reports whether the sender's clock was ahead of the segment's before.
func (o *observation) behind() bool {
	t, x := &o.s.Options, o.x
	return t.HasTimestamps && x.is(hasClock) && Seq(t.TSVal).Less(Seq(x.clock))
}

// copied reports whether the segment is in the very packet that its sender sent
// last. What is sent again is another packet, with another identification
// (RFC 791 §3.1) and, as it waits for a timer, another time stamp.
func (o *observation) copied() bool {
	s, x := o.s, o.x
	if s.ID != 0 && x.id != 0 {
		return s.ID == x.id
	}
	if s.Options.HasTimestamps && x.is(hasClock) {
		return s.Options.TSVal == x.clock
	}
	return 0 < o.after && o.after < 1e6 && o.c.latest == o.from
}

// knowsAcked reports whether an end is known to have received the ACK of its
// FIN: it has acknowledged what the peer sent only after that.
func (o *observation) knowsAcked() bool {
	return o.x.is(finAcked) && o.x.is(hasAcked) && o.x.heard.Less(o.x.acked)
}

// mayBeLost is a FIN that is sent again and was never acknowledged: nothing shows
// that it has come, until its receiver is heard.
func (o *observation) mayBeLost() {
	y := o.y
	if o.at != Anywhere || o.after < 1e8 || y.gotFin == 0 || !y.is(gotPeerFin) || y.is(hasAcked) && o.x.fin.Less(y.acked) || o.copied() || o.c.bounced(o.to) != notBounced || y.state == Unknown || o.c.inDoubt() {
		return
	}
	o.c.bounce(o.to, doubted)
	o.step.Findings |= Corrected
	o.step.Before[o.to] = Unknown
	o.step.Revised = Revision{End: o.to, Since: y.gotFin, State: Unknown}
}

// fillsIn takes from a segment that comes late what was not seen before.
func (o *observation) fillsIn() {
	s, x, y := o.s, o.x, o.y
	if s.Flags.Has(FIN) && !x.is(sentFin) && !(x.is(knowsSeq) && y.is(hasAcked) && s.End().Less(y.acked)) {
		x.set(sentFin)
		x.fin, x.finAck = s.End()-1, s.Ack
		if y.is(hasAcked) && x.fin.Less(y.acked) {
			x.set(finAcked)
		}
		if 1<<x.state&(1<<Established|1<<CloseWait) != 0 {
			o.takeBack(o.from, o.c.n-1, o.c.closing(o.from))
		}
	}
	o.counts()
}

// closing is the state of an end that has sent its FIN, by what is known to have
// come, in whatever order it was captured.
func (c *Conn) closing(e End) State {
	h, peer := &c.half[e], &c.half[c.peer(e)]
	first := !peer.is(sentFin) || h.finAck.LessEq(peer.fin)
	switch got, acked := h.is(gotPeerFin), h.is(finAcked); {
	case first && got && acked:
		return TimeWait
	case first && got:
		return Closing
	case first && acked:
		return FinWait2
	case first:
		return FinWait1
	case acked:
		return Closed
	}
	return LastAck
}

// scales takes the windows that were offered before a SYN was captured for what
// they are, now that their scale is known.
func (o *observation) scales() {
	for _, h := range []*half{o.x, o.y} {
		edge := h.acked.Add(uint32(h.window) << h.scale)
		if bothScaled(o.x, o.y) && h.is(hasAcked|pastSyn) && h.edge.Less(edge) {
			h.edge = edge
		}
	}
}

// hadOpened is a SYN that was captured after what answers it.
func (o *observation) hadOpened() {
	x, y := o.x, o.y
	if o.s.Flags.Has(ACK) {
		x.set(answered)
		return
	}
	x.set(active)
	switch {
	case !y.is(sentRst) || y.is(hasSent) && y.is(answered):
	case x.state == Unknown: // refused
		o.force(o.from, SynSent)
		o.move(o.from, RcvRst)
		o.force(o.to, Closed)
	}
}

// hadArrived is what a segment did to its receiver that has acknowledged it
// already.
func (o *observation) hadArrived() {
	x, y := o.x, o.y
	if o.s.Flags.Has(SYN) {
		return
	}
	if y.is(sentFin) && x.is(sentFin) && !y.is(gotPeerFin) && x.fin.Less(y.rcv) && y.state != Unknown && y.state != Closed {
		y.set(gotPeerFin)
		o.force(o.to, o.c.closing(o.to))
	}
	o.receivesFin(o.to)
	o.getsAck()
	if x.is(sentFin) && !x.is(finAcked) && x.fin.Less(y.acked) {
		x.set(finAcked)
		o.move(o.from, RcvAckOfFin)
	}
}
