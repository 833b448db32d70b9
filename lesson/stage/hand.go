package stage

import (
	"context"
	"time"

	"lesson/lesson"
	"lesson/lesson/tcp"
)

// Hand is a person who decides what becomes of each segment in flight.
type Hand interface {
	// Flight shows the segment that is held, and what the lesson would do
	// with it. It is called again whenever what it shows has changed.
	Flight(f *lesson.Flight, planned lesson.Verb) error
	// Idle shows that nothing is in flight, and which timers run.
	Idle([2]lesson.Kernel) error
	// Keys yields the keys that are pressed; closed, there is nobody left.
	Keys() <-chan byte
	// Key is told of a key while a segment is held, or while nothing is in
	// flight. The decision is nil where the key decides nothing. An error
	// ends the lesson.
	Key(key byte, held bool) (*Choice, error)
}

// Choice is a decision over a segment in flight: Deliver, Drop, Duplicate,
// Reorder, Delay or Corrupt, or, with Planned, what the lesson would do.
type Choice struct {
	Verb    lesson.Verb
	Planned bool
}

// heartbeat is how often both kernels are asked while nothing moves.
const heartbeat = 100 * time.Millisecond

// hand holds a segment until the person has decided. What its sender repeats
// meanwhile is counted with it, what else comes waits behind it.
func (d *director) hand(s *lesson.Segment, planned lesson.Verb) (lesson.Verb, error) {
	d.way.held = s
	defer func() { d.way.held = nil }()
	left := time.Now()
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	f := &lesson.Flight{Segment: s, Now: s.InFlight}
	for {
		f.Held, f.Behind = time.Since(left), len(d.way.sent)
		if err := d.o.Hand.Flight(f, planned); err != nil {
			return 0, err
		}
		select {
		case key, ok := <-d.o.Hand.Keys():
			switch c, err := d.key(key, ok, true); {
			case err != nil:
				return 0, err
			case c == nil:
			case c.Planned || c.Verb == planned:
				return planned, d.follow(f)
			default:
				d.way.changed = true
				return c.Verb, d.follow(f)
			}
		case _, ok := <-d.way.ready:
			if !ok {
				return 0, d.blind()
			}
			if err := d.read(); err != nil {
				return 0, err
			}
		case <-tick.C:
			for e := range f.Now {
				var err error
				if f.Now[e], err = d.ask(tcp.End(e)); err != nil {
					return 0, err
				}
				if f.Moved[e] = tcp.Unknown; d.alone(tcp.End(e), f.Now[e]) {
					f.Moved[e] = tcp.Closed
				}
			}
		case <-d.ctx.Done():
			return 0, context.Cause(d.ctx)
		}
	}
}

// key hands a key on; a keyboard that is gone is one where Ctrl-D was pressed.
func (d *director) key(key byte, ok, held bool) (*Choice, error) {
	if !ok {
		key = 4
	}
	return d.o.Hand.Key(key, held)
}

// alone reports whether a kernel has let its end go by itself.
func (d *director) alone(e tcp.End, k lesson.Kernel) bool {
	s := d.conn().State(e)
	return k.Asked() && k.Agrees(tcp.Closed) && !k.Agrees(s) && s != tcp.Unknown
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
	on := tcp.TimeoutUser
	if d.conn().State(e) == tcp.TimeWait {
		on = tcp.Timeout2MSL
	}
	rule, _ := tcp.Answer(d.conn().State(e), on)
	d.conn().Happen(e, on)
	if rule == nil {
		return nil
	}
	d.moved = true
	why := rule.Why
	if e == tcp.Client {
		why.EN, why.ZH = "The client's kernel lets the connection go. "+why.EN, "客户端的内核自行放弃了连接。"+why.ZH
	} else {
		why.EN, why.ZH = "The server's kernel lets the connection go. "+why.EN, "服务器的内核自行放弃了连接。"+why.ZH
	}
	d.story.add(&lesson.Note{Kind: lesson.Remark, Explanation: lesson.Explanation{Text: why, Ref: rule.Ref}}, time.Time{})
	return d.proceed(e)
}
