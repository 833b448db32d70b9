package tcp

// Happen tells the connection of what no segment shows: a call that a program
// made (PassiveOpen, StopListen, Close, Shutdown, StopReading, Abort) or the
// end of a timer (Timeout2MSL, TimeoutUser). What a call has sent at once is
// told before it, with Depart.
//
// So a FIN that has not left by then has to wait behind data. Its end has
// closed all the same: it is in FIN_WAIT1 or LAST_ACK from now on (RFC 9293
// §3.10.4). And data that comes after Close, or after both Shutdown and
// StopReading, resets the connection (§3.6.1).
func (c *Conn) Happen(e End, on Event) Step {
	o := observation{c: c, from: e, to: c.peer(e), x: &c.half[e], y: &c.half[c.peer(e)],
		step: Step{N: c.n, From: e, Before: c.states()}}
	h := o.x
	o.move(e, on)
	switch on {
	case PassiveOpen:
		h.calls |= listens | certain
	case StopListen:
		h.calls &^= listens
		if h.state == SynRecv && h.is(passive) {
			h.calls |= deserted
		}
	case Close:
		h.calls |= gone | deaf
		if h.state == SynRecv {
			o.move(e, SndFin)
		}
		o.queuesFin()
	case StopReading:
		h.calls |= deaf
	case Shutdown:
		if h.state == SynRecv {
			h.calls |= finishes
		}
		o.queuesFin()
	}
	o.ends()
	return o.step
}

// queuesFin closes an end whose FIN has not left yet.
func (o *observation) queuesFin() {
	if o.x.state == Established || o.x.state == CloseWait {
		o.move(o.from, SndFin)
	}
}

// Crash tells the connection that the kernel at one end has forgotten it
// without a word, as a machine does that lost power. That end is CLOSED, and
// nobody listens there. What segments of the old connection say is still
// counted from its first number, and in its scale.
func (c *Conn) Crash(e End) {
	h := &c.half[e]
	*h = half{state: Closed, calls: certain, facts: h.facts & (knowsSeq | hasSent), iss: h.iss, nxt: h.nxt, una: h.una, scale: h.scale}
}
