package tcp

// departs is what the segment says of its sender: first what the sender had
// received when it left, then what sending it means.
func (o *observation) departs() {
	s := o.s
	if s.Flags.Has(ACK) && !s.Flags.Has(RST) && !o.proves() {
		return
	}
	switch {
	case s.Flags.Has(RST):
		o.sendsReset()
	case s.Flags.Has(SYN | ACK):
		o.sendsSynAck()
	case s.Flags.Has(SYN):
		o.sendsSyn()
	default:
		if s.Flags.Has(ACK) {
			o.sendsAck()
		}
		if s.Flags.Has(FIN) {
			o.sendsFin()
		}
	}
	if !s.Flags.Has(RST) {
		o.counts()
	}
}

// counts takes what the segment holds, and offers, into the sender's numbers.
func (o *observation) counts() {
	s, x, from := o.s, o.x, o.from
	o.c.bytes[from] += uint64(o.newBytes())
	if x.is(knowsSeq) && x.nxt.Less(s.End()) {
		x.nxt = s.End()
		x.unset(endsInData)
	}
	if s.Len > 0 && !s.Flags.Has(FIN) && s.End() == x.nxt && !o.mayProbe() {
		x.set(endsInData)
	}
	if s.Flags.Has(ACK) && s.Ack == x.acked {
		o.offersWindow()
	}
}

// newBytes is how much of the payload was not seen before.
func (o *observation) newBytes() (n uint32) {
	s, x, y := o.s, o.x, o.y
	if !x.is(knowsSeq) || s.Len == 0 {
		return 0
	}
	lo, hi := s.Seq, s.Seq.Add(s.Len)
	if s.Flags.Has(SYN) {
		lo, hi = lo.Add(1), hi.Add(1)
	}
	if x.nxt.Less(hi) {
		n = min(s.Len, hi.Sub(x.nxt))
		hi = hi - Seq(n)
	}
	if !o.exact && y.is(knowsRcv) && (y.holed() || x.is(sentFin)) {
		n += y.missing(lo, hi)
	}
	return n
}

// mayProbe reports whether a single byte may be that of a probe, which is not
// data: of an end that was not seen to send anything else (§3.8.4).
func (o *observation) mayProbe() bool {
	return o.s.Len == 1 && !o.x.is(sentSyn) && (o.x.last == 0 || o.step.Findings.Has(KeepAlive))
}

// offersWindow takes over the window the sender offers.
func (o *observation) offersWindow() {
	s, x := o.s, o.x
	size := x.offers(s, !s.Flags.Has(SYN) && (o.exact && x.is(scaled) || bothScaled(x, o.y)))
	if o.exact || o.at != Anywhere {
		o.c.widest[o.from] = max(o.c.widest[o.from], uint16((size+1<<x.scale-1)>>x.scale))
	}
}

// offers takes over the window in an end's segment, and returns its size.
func (h *half) offers(s *Segment, scaled bool) (size uint32) {
	size = uint32(s.Window)
	if scaled {
		size <<= h.scale
	}
	if edge := s.Ack.Add(size); !h.is(hasAcked) || h.edge.Less(edge) {
		h.edge = edge
	}
	h.window = s.Window
	h.set(hasAcked)
	return size
}

// windowKnown reports whether the windows that the receiver has offered are
// known to the byte.
func (o *observation) windowKnown() bool { return o.exact || bothScaled(o.x, o.y) }

// bothScaled reports whether both SYNs were seen, so that the scaling of
// windows is known (RFC 7323 §2.2).
func bothScaled(x, y *half) bool {
	return x.is(sentSyn) && y.is(sentSyn) && x.is(scaled) == y.is(scaled)
}

// proves takes the acknowledgement number at its word: the sender had received
// everything before it and nothing in order from it on. It is false when the
// number is of another connection.
func (o *observation) proves() bool {
	s, x, y, from := o.s, o.x, o.y, o.from
	ack := s.Ack
	fresh := y.is(active) || o.hears(o.to) // all that it has sent so far was seen
	if fresh && !y.is(pastSyn) && !(o.hears(from) && x.is(answered)) && ack != y.nxt && ack.Sub(y.iss)-1 >= y.nxt.Sub(y.iss) {
		// It acknowledges nothing of this attempt: it speaks of an earlier
		// connection, one end of which it still is (RFC 9293 §3.5.1).
		o.step.Findings |= Unacceptable
		switch {
		case x.state == SynRecv && !x.is(answered):
			o.takeBack(from, x.gotSyn, Unknown)
			x.learnRcv(ack)
		case x.state == Listen || x.state == Closed && x.gotRst == 0:
			o.force(from, Unknown)
		}
		return false
	}
	if y.is(sentFin) && y.fin.Add(1).Less(ack) {
		// Nothing can follow a FIN: it acknowledges what was never sent
		// (RFC 9293 §3.10.7.4).
		o.step.Findings |= Unacceptable
		return false
	}
	if y.nxt.Less(ack) && ack.Sub(y.nxt) < 1<<30 {
		o.step.Findings |= AckedUnseen
		if !y.is(sentFin) && (y.state == Established || y.state == CloseWait) {
			o.c.doubt, o.c.doubtful = true, o.to
		}
		y.nxt = ack
		y.unset(endsInData)
	}
	latest := x.acknowledges(ack)
	switch {
	case !x.is(knowsRcv):
		if x.state != SynSent {
			x.learnRcv(ack)
		}
	case x.rcv.Less(ack) && ack.LessEq(y.nxt):
		x.rcv = ack
		x.caughtUp(ack)
	case latest && ack.Less(x.rcv):
		x.rcv = ack
		if !y.is(sentSyn) && !o.c.long(o.to) && ack.LessEq(y.iss) && !x.holed() { // what was captured first lies beyond a hole
			x.wire = ack
			x.keepAhead(span{y.iss.Add(1), y.nxt})
		}
		if x.is(gotPeerFin) && ack.LessEq(y.fin) {
			x.unset(gotPeerFin)
			if !s.Options.reports(y.fin) { // else it has come, beyond a hole
				o.step.Findings |= Crossed
			}
			o.takeBack(from, x.gotFin, undo(x.state, RcvFin))
		}
	}
	o.receivesFin(from) // late: only this segment shows it
	return true
}

func (o *observation) sendsSyn() {
	x, from := o.x, o.from
	before := Closed
	if x.is(active) {
		before = SynSent
	}
	x.set(active)
	switch {
	case x.is(pastSyn) || x.is(answered):
		return // an old duplicate
	case x.state == SynRecv || x.state == Established && !x.is(sentSyn):
		// It sends a SYN of its own, so the SYN that was on its way had
		// not arrived: the two cross.
		o.step.Findings |= Crossed
		o.takeBack(from, x.gotSyn, before)
	case x.state == Established:
		// A SYN again: the answer has not reached it.
		o.takeBack(from, x.gotSyn, SynSent)
	}
	if x.state == Unknown {
		o.force(from, SynSent)
		return
	}
	o.move(from, SndSyn)
}

func (o *observation) sendsSynAck() {
	x, from := o.x, o.from
	if x.is(pastSyn) {
		return // an old duplicate
	}
	switch x.state {
	case SynSent, Listen:
		o.move(from, RcvSyn) // it acknowledges a SYN, so it has received one
	case Closed, Unknown:
		o.force(from, SynRecv)
	case Established, CloseWait: // still repeating: the ACK has not reached it
		x.unset(gotPeerFin)
		o.takeBack(from, x.gotSyn, SynRecv)
	}
	x.set(answered)
	o.move(from, SndSynAck)
}

func (o *observation) sendsAck() {
	x, y, from := o.x, o.y, o.from
	switch x.state {
	case SynSent:
		// It can only acknowledge the peer's SYN if it has received it.
		if o.s.Seq == x.nxt {
			o.force(from, Established)
			x.learnRcv(o.s.Ack)
			if !y.is(sentSyn) {
				o.step.Findings |= AckedUnseen
			}
		}
	case SynRecv:
		if x.is(active) && y.is(answered) {
			// A simultaneous open: it repeats SYN and ACK until the peer's
			// has come, so that has come.
			o.move(from, RcvAckOfSyn)
		} else if o.at == Anywhere && x.is(answered) && !y.is(sentSyn) && y.iss.Add(1).Less(o.s.Ack) {
			o.move(from, RcvAckOfSyn) // it has received more than the SYN
		}
	case Closed:
		if x.gotRst != 0 {
			o.takeBack(from, x.gotRst, x.beforeRst) // the RST did not count
			x.gotRst = 0
		} else if !x.is(finAcked) {
			o.contradicts()
		}
	case Listen:
		o.contradicts()
	case Unknown:
		o.concludes()
	}
	o.move(from, SndAck)
	if o.s.Flags&(SYN|RST) == 0 && x.state != SynRecv {
		x.set(pastSyn)
	}
}

// concludes tells the state of an end whose connection began before the
// capture, where its bare ACK proves it. Such a segment carries SND.NXT and
// RCV.NXT; and where the number before one of them was a byte of data, it was
// not a FIN, so that end has not sent a FIN, or not received one.
func (o *observation) concludes() {
	s, x, y := o.s, o.x, o.y
	if s.SeqLen() > 0 || s.Seq != x.nxt || !x.is(endsInData) {
		return
	}
	switch {
	case x.is(gotPeerFin):
		o.force(o.from, CloseWait)
	case s.Ack == y.nxt && y.is(endsInData):
		o.force(o.from, Established)
	}
}

// contradicts gives up what was believed of the sender.
func (o *observation) contradicts() {
	o.step.Findings |= Contradiction
	o.force(o.from, Unknown)
}

func (o *observation) sendsFin() {
	s, x, y, from := o.s, o.x, o.y, o.from
	fin := s.End() - 1
	if o.c.doubt && o.c.doubtful == from && fin.Sub(x.una) < 1<<30 {
		o.c.doubt = false // what was not seen was not a FIN
	}
	if x.is(sentFin) {
		if fin == x.fin && x.gotAck != 0 && x.gotRst == 0 {
			// A FIN again: its ACK has not come.
			x.unset(finAcked)
			o.takeBack(from, x.gotAck, undo(x.state, RcvAckOfFin))
			x.gotAck = 0
		}
		return
	}
	if y.is(knowsRcv) && (fin.Add(1).Less(y.rcv) || fin.Add(1) == y.rcv && y.rcv == x.nxt && x.is(endsInData)) {
		// The peer has received a byte with its number: it is of another connection.
		o.step.Findings |= Unacceptable
		return
	}
	x.set(sentFin)
	x.fin = fin
	if x.state != Unknown {
		o.move(from, SndFin)
		return
	}
	// From the middle of a connection: has it received the peer's FIN?
	switch {
	case y.is(sentFin) && x.is(gotPeerFin):
		o.force(from, LastAck)
	case y.is(sentFin), s.Ack == y.nxt && y.is(endsInData):
		o.force(from, FinWait1)
	}
}

// sendsReset believes a RST to be the sender's own only if it stands where the
// sender is, or where the receiver waits; any other may be forged or stray.
func (o *observation) sendsReset() {
	s, x, y, from := o.s, o.x, o.y, o.from
	if !y.is(sentRst) {
		x.set(sentRst) // the first RST is the one that counts
	}
	answers := y.is(hasAcked) && s.Seq == y.acked && x.last < y.last
	own := answers || o.at.is(from) && 1<<x.state&synchronized != 0 || x.is(knowsSeq) && s.Seq == x.nxt || y.is(knowsRcv) && s.Seq == y.rcv
	switch {
	case x.state == Closed:
	case x.state == SynRecv && !x.is(answered):
		// A refusal: there never was a SYN_RECV.
		o.takeBack(from, x.gotSyn, Closed)
	case x.state == SynRecv && s.Flags.Has(ACK) && s.Seq == 0 && y.is(sentSyn) && s.Ack == y.iss.Add(1):
		// A refusal of the SYN, which has come again (§3.10.7.1).
		o.takeBack(from, y.last, Closed)
	case !own:
	case x.state == SynSent && s.Seq == x.nxt:
		// It has no connection: in SYN_SENT it would not refuse what
		// acknowledges its SYN (§3.10.7.3).
		o.force(from, Closed)
	case x.state == SynRecv && answers && s.Seq != x.nxt:
		// It refuses an ACK that does not acknowledge its SYN, and waits
		// for the right one (§3.10.7.4).
	case x.state == Unknown:
		o.force(from, Closed)
	case answers && !s.Flags.Has(ACK) && x.state != SynSent:
		// The answer of an end without a connection (§3.10.7.1): it was
		// already closed when the segment it answers came.
		o.takeBack(from, y.last, Closed)
	default:
		o.move(from, SndRst)
	}
}
