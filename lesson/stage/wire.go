package stage

import (
	"fmt"
	"slices"
	"time"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// way is what lies between two hosts: nothing arrives but by the director.
type way struct {
	faults  []lesson.Action  // what the script has said of segments to come
	flights []*flight        // on their way, in the order in which they left
	waiting []tcp.Captured   // sent while another one was held, not looked at yet
	sample  [2]*tcp.Captured // the latest segment of each end
	first   [2]tcp.Seq       // each end's first sequence number
	crashed [2]bool          // its kernel's last RST is not part of the story
	truth   [2]lesson.Kernel // what the kernels said last
	changed bool             // a person has decided otherwise than the lesson
	alone   [2]bool          // its kernel had let go of it when last asked
}

// flight is a segment that has left, has been told, and is still on its way.
type flight struct {
	segment *lesson.Segment
	until   lesson.Verb // Hold: the script delivers it; Reorder, Delay: see lesson.Verb
	left    time.Time
}

// overtaken is how long a segment waits for one that overtakes it.
const overtaken = time.Second

// onWire takes a segment that has left its sender, and does with it what the
// script, or the person who watches, has decided.
func (d *director) onWire(c tcp.Captured) error {
	from := d.sender(&c)
	if d.way.crashed[from] && c.Flags.Has(tcp.RST|tcp.ACK) {
		d.way.crashed[from] = false
		return nil
	}
	if d.absorbed(from, &c) || d.story.n == 0 && !c.Flags.Has(tcp.SYN) {
		return nil
	}
	if err := d.flush(); err != nil {
		return err
	}
	d.moved = true
	s := d.narrator.Depart(&c)
	s.Before = d.way.truth
	d.way.sample[from] = &s.Captured
	d.way.first[from] = c.Seq.Add(-s.Step.Seq)
	var err error
	if s.InFlight, err = d.truth(); err != nil {
		return err
	}
	verb := d.fault(s)
	if d.o.Hand != nil {
		if verb, err = d.hand(s, verb); err != nil {
			return err
		}
	}
	return d.send(s, verb)
}

func (d *director) sender(c *tcp.Captured) tcp.End {
	if c.Src == d.conn().Endpoint(tcp.Client) {
		return tcp.Client
	}
	return tcp.Server
}

// fault is what the script has said of a segment; most are simply delivered.
func (d *director) fault(s *lesson.Segment) lesson.Verb {
	for i, a := range d.way.faults {
		if a.Of == (lesson.Selector{From: s.Step.From, Flags: s.Flags}) {
			d.way.faults = slices.Delete(d.way.faults, i, i+1)
			return a.Verb
		}
	}
	return lesson.Deliver
}

// send does with a segment what was decided.
func (d *director) send(s *lesson.Segment, verb lesson.Verb) error {
	switch verb {
	case lesson.Drop:
		s.Fate, s.Kernel = lesson.Lost, s.InFlight
		return d.row(s)
	case lesson.Hold, lesson.Reorder, lesson.Delay:
		s.Kernel = s.InFlight
		d.way.flights = append(d.way.flights, &flight{s, verb, time.Now()})
		return d.row(s)
	case lesson.Corrupt:
		s.Captured = d.hosts.Corrupt(&s.Captured)
		return d.arrive(s, lesson.Corrupted)
	case lesson.Duplicate:
		if err := d.arrive(s, lesson.Delivered); err != nil {
			return err
		}
		return d.land(s, lesson.Copied)
	default:
		return d.arrive(s, lesson.Delivered)
	}
}

// arrive hands over a segment that is not told yet, and tells it.
func (d *director) arrive(s *lesson.Segment, fate lesson.Fate) (err error) {
	if err = d.hosts.Deliver(s.Step.From, &s.Captured); err != nil {
		return err
	}
	d.narrator.Arrive(s, fate)
	if s.Kernel, err = d.truth(); err != nil {
		return err
	}
	if err := d.row(s); err != nil {
		return err
	}
	return d.overtakes(s)
}

// land hands over a segment that has been told, and tells that it arrives.
func (d *director) land(told *lesson.Segment, fate lesson.Fate) (err error) {
	if err = d.hosts.Deliver(told.Step.From, &told.Captured); err != nil {
		return err
	}
	before := d.way.truth
	s := d.narrator.Later(told, fate, time.Now())
	s.Before, s.InFlight = before, before
	if s.Kernel, err = d.truth(); err != nil {
		return err
	}
	return d.row(s)
}

// overtakes lets those arrive that the segment has overtaken, or that it
// repeats.
func (d *director) overtakes(by *lesson.Segment) error {
	for i := 0; i < len(d.way.flights); i++ {
		f := d.way.flights[i]
		if f.segment == by || f.segment.Step.From != by.Step.From {
			continue
		}
		if f.until == lesson.Reorder || f.until == lesson.Delay && repeats(&by.Segment, &f.segment.Segment) {
			d.way.flights = slices.Delete(d.way.flights, i, i+1)
			if err := d.land(f.segment, lesson.Arrived); err != nil {
				return err
			}
			i--
		}
	}
	return nil
}

// overdue lets a segment arrive that nothing has overtaken.
func (d *director) overdue() error {
	for i, f := range d.way.flights {
		if f.until == lesson.Reorder && time.Since(f.left) > overtaken {
			d.way.flights = slices.Delete(d.way.flights, i, i+1)
			return d.land(f.segment, lesson.Arrived)
		}
	}
	return nil
}

// repeats reports whether s is another sending of what t carries.
func repeats(s, t *tcp.Segment) bool {
	return s.SeqLen() > 0 && s.Flags&tcp.SYN == t.Flags&tcp.SYN &&
		t.Seq.LessEq(s.Seq) && s.End().LessEq(t.End())
}

// absorbed takes repetitions of a segment that the script holds off the wire:
// they are counted with it.
func (d *director) absorbed(from tcp.End, c *tcp.Captured) bool {
	for _, f := range d.way.flights {
		if f.until == lesson.Hold && f.segment.Step.From == from && repeats(&c.Segment, &f.segment.Segment) {
			f.segment.Repeats = append(f.segment.Repeats, time.Duration(c.Time-f.segment.Time))
			return true
		}
	}
	return false
}

// deliver lets the held segment arrive that an action names, once it is there.
func (d *director) deliver(a lesson.Action) error {
	for {
		i := slices.IndexFunc(d.way.flights, func(f *flight) bool {
			return f.until == lesson.Hold && a.Of == lesson.Selector{From: f.segment.Step.From, Flags: f.segment.Flags}
		})
		if i >= 0 {
			f := d.way.flights[i]
			d.way.flights = slices.Delete(d.way.flights, i, i+1)
			return d.land(f.segment, lesson.Arrived)
		}
		what := lang.Text{
			EN: fmt.Sprintf("%s from the %s to be held", a.Of.Flags, a.Of.From),
			ZH: fmt.Sprintf("扣下%s发出的 %s", endZH(a.Of.From), a.Of.Flags),
		}
		if err := d.oneMore(what); err != nil {
			return err
		}
	}
}

// inject lets an old segment arrive, made from a later one of the same end.
func (d *director) inject(a lesson.Action) error {
	from := a.Of.From
	sample := d.way.sample[from]
	if sample == nil {
		return &lang.Problem{What: lang.Text{
			EN: fmt.Sprintf("line %d of the lesson: the %s has sent nothing yet that could be injected", a.Line, from),
			ZH: fmt.Sprintf("课程第 %d 行：%s还没有发送过任何报文段，无从注入", a.Line, endZH(from)),
		}}
	}
	old := d.hosts.Altered(sample, func(s *tcp.Segment) {
		s.Flags = a.Of.Flags
		s.Seq = d.way.first[from].Add(uint32(a.Seq))
		if s.Ack = 0; s.Flags.Has(tcp.ACK) {
			s.Ack = d.way.first[from.Peer()].Add(uint32(a.Ack))
		}
	})
	old.Time = time.Now().UnixNano()
	if err := d.flush(); err != nil {
		return err
	}
	if err := d.hosts.Deliver(from, &old); err != nil {
		return err
	}
	before := d.way.truth
	s := d.narrator.Inject(&old)
	s.Before, s.InFlight = before, before
	var err error
	if s.Kernel, err = d.truth(); err != nil {
		return err
	}
	return d.row(s)
}

// truth asks both kernels, once more where they do not agree with the story: a
// program may just be holding the socket.
func (d *director) truth() (kernel [2]lesson.Kernel, err error) {
	limit := time.Now().Add(d.o.Settle)
	for {
		agree := true
		for e, state := range d.state() {
			if kernel[e], err = d.ask(tcp.End(e)); err != nil {
				return kernel, err
			}
			agree = agree && (!kernel[e].Asked() || kernel[e].Agrees(state))
		}
		if agree || time.Now().After(limit) {
			break
		}
		time.Sleep(poll)
	}
	for e, state := range d.state() {
		switch k := &kernel[e]; {
		case !k.Asked():
		case k.Agrees(state):
			k.State = state // the listener found in place of no socket is CLOSED
		default:
			d.disagreed++
		}
	}
	d.way.truth = kernel
	return kernel, nil
}

// glance asks both kernels before a call is made. What the programs have just
// done may still be on its way to the story: then the answer says nothing of it.
func (d *director) glance() error {
	for e, state := range d.state() {
		k, err := d.ask(tcp.End(e))
		if err != nil {
			return err
		}
		if k.Asked() && k.Agrees(state) {
			k.State = state
			d.way.truth[e] = k
		}
	}
	return nil
}

// delayAcks lets those hosts delay their acknowledgements that the script names.
func (d *director) delayAcks() error {
	if d.hosts == nil {
		return nil
	}
	for _, a := range d.lesson.Script {
		if a.Verb == lesson.DelayAcks && a.Holds(d.o.Set) {
			if err := d.hosts.DelayAcks(a.End); err != nil {
				return err
			}
		}
	}
	return nil
}
