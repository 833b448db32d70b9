package tcp

// half is what is known of one end: the numbers of RFC 9293 §3.3.1, told from
// what it has put on the wire and from what has reached it.
type half struct {
	iss    Seq // ISS; one before the first number seen if its SYN was not
	nxt    Seq // SND.NXT
	una    Seq // SND.UNA
	rcv    Seq // RCV.NXT, as its labels show it
	wire   Seq // up to where the peer has put bytes on the wire without a hole
	acked  Seq // the highest number it has acknowledged
	edge   Seq // the right edge of the widest window it has offered
	finAck Seq // the acknowledgement number in its FIN; while doubtful, of what was seen before; of an exact one, see heardTwo
	fin    Seq // the number its FIN took; while doubtful, the first one not seen
	// heard is the number of the peer's FIN, where it is known that it has
	// arrived; where only what an end sends tells that, the peer's number from
	// which on it acknowledges this end's FIN.
	heard Seq

	ahead [3]span // what came beyond a hole

	// The steps at which a receipt was taken for granted. A later segment
	// may show that it had not happened.
	gotSyn uint32 // until it sends its FIN; from then on, the ACK of that
	gotFin uint32 // or, once it was reset, the RST; of an exact one until then, see waits

	// clock is the latest time stamp it has sent (RFC 7323); where departures and
	// arrivals are known, the latest it has heard: TS.Recent.
	clock     uint32
	facts     facts
	id        uint16 // the IPv4 identification of its last packet
	window    uint16
	scale     uint8
	state     State
	beforeRst State
	calls     calls
}

// span is a range of sequence numbers [lo, hi).
type span struct{ lo, hi Seq }

// facts are things known of one end, as bits.
type facts uint32

const (
	knowsSeq   facts = 1 << iota // iss and nxt are set
	sentSyn                      // its SYN was seen, so iss is exact
	knowsRcv                     // rcv and wire are set
	hasAcked                     // acked is set
	sentFin                      // fin is set
	gotPeerFin                   // the peer's FIN has reached it
	finAcked                     // the ACK of its FIN has reached it, or is under way
	heardFin                     // heard is set
	pastSyn                      // it has sent something that only an end beyond SYN_SENT and SYN_RECV sends
	answered                     // it has sent a SYN,ACK
	active                       // it has sent a SYN without ACK
	scaled                       // its SYN offered window scaling
	sentRst
	passive    // it came from LISTEN
	endsInData // the number before nxt was seen to be a byte of data
	sacks      // its SYN permitted selective acknowledgements (RFC 2018)
	hasSent    // anything at all
	hasClock   // clock is set
	// doubtful: bytes of this end's were acknowledged that were never seen. They
	// may have held a FIN, so nothing is said of either end until this end's
	// next data, or its FIN, shows that they did not.
	doubtful
	wasReset // it has received a RST that counts
	// lone: a single number is all that is missing, and so is most likely the FIN.
	lone
	// unarrived: what is missing has not come to the peer either.
	unarrived
	// inherited: what is known of it is of the connection before, between the
	// same ends, which it may not have left.
	inherited
	stayed  // in that, which is not over: it has answered from there
	twice   // it has answered a SYN with two numbers
	strayed // its last segment had numbers of no connection that is known
	// skipped: the capture lacks something that this end has sent.
	skipped
	fastOpen // its SYN asked for TCP Fast Open (RFC 7413), or may have
	// heardTwo: where departures and arrivals are known, finAck is the number of
	// another FIN that has arrived, beyond the one at heard.
	heardTwo
	waitsLong // so long that Linux keeps the whole connection in FIN_WAIT2: see waits
)

// calls is what socket calls have made known of one end, as bits.
type calls uint8

const (
	certain   calls = 1 << iota // its state
	listens                     // a program listens here, whatever becomes of this connection
	deaf                        // the program reads no more
	gone                        // the program has called close()
	whole                       // in FIN_WAIT2 Linux still knows all of it
	deserted                    // the listener it came from is closed, and the connection not yet open
	resetting                   // what came has closed it, and its RST is about to leave
	finishes                    // it has called shutdown() before the connection was open
)

func (h *half) is(f facts) bool { return h.facts&f == f }
func (h *half) set(f facts)     { h.facts |= f }
func (h *half) unset(f facts)   { h.facts &^= f }

// learnSeq sets the send numbers from the first segment, or the first ACK,
// that shows them.
func (h *half) learnSeq(iss Seq) {
	if !h.is(knowsSeq) {
		h.set(knowsSeq)
		h.iss, h.nxt, h.una = iss, iss.Add(1), iss.Add(1)
	}
}

// restart forgets a connection for the next one between the same ports.
func (h *half) restart(s State) {
	*h = half{state: s, facts: h.facts & hasSent, calls: h.calls & (certain | listens), scale: h.scale}
}

// learnRcv sets the receive numbers.
func (h *half) learnRcv(next Seq) {
	h.set(knowsRcv)
	h.rcv, h.wire = next, next
	h.ahead = [3]span{}
}

// acknowledges notes an acknowledgement number that this end has sent; false
// when it has sent a higher one before.
func (h *half) acknowledges(n Seq) bool {
	if h.is(hasAcked) && n.Less(h.acked) {
		return false
	}
	if h.acked != n {
		h.acked, h.edge = n, n
	}
	h.set(hasAcked)
	return true
}

// holed reports whether something has come beyond a hole.
func (h *half) holed() bool {
	a := &h.ahead
	return a[0].lo|a[0].hi|a[1].lo|a[1].hi|a[2].lo|a[2].hi != 0
}

// arrive adds [lo, hi) to what has reached this end.
func (h *half) arrive(lo, hi Seq) {
	if !lo.LessEq(h.wire) { // beyond a hole
		h.keepAhead(span{lo, hi})
		return
	}
	if h.wire.Less(hi) {
		h.wire = hi
	}
	for again := true; again; {
		again = false
		for i, s := range h.ahead {
			if s != (span{}) && s.lo.LessEq(h.wire) {
				h.ahead[i] = span{}
				if h.wire.Less(s.hi) {
					h.wire, again = s.hi, true
				}
			}
		}
	}
}

// highest is the end of the last range beyond a hole.
func (h *half) highest() (end Seq, ok bool) {
	for _, s := range h.ahead {
		if s != (span{}) && (!ok || end.Less(s.hi)) {
			end, ok = s.hi, true
		}
	}
	return end, ok
}

// missing is how many of the numbers [lo, hi) lie beyond a hole and have not come.
func (h *half) missing(lo, hi Seq) (n uint32) {
	if lo.Less(h.wire) {
		lo = h.wire
	}
	if !lo.Less(hi) {
		return 0
	}
	n = hi.Sub(lo)
	for _, s := range h.ahead {
		from, to := s.lo, s.hi
		if from.Less(lo) {
			from = lo
		}
		if hi.Less(to) {
			to = hi
		}
		if s != (span{}) && from.Less(to) {
			n -= min(n, to.Sub(from))
		}
	}
	return n
}

// isAhead reports whether a number beyond a hole has come.
func (h *half) isAhead(n Seq) bool {
	_, ok := h.aheadAt(n)
	return ok
}

// aheadAt is the range beyond a hole that a number lies in.
func (h *half) aheadAt(n Seq) (s span, ok bool) {
	for _, s := range h.ahead {
		if n.In(s.lo, s.hi.Sub(s.lo)) {
			return s, true
		}
	}
	return span{}, false
}

// keepAhead remembers a range beyond a hole, joining it to those it touches.
// When there is no room the range is forgotten: the end's own acknowledgement
// will tell.
func (h *half) keepAhead(n span) {
	if n.lo == n.hi {
		return
	}
	free := -1
	for i, s := range h.ahead {
		switch {
		case s == span{}:
			free = i
		case n.lo.LessEq(s.hi) && s.lo.LessEq(n.hi):
			if s.lo.Less(n.lo) {
				n.lo = s.lo
			}
			if n.hi.Less(s.hi) {
				n.hi = s.hi
			}
			h.ahead[i] = span{}
			free = i
		}
	}
	if free >= 0 {
		h.ahead[free] = n
	}
}

// caughtUp forgets the ranges that lie below n, which is received.
func (h *half) caughtUp(n Seq) {
	if h.wire.Less(n) {
		h.wire = n
		h.arrive(n, n)
	}
}

// acceptable is the first test of RFC 9293 §3.10.7.4: does any of the segment
// lie in this end's receive window?
func (h *half) acceptable(s *Segment, bothScaled bool) bool {
	if !h.is(knowsRcv) {
		return true
	}
	size := uint32(1 << 30) // unknown: take any number for good that is not old
	if bothScaled && h.is(hasAcked) {
		size = 0
		if h.rcv.Less(h.edge) {
			size = h.edge.Sub(h.rcv)
		}
	}
	n := s.SeqLen()
	switch {
	case n == 0 && size == 0:
		return s.Seq == h.rcv
	case n == 0:
		return s.Seq.In(h.rcv, size)
	case size == 0:
		return false
	}
	return s.Seq.In(h.rcv, size) || s.Seq.Add(n-1).In(h.rcv, size)
}
