package tcp

// A hole in the numbers of an end is either a segment that was lost on its way,
// which will be sent again, or one that the capture lacks. Of a capture that
// lacks nothing so far the first is taken for granted, and of one that does, the
// second.

// lacks reports whether the capture is known to lack segments of this
// connection. That it does also shows where the first segment after the SYNs is
// a FIN or RST: before them comes the ACK of the handshake.
func (o *observation) lacks() bool {
	s, x, y := o.s, o.x, o.y
	if o.exact || o.at != Anywhere {
		return false
	}
	if x.is(sentSyn) && x.state != SynSent && (x.facts|y.facts)&(pastSyn|skipped) == 0 && s.Flags.Any(FIN|RST) && !s.Flags.Has(SYN) {
		if o.isOwn() || x.is(active) && y.is(answered) && s.Flags.Has(FIN) && s.Seq == x.nxt && s.Len == 0 {
			x.set(skipped)
		}
	}
	return (x.facts|y.facts)&skipped != 0
}

// resetBeyond looks at a RST beyond a hole. One that also says where its receiver
// is comes from somebody who knows: the hole is the capture's.
func (o *observation) resetBeyond() {
	s, x, y := o.s, o.x, o.y
	switch {
	case !s.Flags.Has(RST|ACK) || 1<<x.state&synchronized == 0 || 1<<y.state&synchronized == 0 || x.is(sentFin) || x.facts&(pastSyn|answered) == 0:
	case !x.nxt.Less(s.Seq) || !y.is(hasAcked) || !y.acceptable(s, o.windowKnown()):
	case s.Ack.LessEq(y.nxt) && !(x.is(hasAcked) && s.Ack.Less(x.acked)), y.nxt.Add(1).Less(s.Ack) && s.Ack.Sub(y.nxt) < 1<<30:
		x.set(skipped)
	}
}

// isOwn reports whether a segment beyond a hole can be its sender's own: its
// numbers are not far ahead. A RST beyond the window offered last has to
// acknowledge more than was seen, too: else it may be forged.
func (o *observation) isOwn() bool {
	s, x, y := o.s, o.x, o.y
	const far = 1 << 30
	switch {
	case !x.nxt.Less(s.Seq) || s.Seq.Sub(x.nxt) >= far:
		return false
	case !s.Flags.Has(ACK) || !y.is(knowsSeq):
		return true
	case s.Ack.Sub(y.iss)-1 >= far:
		return false
	}
	return !s.Flags.Has(RST) || !y.is(hasAcked) || s.Seq.Less(y.edge) || y.nxt.Add(1).Less(s.Ack)
}

// alien reports whether neither number of a segment can be of this connection:
// both lie far from all that was seen.
func (o *observation) alien() bool {
	s, x, y := o.s, o.x, o.y
	if o.exact || o.at != Anywhere || s.Flags&(SYN|RST|ACK) != ACK || !x.is(knowsSeq) || !y.is(knowsSeq) || o.c.long(o.from) || o.c.long(o.to) {
		return false
	}
	far := uint32(1<<16 - 1) // about where Linux begins a connection after TIME_WAIT
	if s.Flags.Has(FIN) && (x.facts|y.facts)&pastSyn == 0 {
		far = 1 << 30 // nothing was captured between SYN and FIN
	}
	off := s.Seq.Sub(x.iss) > x.nxt.Sub(x.iss)+far && s.Ack.Sub(y.iss) > y.nxt.Sub(y.iss)+far
	if !off {
		x.unset(strayed)
	}
	return off
}

// beginsUnseen begins anew once both ends speak of numbers that are not this
// connection's: the capture lacks the SYNs of another one between the same ends.
func (o *observation) beginsUnseen() bool {
	x, y := o.x, o.y
	if !y.is(strayed) {
		x.set(strayed)
		return false
	}
	*x, *y = half{facts: hasSent}, half{facts: hasSent}
	return true
}

// misses notes that the capture lacks what this end has sent from a number on. A
// FIN may be the last of it, and only that: nothing is told of either end until
// what comes last was seen to be data, or the FIN.
func (h *half) misses(from, to Seq) {
	h.set(skipped)
	h.unset(lone | unarrived)
	if !h.is(sentFin) && !h.is(doubtful) {
		h.set(doubtful)
		h.fin, h.finAck = from, h.acked
		if to == from.Add(1) && h.is(hasAcked) {
			h.set(lone)
		}
	}
}

// presumed is the state of an end while it is in doubt. A single number that an
// end was not seen to send is taken for its FIN once its peer has closed, until
// more is seen; of anything else, nothing is known.
func (c *Conn) presumed(e End) State {
	d := Client
	if c.half[Server].is(doubtful) {
		d = Server
	}
	h, peer := &c.half[d], &c.half[d.Peer()]
	if e != d && h.is(unarrived) && !peer.is(doubtful) {
		return peer.state
	}
	if !h.is(doubtful|lone|hasSent) || peer.is(doubtful) || !peer.is(sentFin) || h.nxt != h.fin.Add(1) || h.state == Closed || peer.state == Closed {
		return Unknown
	}
	switch first := peer.finAck.LessEq(h.fin); {
	case first && !peer.fin.Less(h.finAck): // perhaps both at once
		return Unknown
	case first && e != d:
		return TimeWait
	case first && !(peer.is(hasAcked) && h.fin.Less(peer.acked)):
		return LastAck
	case first:
		return Closed
	case e == d:
		return TimeWait
	case peer.is(finAcked):
		return Closed
	}
	return LastAck
}

// fills reports whether a segment holds what was missing until now: it was
// captured after the acknowledgement of it.
func (o *observation) fills() bool {
	s, x := o.s, o.x
	if o.exact || o.at != Anywhere {
		return false
	}
	if s.Flags.Has(SYN) {
		switch y := o.y; {
		case !x.is(knowsSeq) || x.is(sentSyn) || s.Flags.Has(ACK) && !y.is(pastSyn):
			return false
		case s.Flags.Has(ACK) && y.is(sentSyn|pastSyn) && s.Ack == y.iss.Add(1) && s.Seq.Less(x.iss) && x.iss.Sub(s.Seq) < 1<<30:
			x.iss = s.Seq // more than the SYN was missing
		}
		return s.Seq == x.iss
	}
	return x.is(doubtful) && s.SeqLen() > 0 && x.fin.LessEq(s.Seq) && s.Seq.Less(x.nxt)
}

// bridges takes what the capture lacks before a segment to have come.
func (o *observation) bridges() {
	s, x, y := o.s, o.x, o.y
	if !o.lacks() || !x.is(knowsSeq) || !y.wire.Less(s.Seq) || x.is(sentFin) || !y.is(knowsRcv) || s.Seq.Sub(x.nxt) >= 1<<30 {
		return
	}
	y.caughtUp(s.Seq)
	if y.rcv.Less(y.wire) {
		y.rcv = y.wire
	}
	if y.is(hasAcked) && y.edge.Less(s.End()) {
		y.edge = s.End() // it has offered more since
	}
}
