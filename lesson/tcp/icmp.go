package tcp

// ICMPError is an ICMP message which says that a segment did not come through,
// and quotes the beginning of it: "destination unreachable", "packet too big",
// "time exceeded", "parameter problem" (RFC 792, RFC 4443).
type ICMPError struct {
	From        [16]byte // who says so: a router on the way, or the other end's host; as in Endpoint
	Src, Dst    Endpoint // of the quoted segment
	Seq         Seq      // its sequence number
	MTU         uint32   // what does come through, in bytes; 0 where that is not said
	V6          bool     // ICMPv6
	Type, Code  uint8
	BadChecksum bool // the message does not match its checksum, and is discarded
}

// Effect is what an ICMP error does to the end whose segment it quotes.
type Effect uint8

// The effects.
const (
	// NoEffect is that of an error which is not about anything under way: the
	// segment it quotes was acknowledged, belongs to another attempt, or its
	// sender knows nothing of it any more (RFC 5927 §4.1).
	NoEffect Effect = iota
	// SoftError changes no state: what was lost is sent again.
	SoftError
	// SmallerPackets changes no state: what was too large is sent again in
	// smaller packets (RFC 1191, RFC 8201).
	SmallerPackets
	// Aborts ends an attempt to connect.
	Aborts
	// MayAbort is that of an error on which some systems forget a connection
	// that somebody else has asked for, and others do not.
	MayAbort
	// Survived is that of an error that was taken to end an attempt, until the
	// end went on with it.
	Survived
	// Unproven is that of an error which may end an attempt, and of which
	// nothing shows that it has reached the end it was sent to.
	Unproven
	// Discarded is that of a message whose checksum is wrong.
	Discarded
	numEffects
)

var effectNames = [numEffects]string{"none", "soft", "smaller-packets", "aborts", "may-abort", "survived", "unproven", "discarded"}

// String is the stable name: "aborts".
func (e Effect) String() string {
	if e >= numEffects {
		return "unknown"
	}
	return effectNames[e]
}

// ICMPStep is what an ICMP error did to both ends.
type ICMPStep struct {
	N        uint32   // how many segments of the connection came before it
	To       End      // whose segment it quotes
	Seq      int64    // the quoted sequence number, counted from that end's first (Conn.Relative)
	Before   [2]State // by End
	After    [2]State
	Inferred [2]bool
	GoesOn   [2]State // by End: where After is CLOSED only because of an ICMP error, what it is if the end goes on
	Taken    [2]Path
	Effect   Effect
	// Since is not 0 where it is doubtful now whether the other end has received
	// what was taken to have arrived there in the segment of that number: from
	// then on its state is Unknown.
	Since uint32
}

// bounce is what an ICMP error has made of one end, until that end is heard
// again. The state behind it is that of an end which goes on.
type bounce uint8

const (
	notBounced bounce = iota
	gaveUp            // it has given up its attempt to connect: CLOSED
	doubted           // it may not have received what its state rests on: Unknown
)

// oddity is what is out of the ordinary about a connection, as bits: that both
// ends are one socket, connected to itself, and the bounce of each end.
type oddity uint8

const oneSocket oddity = 1

func (c *Conn) self() bool { return c.odd&oneSocket != 0 }

func (c *Conn) bounced(e End) bounce { return bounce(c.odd >> (2*e + 1) & 3) }

func (c *Conn) bounce(e End, b bounce) {
	at := 2*e + 1
	c.odd = c.odd&^(3<<at) | oddity(b)<<at
}

// ObserveICMP shows the connection an ICMP error that quotes one of its
// segments, in a capture that was taken at v. Which system received it is not
// known, so only what all of them do is told. An end in SYN_SENT gives up; if
// it is seen to go on all the same, the next Step says so in Revised.
func (c *Conn) ObserveICMP(v Vantage, m *ICMPError) (step ICMPStep) {
	e, x, _, ok := c.beginICMP(m, &step)
	defer func() { c.endICMP(&step) }()
	if !ok || c.bounced(e) == gaveUp {
		return step
	}
	step.Effect = c.effect(x, m)
	if v != Anywhere && !v.is(e) && (step.Effect == Aborts || step.Effect == MayAbort) {
		step.Effect = Unproven
	}
	switch step.Effect {
	case Aborts:
		c.bounce(e, gaveUp)
		step.Taken[e].add(answers[x.state][x.onError()])
	case MayAbort:
		c.bounce(e, doubted)
	case NoEffect, Discarded:
		return step
	case SoftError, SmallerPackets, Survived, Unproven:
	}
	if since := c.neverCame(e, m); since > 0 && c.bounced(e.Peer()) == notBounced {
		c.bounce(e.Peer(), doubted)
		step.Since = since
	}
	return step
}

// ArriveICMP tells the connection that an ICMP error has reached the kernel of
// the end whose segment it quotes, and that this kernel is Linux.
func (c *Conn) ArriveICMP(m *ICMPError) (step ICMPStep) {
	e, x, y, ok := c.beginICMP(m, &step)
	defer func() { c.endICMP(&step) }()
	if !ok {
		return step
	}
	step.Effect = c.effect(x, m)
	if step.Effect == MayAbort && !m.dropsRequest() || step.Effect == SoftError && !m.heeded() {
		step.Effect = NoEffect
	}
	if step.Effect == Aborts || step.Effect == MayAbort {
		o := observation{c: c, x: x, y: y, from: e, to: e.Peer()}
		o.move(e, x.onError())
		step.Taken, step.Effect = o.step.Taken, Aborts
	}
	return step
}

// beginICMP finds the end whose segment is quoted; false where the connection
// is that of a socket with itself, or has not begun.
func (c *Conn) beginICMP(m *ICMPError, step *ICMPStep) (e End, x, y *half, ok bool) {
	e = Client
	if c.ends[Client] != m.Src {
		e = Server
	}
	x, y = &c.half[e], &c.half[e.Peer()]
	step.N, step.To, step.Before = c.n, e, c.states()
	if x.is(knowsSeq) {
		step.Seq = c.Relative(e, m.Seq)
	}
	return e, x, y, !c.self() && c.ends[e] == m.Src && c.ends[e.Peer()] == m.Dst
}

func (c *Conn) endICMP(step *ICMPStep) {
	step.After = c.states()
	for e := range c.half {
		step.Inferred[e], step.GoesOn[e] = c.infers(End(e)), c.goesOn(End(e))
	}
}

// goesOn is the state behind that of an end which has given up its attempt
// because of an ICMP error, as it seems; otherwise Unknown.
func (c *Conn) goesOn(e End) State {
	if c.bounced(e) == gaveUp && !c.inDoubt() {
		return c.half[e].state
	}
	return Unknown
}

// effect is what an ICMP error does to the end whose segment it quotes, as far
// as systems agree.
func (c *Conn) effect(x *half, m *ICMPError) Effect {
	switch {
	case m.BadChecksum:
		return Discarded
	case m.quench():
		return NoEffect
	}
	switch x.state {
	case Closed, Listen, TimeWait:
		return NoEffect
	}
	if x.is(knowsSeq) && (m.Seq.Less(x.una) || x.nxt.Less(m.Seq)) {
		return NoEffect
	}
	switch {
	case m.TooBig():
		return SmallerPackets
	case x.state == SynRecv && !x.is(active):
		if x.is(knowsSeq) && m.Seq != x.iss {
			return NoEffect
		}
		return MayAbort
	case x.state == SynSent || x.state == SynRecv:
		if m.heeded() {
			return Aborts
		}
	}
	return SoftError
}

// neverCame is the step since which the receiver is taken to have received the
// quoted segment, where its state rests on that alone; or 0.
func (c *Conn) neverCame(e End, m *ICMPError) (since uint32) {
	x, y := &c.half[e], &c.half[e.Peer()]
	syn, bare := m.Seq == x.iss, m.Seq == x.nxt && !m.TooBig()
	switch {
	case !x.is(knowsSeq) || y.is(hasSent) && c.latest != e: // it has said since then what it has received
	case y.state == SynRecv && !y.is(answered) && syn:
		return y.gotSyn
	case y.state == Established && !y.is(pastSyn) && (syn || bare && x.nxt == x.iss.Add(1)): // the last ACK of the handshake
		return y.gotSyn
	case y.is(gotPeerFin) && x.is(sentFin) && m.Seq.LessEq(x.fin) && !(y.is(hasAcked) && x.fin.Less(y.acked)):
		return y.gotFin
	case y.is(finAcked) && bare:
		return y.gotSyn
	}
	return 0
}

// onError is the event that an ICMP error is for an end that opens.
func (h *half) onError() Event {
	if h.state == SynRecv && !h.is(active) {
		return RcvErrAtPassive
	}
	return RcvErr
}

// goesOn ends what an ICMP error has made doubtful of the sender of a segment:
// by whatever it sends it shows that its connection goes on, by a RST that it
// does not.
func (o *observation) goesOn() {
	c, e := o.c, o.from
	was := c.bounced(e)
	switch {
	case was == notBounced, was == doubted && (o.late() || o.copied()):
		return
	case was == gaveUp && o.s.Flags.Has(RST):
		o.x.state = Closed // so it is: an end without a socket answers with RST
		return
	}
	c.bounce(e, notBounced)
	if was == gaveUp {
		o.step.Before[e] = c.State(e)
		since := c.n
		if c.latest == o.to {
			since-- // an answer has come meanwhile
		}
		o.step.Findings |= Corrected
		o.step.Revised = Revision{End: e, Since: since, State: c.State(e)}
		return
	}
	if o.s.Flags.Has(ACK) && o.x.is(gotPeerFin) && o.y.fin.Less(o.s.Ack) && c.latest == o.to {
		o.step.Findings |= Corrected // a FIN that was sent again has come
		o.step.Before[e] = c.State(e)
		o.step.Revised = Revision{End: e, Since: c.n - 1, State: c.State(e)}
	}
}

// bouncedState is the state that an ICMP error has left an end in.
func (c *Conn) bouncedState(e End) (s State, ok bool) {
	switch c.bounced(e) {
	case gaveUp:
		return Closed, true
	case doubted:
		return Unknown, true
	case notBounced:
	}
	return 0, false
}

// quench reports whether the message is a source quench, which everybody
// ignores (RFC 6633 §3).
func (m *ICMPError) quench() bool { return !m.V6 && m.Type == 4 }

// TooBig reports whether the segment was too large for a link on its way.
func (m *ICMPError) TooBig() bool {
	return m.V6 && m.Type == 2 || !m.V6 && m.Type == 3 && m.Code == 4
}

// heeded reports whether Linux heeds an error, so that it ends an attempt to
// connect, and in an open connection is kept for the program: every one that
// does not ask for smaller packets, but that of a time-out in reassembly over
// IPv4, and codes that there are not.
func (m *ICMPError) heeded() bool {
	switch {
	case m.TooBig() || m.quench():
		return false
	case !m.V6 && m.Type == 11:
		return m.Code != 1
	case !m.V6 && m.Type == 3:
		return m.Code <= 15
	}
	return true
}

// dropsRequest reports whether Linux forgets a connection in SYN_RECV that came
// from LISTEN. Over IPv4 these are the errors that may pass, over IPv6 those
// that may not.
func (m *ICMPError) dropsRequest() bool {
	if m.V6 {
		switch m.Type {
		case 1:
			return m.Code != 0 && m.Code != 2 && m.Code != 3
		case 4:
			return true
		}
		return false
	}
	switch m.Type {
	case 3:
		return m.Code <= 1
	case 11:
		return m.Code != 1
	case 12:
		return true
	}
	return false
}
