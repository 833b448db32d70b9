package ladder

import (
	"strconv"
	"strings"
	"time"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// Flight shows, below what has been told, a segment held in flight: half-way,
// with both ends' states as they are now, what its sender does meanwhile, and
// what the keys do. Called again it shows what has changed. It stands until
// the next event is told. Where the output is not a terminal, nothing is shown.
func (l *Ladder) Flight(f *lesson.Flight, keys lang.Text) error {
	return l.show(func() { l.hand.flight(f) }, keys)
}

// now is the look of both ends while a segment is held.
func (l *Ladder) now(f *lesson.Flight) (looks [2]look) {
	for e := range looks {
		looks[e] = l.see(tcp.End(e), nowState(f, tcp.End(e)), f.Segment.Step.Inferred[e], f.Now[e])
	}
	return looks
}

// nowState is the state the story has of an end while a segment is held.
func nowState(f *lesson.Flight, e tcp.End) tcp.State {
	s := f.Segment
	switch {
	case f.Moved[e] != tcp.Unknown:
		return f.Moved[e]
	case e == s.Step.From&1:
		return s.Step.After[e]
	}
	return s.Step.Before[e]
}

// waiting is what there is to say while a segment is held: most important first.
func (l *Ladder) waiting(f *lesson.Flight, looks [2]look) []paragraph {
	var out []paragraph
	say := func(i ink, s string) { out = append(out, paragraph{i, "", sentence(s, l.o.Lang)}) }
	for e, moved := range f.Moved {
		if moved != tcp.Unknown {
			out = append(out, paragraph{boldInk, l.sign.alert + " ", l.byItself(f, tcp.End(e), moved)})
		}
	}
	out = append(out, l.repetitions(f.Segment)...)
	if clock := l.clock(f); clock != "" {
		say(faintInk, clock)
	}
	if f.Behind > 0 {
		t := words.behind
		if f.Behind == 1 {
			t = words.behindOne
		}
		say(none, l.fill(t, strconv.Itoa(f.Behind)))
	}
	return append(out, l.why(looks)...)
}

// clock is how long a segment has been held, and when its sender will repeat
// it. In a drawing that cannot be taken away, it would be a new line each second.
func (l *Ladder) clock(f *lesson.Flight) string {
	var out []string
	if f.Held >= time.Second {
		out = append(out, l.fill(words.heldFor, l.clean(duration(f.Held.Truncate(time.Second)))))
	}
	if k := f.Now[f.Segment.Step.From&1]; k.Timer == "retransmit" && k.Remaining > 0 {
		left := (k.Remaining + time.Second - 1).Truncate(time.Second)
		out = append(out, l.fill(words.repeatsIn, l.clean(duration(left))))
	}
	if l.o.Plain {
		return ""
	}
	return strings.Join(out, l.comma())
}

// byItself says what a kernel has done without a segment: given up, or
// forgotten the connection.
func (l *Ladder) byItself(f *lesson.Flight, e tcp.End, to tcp.State) string {
	was := f.Segment.Step.Before[e]
	if e == f.Segment.Step.From&1 {
		was = f.Segment.Step.After[e]
	}
	said := func(t lang.Text) string {
		return sentence(strings.NewReplacer("%1", l.say(words.end[e]), "%2", l.state(to)).Replace(l.say(t)), l.o.Lang)
	}
	for _, c := range []struct {
		on   tcp.Event
		text lang.Text
	}{{tcp.Timeout2MSL, words.waitedOut}, {tcp.TimeoutUser, words.gaveUp}} {
		if r, verdict := tcp.Answer(was, c.on); verdict == tcp.Moves && r.To == to {
			return l.join(said(c.text), l.say(r.Why)) + l.ref(r.Ref)
		}
	}
	return said(words.moved)
}

// fill puts a value in a phrase.
func (p *pen) fill(t lang.Text, value string) string {
	return strings.ReplaceAll(p.say(t), "%s", value)
}

func (w *wide) flight(f *lesson.Flight) {
	s := f.Segment
	if w.begun && !w.o.Quiet {
		w.rows(nil, nil, nil, "", "")
	}
	w.before(s)
	w.label(s)
	w.arrow(s, trip{held: true})
	looks := w.now(f)
	w.states(looks, w.between(w.waiting(f, looks)))
}

func (b *block) flight(f *lesson.Flight) {
	if b.begun {
		b.line(nil)
	}
	b.head(f.Segment, trip{held: true})
	looks := b.now(f)
	for e, was := range f.Segment.Step.Before {
		looks[e].changed = was != looks[e].state
		b.state2(tcp.End(e), was, looks[e])
	}
	for _, q := range b.waiting(f, looks) {
		b.wrapped(2, q)
	}
}

func (p *plain) flight(f *lesson.Flight) {
	n := strconv.Itoa(f.Segment.N) + ". "
	p.head(n, f.Segment, trip{held: true})
	looks := p.now(f)
	for e, was := range f.Segment.Step.Before {
		p.sentence(n + p.change(tcp.End(e), was, looks[e]))
	}
	for _, q := range p.waiting(f, looks) {
		p.sentence(n + q.text)
	}
}
