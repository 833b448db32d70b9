package trial

import (
	"net/netip"
	"time"

	"lesson/lesson"
	"lesson/lesson/lang"
)

// turn is how long a connection that is not over may be silent before another
// one is told.
const turn = 300 * time.Millisecond

// telling makes one story of several connections. A ladder shows the states of
// one, so one is told at a time, live; what belongs to others waits until it is
// over or has fallen silent.
type telling struct {
	teller    lesson.Teller
	all       []*connection
	latest    map[[2]netip.AddrPort]*connection // by ends
	current   *connection
	segments  int
	first     time.Time     // of the first segment told
	final     time.Time     // the latest segment's time
	told      time.Duration // the time of the last one told, since the first
	disagreed int
}

func newTelling(t lesson.Teller) telling {
	return telling{teller: t, latest: map[[2]netip.AddrPort]*connection{}}
}

func (t *telling) tell(e lesson.Event) error { return t.teller.Tell(e) }

// call tells what one end's program does, at this moment.
func (t *telling) call(c *lesson.Call) error {
	if !t.first.IsZero() {
		c.Time = max(0, time.Since(t.first))
	}
	return t.tell(c)
}

// show makes a connection the one that is told.
func (t *telling) show(c *connection) error {
	if t.current == c {
		return nil
	}
	if t.current != nil {
		if err := t.flush(t.current); err != nil {
			return err
		}
	}
	if len(c.untold) > 0 {
		return t.flush(c)
	}
	return t.introduce(c, false)
}

// introduce names the connection that is told from here on.
func (t *telling) introduce(c *connection, meanwhile bool) error {
	if err := t.call(&lesson.Call{End: c.opener, Name: "connection", Text: introduced(c, meanwhile)}); err != nil {
		return err
	}
	t.current, c.begun = c, true
	return nil
}

func (t *telling) remark(texts ...lang.Text) error { return t.notes(lesson.Remark, texts) }

func (t *telling) warn(texts ...lang.Text) error { return t.notes(lesson.Warning, texts) }

func (t *telling) notes(kind lesson.NoteKind, texts []lang.Text) error {
	for _, text := range texts {
		if err := t.tell(&lesson.Note{Kind: kind, Explanation: lesson.Explanation{Text: text}}); err != nil {
			return err
		}
	}
	return nil
}

// row tells a segment, now or when it is its connection's turn.
func (t *telling) row(c *connection, s *lesson.Segment) error {
	at := time.Unix(0, s.Time)
	if t.first.IsZero() {
		t.first = at
	}
	s.Since, t.final, s.Stream = at.Sub(t.first), at, c.stream
	c.shown = s.Step.After
	c.untold = append(c.untold, s)
	if c == t.current {
		if err := t.flush(c); err != nil {
			return err
		}
	}
	if t.current == nil || t.current.over() || c.last.Sub(t.current.last) > turn {
		for _, next := range t.all {
			if next == t.current || len(next.untold) == 0 {
				continue
			}
			if err := t.flush(next); err != nil {
				return err
			}
			if !next.over() {
				break
			}
		}
	}
	return nil
}

// flush tells what is untold of a connection, which becomes the current one.
func (t *telling) flush(c *connection) error {
	if len(c.untold) == 0 {
		return nil
	}
	if c != t.current {
		if err := t.introduce(c, c.untold[0].Since < t.told); err != nil {
			return err
		}
	}
	for _, s := range c.untold {
		if s.N > c.counted { // else it is told again
			t.segments += s.N - c.counted
			c.counted = s.N
		}
		t.told = s.Since
		if err := t.tell(s); err != nil {
			return err
		}
	}
	c.untold = nil
	return nil
}

// finish tells what is untold, and sums up.
func (t *telling) finish() error {
	if t.current != nil {
		if err := t.flush(t.current); err != nil {
			return err
		}
	}
	for _, c := range t.all {
		if err := t.flush(c); err != nil {
			return err
		}
	}
	for _, c := range t.all {
		sum := lesson.Summarize(c.stream, &c.sum, 0)
		sum.Segments = c.counted // those too that never arrived
		if err := t.tell(sum); err != nil {
			return err
		}
	}
	return nil
}

func (t *telling) ending(dropped uint64, stopped bool) *lesson.Ending {
	e := &lesson.Ending{
		Segments: t.segments, Connections: len(t.all), Dropped: dropped,
		Kept: true, Stopped: stopped, Disagreed: t.disagreed,
	}
	if !t.first.IsZero() {
		e.Duration = t.final.Sub(t.first)
	}
	return e
}

// allOver reports whether every connection is over.
func (t *telling) allOver() bool {
	for _, c := range t.all {
		if !c.over() {
			return false
		}
	}
	return true
}

// unclosed says of each connection that is not over what it waits for.
func (t *telling) unclosed() (out []lang.Text) {
	for _, c := range t.all {
		if !c.over() {
			out = append(out, stillOpen(c))
		}
	}
	return out
}
