package ladder

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"lesson/lesson"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
)

// block draws each segment as a few short lines: there is no room for
// lifelines below 60 columns.
type block struct{ *Ladder }

func (b *block) opening(o *lesson.Opening) {
	b.wrapped(0, paragraph{titleInk, "", b.say(o.Title)})
	if o.Refs != "" {
		b.wrapped(0, paragraph{faintInk, "", b.clean(o.Refs)})
	}
	b.wrapped(0, paragraph{faintInk, "", b.source(o)})
	for e, ap := range o.Ends {
		if a := endpoint(ap); a != "" {
			b.wrapped(0, paragraph{ofBold(tcp.End(e)), "", b.say(words.end[e]) + " " + b.clean(a)})
		}
	}
	b.line(nil)
}

func (b *block) call(c *lesson.Call) {
	name := b.say(words.end[c.End&1])
	if !c.Text.IsZero() {
		b.wrapped(0, paragraph{of(c.End), name + " ", b.say(c.Text)})
	}
	for _, t := range c.Console {
		b.wrapped(0, paragraph{ofBold(c.End), name + " ", b.say(words.prints) + b.colon() + b.printed(t)})
	}
}

func (b *block) segment(s *lesson.Segment) {
	if b.begun {
		b.line(nil)
	}
	b.head(s, tripOf(s))
	const indent = 2
	var looks [2]look
	for e := range looks {
		before := s.Step.Before[e]
		looks[e] = b.see(tcp.End(e), s.Step.After[e], s.Step.Inferred[e], s.Kernel[e])
		looks[e].changed = before != looks[e].state
	}
	b.doubts(s, &looks)
	for e := range looks {
		b.state2(tcp.End(e), s.Step.Before[e], looks[e])
	}
	for _, p := range b.paragraphs(s, looks) {
		b.wrapped(indent, p)
	}
	if r := b.others(s, b.width-indent); r != nil {
		b.line(append(row{{none, "  "}}, r...))
	}
	if b.o.Verbose && newHeader(s) {
		for _, r := range b.header(s.Header, b.width-indent, strings.Repeat(" ", indent)) {
			b.line(r)
		}
	}
}

// head tells who sends what, how far it comes, and its numbers.
func (b *block) head(s *lesson.Segment, t trip) {
	i, from := ofBold(s.Step.From), s.Step.From&1
	if s.Flags.Has(tcp.RST) {
		i = resetInk
	}
	n := b.number(s.N) + " "
	head := b.say(words.end[from]) + " " + b.way(t) + " " + b.say(words.end[from.Peer()]) + "  " + s.Flags.String()
	if word := b.word(t); word != "" {
		head += " " + b.sign.dot + " " + word
	}
	b.wrapped(0, paragraph{i, n, head})
	const indent = 2
	fields := "seq " + strconv.FormatInt(s.Step.Seq, 10)
	if s.Flags.Has(tcp.ACK) {
		fields += "  ack " + strconv.FormatInt(s.Step.Ack, 10)
	}
	if s.Len > 0 {
		fields += fmt.Sprintf("  len %d", s.Len)
	}
	if !s.Live {
		fields += "  " + b.clean(since(s.Since)) + "  " + b.frame(s)
	}
	b.wrapped(indent, paragraph{none, "", fields})
	if q := text.Quote(s.Payload, b.width-indent, b.o.ASCII); q != "" {
		b.line(row{{none, strings.Repeat(" ", indent) + q}})
	}
}

// way is a trip's arrow in a line of text.
func (b *block) way(t trip) string {
	arrow := b.sign.arrow
	switch {
	case t.held, t.Fate == lesson.Delayed:
		return arrow + b.sign.trail
	case t.Fate == lesson.Lost:
		return arrow + b.sign.lost
	case t.Fate == lesson.Corrupted:
		return b.sign.damage + arrow
	case t.Fate == lesson.Arrived:
		return b.sign.trail + arrow
	case t.Fate == lesson.Copied:
		return b.sign.trail + arrow + arrow
	case t.Fate == lesson.Injected:
		return b.sign.nowhere + arrow
	}
	return arrow
}

// state2 is a line "client ESTABLISHED → FIN_WAIT1 ✓".
func (b *block) state2(e tcp.End, before tcp.State, l look) {
	i := faintInk
	s := b.say(words.end[e]) + " "
	if l.changed {
		i = of(e)
		s += b.state(before) + " " + b.sign.arrow + " "
	}
	s += b.state(l.state)
	if m := b.markOf(l.mark); m != "" {
		s += " " + m
	}
	if l.inferred {
		s += " " + b.say(words.inferred)
	}
	if l.extra != "" {
		s += "  " + l.extra
	}
	b.wrapped(2, paragraph{i, "", s})
}

func (b *block) rest(r *lesson.Rest) {
	var looks [2]look
	for e := range looks {
		end := tcp.End(e)
		if was := b.shown[e]; b.news(end, r.State[e], r.Kernel[e]) {
			looks[e] = b.see(end, r.State[e], false, r.Kernel[e])
			b.state2(end, was.state, looks[e])
		}
	}
	for _, p := range b.why(looks) {
		b.wrapped(2, p)
	}
}

func (b *block) note(n *lesson.Note) {
	if n.Kind == lesson.Remark && b.o.Quiet {
		return
	}
	if b.begun {
		b.line(nil)
	}
	b.wrapped(0, b.noteText(n))
}

func (b *block) connection(c *lesson.Connection) { b.sumUp(0, c) }
func (b *block) ending(e *lesson.Ending)         { b.close(0, e) }

// endpoint is an address for people: without a port that is not known yet.
func endpoint(ap netip.AddrPort) string {
	switch {
	case !ap.Addr().IsValid():
		return ""
	case ap.Port() == 0:
		return ap.Addr().String()
	}
	return ap.String()
}
