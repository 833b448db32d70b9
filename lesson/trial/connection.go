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
	number   int // from 1
	narrator *lesson.Narrator
	sum      tcp.Conn // the same, whose client is who opened it
	ends     [2]netip.AddrPort
	opener   tcp.End
	untold   []*lesson.Segment
	begun    bool             // some of it has been told
	flying   []*passage       // sent and not arrived
	shown    [2]tcp.State     // by end, as told last
	truth    [2]lesson.Kernel // by end, what its kernel said last
	last     time.Time        // when a segment of it was sent last
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
		number: len(x.all) + 1, opener: p.from, ends: ends,
		narrator: lesson.NewNarrator(ends[tcp.Client], ends[tcp.Server]),
	}
	x.latest[ends] = c
	x.all = append(x.all, c)
	if k := p.inFlight[p.from.Peer()]; p.Flags&(tcp.SYN|tcp.ACK) == tcp.SYN && k.Asked() {
		c.narrator.Conn().Know(p.from, tcp.Closed) // whether anybody listens, no segment shows
		c.narrator.Conn().Know(p.from.Peer(), k.State)
	}
	return c
}

// departs takes a segment that was sent into its connection.
func (x *trial) departs(p *passage) error {
	c := x.owner(p)
	p.owner, p.row = c, c.narrator.Depart(&p.Captured)
	c.flying = append(c.flying, p)
	c.last = time.Now()
	return nil
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
	p, c := l.passage, l.owner
	if l.fate != lesson.Delayed {
		c.flying = slices.DeleteFunc(c.flying, func(q *passage) bool { return q == p })
	}
	switch {
	case l.fate.Arrives():
		if err := x.crosses(c, p); err != nil {
			return err
		}
	case p.told && l.fate == lesson.Lost:
		s := c.narrator.Lose(p.row, time.Now())
		s.Before, s.InFlight, s.Kernel = c.truth, c.truth, c.truth
		return x.row(c, s)
	case p.told:
		return nil
	}
	s, left, first := p.row, p.row.Step, !p.told && l.fate != lesson.Copied
	s.Repeats, s.Provoked = p.repeats, p.provoked
	switch {
	case !l.fate.Arrives():
		s.Fate = l.fate
		if to := p.from.Peer(); c.shown[to] != tcp.Unknown {
			s.Step.Before[to], s.Step.After[to] = c.shown[to], c.shown[to]
		}
	case first:
		s.Captured = l.what
		c.narrator.Arrive(s, l.fate)
	case l.fate == lesson.Corrupted:
		s.Captured = l.what
		s = c.narrator.Later(p.row, l.fate, time.Now())
	case l.fate == lesson.Delivered:
		s = c.narrator.Later(p.row, lesson.Arrived, time.Now())
	default:
		s = c.narrator.Later(p.row, l.fate, time.Now())
	}
	p.told = true
	// What its sender has done since it left is told with what that sent.
	if e := p.from; first && left.Before[e] != left.After[e] {
		s.Step.After[e] = left.After[e]
	} else if c.shown[e] != tcp.Unknown {
		s.Step.Before[e], s.Step.After[e] = c.shown[e], c.shown[e]
	}
	if l.fate.Arrives() {
		c.sum.Observe(&s.Segment)
	}
	for e := range s.Before {
		before, on := s.Step.Before[e], s.Step.Before[e]
		if first && tcp.End(e) == p.from {
			on = s.Step.After[e]
		}
		s.Before[e] = agreeing(before, c.truth[e], p.inFlight[e])
		s.InFlight[e] = agreeing(on, p.inFlight[e], c.truth[e])
	}
	x.check(c, l, s)
	return x.row(c, s)
}

// crosses tells the departure of what the receiver has sent before a segment
// reaches it, if that has changed its state.
func (x *trial) crosses(c *connection, p *passage) error {
	for _, q := range c.flying {
		if q.from == p.from || q.told || q.row.Step.Before[q.from] == q.row.Step.After[q.from] {
			continue
		}
		q.told = true
		for e := range q.row.Before {
			q.row.Before[e] = agreeing(q.row.Step.Before[e], c.truth[e], q.inFlight[e])
			q.row.InFlight[e] = agreeing(q.row.Step.After[e], q.inFlight[e], c.truth[e])
		}
		q.row.Repeats, q.row.Provoked = q.repeats, q.provoked
		q.row.Kernel = q.row.InFlight
		if err := x.row(c, q.row); err != nil {
			return err
		}
	}
	return nil
}

// lag is how long a kernel is given to show what it has done.
const lag = 50 * time.Millisecond

// check compares what both kernels said with what the segment did. The program
// that it has woken may have gone on already: then its kernel's answer is true
// of a later moment, a segment to come shows that, and it does not count here.
func (x *trial) check(c *connection, l *landing, s *lesson.Segment) {
	late := time.Now().Add(lag)
	for e, k := range l.after {
		e := tcp.End(e)
		for ; k.Asked() && !k.Agrees(s.Step.After[e]); k, _ = x.ask(l.passage, e) {
			if x.sent(c, e) {
				k = lesson.Kernel{}
				break
			}
			if time.Now().After(late) {
				x.disagreed++
				break
			}
			select {
			case i := <-x.items:
				x.queue = append(x.queue, i)
			case <-time.After(time.Millisecond):
			}
		}
		if k.Asked() && k.Agrees(s.Step.After[e]) {
			k.State = s.Step.After[e] // the listener found in place of no socket is CLOSED
		}
		s.Kernel[e] = k
		if k.Asked() {
			c.truth[e] = k
		}
	}
}

// sent reports whether a segment of this end is on its way that has not been
// told.
func (x *trial) sent(c *connection, e tcp.End) bool {
	for _, q := range c.flying {
		if q.from == e {
			return true
		}
	}
	for _, i := range x.queue {
		if i.sent != nil && i.sent.from == e && c.narrator.Owns(&i.sent.Segment) {
			return true
		}
	}
	return false
}
