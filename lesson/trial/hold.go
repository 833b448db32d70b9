package trial

import (
	"slices"
	"time"

	"lesson/lesson"
	"lesson/lesson/hand"
	"lesson/lesson/tcp"
)

// pulse is how often wire and kernels are looked at while a segment is held.
const pulse = 10 * time.Millisecond

// doubtful is how many times in a row a kernel must differ from the story
// before that is believed: what a program has just done may be on its way here.
const doubtful = 10

// kept is a segment that stays on its way: until the next of its sender has
// overtaken it, or until its sender repeats it.
type kept struct {
	*passage
	verb  lesson.Verb
	since time.Time
}

// holding is a segment that is held until its verdict.
type holding struct {
	*passage
	sent    *flight
	verdict chan lesson.Verb
}

// verdict has the person decide; false where the trial is over. The wire is
// read by whoever tells the story meanwhile.
func (x *trial) verdict(p *passage, sent *flight) (verb lesson.Verb, ok bool) {
	h := &holding{p, sent, make(chan lesson.Verb)}
	x.order.Lock()
	x.happens(item{held: h})
	x.order.Unlock()
	select {
	case verb = <-h.verdict:
		return verb, true
	case <-x.quit:
		return 0, false
	}
}

// stays takes down that a segment has left and does not arrive, or not yet.
func (x *trial) stays(p *passage, fate lesson.Fate) {
	l := &landing{passage: p, what: p.Captured, fate: fate, after: p.inFlight, done: make(chan struct{})}
	close(l.done)
	x.order.Lock()
	defer x.order.Unlock()
	x.happens(item{arrived: l})
}

// overtakes lets those arrive that a segment has overtaken, or that it repeats.
func (x *trial) overtakes(by *passage, sent *flight) error {
	for i := 0; i < len(x.kept); {
		k := x.kept[i]
		if k.passage == by || k.Src != by.Src || k.Dst != by.Dst ||
			k.verb == lesson.Delay && !hand.Repeats(&by.Segment, &k.Segment) {
			i++
			continue
		}
		if err := x.release(i, sent); err != nil {
			return err
		}
	}
	return nil
}

// release lets a segment arrive that was kept.
func (x *trial) release(i int, sent *flight) error {
	p := x.kept[i].passage
	x.kept = slices.Delete(x.kept, i, i+1)
	return x.land(p, p.Captured, lesson.Arrived, sent)
}

// hold shows a segment until the person has decided. All that has happened
// before is told, or waits for its turn.
func (x *trial) hold(h *holding) error {
	p, c := h.passage, h.owner
	if err := x.show(c); err != nil {
		return err
	}
	row := *p.row
	f := &lesson.Flight{Segment: &row}
	var differs [2]int
	ask := func() error {
		if err := x.collect(h); err != nil {
			return err
		}
		x.present(&row, p)
		for e := range f.Now {
			k, err := x.ask(p, tcp.End(e))
			if err != nil {
				continue // told with the row
			}
			state := c.narrator.Conn().State(tcp.End(e))
			switch differs[e]++; {
			case k.Agrees(state):
				k.State, differs[e], f.Moved[e] = state, 0, tcp.Unknown
			case differs[e] < doubtful:
				continue
			case hand.Alone(k, state):
				f.Moved[e] = tcp.Closed
			}
			f.Now[e] = k
		}
		return nil
	}
	if err := ask(); err != nil {
		return err
	}
	verb, err := hand.Hold(x.ctx, x.o.Hand, hand.Held{
		Flight: f, Planned: lesson.Deliver, Beat: pulse, Ask: ask,
		Behind: func() int { return len(h.sent.from[0]) + len(h.sent.from[1]) },
	})
	if err != nil {
		x.broke = err
		return err
	}
	p.inFlight = f.Now
	for e, moved := range f.Moved {
		if moved == tcp.Unknown {
			continue
		}
		if err := x.leave(c, tcp.End(e)); err != nil {
			return err
		}
		if note := hand.LetGo(c.narrator.Conn(), tcp.End(e)); note != nil {
			if err := x.tell(note); err != nil {
				return err
			}
		}
		c.shown[e] = c.narrator.Conn().State(tcp.End(e))
	}
	x.last = time.Now()
	select {
	case h.verdict <- verb:
	case <-x.carried:
	}
	return nil
}

// collect takes off the wire what was sent while a segment is held.
func (x *trial) collect(h *holding) error {
	for {
		c, from, ok, err := x.o.Wire.Poll()
		if err != nil || !ok {
			return err
		}
		q := x.passage(c, from)
		if x.absorbed(h, q) {
			continue
		}
		h.sent.add(q)
		x.departs(q)
	}
}

// peek takes off the wire what was sent while a segment waits to be held: it
// has left before that is shown.
func (x *trial) peek() error {
	last := len(x.queue) - 1
	if last < 0 || x.queue[last].held == nil {
		return nil // the carrier reads the wire
	}
	for {
		c, from, ok, err := x.o.Wire.Poll()
		if err != nil || !ok {
			return err
		}
		q := x.passage(c, from)
		x.queue[last].held.sent.add(q)
		x.queue = slices.Insert(x.queue, last, item{sent: q})
		last++
	}
}

// absorbed counts a repetition with what it repeats: the held segment, one
// that waits behind it, or what the held one would have acknowledged.
func (x *trial) absorbed(h *holding, q *passage) bool {
	for _, p := range append([]*passage{h.passage}, h.sent.from[q.from]...) {
		if p.Src == q.Src && p.Dst == q.Dst && hand.Repeats(&q.Segment, &p.Segment) {
			p.repeats = append(p.repeats, time.Duration(q.Time-p.Time))
			return true
		}
	}
	if h.from != q.from && h.Src == q.Dst && h.Dst == q.Src && h.owner.narrator.Conn().Sent(q.from, &q.Segment) {
		h.provoked = append(h.provoked, time.Duration(q.Time-h.Time))
		return true
	}
	return false
}

// present brings up to date what is shown of a segment that left some time ago.
func (x *trial) present(s *lesson.Segment, p *passage) {
	s.Repeats, s.Provoked = p.repeats, p.provoked
	for e := range s.Step.After {
		state := p.owner.narrator.Conn().State(tcp.End(e))
		if tcp.End(e) != p.from || state != s.Step.After[e] {
			s.Step.Before[e], s.Step.After[e] = state, state
		}
		s.Before[e] = agreeing(s.Step.Before[e], p.owner.truth[e], p.inFlight[e])
		s.InFlight[e] = agreeing(state, p.inFlight[e])
	}
}

// agreeing is the first answer that tells of the moment at which an end was in
// a state. A program goes on while its kernel is asked: another answer is true
// of a later moment.
func agreeing(s tcp.State, answers ...lesson.Kernel) lesson.Kernel {
	for _, k := range answers {
		if k.Asked() && k.Agrees(s) {
			k.State = s // the listener found in place of no socket is CLOSED
			return k
		}
	}
	return lesson.Kernel{}
}

// press hands on a key that is pressed while nothing is held.
func (x *trial) press(key byte, ok bool) error {
	_, err := hand.Press(x.o.Hand, key, ok, false)
	x.broke = err
	return err
}

// idle shows that nothing is in flight. Where a kernel will send again, the
// trial waits for that.
func (x *trial) idle(quiet time.Duration) error {
	if x.o.Hand == nil || quiet < calm || time.Since(x.idled) < calm {
		return nil
	}
	x.idled, x.expected = time.Now(), false
	var shown [2]lesson.Kernel
	for _, c := range x.all {
		if len(c.flying) > 0 {
			return nil
		}
		for e, local := range c.ends {
			k, _ := x.o.Ask(tcp.End(e), local, c.ends[tcp.End(e).Peer()]) // only shown
			x.expected = x.expected || k.Timer == "retransmit"
			if c == x.current {
				shown[e] = k
			}
		}
	}
	return x.o.Hand.Idle(shown)
}
