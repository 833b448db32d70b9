package ladder

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/text"
)

// below is what stands below the drawing for a while: a picture, and what the
// keys do. The cursor stays at its end.
type below struct {
	columns, rows int      // of the terminal; 0 where not known
	lines         []string // as they stand on the screen
	said          []string // where nothing can be taken away: the latest sentences
	broken        bool     // the terminal's width has changed since
}

// usualRows are taken for granted where a terminal does not tell its height.
const usualRows = 24

func (b *below) resize(columns, rows int) {
	b.broken = b.broken || columns != b.columns
	b.columns, b.rows = columns, rows
}

// height is how many rows of the screen lines take. A terminal that has become
// narrower meanwhile has broken them anew.
func (b *below) height(lines []string) (n int) {
	for _, line := range lines {
		n++
		if w := text.Width(escapes.ReplaceAllString(line, "")); b.columns > 0 && w > b.columns {
			n += (w - 1) / b.columns
		}
	}
	return n
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

// home moves the cursor to where the picture begins.
func (b *below) home(to *bytes.Buffer) {
	if len(b.lines) == 0 {
		return
	}
	to.WriteByte('\r')
	if up := b.height(b.lines) - 1; up > 0 {
		to.WriteString("\x1b[" + strconv.Itoa(up) + "A")
	}
}

// erase takes the picture away.
func (b *below) erase(to *bytes.Buffer) {
	if len(b.lines) > 0 {
		b.home(to)
		to.WriteString("\x1b[J")
	}
	b.lines, b.said, b.broken = nil, nil, false
}

// replace puts lines in the place of what stands there, if they differ. Each
// line is written over the old one, so that nothing flickers.
func (b *below) replace(to *bytes.Buffer, lines []string) {
	switch {
	case b.broken:
		b.erase(to)
	case slices.Equal(lines, b.lines):
		return
	}
	b.home(to)
	for i, line := range lines {
		if i > 0 {
			to.WriteByte('\n')
		}
		if b.lines != nil {
			to.WriteString("\x1b[2K")
		}
		to.WriteString(line)
	}
	if len(b.lines) > len(lines) {
		to.WriteString("\n\x1b[J\x1b[A")
	}
	b.lines = lines
}

// fit shortens a picture to the height of the terminal: what the keys do stays.
func (b *below) fit(picture, keys []string) []string {
	room := b.rows - 1
	if b.rows <= 0 {
		room = usualRows - 1
	}
	keys = keys[:min(len(keys), max(room, 1))]
	if len(picture) > 0 && b.height(picture)+b.height(keys) > room && blank(picture[0]) {
		picture = picture[1:]
	}
	for len(picture) > 0 && b.height(picture)+b.height(keys) > room {
		picture = picture[:len(picture)-1]
	}
	return slices.Concat(picture, keys)
}

// blank reports whether a row holds nothing but lifelines.
func blank(line string) bool {
	return !strings.ContainsFunc(escapes.ReplaceAllString(line, ""), func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}

// Keys shows below the drawing what a key will do now. It stands until the
// next event is told or something else is shown there; an empty text takes
// away whatever stands there. Where the output is not a terminal, nothing is
// shown.
func (l *Ladder) Keys(keys lang.Text) error {
	if keys.IsZero() {
		l.below.erase(&l.buf)
		return l.flush()
	}
	return l.show(nil, keys)
}

// Forget tells that somebody else has written on the terminal: what stood
// below the drawing cannot be taken away any more.
func (l *Ladder) Forget() { l.below.lines, l.below.said = nil, nil }

// retold is a segment that can be read again, with the past it was drawn from.
type retold struct {
	segment *lesson.Segment
	past    past
}

// keep remembers a segment that is about to be drawn.
func (l *Ladder) keep(s *lesson.Segment) {
	if l.live && l.o.Terminal {
		l.told = append(l.told, retold{s, l.past})
	}
}

// Told is how many segments there are to read again. One that was told when it
// left and again when it arrived counts twice.
func (l *Ladder) Told() int { return len(l.told) }

// Again shows below the drawing the nth segment told, from 1, with everything
// that was said under it. It changes nothing of the story. An n out of range
// shows the keys alone.
func (l *Ladder) Again(n int, keys lang.Text) error {
	if n < 1 || n > len(l.told) {
		return l.show(nil, keys)
	}
	return l.show(func() {
		was := l.told[n-1]
		head := strings.NewReplacer("%1", l.number(was.segment.N), "%2", itoa(n), "%3", itoa(len(l.told))).Replace(l.say(words.again))
		l.heading(head)
		l.past = was.past
		l.begun = false
		l.hand.segment(was.segment)
	}, keys)
}

// heading begins a picture below the drawing.
func (l *Ladder) heading(s string) {
	if l.o.Plain {
		l.line(row{{none, sentence(s, l.o.Lang)}})
		return
	}
	rule := strings.Repeat(l.sign.rule, max(l.width-text.Width(s)-5, 0))
	l.line(row{{faintInk, l.sign.rule + l.sign.rule + " "}, {boldInk, s}, {faintInk, " " + rule}})
}

// show draws a picture below the drawing, and what the keys do under it.
// Drawing it changes nothing of what is shown above.
func (l *Ladder) show(draw func(), keys lang.Text) error {
	if !l.o.Terminal {
		return nil
	}
	var picture []string
	if draw != nil {
		past := l.past
		draw()
		l.past = past
		picture = l.drawnLines()
	}
	if l.o.Plain {
		if s := l.say(keys); s != "" {
			picture = append(picture, s)
		}
		for _, s := range picture {
			if !slices.Contains(l.below.said, s) {
				l.line(row{{none, s}})
			}
		}
		l.below.said = picture
		return l.flush()
	}
	l.keyLines(keys)
	l.below.replace(&l.buf, l.below.fit(picture, l.drawnLines()))
	return l.flush()
}

// drawnLines takes back what was put on the pen.
func (p *pen) drawnLines() []string {
	defer p.buf.Reset()
	if p.buf.Len() == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(p.buf.String(), "\n"), "\n")
}

// keyLines puts what the keys do: on one line, or on several, none of which
// breaks in the middle of a key.
func (l *Ladder) keyLines(t lang.Text) {
	s := l.say(t)
	if s == "" {
		return
	}
	between := " " + l.sign.dot + " "
	room := l.width - 2 // a space before it, and the cursor after it
	for _, line := range l.flow(strings.Split(s, between), between, room) {
		line = text.Cut(line, room)
		if l.pal[keyInk].on != "" { // a bar across the screen
			line = strings.ReplaceAll(text.Pad(line, room), " ", "\u00a0")
		}
		l.line(row{{keyInk, " " + line}})
	}
}
