package tcp

// What Linux does otherwise than RFC 9293, where it shows in a state. Each has
// a finding or a rule of its own, and a row in docs/known-issues.md.

// LinuxOnly are the findings about what RFC 9293 would have otherwise.
const LinuxOnly = ResetAtFin | ResetAhead | ResetInWindow | SynResets | RepeatedAcks | ListenerGone | DataPastFin | AcksNothing | ResetDepends

// Linux is what a kernel does that only some versions of Linux do, where it
// shows in a state: a set of bits. Zero is the newest Linux, as far as it is
// known here. Which one a kernel is, its version does not tell: distributions
// take single changes into older ones. It has to be tried.
type Linux uint8

// LooseResets is how Linux judged a RST in SYN_RECV, at an end that came from
// LISTEN, before 6.1.191 and 6.12.105: it counts anywhere in the window,
// but one that acknowledges anything else than the SYN,ACK does not. Since then
// it is as in RFC 9293 §3.10.7.4 and RFC 5961 §3.2: the number must be exactly
// the next one, and the acknowledgement does not matter.
const LooseResets Linux = 1

// brief reports whether Linux keeps only a few numbers of the connection, and
// so judges what arrives less finely: before the handshake is complete at an
// end that came from LISTEN, and in FIN_WAIT2 after close(), unless the ACK that
// led there came with a FIN or its timer runs long. Who sends data in SYN_RECV was opened by Fast Open
// (RFC 7413), and is known in full.
func (h *half) brief() bool {
	return h.state == SynRecv && h.is(passive) && h.nxt.LessEq(h.iss.Add(1)) || h.state == FinWait2 && h.calls&(gone|whole) == gone && !h.is(waitsLong)
}

// accepts is the first check of §3.10.7.4 as the receiver makes it.
func (o *observation) accepts() bool {
	s, y := o.s, o.y
	if !o.exact || !y.is(hasAcked) || y.state == TimeWait {
		return y.acceptable(s, o.windowKnown())
	}
	end, edge := s.End(), y.edge
	if edge.Less(y.rcv) {
		edge = y.rcv
	}
	if y.brief() {
		return s.Seq == y.rcv || y.rcv.Less(end) && s.Seq.Less(edge) || s.Seq == edge && s.Seq == end
	}
	// Old is what ends before the last acknowledgement sent. So a segment that
	// came before, or one right at the window's end, still passes.
	return y.acked.LessEq(end) && s.Seq.LessEq(edge)
}

// resetsAhead reports whether a RST stands right after the highest byte that
// its receiver has reported beyond a hole. Linux takes it for exact: whoever
// aborts has sent that byte, and the RST may have overtaken what is missing.
func (o *observation) resetsAhead() bool {
	end, ok := o.y.highest()
	return ok && o.s.Seq == end && o.y.is(sacks) && (o.exact || o.x.is(sacks))
}

// getsSegmentBriefly is a segment at an end of which Linux keeps only a few
// numbers; true when nothing more is to be done.
func (o *observation) getsSegmentBriefly() bool {
	s, y, to := o.s, o.y, o.to
	request := y.state == SynRecv
	loose := s.Flags.Has(RST) && o.linux&LooseResets != 0
	switch {
	case request && y.calls&deserted != 0:
		// The listener was closed, and with it the request: only now does
		// Linux look for it. A SYN may find another listener.
		o.step.Findings |= ListenerGone
		o.mustReset()
		return s.Flags&(SYN|ACK|RST) != SYN
	case request && s.Flags&(SYN|ACK|RST) == SYN && s.Seq.Add(1) == y.rcv:
		return true // the SYN,ACK is sent again
	case request && s.Flags&(ACK|RST) == ACK && s.Ack != y.nxt:
		o.refuses() // the listener answers with RST
	case request && loose && s.Flags.Has(ACK) && s.Ack != y.nxt:
		o.step.Findings |= ResetDepends | Unacceptable
	case !o.accepts():
		o.refuses()
	case request && loose && s.Seq != y.rcv:
		o.step.Findings |= ResetDepends
		o.move(to, RcvRstAtPassive)
	case request && s.Flags.Has(RST):
		return false
	case s.Flags.Has(RST):
		if s.Seq != y.rcv {
			o.step.Findings |= ResetInWindow
		}
		o.move(to, RcvRst)
	case request && s.Flags.Has(SYN) && s.Seq.Add(1) != y.rcv:
		o.move(to, RcvNewSyn)
	case request:
		return false
	case s.Flags.Has(SYN) && y.rcv.LessEq(s.Seq):
		o.step.Findings |= SynResets
		o.mustReset()
	case !s.Flags.Has(ACK) || s.SeqLen() == 0 || s.End().LessEq(y.rcv):
	case s.Flags.Has(FIN) && s.End() == y.rcv.Add(1):
		return false
	default:
		o.mustReset() // nobody can read it any more
	}
	return true
}

// depends reports whether a RST counts with some kernels only, and it is not
// known which one the receiver has: see LooseResets. An acknowledgement a little
// ahead of what was seen is one of what the capture has missed.
func (o *observation) depends(exact bool) bool {
	s, y := o.s, o.y
	if o.exact || y.state != SynRecv || !y.is(passive|answered) || y.iss.Add(1) != y.nxt {
		return false
	}
	other := s.Flags.Has(ACK) && s.Ack.Sub(y.nxt) >= 1<<30
	if exact {
		return other
	}
	return !other && o.accepts()
}

// resetsByText reports whether the receiver has no use for what the segment
// brings, and closes with a RST.
func (o *observation) resetsByText() bool {
	s, y := o.s, o.y
	if s.SeqLen() == 0 || s.Seq.Add(s.Len).LessEq(y.rcv) {
		return false
	}
	switch y.state {
	case FinWait1, FinWait2:
		// Nobody can read it any more. A FIN beyond a hole counts as data here.
		if y.calls&deaf == 0 {
			return false
		}
	case CloseWait, Closing, LastAck:
		if y.rcv.LessEq(s.Seq) {
			return false
		}
		o.step.Findings |= DataPastFin
	default:
		return false
	}
	o.mustReset()
	return true
}

// beyondWindow reports whether a segment begins where the window ends. Its
// acknowledgement counts, but nothing is taken from it, unless it is a bare FIN
// and the next thing to come.
func (o *observation) beyondWindow() bool {
	s, y := o.s, o.y
	return y.is(hasAcked) && y.edge.LessEq(s.Seq) && y.rcv.LessEq(s.Seq) && (s.Len > 0 || s.Seq != y.rcv)
}

// refuses notes that a segment changes nothing at its receiver.
func (o *observation) refuses() {
	switch {
	case o.s.Flags.Has(RST):
		o.step.Findings |= ResetIgnored | Unacceptable
	case o.step.Findings&(Retransmission|KeepAlive|WindowProbe|Repeated) == 0:
		o.step.Findings |= Unacceptable
	}
}
