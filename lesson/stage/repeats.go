package stage

import (
	"time"

	"lesson/lesson"
	"lesson/lesson/hand"
	"lesson/lesson/tcp"
)

// landed is a segment that was handed over, and when that began and ended, in
// nanoseconds since 1970. What its receiver sent in between is its answer, but
// for what nobody sends who has it.
type landed struct {
	segment      lesson.Segment
	began, ended int64
}

// absorbed takes off the wire what would not be there if segments took no time:
// while one is held, or only waits for its turn, its sender may repeat it, and
// its receiver what it answers. Both are counted with it. On a slow machine the
// kernels' timers do so of their own accord, which no lesson is about.
func (d *director) absorbed(from tcp.End, c *tcp.Captured) bool {
	if s := d.way.held; s != nil && (repeats(s, from, c) || s.Step.From != from && d.provokes(s, from, c)) {
		return true
	}
	for _, f := range d.way.flights {
		if f.until == lesson.Hold && repeats(f.segment, from, c) {
			return true
		}
	}
	l := &d.way.landed
	answers := from != l.segment.Step.From
	if answers && l.began <= c.Time && c.Time <= l.ended {
		return stops(&l.segment, c) && d.provokes(&l.segment, from, c)
	}
	for _, f := range d.way.sent {
		if i := d.fault(f.segment); i >= 0 && d.way.faults[i].Verb == lesson.Delay {
			continue // its repetition is what it will wait for
		}
		if d.owes(f.segment, from, c) {
			return true
		}
	}
	if s := d.way.landing; s != nil {
		return d.owes(s, from, c)
	}
	// It may also have left at the last moment, too late to be counted.
	return c.Time < l.ended && d.owes(&l.segment, from, c)
}

// owes reports whether a segment was sent only because s, which nobody has held
// back, has not arrived yet, and counts it with s.
func (d *director) owes(s *lesson.Segment, from tcp.End, c *tcp.Captured) bool {
	again := s.Flags&(tcp.SYN|tcp.ACK) == tcp.SYN && c.Flags.Has(tcp.SYN|tcp.ACK) // it will draw another SYN,ACK
	return repeats(s, from, c) || (again || stops(s, c)) && s.Step.From != from && d.provokes(s, from, c)
}

// stops reports whether a kernel that has received s does not send c any more, or
// not when it would have. In SYN_SENT an acknowledgement of something else makes
// Linux set its timer anew.
func stops(s *lesson.Segment, c *tcp.Captured) bool {
	syn := c.Flags&(tcp.SYN|tcp.ACK) == tcp.SYN
	return s.Flags.Has(tcp.RST) || s.Flags.Has(tcp.ACK) && (syn || c.End().LessEq(s.Ack))
}

// repeats counts with a segment what repeats it; false if c does not.
func repeats(s *lesson.Segment, from tcp.End, c *tcp.Captured) bool {
	ok := s.Step.From == from && hand.Repeats(&c.Segment, &s.Segment)
	if ok {
		s.Repeats = append(s.Repeats, time.Duration(c.Time-s.Time))
	}
	return ok
}

// provokes counts with a segment what its receiver has sent before, and repeats
// as it has no answer; false if c is something else.
func (d *director) provokes(s *lesson.Segment, from tcp.End, c *tcp.Captured) bool {
	ok := d.conn().Sent(from, &c.Segment) && (!c.Flags.Has(tcp.SYN|tcp.ACK) || d.conn().Summary().End[from].Answered)
	if ok {
		s.Provoked = append(s.Provoked, time.Duration(c.Time-s.Time))
	}
	return ok
}
