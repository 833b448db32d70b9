package tcp

// Header prediction (V. Jacobson, "4BSD TCP header prediction", 1990): nearly
// every segment is the one that had to come next. What it does is a few
// comparisons away from its header, and told here without asking all that
// atLength asks. TestExpected and FuzzObserve hold both equal.

// expected observes a segment if it is no more than the next one of its
// connection; false, and nothing is done, for any other.
func (o *observation) expected() bool {
	if o.s.BadChecksum || o.at != Anywhere || o.c.odd != 0 || o.c.inDoubt() || o.s.Len >= 1<<20 {
		return false
	}
	switch o.s.Flags & (SYN | FIN | RST | ACK) {
	case ACK, FIN | ACK:
		return o.continues()
	case SYN:
		return o.knocks()
	case SYN | ACK:
		return o.replies()
	}
	return false
}

// knocks is the first SYN of a connection, to an end that listens for all we
// know.
func (o *observation) knocks() bool {
	s, x, y := o.s, o.x, o.y
	if x.state != Closed || y.state != Listen || x.facts|y.facts != 0 || s.Len > 0 {
		return false
	}
	o.numbers()
	x.nxt = s.End()
	x.set(active)
	o.identifies()
	o.move(o.from, SndSyn)
	y.learnRcv(s.End())
	o.move(o.to, RcvSyn)
	return true
}

// replies is the first SYN,ACK, to that SYN.
func (o *observation) replies() bool {
	s, x, y := o.s, o.x, o.y
	switch {
	case s.Len > 0 || s.Ack != y.nxt || s.Ack != y.iss.Add(1) || s.Ack != x.rcv:
		return false
	case x.state != SynRecv || x.facts != knowsRcv|passive:
		return false
	case y.state != SynSent || y.facts&^(scaled|sacks|hasSent|hasClock) != knowsSeq|sentSyn|active:
		return false
	}
	o.numbers()
	x.nxt = s.End()
	x.set(answered)
	x.acknowledges(s.Ack)
	x.offers(s, false) // that of a SYN is never scaled
	y.una = s.Ack
	y.learnRcv(s.End())
	o.move(o.to, RcvSynAck)
	o.identifies()
	return true
}

const (
	// synchronized are the states in which each end knows the other's numbers.
	synchronized = 1<<Established | 1<<FinWait1 | 1<<FinWait2 | 1<<CloseWait | 1<<Closing | 1<<LastAck | 1<<TimeWait
	// receiving are those in which data, or a FIN, may still come.
	receiving = 1<<SynRecv | 1<<Established | 1<<FinWait1 | 1<<FinWait2
)

// continues is the next data, acknowledgement or FIN: in order, to an end that
// has everything before it, from an end that has everything it acknowledges.
func (o *observation) continues() bool {
	c, s, x, y := o.c, o.s, o.x, o.y
	const both = knowsSeq | knowsRcv | hasSent
	end := s.End()
	switch {
	case 1<<x.state&synchronized == 0 || x.facts&(both|strayed) != both,
		1<<y.state&(synchronized|receiving) == 0 || y.facts&(knowsSeq|knowsRcv|hasAcked) != knowsSeq|knowsRcv|hasAcked:
		return false
	case s.Seq != x.nxt || s.Seq != y.rcv || s.Seq != y.wire || y.holed(): // not in order
		return false
	case end != s.Seq && (x.is(sentFin) || 1<<y.state&receiving == 0 || !y.rcv.Less(y.edge)): // beyond the end, or the window
		return false
	case x.is(hasAcked) && s.Ack.Less(x.acked) || x.wire.Less(s.Ack) || y.nxt.Less(s.Ack): // old, or of what was not seen
		return false
	case !y.is(sentSyn) && s.Ack.LessEq(y.iss): // of what was sent before the first segment seen
		return false
	case x.is(sentFin) != y.is(gotPeerFin) || y.is(sentFin) != x.is(gotPeerFin): // a FIN is on its way
		return false
	case y.is(sentFin) && s.Ack != y.fin.Add(1) || y.state == SynRecv && s.Ack != y.nxt:
		return false
	case x.facts&(sentFin|finAcked|heardFin) == sentFin|heardFin: // it may show that it knows of the ACK of its FIN
		return false
	case s.Flags.Has(FIN) && !x.is(pastSyn): // not even the handshake's ACK was seen
		return false
	case o.mayProbe() || y.facts&(active|pastSyn) == active || y.calls&(gone|finishes) != 0:
		return false
	}
	again := x.is(hasAcked) && s.Ack == x.acked && end == s.Seq
	switch {
	case again && s.Window != x.window && x.is(pastSyn) && s.Options.SACKBlocks == 0:
		o.step.Findings |= WindowUpdate
	case again && o.waitsStill():
		o.step.Findings |= DuplicateAck
	}
	if s.Window == 0 {
		o.step.Findings |= ZeroWindow
	}
	o.identifies()
	x.acknowledges(s.Ack)
	x.offers(s, bothScaled(x, y))
	x.rcv = s.Ack
	x.set(pastSyn)
	if y.una.Less(s.Ack) || y.state == SynRecv {
		y.una = s.Ack
	}
	if y.state == SynRecv {
		o.move(o.to, RcvAckOfSyn)
	}
	if y.is(sentFin) && !y.is(finAcked) {
		y.set(finAcked | heardFin)
		y.heard = s.Seq
		o.move(o.to, RcvAckOfFin)
	}
	if end == s.Seq {
		return true
	}
	c.bytes[o.from] += uint64(s.Len)
	x.nxt, y.rcv, y.wire = end, end, end
	x.set(endsInData)
	if s.Flags.Has(FIN) {
		x.unset(endsInData)
		x.set(sentFin)
		x.fin, x.finAck, x.gotSyn = end-1, s.Ack, 0
		o.move(o.from, SndFin)
		y.set(gotPeerFin)
		o.move(o.to, RcvFin)
	}
	return true
}
