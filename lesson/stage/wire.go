package stage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"lesson/lesson"
	"lesson/lesson/hand"
	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// way is what lies between two hosts: nothing arrives but by the director.
type way struct {
	ready   <-chan struct{}  // there is something to read; closed when the wire is gone
	faults  []lesson.Action  // what the script has said of segments to come
	sent    []*flight        // have left, and nothing is decided yet; in the order in which they left
	flights []*flight        // are kept on their way
	held    *lesson.Segment  // a person decides over it
	landing *lesson.Segment  // is being handed over
	landed  landed           // what was handed over last
	sample  [2]*tcp.Captured // the latest segment of each end
	first   [2]tcp.Seq       // each end's first sequence number
	crashed [2]bool          // its kernel's last RST is not part of the story
	truth   [2]lesson.Kernel // what the kernels said last
	alone   [2]bool          // its kernel had let go of it when last asked
	changed bool             // a person has decided otherwise than the lesson
	latency time.Duration    // how long a segment takes from one end to the other
}

// flight is a segment that has left its sender and has not arrived.
type flight struct {
	segment *lesson.Segment
	told    bool        // that it has left
	until   lesson.Verb // why it is kept: Hold, Reorder, Delay
	left    time.Time
}

// read takes note of every segment that has left its sender. It is called
// after everything that makes a kernel send, so that what happens at one end
// is known in the order in which it happened.
func (d *director) read() error {
	for {
		c, ok, err := d.hosts.Poll()
		if err != nil || !ok {
			return err
		}
		if d.narrator.Owns(&c.Segment) {
			if err := d.leaves(c); err != nil {
				return err
			}
		}
	}
}

// leaves takes note of one segment.
func (d *director) leaves(c tcp.Captured) (err error) {
	from := d.sender(&c)
	switch {
	case d.way.crashed[from] && c.Flags.Has(tcp.RST|tcp.ACK):
		d.way.crashed[from] = false
		return nil
	case d.absorbed(from, &c):
		return nil
	}
	d.moved = true
	d.opens(from, c.Flags)
	if err := d.meets(from, c.Flags); err != nil {
		return err
	}
	s := d.narrator.Depart(&c)
	s.Before = d.way.truth
	d.way.sample[from] = &s.Captured
	d.way.first[from] = c.Seq - tcp.Seq(s.Step.Seq)
	if s.InFlight, err = d.truth(); err != nil {
		return err
	}
	d.way.sent = append(d.way.sent, &flight{segment: s, left: time.Now()})
	return nil
}

func (d *director) sender(c *tcp.Captured) tcp.End {
	if c.Src == d.conn().Endpoint(tcp.Client) {
		return tcp.Client
	}
	return tcp.Server
}

// decide lets the first segment on its way have its fate: what the script, or
// the person who watches, has decided.
func (d *director) decide() (err error) {
	if err := d.flush(); err != nil {
		return err
	}
	f := d.way.sent[0]
	d.way.sent = d.way.sent[1:]
	for _, g := range d.way.sent {
		if g.told && g.segment.Step.From != f.segment.Step.From {
			if err := d.depart(f); err != nil {
				return err
			}
		}
	}
	verb := lesson.Deliver // most are simply delivered
	if i := d.fault(f.segment); i >= 0 {
		verb = d.way.faults[i].Verb
		d.way.faults = slices.Delete(d.way.faults, i, i+1)
	}
	if d.o.Hand != nil {
		if verb, err = d.hand(f.segment, verb); err != nil {
			return err
		}
	}
	return d.send(f, verb)
}

// meets tells the departure of those segments that one from an end passes on
// the way, if that matters to the states: they are told again when they arrive.
func (d *director) meets(from tcp.End, flags tcp.Flags) error {
	for _, g := range d.way.sent {
		if g.segment.Step.From != from && (flags | g.segment.Flags).Any(tcp.SYN|tcp.FIN) {
			if err := d.depart(g); err != nil {
				return err
			}
		}
	}
	return nil
}

// depart tells that a segment has left, and no more yet.
func (d *director) depart(f *flight) error {
	if f.told {
		return nil
	}
	f.told = true
	s := f.segment
	d.present(s)
	s.Kernel = s.InFlight
	return d.row(s)
}

// fault is which of the script's faults is meant for a segment; -1: none.
func (d *director) fault(s *lesson.Segment) int {
	return slices.IndexFunc(d.way.faults, func(a lesson.Action) bool {
		return a.Of == lesson.Selector{From: s.Step.From, Flags: s.Flags}
	})
}

// send does with a segment what was decided.
func (d *director) send(f *flight, verb lesson.Verb) error {
	s := f.segment
	switch verb {
	case lesson.Drop:
		if f.told {
			s = d.narrator.Lose(s, time.Now())
			s.Before = d.way.truth
		}
		d.present(s)
		s.Fate, s.Kernel = lesson.Lost, s.InFlight
		return d.row(s)
	case lesson.Hold, lesson.Reorder, lesson.Delay:
		f.until = verb
		d.way.flights = append(d.way.flights, f)
		return d.depart(f)
	case lesson.Corrupt:
		s.Captured = d.hosts.Corrupt(&s.Captured)
		return d.arrive(f, lesson.Corrupted)
	case lesson.Duplicate:
		if err := d.arrive(f, lesson.Delivered); err != nil {
			return err
		}
		return d.land(s, lesson.Copied)
	default:
		return d.arrive(f, lesson.Delivered)
	}
}

// arrive hands a segment over and tells it.
func (d *director) arrive(f *flight, fate lesson.Fate) (err error) {
	s := f.segment
	if f.told {
		if fate == lesson.Delivered {
			fate = lesson.Arrived
		}
		err = d.land(s, fate)
	} else {
		d.present(s)
		if err = d.deliver(s); err != nil {
			return err
		}
		d.narrator.Arrive(s, fate)
		err = d.arrived(s)
	}
	if err != nil {
		return err
	}
	return d.overtakes(s)
}

// land hands over a segment that has been told, and tells that it arrives.
func (d *director) land(told *lesson.Segment, fate lesson.Fate) (err error) {
	before := d.way.truth
	if err = d.deliver(told); err != nil {
		return err
	}
	s := d.narrator.Later(told, fate, time.Now())
	s.Before, s.InFlight = before, before
	return d.arrived(s)
}

// present brings up to date what is told of a segment that left some time ago.
func (d *director) present(s *lesson.Segment) {
	for e, state := range d.state() {
		if state != s.Step.After[e] || tcp.End(e) != s.Step.From {
			s.Step.Before[e], s.Step.After[e], s.Before[e] = state, state, d.way.truth[e]
		}
	}
	s.InFlight = d.way.truth
}

// deliver hands a segment to the other host. What that host has sent before is
// told first, where the two cross.
func (d *director) deliver(s *lesson.Segment) error {
	if err := d.meets(s.Step.From, s.Flags); err != nil {
		return err
	}
	if d.way.latency > 0 {
		select {
		case <-time.After(d.way.latency):
		case <-d.ctx.Done():
			return context.Cause(d.ctx)
		}
	}
	d.way.landing = s
	err := d.read() // what was sent while it was on its way
	d.way.landing = nil
	if err != nil {
		return err
	}
	return d.handOver(s)
}

// handOver lets the other host's kernel deal with a segment.
func (d *director) handOver(s *lesson.Segment) error {
	began := time.Now().UnixNano()
	err := d.hosts.Deliver(s.Step.From, &s.Captured)
	d.way.landed = landed{*s, began, time.Now().UnixNano()}
	return err
}

// arrived asks both kernels after an arrival, tells it, and then reads what was
// answered: of that, something may have to be told at once.
func (d *director) arrived(s *lesson.Segment) (err error) {
	if s.Kernel, err = d.truth(); err != nil {
		return err
	}
	if err = d.row(s); err != nil {
		return err
	}
	return d.read()
}

// overtakes lets those arrive that the segment has overtaken, or that it
// repeats. What takes no sequence number is never repeated: any will do.
func (d *director) overtakes(by *lesson.Segment) error {
	for i := 0; i < len(d.way.flights); i++ {
		f := d.way.flights[i]
		if f.segment == by || f.segment.Step.From != by.Step.From {
			continue
		}
		if f.until == lesson.Reorder || f.until == lesson.Delay && (f.segment.SeqLen() == 0 || hand.Repeats(&by.Segment, &f.segment.Segment)) {
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
		if f.until == lesson.Reorder && time.Since(f.left) > hand.Overtaken {
			d.way.flights = slices.Delete(d.way.flights, i, i+1)
			return d.land(f.segment, lesson.Arrived)
		}
	}
	return nil
}

// letThrough lets the held segment arrive that an action names, once it is there.
func (d *director) letThrough(a lesson.Action) error {
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
			ZH: fmt.Sprintf("扣下%s发出的 %s", a.Of.From.Text().ZH, a.Of.Flags),
		}
		if err := d.oneMore(what); err != nil {
			return err
		}
	}
}

// inject lets an old segment arrive, made from a later one of the same end if
// there is one.
func (d *director) inject(a lesson.Action) (err error) {
	from := a.Of.From
	sample := d.way.sample[from]
	if sample == nil {
		blank := d.hosts.Blank(from, d.ends[from].Port(), d.ends[from.Peer()].Port())
		sample = &blank
	}
	old := d.hosts.Altered(sample, func(s *tcp.Segment) {
		s.Flags = a.Of.Flags
		s.Seq = d.way.first[from].Add(uint32(a.Seq))
		if s.Ack = 0; s.Flags.Has(tcp.ACK) {
			s.Ack = d.way.first[from.Peer()].Add(uint32(a.Ack))
		}
	})
	old.Time = time.Now().UnixNano()
	if err := d.meets(from, old.Flags); err != nil {
		return err
	}
	if err := d.flush(); err != nil {
		return err
	}
	before := d.way.truth
	if err := d.handOver(&lesson.Segment{Captured: old, Step: tcp.Step{From: from}}); err != nil {
		return err
	}
	s := d.narrator.Inject(&old)
	s.Before, s.InFlight = before, before
	return d.arrived(s)
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
		select { // no kernel tells when a program lets go of a socket
		case <-time.After(poll):
		case <-d.ctx.Done():
			return kernel, context.Cause(d.ctx)
		}
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
