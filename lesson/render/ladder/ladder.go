// Package ladder draws a story for a person at a terminal.
//
//	ladder.go   Ladder, the lesson.Teller: options, and which hand draws an event
//	wide.go     two lifelines, from 60 columns on
//	block.go    one segment a block, below 60 columns
//	plain.go    one sentence a line, for screen readers and for grep
//	header.go   a TCP header, byte by byte and field by field
//	words.go    every word on screen, in both languages
//	ink.go      colours, and the signs the drawing is made of
//	table.go    many connections, one line each
//	states.go   the state machine as text and as Markdown
package ladder

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"time"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
)

// Options say how a story is drawn. The zero value draws English without
// colour, 80 columns wide.
type Options struct {
	Lang     lang.Lang
	Width    int  // columns of the terminal, 40 to 200; 0 is 80
	Color    bool // use colours; shapes and words tell the same without
	ASCII    bool // draw with ASCII signs only, for terminals that know no other
	Terminal bool // the output is a terminal, so that a line of keys can be removed again
	Plain    bool // one sentence a line, no drawing, no colour
	Quiet    bool // no explanations
	All      bool // a table of every connection, however many
	Verbose  bool // the TCP header byte by byte, and the rules behind every change of state
}

// The narrowest and the widest drawing, the narrowest with lifelines, and the
// width from which on lines would only be harder to read.
const (
	minWidth    = 40
	maxWidth    = 200
	lifelines   = 60
	comfortable = 120
)

// Ladder is a lesson.Teller that draws each event as it comes, in one Write.
// A story that opens without naming two ends is one of many connections: it
// becomes a Table. A Ladder is not safe for concurrent use.
type Ladder struct {
	pen
	hand  hand
	shown [2]gutter // what stands at each end
	begun bool      // something stands between the lifelines
	keys  bool      // a line of keys stands below the drawing
	live  bool      // the segments come from a wire
	asked bool      // the kernel has answered at least once
	right bool      // what the latest segment revises had been drawn right already
	whole bool      // the connection has been summed up
	table *Table    // draws instead, where the story has no two ends
}

// hand is one way to draw a story.
type hand interface {
	opening(*lesson.Opening)
	call(*lesson.Call)
	segment(*lesson.Segment)
	rest(*lesson.Rest)
	note(*lesson.Note)
	connection(*lesson.Connection)
	ending(*lesson.Ending)
}

// gutter is what was last shown of one end.
type gutter struct {
	told  bool
	state tcp.State
	mark  mark
	extra string // the kernel's other opinion, or the timer
}

// mark is what the kernel said about a state that is shown.
type mark uint8

const (
	unasked mark = iota
	agrees
	differs
)

// New returns a Ladder that draws on w.
func New(w io.Writer, o Options) *Ladder {
	l := &Ladder{pen: newPen(w, o)}
	l.Resize(l.o.Width)
	return l
}

// Resize tells the terminal's new width; what comes next is drawn with it.
func (l *Ladder) Resize(width int) {
	l.setWidth(width)
	switch {
	case l.o.Plain:
		l.hand = &plain{l}
	case l.width < lifelines:
		l.hand = &block{l}
	default:
		l.hand = newWide(l)
	}
}

// Tell draws one event. The error is the writer's.
func (l *Ladder) Tell(e lesson.Event) error {
	l.erase()
	if o, ok := e.(*lesson.Opening); ok && !o.Ends[tcp.Client].Addr().IsValid() {
		l.table = NewTable(l.w, l.o)
	}
	if l.table != nil {
		return l.table.Tell(e)
	}
	switch e := e.(type) {
	case *lesson.Opening:
		l.live = e.Place != lesson.File
		l.hand.opening(e)
	case *lesson.Call:
		l.hand.call(e)
		l.begun = true
	case *lesson.Segment:
		r := e.Step.Revised
		l.right = l.shown[r.End&1].state == r.State
		l.hand.segment(e)
		l.begun = true
	case *lesson.Rest:
		l.hand.rest(e)
	case *lesson.Note:
		l.hand.note(e)
	case *lesson.Connection:
		l.hand.connection(e)
		l.whole = true
	case *lesson.Ending:
		l.hand.ending(e)
	}
	return l.flush()
}

// Keys shows one line below the drawing: what a key will do now. It stands
// until the next event is told or Keys is called again; an empty text removes
// it. Where the output is not a terminal, nothing is shown.
func (l *Ladder) Keys(t lang.Text) error {
	l.erase()
	if s := l.say(t); s != "" && l.o.Terminal {
		if l.o.Plain {
			l.line(row{{none, s}})
		} else {
			l.put(row{{keyInk, text.Cut(" "+s+" ", l.width-1)}})
			l.keys = true
		}
	}
	return l.flush()
}

func (l *Ladder) erase() {
	if l.keys {
		l.buf.WriteString("\r\x1b[K")
		l.keys = false
	}
}

// look is what to show of one end: its state, the kernel's opinion and more.
type look struct {
	gutter
	changed  bool // it was shown in another state before
	fresh    bool // it was shown in another state, or not at all
	inferred bool
}

// see works out the look of an end and remembers it as shown.
func (l *Ladder) see(end tcp.End, s tcp.State, inferred bool, k lesson.Kernel) look {
	g := gutter{told: true, state: s}
	l.asked = l.asked || k.Asked()
	inferred = inferred && !k.Asked()
	switch {
	case !k.Asked():
	case k.Agrees(s):
		g.mark = agrees
		if k.Timer != "" && (k.State == tcp.TimeWait || l.o.Verbose) {
			g.extra = l.timer(k)
		}
	default:
		g.mark, g.extra = differs, l.join(l.say(words.kernelSays), l.state(k.State))
	}
	before := l.shown[end]
	l.shown[end] = g
	moved := before.state != s
	return look{gutter: g, changed: before.told && moved, fresh: !before.told || moved, inferred: inferred}
}

// news reports whether a rest has anything to add to what is shown of an end.
func (l *Ladder) news(end tcp.End, s tcp.State, k lesson.Kernel) bool {
	old := l.shown[end]
	l.see(end, s, false, k)
	now := l.shown[end]
	l.shown[end] = old
	return now != old && (now.mark != unasked || now.state != old.state)
}

// timer tells a kernel's timer: "2MSL: 60 s".
func (l *Ladder) timer(k lesson.Kernel) string {
	name := k.Timer
	if k.State == tcp.TimeWait {
		name = "2MSL"
	}
	left := max(k.Remaining, 0)
	if left >= time.Second {
		left = left.Round(time.Second)
	}
	return text.Clean(name) + ": " + l.clean(duration(left))
}

// paragraphs are what to say under a segment: findings first, then what they
// revise, why the kernel differs, the explanations.
func (l *Ladder) paragraphs(s *lesson.Segment, looks [2]look) []paragraph {
	out := l.findings(s.Step.Findings &^ tcp.Corrected)
	if s.Step.Findings.Has(tcp.Corrected) {
		out = append(out, paragraph{boldInk, l.sign.alert + " ", l.revision(s.Step.Revised)})
	}
	out = append(out, l.why(looks, s.Kernel)...)
	if !l.o.Quiet {
		for _, x := range l.explanations(s) {
			out = append(out, paragraph{faintInk, "", l.explanation(x)})
		}
	}
	if l.o.Verbose {
		out = append(out, l.rules(&s.Step)...)
	}
	return out
}

// explanations are those of a segment that are not said elsewhere: findings
// are, and so are the rules where every rule is told. What the lesson itself
// has to say takes the place of the rules' general words.
func (l *Ladder) explanations(s *lesson.Segment) (own []lesson.Explanation) {
	var general []lesson.Explanation
	for _, x := range s.Explain {
		switch {
		case slices.Contains(s.Step.Findings.Texts(), x.Text):
		case byRule(&s.Step, x.Text):
			general = append(general, x)
		default:
			own = append(own, x)
		}
	}
	if len(own) == 0 && !l.o.Verbose {
		return general
	}
	return own
}

// byRule reports whether a sentence is that of a rule which one end followed.
func byRule(s *tcp.Step, t lang.Text) bool {
	for e := range s.Taken {
		for _, r := range s.Taken[e].Rules() {
			if strings.HasSuffix(t.EN, r.Why.EN) {
				return true
			}
		}
	}
	return false
}

// paragraph is a text to be wrapped; its first line begins with a sign.
type paragraph struct {
	ink  ink
	lead string
	text string
}

// why says why the kernel calls an end's state something else, if it does.
func (l *Ladder) why(looks [2]look, k [2]lesson.Kernel) (out []paragraph) {
	for end, look := range looks {
		if look.mark == differs {
			out = append(out, paragraph{boldInk, l.sign.no + " ", l.say(whyDiffers(tcp.End(end), look.state, k[end].State))})
		}
	}
	return out
}

// rules lists the arrows both ends took.
func (l *Ladder) rules(s *tcp.Step) (out []paragraph) {
	for _, end := range [2]tcp.End{s.From, s.From.Peer()} {
		for _, r := range s.Taken[end&1].Rules() {
			out = append(out, paragraph{faintInk, "", l.say(words.end[end&1]) + l.colon() + l.state(r.From) + " " + l.sign.arrow + " " + l.state(r.To) +
				l.comma() + l.say(r.On.Text()) + l.colon() + l.say(r.Why) + l.ref(r.Ref)})
		}
	}
	return out
}

func (p *pen) explanation(x lesson.Explanation) string {
	return p.say(x.Text) + p.ref(x.Ref)
}

// ref sets a section in brackets, its words held together.
func (p *pen) ref(ref string) string {
	if ref == "" {
		return ""
	}
	ref = strings.ReplaceAll(p.clean(ref), " ", "\u00a0")
	if p.o.Lang == lang.Chinese {
		return "（" + ref + "）"
	}
	return " (" + ref + ")"
}

// pen puts styled text on the writer.
type pen struct {
	w     io.Writer
	o     Options
	width int // columns to draw on
	buf   bytes.Buffer
	pal   palette
	sign  *signs
}

func newPen(w io.Writer, o Options) pen {
	p := pen{w: w, o: o, pal: newPalette(o.Color && !o.Plain), sign: &fine}
	if o.ASCII {
		p.sign = &ascii
	}
	p.setWidth(o.Width)
	return p
}

func (p *pen) setWidth(width int) {
	if width == 0 {
		width = 80
	}
	p.o.Width = min(max(width, minWidth), maxWidth)
	p.width = min(p.o.Width, comfortable)
}

// say chooses the language, and makes the sentence safe to print.
func (p *pen) say(t lang.Text) string { return p.clean(t.In(p.o.Lang)) }

func (p *pen) clean(s string) string {
	s = text.Clean(s)
	if p.o.ASCII {
		s = asciiWords.Replace(s)
	}
	return s
}

// state is a state's name as shown; only Unknown has a word in each language.
func (p *pen) state(s tcp.State) string {
	if name := s.String(); name != tcp.Unknown.String() {
		return name
	}
	return p.say(words.unknown)
}

// span is text in one ink, row a line's worth of them.
type (
	span struct {
		ink  ink
		text string
	}
	row []span
)

func (r row) width() (n int) {
	for _, s := range r {
		n += text.Width(s.text)
	}
	return n
}

func (p *pen) put(r row) {
	for _, s := range r {
		if s.text == "" {
			continue
		}
		p.buf.WriteString(p.pal[s.ink].on)
		p.buf.WriteString(strings.ReplaceAll(s.text, "\u00a0", " "))
		p.buf.WriteString(p.pal[s.ink].off)
	}
}

// line puts a row and ends it, without spaces at its end.
func (p *pen) line(r row) {
	for len(r) > 0 {
		last := &r[len(r)-1]
		if last.text = strings.TrimRight(last.text, " "); last.text != "" {
			break
		}
		r = r[:len(r)-1]
	}
	p.put(r)
	p.buf.WriteByte('\n')
}

// wrapped puts a paragraph, indented, over the whole width.
func (p *pen) wrapped(indent int, q paragraph) {
	for _, r := range p.wrap(q, p.width-indent) {
		p.line(append(row{{none, strings.Repeat(" ", indent)}}, r...))
	}
}

// wrap breaks a paragraph into rows; those after the first stand under the
// text, not under the sign before it.
func (p *pen) wrap(q paragraph, width int) []row {
	hang := text.Width(q.lead)
	var out []row
	for i, s := range text.Wrap(q.text, width-hang) {
		lead := q.lead
		if i > 0 {
			lead = strings.Repeat(" ", hang)
		}
		out = append(out, row{{q.ink, lead + s}})
	}
	return out
}

func (p *pen) flush() error {
	defer p.buf.Reset()
	if p.buf.Len() == 0 {
		return nil
	}
	_, err := p.w.Write(p.buf.Bytes())
	return err
}
