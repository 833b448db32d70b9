package tcp

// departs is what the segment says of its sender: first what the sender had
// received when it left, then what sending it means.
func (o *observation) departs() {
	s := o.s
	if o.filled && s.Flags.Has(SYN) {
		o.scales()
	}
	if o.late() {
		o.fillsIn()
		return
	}
	if s.Flags.Has(ACK) && !s.Flags.Has(RST) && !o.proves() {
		return
	}
	switch {
	case s.Flags.Has(RST):
		o.sendsReset()
	case o.filled && s.Flags.Has(SYN):
		o.hadOpened()
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
		o.identifies()
	}
}

// counts takes what the segment holds, and offers, into the sender's numbers.
func (o *observation) counts() {
	s, x, from := o.s, o.x, o.from
	o.c.bytes[from] += uint64(o.newBytes())
	if x.is(knowsSeq) && x.nxt.Less(s.End()) {
		if s.SeqLen() == 0 && !o.exact && o.at == Anywhere {
			x.misses(x.nxt, s.Seq)
			if x.finAck = o.acked; !o.hadAcked {
				x.unset(lone)
			}
		}
		x.nxt = s.End()
		x.unset(endsInData)
	}
	if s.Len > 0 && !s.Flags.Has(FIN) && s.End() == x.nxt && !o.mayProbe() {
		x.set(endsInData)
	}
	if x.is(doubtful) && s.End() == x.nxt && (x.is(endsInData) || x.is(sentFin)) {
		x.unset(doubtful)
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
	return o.s.Len == 1 && !o.x.is(sentSyn) && (!o.x.is(hasSent) || o.step.Findings.Has(KeepAlive))
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
	if s.HasWindow() {
		h.window = s.Window
	}
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
	if y.is(twice) && (x.facts|y.facts)&pastSyn == 0 && ack != y.nxt { // the other answer was the one
		y.iss, y.nxt, y.una = ack-1, ack, ack-1
		y.unset(twice)
		x.learnRcv(ack)
	}
	fresh := y.is(active) || o.hears(o.to) // all that it has sent so far was seen
	if fresh && !y.is(pastSyn) && !(x.is(answered) && (o.hears(from) || ack.Sub(y.iss) < 1<<30 && s.Seq.Sub(x.iss)-1 < 1<<30)) && ack != y.nxt && ack.Sub(y.iss)-1 >= y.nxt.Sub(y.iss) {
		// It acknowledges nothing of this attempt: it speaks of an earlier
		// connection, one end of which it still is (RFC 9293 §3.5.1).
		if o.staysBefore() {
			return false
		}
		o.step.Findings |= Unacceptable
		switch {
		case x.state == SynRecv && !x.is(answered):
			o.takeBack(from, x.gotSyn, Unknown)
			x.learnRcv(ack)
		case x.state == Listen || x.state == Closed && !x.is(wasReset):
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
	if o.at == Anywhere && !s.Flags.Has(SYN) {
		switch {
		case y.is(sentSyn) && !x.is(hasSent) && !y.is(answered):
			x.misses(s.Seq, s.Seq) // its SYN at least
		case x.is(sentSyn) && !y.is(hasSent) && x.nxt.Less(s.Seq):
			y.misses(ack, ack)
		}
	}
	if y.nxt.Less(ack) && ack.Sub(y.nxt) < 1<<30 {
		o.step.Findings |= AckedUnseen
		switch {
		case o.at == Anywhere:
			y.misses(y.nxt, ack)
			if x.is(sentSyn) && !x.is(pastSyn) { // the handshake's end is missing too: a number may well be data
				y.unset(lone)
			}
		case y.state == Established || y.state == CloseWait:
			y.misses(ack, ack)
		}
		y.nxt = ack
		y.unset(endsInData)
	}
	if y.is(doubtful) && ack.LessEq(y.fin) {
		y.set(unarrived)
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
			if !s.Options.Cut && !s.Options.reports(y.fin) { // else it has come, beyond a hole, or may have
				o.step.Findings |= Crossed
			}
			if x.state != Unknown || x.gotFin != 0 { // else nothing was told of it
				o.takeBack(from, x.gotFin, undo(x.state, RcvFin))
			}
		}
	}
	if o.at == Anywhere && x.is(sentFin) && !x.is(finAcked) && x.is(heardFin) && x.heard.Less(ack) {
		x.set(finAcked) // it acknowledges what came after the ACK of its FIN
		o.move(from, RcvAckOfFin)
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
	case o.copied():
		return
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
	if x.is(pastSyn) || x.is(answered) && o.copied() || x.is(wasReset) && !x.is(answered) && x.state == Listen {
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
	s, x, y, from := o.s, o.x, o.y, o.from
	switch x.state {
	case SynSent:
		// It can only acknowledge the peer's SYN if it has received it.
		if o.s.Seq.Sub(x.nxt) < 1<<30 {
			if y.is(answered) && o.s.Ack == y.nxt {
				o.move(from, RcvSynAck)
			} else {
				o.force(from, Established)
			}
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
		} else if o.at == Anywhere && x.is(active|answered) && !y.is(hasSent) {
			y.misses(y.nxt, y.nxt) // nothing of the peer was captured
		} else if o.at == Anywhere && x.is(answered) && (!y.is(sentSyn) && y.iss.Add(1).Less(o.s.Ack) || o.acksMore || x.is(skipped) && x.iss.Add(1).Less(s.Seq) || s.Len > 0 && y.is(sentSyn) && !y.is(fastOpen)) {
			o.move(from, RcvAckOfSyn) // it has received more than the SYN, or sends more than its own
		} else if o.at == Anywhere && x.is(answered) && s.Len > 0 && !y.is(sentSyn) {
			o.force(from, Unknown) // with Fast Open it may send before the ACK of its SYN has come
		}
	case Closed:
		if x.is(wasReset) && s.Ack.LessEq(o.had) || !o.fresh && (o.copied() || o.isAckAfterReset() || o.isOld()) {
			return // perhaps from before the RST
		}
		if x.is(wasReset) {
			o.takeBack(from, x.gotFin, x.beforeRst) // the RST did not count
			x.unset(wasReset)
		} else if o.outlivesReset() {
			o.takeBack(from, x.gotFin, x.beforeRst) // somebody else has sent the RST
			x.unset(sentRst)
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

// outlivesReset reports whether an end goes on after a RST in its name: it
// acknowledges more than before, or sends what comes next.
func (o *observation) outlivesReset() bool {
	s, x := o.s, o.x
	return x.is(sentRst) && (o.acksMore || s.Seq.LessEq(x.nxt) && x.nxt.Less(s.End())) && 1<<x.beforeRst&synchronized != 0
}

// isAckAfterReset reports whether a segment only acknowledges what the RST of its
// sender, or one in its name, has acknowledged too.
func (o *observation) isAckAfterReset() bool {
	s, x := o.s, o.x
	return x.is(sentRst) && !x.is(wasReset) && s.SeqLen() == 0 && s.Seq == x.nxt && s.Ack == x.acked && 1<<x.beforeRst&synchronized != 0
}

// isOld reports whether a bare ACK, which carries SND.NXT, left its sender before
// something else that was seen. A keep-alive lies one number behind.
func (o *observation) isOld() bool {
	return !o.x.is(skipped) && o.s.SeqLen() == 0 && o.s.Seq.Add(1).Less(o.x.nxt)
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
	if x.is(sentFin) {
		if fin == x.fin && x.gotSyn != 0 && !x.is(wasReset) && !o.copied() && !o.knowsAcked() {
			// A FIN again: its ACK has not come.
			x.unset(finAcked)
			o.takeBack(from, x.gotSyn, undo(x.state, RcvAckOfFin))
			x.gotSyn = 0
		} else if fin == x.fin {
			o.mayBeLost()
		}
		return
	}
	if y.is(knowsRcv) && (fin.Add(1).Less(y.rcv) || fin.Add(1) == y.rcv && y.rcv == x.nxt && x.is(endsInData)) {
		// The peer has received a byte with its number: it is of another connection.
		o.step.Findings |= Unacceptable
		return
	}
	x.set(sentFin)
	x.unset(doubtful)
	x.fin, x.finAck, x.gotSyn = fin, s.Ack, 0
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
	answers := y.is(hasAcked) && s.Seq == y.acked && o.c.latest == o.to
	own := answers || o.at.is(from) && 1<<x.state&synchronized != 0 || x.is(knowsSeq) && (s.Seq == x.nxt || x.is(skipped) && x.nxt.Less(s.Seq) && y.is(knowsRcv) && s.Seq == y.rcv || x.is(sentFin) && s.Seq == x.fin) || y.is(knowsRcv) && s.Seq == y.rcv
	if own && o.openedUnseen() {
		x.set(pastSyn) // the capture lacks what it has sent before
		if o.at == Anywhere && x.is(answered) && x.state == SynRecv {
			o.move(from, RcvAckOfSyn)
		}
	}
	if s.Flags.Has(ACK) && own && o.at == Anywhere {
		o.resetProves()
	}
	switch {
	case x.state == Closed:
	case x.state == SynRecv && !x.is(answered):
		// A refusal: there never was a SYN_RECV.
		o.takeBack(from, x.gotSyn, Closed)
	case x.state == SynRecv && s.Flags.Has(ACK) && s.Seq == 0 && y.is(sentSyn) && s.Ack == y.iss.Add(1):
		// A refusal of the SYN, which has come again (§3.10.7.1).
		o.takeBack(from, o.c.n-1, Closed)
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
	case answers && !s.Flags.Has(ACK) && x.state != SynSent && o.after < soon:
		// The answer of an end without a connection (§3.10.7.1): it was
		// already closed when the segment it answers came.
		x.beforeRst, x.gotFin = x.state, o.c.n-1
		o.takeBack(from, o.c.n-1, Closed)
	default:
		x.beforeRst, x.gotFin = Unknown, o.c.n
		if s.Flags.Has(ACK) {
			x.beforeRst = x.state
		}
		o.move(from, SndRst)
	}
}

// soon is how long an answer may take to come, in nanoseconds.
const soon = 3e9

// openedUnseen reports whether a RST shows that its sender has opened the
// connection, in segments that the capture lacks: it has sent more than its SYN,
// or says that it has received more than the peer was seen to send.
func (o *observation) openedUnseen() bool {
	s, x, y := o.s, o.x, o.y
	if !x.is(sentSyn) {
		return false
	}
	more := o.at == Anywhere && s.Flags.Has(ACK) && y.is(sentSyn) && y.nxt.Less(s.Ack) && s.Ack.Sub(y.nxt) < 1<<30
	return more || x.is(skipped) && x.iss.Add(1).Less(s.Seq)
}

// resetProves takes what a RST says of its sender's numbers at its word. A RST
// with ACK is sent by an end that has a connection (RFC 9293 §3.5.2): one without
// answers a segment that acknowledges something with a RST alone.
func (o *observation) resetProves() {
	s, x, y, from := o.s, o.x, o.y, o.from
	switch {
	case x.is(gotPeerFin) && s.Ack.LessEq(y.fin) && y.fin.Sub(s.Ack) < 1<<30:
		x.unset(gotPeerFin)
		o.step.Findings |= Crossed
		o.takeBack(from, x.gotFin, undo(x.state, RcvFin))
	case x.is(sentFin|finAcked) && !x.is(wasReset) && s.Seq == x.nxt && (x.state == Closed || x.state == TimeWait) && !o.knowsAcked():
		x.unset(finAcked)
		o.takeBack(from, x.gotSyn, undo(x.state, RcvAckOfFin))
	}
	if x.state != SynSent && (!x.is(hasAcked) || x.acked.Less(s.Ack)) && (s.Ack.LessEq(y.nxt) || x.is(skipped)) {
		x.acknowledges(s.Ack)
	}
}
