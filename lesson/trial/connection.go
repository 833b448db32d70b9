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
	begun    bool         // some of it has been told
	flying   []*passage   // sent and not arrived
	shown    [2]tcp.State // by end, as told last
	last     time.Time    // when a segment of it was sent last
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
	if p.before.Asked() { // whether anybody listens, no segment shows
		c.narrator.Conn().Know(p.from, tcp.Closed)
		c.narrator.Conn().Know(p.from.Peer(), p.before.State)
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

// arrives takes a segment that has been delivered into the story.
func (x *trial) arrives(p *passage) error {
	<-p.done
	if p.err != nil && !x.deaf {
		x.deaf = true
		if err := x.warn(deaf(p.err)); err != nil {
			return err
		}
	}
	c := p.owner
	c.flying = slices.DeleteFunc(c.flying, func(q *passage) bool { return q == p })
	// What the receiver has done before this reaches it stands before it.
	for _, q := range c.flying {
		if q.from != p.from && !q.told && q.row.Step.Before[q.from] != q.row.Step.After[q.from] {
			q.told = true
			if err := x.row(c, q.row); err != nil {
				return err
			}
		}
	}
	s, left := p.row, p.row.Step
	if p.told {
		s = c.narrator.Later(p.row, lesson.Arrived, time.Now())
	} else {
		c.narrator.Arrive(s, lesson.Delivered)
	}
	// What its sender has done since it left is told with what that sent.
	if e := p.from; !p.told && left.Before[e] != left.After[e] {
		s.Step.After[e] = left.After[e]
	} else if c.shown[e] != tcp.Unknown {
		s.Step.Before[e], s.Step.After[e] = c.shown[e], c.shown[e]
	}
	c.sum.Observe(&p.Segment)
	x.check(c, p, s)
	return x.row(c, s)
}

// lag is how long a kernel is given to show what it has done.
const lag = 50 * time.Millisecond

// check compares what both kernels said with what the segment did. The program
// that it has woken may have gone on already: then its kernel's answer is true
// of a later moment, a segment to come shows that, and it does not count here.
func (x *trial) check(c *connection, p *passage, s *lesson.Segment) {
	late := time.Now().Add(lag)
	for e, k := range p.after {
		e := tcp.End(e)
		for ; k.Asked() && !k.Agrees(s.Step.After[e]); k = x.ask(p, e) {
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
