package tcp

// Vantage is where a capture was taken.
type Vantage uint8

// The vantages.
const (
	Anywhere Vantage = iota // not known: every segment is taken to arrive at once
	AtClient
	AtServer
	Between // somewhere on the way
)

// String is the vantage as --vantage has it.
func (v Vantage) String() string { return [...]string{"auto", "client", "server", "middle"}[v] }

// is reports whether a capture from here was taken at an end.
func (v Vantage) is(e End) bool { return v == AtClient+Vantage(e) }

// ObserveAt is Observe for a capture that was taken at v. What is addressed to
// the end there arrives now, and as exactly as Arrive has it. Of any other end
// nothing is taken for granted: it has received what its own segments show it
// has, so that it is never told to be further than it is.
func (c *Conn) ObserveAt(v Vantage, s *Segment) Step {
	var o observation
	after := s.Time - c.last
	o.look(c, s, c.next(s))
	o.after = after
	o.step = Step{N: c.n, From: o.from, Before: c.states()}
	o.doubted = c.inDoubt()
	if !c.self() {
		o.at = v
	}
	o.judge()
	o.relative()
	o.ends()
	return o.step
}

// passes lets a segment leave, and arrive where that is known or taken for
// granted.
func (o *observation) passes() {
	if o.at == Anywhere {
		o.resetBeyond()
		o.bridges()
		o.departs()
		if o.filled {
			o.hadArrived()
		} else {
			o.arrives()
		}
		return
	}
	if !o.at.is(o.from) {
		o.shows()
	}
	o.departs()
	if o.at.is(o.to) {
		o.exact = o.hears(o.to)
		o.arrives()
		o.exact = false
	} else {
		o.travels()
	}
}

// hears reports whether it is known of all that an end is sent when it arrives
// there. Without both SYNs, the windows are not known well enough.
func (o *observation) hears(e End) bool {
	return o.exact || o.at.is(e) && bothScaled(o.x, o.y)
}

// shows lets the sender receive what it must have received to send this. A FIN
// shows it too, by its acknowledgement number: proves tells.
func (o *observation) shows() {
	s, x, y, from := o.s, o.x, o.y, o.from
	switch {
	case s.Flags.Has(RST):
		if x.state == Listen && y.state == SynSent && s.Ack == y.nxt {
			o.takeBack(from, o.c.n-1, Closed) // a refusal: nobody has listened
		}
	case s.Flags&(SYN|ACK) != ACK || y.nxt.Less(s.Ack):
	case x.state == SynSent && y.is(answered) && x.iss.Less(s.Seq) && y.iss.Less(s.Ack):
		o.move(from, RcvSynAck)
	case x.state == SynRecv && y.is(hasAcked) && (s.SeqLen() > 0 || y.iss.Add(1).Less(s.Ack)):
		o.move(from, RcvAckOfSyn) // an end in SYN_RECV sends neither, and has received no more than the SYN
	case x.is(finAcked) && x.heard.Less(s.Ack):
		o.move(from, RcvAckOfFin)
		x.gotSyn = 0 // never to be taken back: if its FIN comes once more, that is an old one
	}
}

// travels takes down what is under way to an end that will show by itself that
// it has come. What the sender sends from the number was on also acknowledges
// that end's FIN: whoever has received any of it knows.
func (o *observation) travels() {
	s, y := o.s, o.y
	if s.Flags&(ACK|RST) != ACK || y.nxt.Less(s.Ack) {
		return
	}
	if y.una.Less(s.Ack) {
		y.una = s.Ack
	}
	if y.is(sentFin) && !y.is(finAcked) && y.fin.Less(s.Ack) {
		y.set(finAcked)
		y.heard = o.was
	}
	if y.is(knowsRcv) {
		y.arrive(s.Seq, s.End())
	}
}
