package stage

import (
	"context"
	"time"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// story is what has happened since the last rest and is not told yet, in the
// order in which it will be told: segments as captured, each followed by the
// calls it made return. Two runs of a lesson are thus told alike, whichever
// thread the kernel happened to wake first.
type story struct {
	items []item
	n     int       // segments since the story began, each counted once
	first time.Time // the first segment's time
	last  time.Time // the latest one's
}

type item struct {
	event lesson.Event
	at    time.Time
	late  bool // a call that followed another one: stands where its time puts it
}

func (s *story) add(e lesson.Event, at time.Time) {
	s.items = append(s.items, item{event: e, at: at})
}

func (s *story) segment(g *lesson.Segment) {
	s.last = time.Unix(0, g.Time)
	if s.n == 0 {
		s.first = s.last
	}
	s.n = max(s.n, g.N) // one that arrives later, or once more, is told again
	s.add(g, s.last)
}

// call adds a call that is done. One that the program made by itself, when an
// earlier call returned, may have come later than the segments that follow.
func (s *story) call(e *lesson.Call, c *call) {
	it := item{event: e, at: c.returned, late: c.queued && !c.blocks()}
	if it.late {
		it.at = c.entered
	}
	s.items = append(s.items, it)
}

// lastCall is the latest event, if it is a call of this end.
func (s *story) lastCall(e tcp.End) *lesson.Call {
	if len(s.items) == 0 {
		return nil
	}
	if c, ok := s.items[len(s.items)-1].event.(*lesson.Call); ok && c.End == e && c.Phase != lesson.Entered {
		return c
	}
	return nil
}

// take returns the events in order and begins anew.
func (s *story) take() []lesson.Event {
	events := make([]lesson.Event, len(s.items))
	for i := len(s.items) - 1; i >= 0; i-- {
		if !s.items[i].late {
			continue
		}
		for j := i; j+1 < len(s.items) && s.items[j].at.After(s.items[j+1].at); j++ {
			if _, ok := s.items[j+1].event.(*lesson.Segment); !ok {
				break
			}
			s.items[j], s.items[j+1] = s.items[j+1], s.items[j]
		}
	}
	for i, it := range s.items {
		if c, ok := it.event.(*lesson.Call); ok {
			c.Time = s.since(it.at)
		}
		events[i] = it.event
	}
	s.items = nil
	return events
}

// since is the time since the first segment; 0 for what came before it.
func (s *story) since(at time.Time) time.Duration {
	if s.n == 0 || at.Before(s.first) {
		return 0
	}
	return at.Sub(s.first)
}

// rest waits until nothing is in flight any more and both kernels have been
// asked, then tells everything since the last rest and the rest itself.
func (d *director) rest() error {
	kernel, err := d.settle()
	if err != nil {
		return err
	}
	if !d.moved {
		return nil
	}
	d.moved = false
	state := d.state()
	if d.hosts == nil {
		d.attach(&kernel, state)
	}
	if err := d.flush(); err != nil {
		return err
	}
	return d.tell(&lesson.Rest{State: state, Kernel: kernel, After: d.story.n, Time: d.story.since(time.Now())})
}

// attach puts the kernel's answers to the rows they are true of: the last one,
// and those before it from which on that end has not moved. An answer that
// differs is shown on the last row alone.
func (d *director) attach(kernel *[2]lesson.Kernel, state [2]tcp.State) {
	for e, k := range kernel {
		if !k.Asked() {
			continue
		}
		agrees := k.Agrees(state[e])
		if agrees {
			k.State = state[e] // the listener found in place of no socket is CLOSED
			kernel[e] = k
		} else {
			d.disagreed++
		}
		for i := len(d.story.items) - 1; i >= 0; i-- {
			s, ok := d.story.items[i].event.(*lesson.Segment)
			if !ok {
				continue
			}
			if agrees && s.Step.After[e] != state[e] {
				break
			}
			s.Kernel[e] = k
			if !agrees {
				break
			}
		}
	}
}

func (d *director) flush() error {
	for _, e := range d.story.take() {
		if err := d.tell(e); err != nil {
			return err
		}
	}
	return nil
}

// poll is how long the kernel is given between two questions. A segment is
// captured just before it is delivered, so the first answer may be too early.
const poll = 200 * time.Microsecond

// settle asks both kernels until they agree with the story, taking in what the
// wire still brings; after the time allowed, the last answer stands.
func (d *director) settle() (kernel [2]lesson.Kernel, err error) {
	if d.hosts != nil {
		if err := d.drain(); err != nil {
			return kernel, err
		}
		return d.truth()
	}
	limit := time.NewTimer(d.o.Settle)
	defer limit.Stop()
	again := time.NewTicker(poll)
	defer again.Stop()
	for {
		if err := d.drain(); err != nil {
			return kernel, err
		}
		agree := !d.pending()
		state := d.state()
		for e := range kernel {
			if kernel[e], err = d.ask(tcp.End(e)); err != nil {
				return kernel, err
			}
			agree = agree && (!kernel[e].Asked() || kernel[e].Agrees(state[e]))
		}
		if agree {
			return kernel, nil
		}
		select {
		case c, ok := <-d.watch.segments:
			if !ok {
				return kernel, d.blind()
			}
			if err := d.segment(c); err != nil {
				return kernel, err
			}
		case <-again.C:
		case <-limit.C:
			return kernel, nil
		case <-d.ctx.Done():
			return kernel, context.Cause(d.ctx)
		}
	}
}

// ask asks the kernel for one end's socket. That it cannot be asked is told
// once; the lesson goes on without.
func (d *director) ask(e tcp.End) (lesson.Kernel, error) {
	if d.o.Ask == nil || d.deaf {
		return lesson.Kernel{}, nil
	}
	k, err := d.o.Ask(e, d.ends[e], d.ends[e.Peer()])
	if err == nil {
		return k, nil
	}
	d.deaf = true
	return lesson.Kernel{}, d.warn(lang.Text{
		EN: "the kernel could not be asked for its states: " + err.Error(),
		ZH: "无法向内核询问套接字状态：" + err.Error(),
	})
}

// kept reports whether the run was what the lesson promised. Nobody promised
// anything for what a person makes of it.
func (d *director) kept() bool { return d.way.changed || d.promises.kept() }

func (d *director) warn(t lang.Text) error {
	return d.tell(&lesson.Note{Kind: lesson.Warning, Explanation: lesson.Explanation{Text: t}})
}

// end tells what is left, what was lost or missing, and the Ending of a script
// that ran to its end, failed with a Problem, or was stopped.
func (d *director) end(failed error) error {
	if err := d.flush(); err != nil {
		return err
	}
	_, broke := lang.AsProblem(failed)
	if failed == nil {
		if differs := d.promises.end(); !d.way.changed && !differs.IsZero() {
			if err := d.tell(&lesson.Note{Kind: lesson.Differs, Explanation: lesson.Explanation{Text: differs}}); err != nil {
				return err
			}
		} else if err := d.moment(lesson.AtEnd); err != nil {
			return err
		}
	}
	dropped := d.o.Wire.Dropped()
	if dropped > 0 {
		if err := d.warn(dropsText(dropped)); err != nil {
			return err
		}
	}
	return d.tell(&lesson.Ending{
		Segments: d.story.n, Connections: 1, Dropped: dropped,
		Kept: !broke && d.kept(), Stopped: failed != nil && !broke, Disagreed: d.disagreed,
		Duration: d.story.last.Sub(d.story.first),
	})
}
