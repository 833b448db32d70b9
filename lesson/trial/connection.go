package trial

import (
	"net/netip"
	"slices"
	"time"

	"lesson/lesson"
	"lesson/lesson/tcp"
)

// connection is one of those that the programs make.
type connection struct {
	stream   int // its number, from 0
	narrator *lesson.Narrator
	sum      tcp.Conn // the same, whose client is who opened it
	ends     [2]netip.AddrPort
	opener   tcp.End
	untold   []*lesson.Segment
	before   *connection      // the one between the same ends before it
	pending  bool             // its first SYN has not arrived, and its receiver sent nothing
	begun    bool             // some of it has been told
	flying   []*passage       // sent and not arrived
	shown    [2]tcp.State     // by end, as told last
	truth    [2]lesson.Kernel // by end, what its kernel said last
	last     time.Time        // when a segment of it was sent last
	counted  int              // segments told, each once
}

// over reports whether a connection has been and is gone; one end may still
// guard it in TIME_WAIT.
func (c *connection) over() bool {
	for e := tcp.Client; e <= tcp.Server; e++ {
		switch c.narrator.Conn().State(e) {
		case tcp.Closed, tcp.Listen, tcp.TimeWait, tcp.Unknown:
		default:
			return false
		}
	}
	return true
}

// owner finds the connection a segment belongs to, or begins it.
func (x *trial) owner(p *passage) *connection {
	ends := p.ends()
	c := x.latest[ends]
	if c != nil && !c.narrator.Conn().StartsNew(&p.Segment) {
		return c
	}
	c = &connection{
		stream: len(x.all), opener: p.from, ends: ends,
		narrator: lesson.NewNarrator(ends[tcp.Client], ends[tcp.Server]),
	}
	c.narrator.Linux = x.o.Linux
	c.before, x.latest[ends] = x.latest[ends], c
	if c.before != nil {
		c.sum.Succeeds(&c.before.sum, &p.Segment)
		c.before.before = nil
	}
	c.sum.Observe(&p.Segment) // an attempt is one, whether or not it arrives
	x.all = append(x.all, c)
	if k := p.inFlight[p.from.Peer()]; p.Flags&(tcp.SYN|tcp.ACK) == tcp.SYN && k.Asked() {
		c.pending = true
		c.narrator.Conn().Know(p.from, tcp.Closed) // whether anybody listens, no segment shows
		c.finds(p.from.Peer(), k)
	}
	c.shown = [2]tcp.State{c.narrator.Conn().State(tcp.Client), c.narrator.Conn().State(tcp.Server)}
	return c
}

// finds puts the end that is sent a connection's first SYN where its kernel says
// that it is. If that is still in the connection before, it has the numbers of
// that: they decide whether the SYN opens this one (RFC 9293 §3.6.1).
func (c *connection) finds(e tcp.End, k lesson.Kernel) {
	conn := c.narrator.Conn()
	switch {
	case !k.Asked():
	case c.before != nil && k.State == c.before.narrator.Conn().State(e) && !k.Agrees(tcp.Closed):
		conn.Continues(c.before.narrator.Conn(), e)
	case !k.Agrees(conn.State(e)):
		conn.Know(e, k.State)
	}
}

// meets is finds when the SYN arrives: what was on its way before it has arrived
// too. Whether anybody listens, an end in TIME_WAIT does not show.
func (c *connection) meets(l *landing) {
	to := l.from.Peer()
	if c.pending {
		c.finds(to, l.before)
	}
	if c.pending = false; !l.listener.Asked() {
		return
	}
	on := tcp.StopListen
	if l.listener.State == tcp.Listen {
		on = tcp.PassiveOpen
	}
	if conn := c.narrator.Conn(); conn.State(to) == tcp.TimeWait {
		conn.Happen(to, on)
	}
}

// departs takes a segment that was sent into its connection.
func (x *trial) departs(p *passage) {
	c := x.owner(p)
	p.owner, p.row = c, c.narrator.Depart(&p.Captured)
	c.pending = c.pending && p.from == c.opener
	c.flying = append(c.flying, p)
	c.last = time.Now()
}

// arrives takes what has become of a segment into the story.
func (x *trial) arrives(l *landing) error {
	<-l.done
	if l.err != nil && !x.deaf {
		x.deaf = true
		if err := x.warn(deaf(l.err)); err != nil {
			return err
		}
	}
	p, c, to := l.passage, l.owner, l.from.Peer()
	if l.fate != lesson.Delayed {
		c.flying = slices.DeleteFunc(c.flying, func(q *passage) bool { return q == p })
	}
	waits := false
	if l.fate.Arrives() {
		if err := x.leave(c, to); err != nil {
			return err
		}
		c.meets(l)
		waits = c.learn(to, l.before)
		if err := x.backlog(c, l); err != nil {
			return err
		}
	}
	s, left, first := p.row, p.row.Step, !p.told
	switch {
	case p.told && l.fate == lesson.Delayed:
		return nil
	case p.told && l.fate == lesson.Lost:
		s = c.narrator.Lose(p.row, time.Now())
		c.unmoved(s, to)
	case !l.fate.Arrives():
		s.Fate = l.fate
		c.unmoved(s, to)
	case first:
		s.Captured = l.what
		c.narrator.Arrive(s, l.fate)
	default:
		again := *p.row
		again.Captured = l.what
		if l.fate == lesson.Delivered {
			l.fate = lesson.Arrived
		}
		s = c.narrator.Later(&again, l.fate, time.Now())
	}
	if waits {
		s.Explain = append(s.Explain, finWaits(to))
	}
	if moved := left.Before[p.from] != left.After[p.from]; !first || !moved {
		c.unmoved(s, p.from)
	}
	if first {
		p.told = true
		s.Repeats, s.Provoked = p.repeats, p.provoked
	}
	if l.fate.Arrives() {
		c.sum.Observe(&s.Segment)
	}
	c.asked(s, p, first)
	if err := x.check(c, l, s); err != nil {
		return err
	}
	return x.row(c, s)
}

// leave tells the departure of what an end has sent, if that has changed its
// state: something else is about to.
func (x *trial) leave(c *connection, e tcp.End) error {
	for _, q := range c.flying {
		s := q.row
		if q.from != e || q.told || s.Step.Before[e] == s.Step.After[e] {
			continue
		}
		q.told = true
		c.unmoved(s, e.Peer())
		s.Repeats, s.Provoked = q.repeats, q.provoked
		c.asked(s, q, true)
		s.Kernel = s.InFlight
		if err := x.row(c, s); err != nil {
			return err
		}
	}
	return nil
}

// backlog lets those segments leave first that the receiver has sent before it
// took this one: a kernel lays a segment aside while the program is in a call.
func (x *trial) backlog(c *connection, l *landing) error {
	to, k := l.from.Peer(), l.after[l.from.Peer()]
	for late := time.Now().Add(lag); time.Now().Before(late); {
		then := *c.narrator.Conn()
		then.ArriveOn(x.o.Linux, &l.what.Segment)
		if !k.Asked() || k.Agrees(then.State(to)) || x.superseded(c, to) {
			return nil
		}
		if err := x.peek(); err != nil {
			return err
		}
		i := slices.IndexFunc(x.queue, func(i item) bool {
			return i.sent != nil && i.sent.from == to && c.narrator.Owns(&i.sent.Segment)
		})
		if i < 0 {
			x.pause()
			continue
		}
		q := x.queue[i].sent
		if !q.ignores(l.passage) {
			return nil
		}
		x.queue = slices.Delete(x.queue, i, i+1)
		x.departs(q)
		if err := x.leave(c, to); err != nil {
			return err
		}
	}
	return nil
}

// pause waits for something to happen, a moment at most, and takes up all that
// has happened.
func (x *trial) pause() {
	select {
	case i := <-x.items:
		x.queue = append(x.queue, i)
	case <-time.After(time.Millisecond):
	}
	for {
		select {
		case i := <-x.items:
			x.queue = append(x.queue, i)
		default:
			return
		}
	}
}

// unmoved shows an end as it was told last. What it has done since is told with
// the segment that it has sent then.
func (c *connection) unmoved(s *lesson.Segment, e tcp.End) {
	s.Step.Before[e], s.Step.After[e] = c.shown[e], c.shown[e]
}

// asked fills in what the kernels said before a segment left, if that is told
// with it, and while it was on its way.
func (c *connection) asked(s *lesson.Segment, p *passage, leaves bool) {
	for e := range s.Before {
		before, on := s.Step.Before[e], s.Step.Before[e]
		if leaves && tcp.End(e) == p.from {
			on = s.Step.After[e]
		}
		s.Before[e] = agreeing(before, c.truth[e], p.inFlight[e])
		s.InFlight[e] = agreeing(on, p.inFlight[e], c.truth[e])
	}
}

// lag is how long a kernel is given to show what it has done.
const lag = 50 * time.Millisecond

// patience is how often it is asked again at least: on a busy machine the wire
// may have had no turn for as long as that.
const patience = 10

// check compares what both kernels said with what the segment did. The program
// that it has woken may have gone on already: then its kernel's answer is true
// of a later moment, a segment to come shows that, and it does not count here.
func (x *trial) check(c *connection, l *landing, s *lesson.Segment) error {
	late := time.Now().Add(lag)
	for e, k := range l.after {
		e, asked := tcp.End(e), 0
		for ; k.Asked() && !k.Agrees(s.Step.After[e]); k, _ = x.ask(l.passage, e) {
			if err := x.peek(); err != nil {
				return err
			}
			if x.goesOn(c, e) {
				k = lesson.Kernel{}
				break
			}
			if asked++; asked > patience && time.Now().After(late) {
				if s.Step.After[e] == c.narrator.Conn().State(e) && c.learn(e, k) {
					s.Step.After[e], s.InFlight[e] = k.State, lesson.Kernel{} // it left before that
					s.Explain = append(s.Explain, finWaits(e))
				} else {
					x.disagreed++
				}
				break
			}
			x.pause()
		}
		if k.Asked() && k.Agrees(s.Step.After[e]) {
			k.State = s.Step.After[e] // the listener found in place of no socket is CLOSED
		}
		s.Kernel[e] = k
		if k.Asked() {
			c.truth[e] = k
		}
	}
	return nil
}

// learn takes from a kernel's answer what no segment has shown yet: that an
// end's program has closed. It reports whether the FIN waits behind what was
// sent before (RFC 9293 §3.10.4).
func (c *connection) learn(e tcp.End, k lesson.Kernel) (waits bool) {
	conn := c.narrator.Conn()
	if k.State == tcp.FinWait2 && conn.State(e) == tcp.FinWait2 && k.Timer == "timewait" {
		conn.Happen(e, tcp.Close) // only an abandoned end has that timer
		return false
	}
	rule, _ := tcp.Answer(conn.State(e), tcp.SndFin)
	return rule != nil && rule.To == k.State && conn.Happen(e, tcp.Shutdown).After[e] == k.State
}

// superseded reports whether an end is in the next connection between the same ends:
// what its kernel says is of that.
func (x *trial) superseded(c *connection, e tcp.End) bool {
	next := x.latest[c.ends]
	return next != nil && next != c && (e == next.opener || !next.pending)
}

// goesOn reports whether something of this end is to be told still: a segment
// that it has sent, or one that has reached it.
func (x *trial) goesOn(c *connection, e tcp.End) bool {
	if x.superseded(c, e) {
		return true
	}
	for _, q := range c.flying {
		if q.from == e {
			return true
		}
	}
	for _, i := range x.queue {
		if i.sent != nil && i.sent.from == e && c.narrator.Owns(&i.sent.Segment) ||
			i.arrived != nil && i.arrived.from != e && c.narrator.Owns(&i.arrived.Segment) {
			return true
		}
	}
	return false
}
