package tcp

// Succeeds tells a connection that another one between the same ends came before
// it, and that s, a SYN, begins it. The end that is sent the SYN may still be in
// the earlier one: it then answers with an ACK of that (RFC 9293 §3.5.1), or, from
// TIME_WAIT, opens the new one. A SYN that comes late begins nothing: the earlier
// connection goes on.
func (c *Conn) Succeeds(old *Conn, s *Segment) {
	if old.outran(s) {
		c.ends, c.half, c.odd = old.ends, old.half, old.odd
		return
	}
	at := old.endOf(s).Peer()
	h := old.half[at]
	if old.inDoubt() || old.odd != 0 || 1<<h.state&synchronized == 0 || !h.is(hasAcked|knowsSeq) {
		return
	}
	h.facts = h.facts&(knowsSeq|knowsRcv|hasAcked|sentFin|gotPeerFin|finAcked|scaled|hasClock) | inherited
	h.calls, h.ahead, h.gotSyn, h.gotFin = 0, [3]span{}, 0, 0 // steps of that
	c.half[Server] = h
}

// outran reports whether a SYN is an old one that comes late: its sender's clock
// had been a little ahead of it (RFC 7323 §5.3).
func (c *Conn) outran(s *Segment) bool {
	const minutes = 10 * 60 * 1000 // of a clock that ticks each millisecond
	x := &c.half[c.endOf(s)]
	return s.Options.HasTimestamps && x.is(hasClock) && x.clock-s.Options.TSVal-1 < minutes
}

// Continues is Succeeds where departures and arrivals are known: it leaves an end
// where it is in the earlier connection, with all that it knows of that.
func (c *Conn) Continues(old *Conn, e End) {
	c.half[e], c.widest[e] = old.half[e], old.widest[e]
	c.half[e].unset(hasSent)
}

// opensAnew reports whether a SYN that has come in TIME_WAIT opens the next
// connection: it is newer by its number, or by its time stamp (RFC 9293 §3.6.1,
// RFC 6191). Linux refuses an older time stamp whatever the number.
func (o *observation) opensAnew() bool {
	s, y := o.s, o.y
	if y.calls&listens == 0 {
		return false
	}
	newer := y.rcv.Less(s.Seq)
	if !y.is(hasClock) || !s.Options.HasTimestamps {
		return newer
	}
	then, now := Seq(y.clock), Seq(s.Options.TSVal)
	return then.Less(now) || then == now && newer
}

// hearsClock takes the time stamp of an acceptable segment for the one that the
// next is compared with, unless it came before something else (RFC 7323 §4.3).
func (o *observation) hearsClock() {
	s, y := o.s, o.y
	switch t := &s.Options; {
	case !o.exact || o.at != Anywhere || !t.HasTimestamps:
	case y.is(hasClock) && Seq(t.TSVal).Less(Seq(y.clock)):
	case y.state == TimeWait && (s.Seq != y.rcv || s.SeqLen() > 0), y.state != TimeWait && y.is(hasAcked) && y.acked.Less(s.Seq):
	default:
		y.set(hasClock)
		y.clock = t.TSVal
	}
}

// staysBefore reports whether the sender has not left the connection before: it
// goes on with the numbers of that, and may close it.
func (o *observation) staysBefore() bool {
	s, x := o.s, o.x
	if !x.is(inherited) || s.Seq != x.nxt || s.Ack != x.acked {
		return false
	}
	if x.state == SynRecv {
		o.takeBack(o.from, x.gotSyn, x.beforeRst)
	}
	if x.state != TimeWait { // that is over, and only waits
		x.set(stayed)
	}
	if s.Flags.Has(FIN) {
		o.sendsFin()
	}
	o.counts()
	o.step.Findings |= ConnectionBefore
	return true
}

// goesOnBefore reports whether the sender of a SYN, real or not, has not left the
// connection before: what it sends has no number of the new one.
func (o *observation) goesOnBefore() bool {
	s, x, y := o.s, o.x, o.y
	if !y.is(inherited) || x.state != SynSent || s.Flags&(SYN|RST|ACK) != ACK || s.Seq == x.nxt {
		return false
	}
	if y.state == SynRecv {
		y.state = y.beforeRst
	}
	syn := x.iss
	x.restart(Unknown)
	x.set(inherited | active)
	x.fin = syn // for StartsNew
	return true
}

// wasAnswered looks at an end in SYN_SENT that goes on after its SYN, and
// acknowledges what is not of the connection before: the peer has left that, in
// a SYN,ACK that the capture lacks.
func (o *observation) wasAnswered() {
	s, x, y := o.s, o.x, o.y
	if y.is(inherited) && x.state == SynSent && s.Flags&(SYN|RST|ACK) == ACK && s.Seq == x.nxt && s.Ack != y.nxt && s.Ack.Sub(y.iss)-1 >= y.nxt.Sub(y.iss) {
		o.leavesBefore(o.to)
		y.learnRcv(x.iss.Add(1))
	}
}

// leavesBefore takes an end that was believed to be in the connection before for
// one that has opened the new one when the SYN came.
func (o *observation) leavesBefore(e End) {
	h := &o.c.half[e]
	if h.state != SynRecv && o.step.Revised.Since == 0 {
		o.step.Findings |= Corrected
		o.step.Before[e] = SynRecv
		o.step.Revised = Revision{End: e, Since: 1, State: SynRecv}
	}
	h.restart(SynRecv)
	h.set(passive)
	h.gotSyn = 1
}
