package tcp

// Conn follows one connection from outside: it is shown the segments in the
// order captured and tells what each did to both ends. It is a flat value
// without pointers, and its zero value is ready: the ends are then found from
// the first segment. A Conn reads no clock and does no I/O.
//
// A capture shows what was sent, not what arrived. Conn takes for granted that
// a segment arrives at once, the receiver's checks permitting, until a later
// segment shows otherwise: every segment's acknowledgement number says exactly
// what its sender had received when it left. What then proves wrong is taken
// back, and the Step says so in Revised.
type Conn struct {
	ends  [2]Endpoint
	half  [2]half
	n     uint32
	first int64 // time of the first segment, and the latest time, in nanoseconds
	last  int64
	bytes [2]uint64 // payload by sender, each byte counted once
	// widest is the widest window each end has offered, in its own scale.
	widest [2]uint16
	seen   Completeness
	latest End // who sent the last segment
	odd    oddity
}

// NewConn returns a connection whose ends are known beforehand.
func NewConn(client, server Endpoint) Conn {
	return Conn{ends: [2]Endpoint{client, server}}
}

// Endpoint returns the address and port of an end.
func (c *Conn) Endpoint(e End) Endpoint { return c.ends[e] }

// State returns the state an end is in after what was observed so far.
func (c *Conn) State(e End) State {
	if c.inDoubt() {
		return c.presumed(e)
	}
	if c.self() {
		e = Client
	}
	if s, ok := c.bouncedState(e); ok {
		return s
	}
	return c.half[e].state
}

// inDoubt reports whether one of the ends may have sent a FIN unseen.
func (c *Conn) inDoubt() bool { return (c.half[Client].facts|c.half[Server].facts)&doubtful != 0 }

// Know tells the connection a state that a socket call has made certain:
// LISTEN after listen(), CLOSED before connect().
func (c *Conn) Know(e End, s State) {
	h := &c.half[e]
	h.state, h.calls = s, certain
	if s == Listen {
		h.calls |= listens
	}
}

// AllAcked reports whether everything that both ends have sent, SYN and FIN
// included, has been acknowledged.
func (c *Conn) AllAcked() bool {
	return c.n > 0 && c.half[Client].una == c.half[Client].nxt && c.half[Server].una == c.half[Server].nxt
}

// Received is how many payload bytes have reached an end in order.
func (c *Conn) Received(e End) uint64 {
	x, y := &c.half[e.Peer()], &c.half[e]
	if !x.is(knowsSeq) || !y.is(knowsRcv) {
		return 0
	}
	n := y.rcv.Sub(x.iss.Add(1))
	if y.is(gotPeerFin) {
		n--
	}
	return uint64(n)
}

// Sent reports whether an end has sent all of s before: its data, SYN or FIN.
func (c *Conn) Sent(e End, s *Segment) bool {
	x := &c.half[e]
	return s.SeqLen() > 0 && x.is(knowsSeq) && (c.long(e) || x.iss.LessEq(s.Seq)) && s.End().LessEq(x.nxt)
}

// sentBefore reports whether an end that has sent its SYN has sent all of s
// before, an ACK without data too.
func (c *Conn) sentBefore(e End, s *Segment) bool {
	x := &c.half[e]
	if !x.is(sentSyn) || s.Flags.Has(SYN) {
		return x.is(sentSyn) && s.Seq == x.iss
	}
	return (c.long(e) || x.iss.Less(s.Seq)) && s.End().LessEq(x.nxt)
}

// long reports whether an end has sent so much that its initial sequence
// number, half of all numbers behind, may seem to lie ahead (RFC 9293 §3.4).
func (c *Conn) long(e End) bool { return c.bytes[e] >= 1<<30 }

// Relative counts a number of an end's stream from its first one. What comes
// from before that is negative. Of an end that has sent more than 1 GiB nobody can
// tell: its numbers are counted modulo 2^32 (RFC 9293 §3.4).
func (c *Conn) Relative(e End, n Seq) int64 {
	h := &c.half[e]
	d := n.Sub(h.iss)
	if n.Less(h.iss) && !c.long(e) && h.nxt.Sub(h.iss) < 1<<30 {
		return int64(d) - 1<<32
	}
	return int64(d)
}

// FinReceived reports whether the peer's FIN has reached an end.
func (c *Conn) FinReceived(e End) bool { return c.half[e].is(gotPeerFin) }

// StartsNew reports whether s, which has this connection's addresses and
// ports, begins another one: a SYN with another initial sequence number.
func (c *Conn) StartsNew(s *Segment) bool {
	if s.Flags&(SYN|ACK) != SYN || c.n == 0 {
		return false
	}
	switch x := &c.half[c.endOf(s)]; {
	case x.is(inherited | active):
		return x.facts&(sentFin|doubtful) == 0 && s.Seq != x.fin
	case x.is(inherited):
		return false
	default:
		return x.is(knowsSeq) && s.Seq != x.iss
	}
}

// Observe shows the connection its next segment.
func (c *Conn) Observe(s *Segment) Step { return c.ObserveAt(Anywhere, s) }

// Follow is Observe for a caller that needs no Step.
func (c *Conn) Follow(s *Segment) {
	var o observation
	after := s.Time - c.last
	o.look(c, s, c.next(s))
	o.after = after
	o.judge()
}

// next counts the segment and says who sent it.
func (c *Conn) next(s *Segment) (from End) {
	c.n++
	if c.n == 1 {
		c.begin(s)
	}
	c.last = max(c.last, s.Time) // a clock may be set back
	return c.endOf(s)
}

// spoke notes who sent the segment, once it has been looked at.
func (c *Conn) spoke(from End) {
	c.half[from].set(hasSent)
	c.latest = from
}

// look begins to look at a segment. It fills in what is zero: to put a whole
// observation there, a processor would have to wait for its parts.
func (o *observation) look(c *Conn, s *Segment, from End) {
	to := c.peer(from)
	o.c, o.s, o.from, o.to = c, s, from, to
	o.x, o.y = &c.half[from], &c.half[to]
}

// judge is all that a segment does to both ends.
func (o *observation) judge() {
	if !o.expected() {
		o.atLength()
	}
	o.c.spoke(o.from)
	o.c.sees(o.s)
}

// atLength asks of a segment everything that may matter.
func (o *observation) atLength() {
	switch {
	case o.s.BadChecksum:
		o.step.Findings |= BadChecksum
	case o.alien() && !o.beginsUnseen(), !o.lacks() && o.stray():
		o.step.Findings |= Gap | Unacceptable
	case o.answersAnew() && o.y.state != SynSent: // the first answer is the one that the receiver has taken (RFC 9293 §3.10.7.3)
		o.x.set(twice)
		o.step.Findings |= Unacceptable
	default:
		o.goesOn()
		o.goesOnBefore()
		o.wasAnswered()
		o.filled = o.fills()
		o.numbers()
		o.notice()
		o.was, o.had, o.acked, o.hadAcked = o.x.nxt, o.x.rcv, o.x.acked, o.x.is(hasAcked)
		o.acksMore = o.s.Flags.Has(ACK) && o.x.is(hasAcked) && o.x.acked.Less(o.s.Ack)
		o.fresh = o.acksMore || o.s.Flags.Has(ACK) && !o.x.is(hasAcked) || o.x.nxt.Less(o.s.End())
		o.passes()
		o.settle()
	}
}

// ends fills in the states after the step.
func (o *observation) ends() {
	c := o.c
	o.step.After = c.states()
	if o.s != nil && !o.s.HasWindow() {
		o.step.Findings &^= byWindow
	}
	if o.doubted || c.inDoubt() { // no word of how it came to a state that is not known
		for e := range o.step.After {
			before, after := o.step.Before[e], o.step.After[e]
			if c.inDoubt() || before != Unknown {
				o.step.Taken[e] = Path{}
				if before != Unknown && before != after && (o.doubted || after != Unknown) && o.step.Revised.Since == 0 {
					o.step.Findings |= Corrected
					o.step.Before[e] = Unknown
					o.step.Revised = Revision{End: End(e), Since: c.n - 1, State: Unknown}
				}
			}
		}
	}
	for e := range c.half {
		if c.self() {
			o.step.Taken[e] = o.step.Taken[Client]
		}
		if c.bounced(End(e)) != notBounced {
			o.step.Taken[e], o.step.GoesOn[e] = Path{}, c.goesOn(End(e))
		}
		o.step.Inferred[e] = c.infers(End(e))
	}
}

// infers reports whether an end's state is concluded: nothing on the wire says so.
func (c *Conn) infers(e End) bool {
	h := &c.half[e]
	if c.self() {
		h = &c.half[Client]
	}
	switch c.bounced(e) {
	case gaveUp:
		return true
	case doubted:
		return false
	case notBounced:
	}
	return h.state == Closed || h.state == Listen || h.state == SynRecv && !h.is(answered) && h.calls&certain == 0
}

// peer is the other end; for a socket connected to itself, the same one.
func (c *Conn) peer(e End) End {
	if c.self() {
		return e
	}
	return e.Peer()
}

func (c *Conn) states() [2]State { return [2]State{c.State(Client), c.State(Server)} }

// endOf says which end sent s.
func (c *Conn) endOf(s *Segment) End {
	from := c.byPort(&s.Src)
	if c.ends[from] != s.Src {
		return Server
	}
	return from
}

// byPort is the client if an end has its port. Nobody can predict who sends
// next: this is a comparison, and what depends on it an index, so that the
// processor need not.
func (c *Conn) byPort(e *Endpoint) (from End) {
	if e.Port != c.ends[Client].Port {
		from = Server
	}
	return from
}

// begin finds the roles, where they are not known, and what the first segment
// says of the time before it.
func (c *Conn) begin(s *Segment) {
	c.first, c.last = s.Time, s.Time
	syn, ack := s.Flags.Has(SYN), s.Flags.Has(ACK)
	if c.ends == [2]Endpoint{} {
		c.ends = [2]Endpoint{s.Src, s.Dst}
		if syn && ack || s.refuses() || !syn && s.Src.Port < s.Dst.Port {
			c.ends = [2]Endpoint{s.Dst, s.Src}
		}
	}
	if s.refuses() { // what it answers was not seen
		c.half[c.endOf(s)].state, c.half[c.peer(c.endOf(s))].state = Closed, SynSent
		c.half[c.peer(c.endOf(s))].set(active)
	}
	if c.ends[Client] == c.ends[Server] {
		c.odd |= oneSocket
	}
	if syn && !ack {
		x := c.endOf(s)
		if y := &c.half[c.peer(x)]; y.state == Unknown {
			y.state = Listen
		}
		if x := &c.half[x]; x.state == Unknown || c.self() {
			x.state = Closed
		}
	}
}

// observation is one segment being looked at: x is its sender, y its receiver.
type observation struct {
	c    *Conn
	s    *Segment
	from End
	to   End
	x, y *half
	step Step
	at   Vantage
	// exact: departures and arrivals are known, so nothing is taken for
	// granted and nothing taken back.
	exact bool
	after int64 // nanoseconds since the segment before, of either end
	// fresh: the sender acknowledges more than before, or goes on in its own
	// numbers, so that this is no packet from before.
	fresh bool
	was   Seq // the sender's next number before
	had   Seq // what it was known to have received before
	// doubted: before it, one of the ends may have sent a FIN unseen.
	doubted bool
	// filled: it was missing until now, and its receiver has acknowledged it.
	filled   bool
	acked    Seq // what the sender had acknowledged before, if hadAcked
	hadAcked bool
	// acksMore: it acknowledges more than it has before.
	acksMore bool
	linux    Linux // the receiver's kernel
}

// stray reports whether a segment cannot be its sender's own: it lies beyond
// what was sent so far and beyond the window that the receiver has offered.
func (o *observation) stray() bool {
	s, x, y := o.s, o.x, o.y
	return s.Flags&(SYN|RST) == 0 && o.windowKnown() && x.facts&(pastSyn|answered) != 0 && y.is(hasAcked) &&
		x.nxt.Less(s.Seq) && !y.acceptable(s, true)
}

// answersAnew reports whether a SYN,ACK carries another number than the one
// before it: a server with SYN cookies remembers none.
func (o *observation) answersAnew() bool {
	return !o.exact && o.s.Flags.Has(SYN|ACK) && o.x.is(sentSyn) && o.x.facts&(active|pastSyn) == 0 && o.s.Seq != o.x.iss && o.x.state != Listen && o.x.state != Closed && o.x.state != TimeWait
}

// answersAnother begins another attempt where an end that has been refused or
// reset answers a SYN with a new number: the SYN is one that was not seen, or
// that began another stream.
func (o *observation) answersAnother() {
	s, x, y := o.s, o.x, o.y
	if o.exact || o.at != Anywhere || !s.Flags.Has(SYN|ACK) || o.c.outran(s) || !x.is(sentSyn|answered) || s.Seq == x.iss || x.state != Listen && x.state != Closed && x.state != TimeWait {
		return
	}
	x.restart(Listen)
	y.unset(sentRst)
	if s.Ack != y.nxt && (y.state == Closed || y.state == SynSent || y.state == TimeWait) {
		y.restart(SynSent)
		y.learnSeq(s.Ack - 1)
		y.una = y.iss
		y.set(active)
	}
}

// numbers learns the sequence numbers that this segment is the first to show.
func (o *observation) numbers() {
	s, x := o.s, o.x
	switch {
	case s.Flags.Has(SYN):
		if !o.exact && s.Flags.Has(ACK) && x.is(knowsSeq) && !x.is(sentSyn) && s.Seq != x.iss && o.y.state == SynSent && o.y.iss.Less(s.Ack) && s.Ack.LessEq(o.y.nxt) {
			if x.is(inherited) && x.state != SynRecv {
				o.leavesBefore(o.from)
			} else {
				opened := x.facts & passive
				x.restart(x.state)
				x.set(opened) // what was known are the numbers of an earlier connection
			}
			o.y.unset(sentRst)
		}
		o.answersAnother()
		if o.answersAnew() {
			x.iss, x.nxt = s.Seq, s.Seq
			o.y.learnRcv(s.Seq.Add(1))
		}
		if !x.is(knowsSeq) {
			x.learnSeq(s.Seq)
			x.nxt, x.una = s.Seq, s.Seq // not sent yet; counted below
		}
		if s.Seq == x.iss {
			x.set(sentSyn)
			if s.Options.SACKPermitted {
				x.set(sacks)
			}
			if s.Options.HasFastOpen || s.Options.Cut {
				x.set(fastOpen)
			}
			if s.Options.HasScale {
				x.set(scaled)
				x.scale = min(s.Options.WindowScale, 14) // RFC 7323 §2.3
			}
			o.negotiates()
		}
	case s.refuses() && !o.exact:
		o.y.learnSeq(s.Ack - 1)
	case !s.Flags.Has(RST):
		x.learnSeq(s.Seq - 1)
	}
	if !o.exact && s.Flags.Has(ACK) && !s.Flags.Has(RST) {
		o.y.learnSeq(s.Ack - 1)
	}
}

// negotiates makes of two SYNs what is agreed on: where the answer offers no
// scaling, there is none (RFC 7323 §2.2). If an offer may have been cut off, the
// two are made to differ, which stands for not known.
func (o *observation) negotiates() {
	s, x, y := o.s, o.x, o.y
	switch {
	case o.exact || !y.is(sentSyn):
	case s.Options.Cut && y.is(scaled):
		x.unset(scaled)
	case s.Options.Cut:
		x.set(scaled)
	case s.Flags.Has(ACK) && !x.is(scaled) && y.is(scaled):
		y.unset(scaled)
		y.scale = 0
	}
}

// notice finds what is notable about the numbers, before they are taken over.
func (o *observation) notice() {
	s, x, y := o.s, o.x, o.y
	n, f := s.SeqLen(), Findings(0)
	closed := y.is(hasAcked|pastSyn) && y.edge == y.acked // y's window
	switch {
	case s.Flags.Has(RST) || !x.is(knowsSeq):
	case x.nxt.Less(s.Seq):
		f |= Gap
	case o.filled:
	case closed && s.Len == 1 && s.Flags&(SYN|FIN) == 0 && s.Seq == y.acked:
		f |= WindowProbe
	case n <= 1 && s.Flags&(SYN|FIN|RST) == 0 && s.Seq.Add(1) == x.nxt && x.una == x.nxt && x.facts&(pastSyn|answered) != 0:
		if f |= KeepAlive; closed && n == 0 {
			f = WindowProbe
		}
	case n > 0 && s.Seq.Less(x.nxt):
		f |= Retransmission
		if y.is(knowsRcv) && y.holed() && y.wire.LessEq(s.Seq) {
			f |= OutOfOrder
			if !o.exact && y.missing(s.Seq, s.End()) == n {
				f &^= Retransmission // none of it was seen: it may as well have been late
			}
		}
	}
	if s.Flags&(SYN|FIN|RST|ACK) == ACK && s.Len == 0 && x.is(hasAcked) && s.Ack == x.acked && f == 0 {
		switch {
		case s.Window != x.window && x.is(pastSyn) && s.Options.SACKBlocks == 0: // else that of a SYN, which is never scaled
			f |= WindowUpdate
		case o.waitsStill():
			f |= DuplicateAck
		}
	}
	if s.Flags&(SYN|RST) == 0 && s.Window == 0 {
		f |= ZeroWindow
	}
	if s.Flags.Has(SYN) && s.Len > 0 {
		f |= SynData
	}
	o.step.Findings |= f
}

// byWindow are the findings that nobody can make without having seen the window:
// whether an acknowledgement only repeats the last, or what an old number is to
// draw an answer to.
const byWindow = DuplicateAck | WindowUpdate | ZeroWindow | WindowProbe | KeepAlive

// waitsStill reports whether an ACK that repeats a number waits for something the
// peer has sent; a challenge ACK may be of another connection (RFC 5961 §4).
func (o *observation) waitsStill() bool {
	s, y := o.s, o.y
	return s.Ack != y.nxt && s.Ack.Less(y.nxt) && (y.iss.Less(s.Ack) || o.c.long(o.to))
}

// relative fills in the numbers people read.
func (o *observation) relative() {
	x, y := o.x, o.y
	if x.is(knowsSeq) {
		o.step.Seq = o.c.Relative(o.from, o.s.Seq)
	}
	if y.is(knowsSeq) && o.s.Flags.Has(ACK) {
		o.step.Ack = o.c.Relative(o.to, o.s.Ack)
	}
	o.reported()
}

// move lets an end take the arrow for an event, if the table has one.
func (o *observation) move(e End, on Event) Verdict {
	h := &o.c.half[e]
	id := answers[h.state][on]
	switch id {
	case ruleImpossible:
		return Impossible
	case ruleStays:
		return Stays
	}
	switch on {
	case RcvSyn, RcvSynAck, RcvAckOfSyn:
		h.gotSyn = o.c.n
		if on == RcvSyn && h.state != SynSent {
			h.set(passive)
		}
	case RcvFin:
		h.gotFin = o.c.n
	case RcvAckOfFin:
		h.gotSyn = o.c.n
	case RcvRst, RcvRstAtPassive:
		h.gotFin, h.beforeRst = o.c.n, h.state
		h.set(wasReset)
	}
	h.state = leads[id]
	o.step.Taken[e].add(id)
	return Moves
}

// force puts an end into the only state that explains what it does, when the
// segment that led there was not captured.
func (o *observation) force(e End, s State) {
	o.c.half[e].state = s
	o.c.half[e].calls &^= certain
}

// takeBack undoes a receipt that had been taken for granted since a step.
func (o *observation) takeBack(e End, since uint32, s State) {
	o.c.half[e].state = s
	if since == 0 || since >= o.c.n {
		o.step.Findings |= Contradiction
		return
	}
	o.step.Findings |= Corrected
	o.step.Before[e] = o.c.State(e)
	o.step.Revised = Revision{End: e, Since: since, State: o.step.Before[e]}
}

// undo returns the state from which event on leads to s.
func undo(s State, on Event) State {
	for i := range rules {
		if rules[i].On == on && rules[i].To == s {
			return rules[i].From
		}
	}
	return s
}
