package ladder

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
)

// wide draws two lifelines: calls and states outside them, segments and what
// there is to say about them between them.
type wide struct {
	*Ladder
	gutter int // columns outside a lifeline
	inner  int // columns between the lifelines
}

func newWide(l *Ladder) *wide {
	// A gutter holds "✓ ESTABLISHED" at 60 columns and "recv() = 0, end of file" at 107.
	g := min(13+(l.width-lifelines)*14/60, 24)
	return &wide{Ladder: l, gutter: g, inner: l.width - 2*g - 4}
}

func (w *wide) opening(o *lesson.Opening) {
	title := row{{none, " "}, {titleInk, w.say(o.Title)}}
	if o.Refs != "" {
		title = append(title, span{faintInk, " " + w.sign.dot + " " + w.clean(o.Refs)})
	}
	source := w.source(o)
	if room := w.width - title.width() - text.Width(source); room >= 2 {
		w.line(append(title, span{faintInk, strings.Repeat(" ", room) + source}))
	} else {
		w.wrapped(1, paragraph{titleInk, "", w.say(o.Title)})
		if o.Refs != "" {
			source = w.clean(o.Refs) + " " + w.sign.dot + " " + source
		}
		w.wrapped(1, paragraph{faintInk, "", source})
	}
	w.line(nil)
	if !w.beside(o.Ends) {
		w.above(o.Ends)
	}
}

// beside names the ends at their lifelines, if their addresses fit there.
func (w *wide) beside(ends [2]netip.AddrPort) bool {
	var name, address [2][]row
	for e := range ends {
		a := w.clean(endpoint(ends[e]))
		if text.Width(a) > w.gutter {
			return false
		}
		name[e] = []row{{{ofBold(tcp.End(e)), w.say(words.end[e])}}}
		if a != "" {
			address[e] = []row{{{none, a}}}
		}
	}
	w.rows(name[0], nil, name[1], "", "")
	if address[0] != nil || address[1] != nil {
		w.rows(address[0], nil, address[1], "", "")
	}
	return true
}

// above names the ends over the lifelines, on one row or on two.
func (w *wide) above(ends [2]netip.AddrPort) {
	var name [2]row
	for e := range ends {
		name[e] = row{{ofBold(tcp.End(e)), w.say(words.end[e])}, {none, " " + w.clean(endpoint(ends[e]))}}
	}
	room := w.width - 2 - name[0].width() - name[1].width()
	if room >= 2 {
		w.line(append(append(row{{none, " "}}, name[0]...), append(row{{none, strings.Repeat(" ", room)}}, name[1]...)...))
	} else {
		for e := range name {
			for _, s := range text.Wrap(name[e][0].text+name[e][1].text, w.width-2) {
				w.line(row{{none, " "}, {ofBold(tcp.End(e)), s}})
			}
		}
	}
	w.rows(nil, nil, nil, "", "")
}

func (w *wide) call(c *lesson.Call) {
	said := w.aside(of(c.End), w.say(c.Text))
	var side [2][]row
	side[c.End&1] = said
	if said != nil {
		w.rows(side[0], nil, side[1], "", "")
	}
	for i, t := range c.Console {
		side[c.End&1] = nil
		if i == 0 {
			side[c.End&1] = []row{{{faintInk, w.say(words.prints)}}}
		}
		var mid []row
		lines, indent := text.Wrap(w.printed(t), w.inner-2), 1
		if c.End == tcp.Server {
			indent = w.inner - 1 - widest(lines)
		}
		for _, s := range lines {
			mid = append(mid, row{{none, strings.Repeat(" ", indent)}, {ofBold(c.End), s}})
		}
		w.rows(side[0], mid, side[1], "", "")
	}
}

func widest(lines []string) (n int) {
	for _, s := range lines {
		n = max(n, text.Width(s))
	}
	return n
}

// aside wraps a text to a gutter.
func (w *wide) aside(i ink, s string) (out []row) {
	for _, s := range text.Wrap(s, w.gutter) {
		out = append(out, row{{i, s}})
	}
	return out
}

func (w *wide) segment(s *lesson.Segment) {
	if w.begun && !w.o.Quiet {
		w.rows(nil, nil, nil, "", "")
	}
	w.before(s)
	w.label(s)
	w.arrow(s, tripOf(s))
	looks := [2]look{}
	for e := range looks {
		looks[e] = w.see(tcp.End(e), s.Step.After[e], s.Step.Inferred[e], s.Kernel[e])
	}
	w.doubts(s, &looks)
	mid := w.between(w.paragraphs(s, looks))
	if r := w.others(s, w.inner-2); r != nil {
		mid = append(mid, append(row{{none, " "}}, r...))
	}
	if w.o.Verbose && newHeader(s) {
		mid = append(mid, w.header(s.Header, w.inner-2, " ")...)
	}
	w.states(looks, mid)
}

// before shows the states an end was in before the segment, where the drawing
// does not show them yet.
func (w *wide) before(s *lesson.Segment) {
	looks, any := [2]look{}, false
	for e, state := range s.Step.Before {
		if w.shown[e].told && w.shown[e].state == state {
			continue
		}
		any = true
		silent := !s.Live && (state == tcp.Closed || state == tcp.Listen)
		looks[e] = w.see(tcp.End(e), state, silent, s.Before[e])
	}
	if any {
		w.states(looks, nil)
	}
}

// states shows both ends' states beside the lifelines; a change has a notch.
func (w *wide) states(looks [2]look, mid []row) {
	var side [2][]row
	var joint [2]string
	for e, l := range looks {
		if !l.told {
			continue
		}
		side[e] = w.state2(tcp.End(e), l)
		if l.changed {
			joint[e] = w.sign.state[e]
		}
	}
	w.rows(side[0], mid, side[1], joint[0], joint[1])
}

func (w *wide) state2(e tcp.End, l look) []row {
	i := faintInk
	if l.fresh && l.state != tcp.Unknown {
		i = ofBold(e)
	}
	name := w.state(l.state)
	if m := w.markOf(l.mark); m != "" {
		if e == tcp.Client {
			name = m + " " + name
		} else {
			name += " " + m
		}
	}
	out := w.aside(i, name)
	if l.inferred {
		word := span{faintInk, w.say(words.inferred)}
		if text.Width(name)+1+text.Width(word.text) <= w.gutter {
			out[0] = append(out[0], span{none, " "}, word)
		} else {
			out = append(out, row{word})
		}
	}
	if l.extra != "" {
		extra := faintInk
		if l.mark == differs {
			extra = boldInk
		}
		out = append(out, w.aside(extra, l.extra)...)
	}
	return out
}

// label is the row above the arrow: number, flags, sequence numbers; below it
// the payload, where there is one.
func (w *wide) label(s *lesson.Segment) {
	i := ofBold(s.Step.From)
	if s.Flags.Has(tcp.RST) {
		i = resetInk
	}
	seqAt := w.inner * 2 / 5
	ackAt := seqAt + (w.inner-seqAt)/2
	mid := w.between([]paragraph{{i, w.number(s.N) + " ", s.Flags.String()}})
	r := mid[len(mid)-1]
	mid = mid[:len(mid)-1]
	used := r.width()
	field := func(at int, name string, value int64) {
		f := name + " " + strconv.FormatInt(value, 10)
		gap := max(at-used, 2)
		if used+gap+len(f) > w.inner-1 {
			mid = append(mid, r)
			r, used, gap = nil, 0, 3
		}
		r = append(r, span{none, strings.Repeat(" ", gap) + f})
		used += gap + len(f)
	}
	field(seqAt, "seq", s.Step.Seq)
	if s.Flags.Has(tcp.ACK) {
		field(ackAt, "ack", s.Step.Ack)
	}
	mid = append(mid, r)
	if s.Len > 0 {
		mid = append(mid, w.data(s, ackAt))
	}
	var left, right []row
	if !s.Live {
		left = []row{{{faintInk, w.clean(since(s.Since))}}}
		right = []row{{{faintInk, fmt.Sprintf(w.say(words.frame), s.Number)}}}
		if s.File != "" {
			right = append(right, row{{faintInk, text.Cut(w.clean(s.File), w.gutter)}})
		}
	}
	w.rows(left, mid, right, "", "")
}

// data is the row that shows the payload's beginning and its length.
func (w *wide) data(s *lesson.Segment, at int) row {
	size := fmt.Sprintf("len %d", s.Len)
	at = max(min(at, w.inner-1-len(size)), 3)
	quote := text.Quote(s.Payload, at-5, w.o.ASCII)
	if full := text.Quote(s.Payload, w.inner, w.o.ASCII); text.Width(full) > at-5 {
		at = w.inner - 1 - len(size)
		quote = text.Quote(s.Payload, at-5, w.o.ASCII)
	}
	return row{{none, "   "}, {none, text.Pad(quote, at-3)}, {none, size}}
}

func (w *wide) rest(r *lesson.Rest) {
	looks, any := [2]look{}, false
	for e := range looks {
		if end := tcp.End(e); w.news(end, r.State[e], r.Kernel[e]) {
			looks[e] = w.see(end, r.State[e], false, r.Kernel[e])
			any = true
		}
	}
	if any {
		w.states(looks, w.between(w.why(looks)))
	}
}

func (w *wide) note(n *lesson.Note) {
	if n.Kind == lesson.Remark && w.o.Quiet {
		return
	}
	if !w.begun {
		w.wrapped(1, w.noteText(n))
		return
	}
	w.rows(nil, nil, nil, "", "")
	w.rows(nil, w.between([]paragraph{w.noteText(n)}), nil, "", "")
}

func (w *wide) connection(c *lesson.Connection) { w.sumUp(1, c) }
func (w *wide) ending(e *lesson.Ending)         { w.close(1, e) }

// between wraps paragraphs to the space between the lifelines.
func (w *wide) between(ps []paragraph) (out []row) {
	for _, p := range ps {
		for _, r := range w.wrap(p, w.inner-2) {
			out = append(out, append(row{{none, " "}}, r...))
		}
	}
	return out
}

// rows draws what stands left of, between and right of the lifelines, over as
// many rows as the longest of them needs. The joints are the lifelines in the
// first of those rows; an empty one is a plain lifeline.
func (w *wide) rows(left, mid, right []row, leftJoint, rightJoint string) {
	for i := range max(len(left), len(mid), len(right), 1) {
		var r row
		side := at(left, i)
		r = append(r, span{none, strings.Repeat(" ", max(0, w.gutter-side.width()))})
		r = append(append(r, side...), span{none, " "}, span{clientInk, joint(leftJoint, i, w.sign)})
		side = at(mid, i)
		r = append(append(r, side...), span{none, strings.Repeat(" ", max(0, w.inner-side.width()))})
		r = append(r, span{serverInk, joint(rightJoint, i, w.sign)}, span{none, " "})
		w.line(append(r, at(right, i)...))
	}
}

func at(rows []row, i int) row {
	if i < len(rows) {
		return rows[i]
	}
	return nil
}

func joint(s string, i int, g *signs) string {
	if s == "" || i > 0 {
		return g.life
	}
	return s
}

func (p *pen) markOf(m mark) string {
	switch m {
	case agrees:
		return p.sign.yes
	case differs:
		return p.sign.no
	case unasked:
	}
	return ""
}

// sentence makes a sentence of a phrase: a capital letter and a full stop.
func sentence(s string, l lang.Lang) string {
	if l == lang.Chinese {
		return s + "。"
	}
	if s != "" {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	return s + "."
}
