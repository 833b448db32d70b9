package ladder

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
)

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

// printed is a line that a program has printed. Among ASCII signs, and English
// words, its other characters are escaped as those of a payload are.
func (p *pen) printed(line lang.Text) string {
	s := p.say(line)
	if !p.o.ASCII || p.o.Lang != lang.English {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return b.String()
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
