package stage

import (
	"time"

	"lesson/lesson"
	"lesson/lesson/hand"
	"lesson/lesson/tcp"
)

// heartbeat is how often both kernels are asked while nothing moves.
const heartbeat = 100 * time.Millisecond

// hand holds a segment until the person has decided. What its sender repeats
// meanwhile is counted with it, what else comes waits behind it.
func (d *director) hand(s *lesson.Segment, planned lesson.Verb) (lesson.Verb, error) {
	d.way.held = s
	defer func() { d.way.held = nil }()
	f := &lesson.Flight{Segment: s, Now: s.InFlight}
	verb, err := hand.Hold(d.ctx, d.o.Hand, hand.Held{
		Flight: f, Planned: planned, Beat: heartbeat, Ready: d.way.ready,
		Behind: func() int { return len(d.way.sent) },
		Read: func(open bool) error {
			if !open {
				return d.blind()
			}
			return d.read()
		},
		Ask: func() (err error) {
			for e := range f.Now {
				if f.Now[e], err = d.ask(tcp.End(e)); err != nil {
					return err
				}
				if f.Moved[e] = tcp.Unknown; d.alone(tcp.End(e), f.Now[e]) {
					f.Moved[e] = tcp.Closed
				}
			}
			return nil
		},
	})
	if err != nil {
		return 0, err
	}
	d.way.changed = d.way.changed || verb != planned
	return verb, d.follow(f)
}

// alone reports whether a kernel has let its end go by itself.
func (d *director) alone(e tcp.End, k lesson.Kernel) bool {
	return hand.Alone(k, d.conn().State(e))
}

// follow takes over what kernels have done by themselves while a segment was
// held.
func (d *director) follow(f *lesson.Flight) error {
	for e, s := range f.Moved {
		if s != tcp.Unknown {
			if err := d.letGo(tcp.End(e)); err != nil {
				return err
			}
		}
	}
	return nil
}

// idle looks after everything that no segment brings: a kernel that has let its
// end go, a segment that nothing overtakes. It reports whether there was any.
func (d *director) idle() (moved bool, err error) {
	n := len(d.way.flights)
	if err := d.overdue(); err != nil || len(d.way.flights) < n {
		return true, err
	}
	var kernel [2]lesson.Kernel
	for e := range kernel {
		if kernel[e], err = d.ask(tcp.End(e)); err != nil {
			return false, err
		}
		// Twice in a row: a segment that tells of it would have come.
		was := d.way.alone[e]
		d.way.alone[e] = !d.pending() && d.alone(tcp.End(e), kernel[e])
		if was && d.way.alone[e] {
			d.way.alone[e] = false
			return true, d.letGo(tcp.End(e))
		}
	}
	if d.o.Hand != nil {
		return false, d.o.Hand.Idle(kernel)
	}
	return false, nil
}

// letGo tells that a kernel has let its end go because of a timer.
func (d *director) letGo(e tcp.End) error {
	note := hand.LetGo(d.conn(), e)
	if note == nil {
		return nil
	}
	d.moved = true
	d.story.add(note, time.Time{})
	return d.proceed(e)
}
