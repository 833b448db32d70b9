package ladder

import (
	"slices"
	"strings"
	"time"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
)

// trip is how far a segment comes as it is drawn: its fate, or, while a person
// decides what that is to be, half-way.
type trip struct {
	lesson.Fate
	held bool
}

// tripOf is the trip of a segment that is told.
func tripOf(s *lesson.Segment) trip { return trip{Fate: s.Fate} }

// word stands at the arrow; a segment that simply arrives needs none.
func (p *pen) word(t trip) string {
	switch {
	case t.held:
		return p.say(words.inFlight)
	case t.Fate == lesson.Delivered:
		return ""
	}
	return p.say(t.Text())
}

// arrow is the segment itself, between the lifelines: what its sender let go
// begins there, what reaches the other end ends there, and what does neither
// is open in the middle.
func (w *wide) arrow(s *lesson.Segment, t trip) {
	from := s.Step.From & 1
	i := of(from)
	if s.Flags.Has(tcp.RST) {
		i = resetInk
	}
	head := [2]string{w.sign.toRight, w.sign.toLeft}[from]
	if discarded(s) && t.Arrives() {
		head = w.sign.refused
	}
	word := w.word(t)
	label := span{boldInk, " " + word + " "}
	room := w.inner - text.Width(label.text)
	// The parts, in the order in which the segment passes them.
	var parts row
	shaft := func(n int) { parts = append(parts, span{i, w.shaft(s, n)}) }
	sign := func(ink ink, s string) { parts = append(parts, span{ink, s}) }
	gap := func(n int) { parts = append(parts, span{none, strings.Repeat(" ", max(n, 0))}) }
	trail := text.Width(w.sign.trail)
	switch {
	case t.held, t.Fate == lesson.Delayed:
		n := min(w.inner/2-1, room-1-trail)
		shaft(n)
		sign(i, head)
		sign(i, w.sign.trail)
		parts = append(parts, label)
		gap(room - n - 1 - trail)
	case t.Fate == lesson.Lost:
		n := min(w.inner*2/3-1, room-1)
		shaft(n)
		sign(boldInk, w.sign.lost)
		parts = append(parts, label)
		gap(room - n - 1)
	case t.Fate == lesson.Corrupted:
		n := max((w.inner-text.Width(label.text))/2, 1)
		shaft(n)
		parts = append(parts, label)
		sign(ofBold(from), strings.Repeat(w.sign.damage, room-n-1))
		sign(boldInk, w.sign.refused)
	case t.Fate == lesson.Arrived, t.Fate == lesson.Copied, t.Fate == lesson.Injected:
		begin, heads := w.sign.trail, head
		if t.Fate == lesson.Injected {
			begin = w.sign.nowhere
		}
		if t.Fate == lesson.Copied && !discarded(s) {
			heads += head
		}
		rest := text.Width(begin) + text.Width(heads)
		n := min(w.inner-w.inner/2-text.Width(heads), room-rest)
		gap(room - n - rest)
		parts = append(parts, label)
		sign(i, begin)
		shaft(n)
		sign(i, heads)
	default:
		shaft(w.inner - 1)
		sign(i, head)
	}
	var tail [2]string
	if t.Departs() || t.held {
		tail[from] = w.sign.tail[from]
	}
	if from == tcp.Server {
		slices.Reverse(parts)
	}
	w.rows(nil, []row{parts}, nil, tail[tcp.Client], tail[tcp.Server])
}

// shaft is n columns of an arrow, from left to right: dashed for a
// retransmission, broken in the middle for a RST.
func (w *wide) shaft(s *lesson.Segment, n int) string {
	shaft := make([]rune, max(n, 0))
	for at := range shaft {
		shaft[at] = w.sign.shaft
		if at%2 == 1 && s.Step.Findings.Has(tcp.Retransmission) {
			shaft[at] = ' '
		}
	}
	if s.Step.From == tcp.Server {
		slices.Reverse(shaft) // dashes are counted from the sender
	}
	if gap := []rune(w.sign.gap); s.Flags.Has(tcp.RST) && len(shaft) >= len(gap)+2 {
		copy(shaft[(len(shaft)-len(gap))/2:], gap)
	}
	return string(shaft)
}

// discarded reports whether the receiver throws the segment away.
func discarded(s *lesson.Segment) bool {
	return s.Fate == lesson.Corrupted || s.Step.Findings&(tcp.BadChecksum|tcp.Unacceptable|tcp.ResetIgnored) != 0
}

// flying is a segment that has left and not arrived.
type flying struct {
	stream, n int
	from      tcp.End
}

func flyingOf(s *lesson.Segment) flying { return flying{s.Stream, s.N, s.Step.From & 1} }

// aloft is what is on its way after a segment was told, of every connection.
func (l *Ladder) aloft(s *lesson.Segment) []flying {
	here := flyingOf(s)
	known := slices.Contains(l.air, here)
	switch {
	case s.Fate == lesson.Delayed && !known:
		return append(slices.Clip(l.air), here)
	case s.Fate != lesson.Delayed && known:
		return slices.DeleteFunc(slices.Clone(l.air), func(f flying) bool { return f == here })
	}
	return l.air
}

// withIt is what of a segment's connection is on its way after it was told, if
// that is more than the segment itself.
func (l *Ladder) withIt(s *lesson.Segment) (out []flying) {
	for _, f := range l.aloft(s) {
		if f.stream == s.Stream {
			out = append(out, f)
		}
	}
	if len(out) == 1 && out[0] == flyingOf(s) {
		return nil
	}
	return out
}

// others is what is on its way with a segment, each pointing to where it is
// going: the latest, as many as there is room for.
func (l *Ladder) others(s *lesson.Segment, room int) row {
	aloft := l.withIt(s)
	if len(aloft) == 0 {
		return nil
	}
	dash := strings.Repeat(string(l.sign.shaft), 2)
	for {
		r := row{{none, l.say(words.stillFlying) + l.colon()}}
		for i, f := range aloft {
			if i > 0 {
				r = append(r, span{none, "  "})
			}
			picture := l.number(f.n) + " " + dash + l.sign.toRight
			if f.from == tcp.Server {
				picture = l.sign.toLeft + dash + " " + l.number(f.n)
			}
			r = append(r, span{ofBold(f.from), picture})
		}
		if r.width() <= room {
			return r
		}
		if aloft = aloft[1:]; len(aloft) == 0 {
			return nil
		}
	}
}

// stillFlying is the same in a sentence.
func (p *plain) stillFlying(s *lesson.Segment) string {
	var list []string
	for _, f := range p.withIt(s) {
		list = append(list, p.number(f.n))
	}
	if len(list) == 0 {
		return ""
	}
	return sentence(p.say(words.stillFlying)+p.colon()+strings.Join(list, p.also()), p.o.Lang)
}

// meets says which segments on their way this one crosses, and which it
// overtakes.
func (l *Ladder) meets(s *lesson.Segment) (out []paragraph) {
	var crossed, overtaken []string
	for _, f := range l.air {
		switch {
		case f.stream != s.Stream:
		case f.from != s.Step.From&1 && s.Fate.Departs() && s.Fate != lesson.Lost:
			crossed = append(crossed, l.number(f.n))
		case f.from == s.Step.From&1 && f.n < s.N && s.Fate.Arrives():
			overtaken = append(overtaken, l.number(f.n))
		}
	}
	say := func(t lang.Text, others []string) {
		if len(others) > 0 {
			words := strings.NewReplacer("%1", l.number(s.N), "%2", strings.Join(others, " ")).Replace(l.say(t))
			out = append(out, paragraph{boldInk, l.sign.alert + " ", words})
		}
	}
	say(words.crosses, crossed)
	say(words.overtakes, overtaken)
	return out
}

// repetitions are those that a segment's being on its way has provoked, at both
// ends.
func (l *Ladder) repetitions(s *lesson.Segment) (out []paragraph) {
	from := s.Step.From & 1
	if len(s.Repeats) > 0 {
		out = append(out, paragraph{none, "", sentence(l.repeated(words.repeated, from, pauses(s.Repeats)), l.o.Lang)})
	}
	if len(s.Provoked) > 0 {
		out = append(out, paragraph{none, "", sentence(l.repeated(words.provoked, from.Peer(), s.Provoked), l.o.Lang)})
	}
	return out
}

// pauses are the times between several points in time, the first since 0.
func pauses(at []time.Duration) (between []time.Duration) {
	last := time.Duration(0)
	for _, d := range at {
		between = append(between, d-last)
		last = d
	}
	return between
}

// repeated tells how often something was sent again while a segment was on its
// way, and the times that belong to it.
func (l *Ladder) repeated(said lang.Text, who tcp.End, at []time.Duration) string {
	const most = 8
	var waits []string
	for _, d := range at {
		waits = append(waits, l.clean(duration(d)))
	}
	if len(waits) > most {
		waits = slices.Concat(waits[:most/2], []string{l.clean("…")}, waits[len(waits)-most/2+1:])
	}
	list := strings.Join(waits, l.also())
	return strings.NewReplacer("%who", l.say(words.end[who&1]), "%times", timesIn(l.o.Lang, len(at)), "%list", list).Replace(l.say(said))
}
