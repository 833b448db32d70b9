package tcp

// arrives is what the segment does to its receiver, in the order of RFC 9293
// §3.10.7: first the sequence number, then RST, SYN, ACK, and at last FIN.
func (o *observation) arrives() {
	s, y := o.s, o.y
	another := s.Flags&(SYN|ACK) == SYN && o.x.nxt.Less(y.rcv) // what has come before is of the connection before
	if o.exact && s.SeqLen() > 0 && y.is(knowsRcv) && y.state != Closed && y.state != Listen && s.End().LessEq(y.rcv) && !another && !(y.state == SynRecv && s.Flags.Has(SYN|ACK)) {
		o.step.Findings |= Repeated
	}
	switch {
	case o.exact && y.brief() && o.getsSegmentBriefly():
	case s.Flags.Has(RST):
		o.getsReset()
	case s.Flags.Has(SYN | ACK):
		o.getsSynAck()
	case s.Flags.Has(SYN):
		o.getsSyn()
	case y.state == Closed || y.state == Listen || y.state == SynSent:
		// It answers with RST, if at all (§3.10.7.1 to .3).
	case !o.accepts():
		o.refuses()
		o.repeatsFin()
	default:
		o.hearsClock()
		if o.getsAck() {
			o.getsText()
		}
	}
}

func (o *observation) getsReset() {
	s, y, to := o.s, o.y, o.to
	switch y.state {
	case Closed, Listen:
		o.move(to, RcvRst)
	case SynSent:
		if s.Flags.Has(ACK) && y.iss.Less(s.Ack) && s.Ack.LessEq(y.nxt) {
			o.move(to, RcvRst)
		} else {
			o.step.Findings |= ResetIgnored
		}
	case Unknown:
		if y.is(knowsRcv) && (s.Seq == y.rcv || s.Seq == y.wire) {
			o.force(to, Closed)
		}
	default:
		exact := o.atLastWord()
		if !exact {
			o.inOrder(to)
			exact = s.Seq == y.rcv
		}
		switch {
		case exact && y.state == SynRecv && !o.exact && o.openedUnseen():
			o.opens()
			o.move(to, RcvRst)
		case o.depends(exact):
			o.step.Findings |= ResetDepends
			o.force(to, Unknown)
		case exact && y.state == SynRecv && y.is(passive):
			o.move(to, RcvRstAtPassive)
		case exact:
			o.move(to, RcvRst)
		case y.is(gotPeerFin) && s.Seq.Add(1) == y.rcv && y.state != TimeWait:
			// Linux takes a RST at the number of the FIN for exact: an
			// end that has sent FIN may not count it in its RST.
			o.step.Findings |= ResetAtFin
			o.move(to, RcvRst)
		case o.resetsAhead():
			o.step.Findings |= ResetAhead
			o.move(to, RcvRst)
		case o.accepts():
			o.step.Findings |= ResetIgnored // draws a challenge ACK
		default:
			o.step.Findings |= ResetIgnored | Unacceptable
		}
	}
}

// atLastWord reports whether the segment stands at the number that the receiver
// has named last, after all that its sender had sent before: what lies beyond
// that number has not arrived.
func (o *observation) atLastWord() bool {
	y := o.y
	return !o.exact && !o.hears(o.to) && y.is(hasAcked) && o.s.Seq == y.acked && o.c.latest == o.to
}

func (o *observation) getsSyn() {
	s, y, to := o.s, o.y, o.to
	if o.exact {
		o.opensAgain()
	} else if y.is(inherited) && y.state == Closed {
		y.restart(Listen)
		o.x.unset(sentRst)
	} else if y.state == Closed && y.calls&certain == 0 && !y.is(sentRst) && !(y.is(hasAcked) && s.Seq.Less(y.acked)) {
		y.state = Listen // for all we know, until a RST says no
	}
	switch y.state {
	case Listen, SynSent:
		y.learnRcv(s.Seq.Add(1)) // whether data in the SYN is taken, its ACK will tell
		o.settlesOptions()
		o.move(to, RcvSyn)
	case Unknown:
		y.learnRcv(s.Seq.Add(1))
		o.force(to, SynRecv)
		y.gotSyn = o.c.n
		y.set(passive)
	case SynRecv:
	case Closed:
		// Nobody listens: it is answered with RST (§3.10.7.1).
	case TimeWait:
		if y.is(inherited) {
			y.beforeRst = TimeWait
			o.move(to, RcvSyn)
			return
		}
		if o.exact && o.opensAnew() {
			y.restart(TimeWait)
			y.learnRcv(s.Seq.Add(1))
			o.settlesOptions()
			o.move(to, RcvSyn)
			return
		}
		fallthrough
	default:
		if o.step.Findings&Retransmission == 0 {
			o.step.Findings |= Unacceptable
		}
	}
}

// settlesOptions takes back the receiver's offers to scale windows and to hear
// of selective acknowledgements if the peer's SYN, which it has now accepted,
// does not make them too (RFC 7323 §2.2, RFC 2018 §2).
func (o *observation) settlesOptions() {
	o.hearsClock()
	if o.exact && !o.s.Options.HasScale {
		o.y.unset(scaled)
		o.y.scale = 0
	}
	if o.exact && !o.s.Options.SACKPermitted {
		o.y.unset(sacks)
	}
}

func (o *observation) getsSynAck() {
	s, y, to := o.s, o.y, o.to
	ok := y.iss.Less(s.Ack) && s.Ack.LessEq(y.nxt)
	switch {
	case y.state == SynSent && ok:
		y.learnRcv(s.Seq.Add(1))
		o.settlesOptions()
		y.arrive(y.wire, s.End())
		y.rcv, y.una = y.wire, s.Ack
		o.move(to, RcvSynAck)
	case y.state == SynRecv && ok && y.is(sentSyn) && (!o.exact || s.Seq.Add(1) == y.rcv && s.Len == 0):
		// A simultaneous open: the peer's SYN again, now with the ACK (Figure 7).
		y.una = s.Ack
		o.opens()
	case y.state == Unknown:
		y.learnRcv(s.End())
		y.una = s.Ack
		o.force(to, Established)
		y.gotSyn = o.c.n
	case y.state == SynSent:
		o.step.Findings |= Unacceptable // it answers with RST and waits on
	}
}

// opens is the end of the handshake for the end that was in SYN_RECV.
func (o *observation) opens() {
	o.move(o.to, RcvAckOfSyn)
	if o.y.calls&finishes != 0 {
		o.move(o.to, SndFin)
	}
}

// getsAck is the fifth check of §3.10.7.4; false when the segment is dropped.
func (o *observation) getsAck() bool {
	s, y, to := o.s, o.y, o.to
	if !s.Flags.Has(ACK) {
		return false
	}
	fresh := y.una.Less(s.Ack) && s.Ack.LessEq(y.nxt)
	if y.state == SynRecv {
		switch {
		case fresh || s.Ack == y.nxt:
		case o.exact && s.Ack == y.una && !y.is(passive):
			o.step.Findings |= AcksNothing
		default:
			o.step.Findings |= Unacceptable // it answers with RST
			return false
		}
		if !o.exact && s.Ack != y.nxt && s.Ack.LessEq(y.iss) { // not its latest answer, but one before it
			y.iss, y.nxt = s.Ack-1, s.Ack
		}
		y.una = s.Ack
		o.opens()
	}
	if (y.nxt.Less(s.Ack) || o.exact && s.Ack.Less(o.oldestAck())) && !y.brief() {
		o.step.Findings |= Unacceptable
		return false
	}
	if fresh {
		y.una = s.Ack
		if o.step.Findings.Has(Repeated) {
			o.step.Findings |= RepeatedAcks
		}
	}
	if y.is(sentFin) && !y.is(finAcked) && y.fin.Less(s.Ack) {
		if !s.Flags.Has(FIN) {
			o.inOrder(to) // a FIN sent before this ACK comes before it
		}
		y.set(finAcked)
		if o.at == Anywhere && !o.exact {
			y.heard = o.was
			y.set(heardFin)
		}
		if s.Flags.Has(FIN) && y.calls&gone != 0 {
			y.calls |= whole
		}
		o.move(to, RcvAckOfFin)
	}
	return true
}

// oldestAck is the lowest acknowledgement number that the receiver still heeds:
// none from before the connection, or older than the widest window it was
// offered (§3.10.7.4, RFC 5961 §5.2).
func (o *observation) oldestAck() Seq {
	y := o.y
	n := y.una.Sub(y.iss)
	if y.is(passive) {
		n--
	}
	return y.una - Seq(min(n, uint32(o.c.widest[o.from])<<o.x.scale))
}

// getsText takes the payload, and the FIN once everything before it is there.
func (o *observation) getsText() {
	s, y, to := o.s, o.y, o.to
	if o.exact {
		o.takesText()
		return
	}
	if !y.is(knowsRcv) {
		y.learnRcv(s.Seq)
	}
	y.arrive(s.Seq, s.Seq.Add(s.Len))
	o.inOrder(to)
}

// repeatsFin notes a FIN that came again: it changes no state, but it is
// acknowledged again, and in TIME_WAIT it starts the waiting anew.
func (o *observation) repeatsFin() {
	if o.s.Flags.Has(FIN) && o.y.state == TimeWait {
		o.move(o.to, RcvFin)
	}
}

// inOrder lets everything that the peer has put on the wire without a hole
// reach an end: segments do not overtake each other unless shown to.
func (o *observation) inOrder(e End) {
	h, peer := &o.c.half[e], &o.c.half[o.c.peer(e)]
	if !h.is(knowsRcv) {
		return
	}
	if !o.hears(e) && peer.is(sentFin) && h.wire == peer.fin {
		h.wire = h.wire.Add(1)
	}
	if h.rcv.Less(h.wire) {
		h.rcv = h.wire
	}
	o.receivesFin(e)
}

// receivesFin lets the peer's FIN reach an end, if everything before it has.
func (o *observation) receivesFin(e End) {
	h, peer := &o.c.half[e], &o.c.half[o.c.peer(e)]
	sent, fin := peer.is(sentFin), peer.fin
	if o.hears(e) {
		sent, fin = h.is(heardFin), h.heard
	}
	if !sent || h.is(gotPeerFin) || !h.is(knowsRcv) || !fin.Less(h.rcv) {
		return
	}
	switch h.state {
	case Closed, Listen, SynSent:
		return
	}
	h.set(gotPeerFin)
	if o.hears(e) { // nothing comes after a FIN
		h.rcv, h.wire, h.ahead = fin.Add(1), fin.Add(1), [3]span{}
	}
	if h.state != Unknown {
		o.move(e, RcvFin)
		return
	}
	// From the middle of a connection: whoever had sent its own FIN without
	// having this one closed first, or at the same time.
	if h.is(sentFin) && h.is(hasAcked) {
		if h.is(finAcked) {
			o.force(e, TimeWait)
		} else {
			o.force(e, Closing)
		}
	}
}

// settle ends a doubt.
func (o *observation) settle() {
	if o.s.Flags.Has(RST) && (o.x.state == Closed || o.y.state == Closed) {
		o.x.unset(doubtful)
		o.y.unset(doubtful)
	}
}
