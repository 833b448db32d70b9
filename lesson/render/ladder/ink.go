package ladder

import (
	"fmt"
	"strings"

	"github.com/fatih/color"

	"lesson/lesson/tcp"
)

// ink is a role that a piece of text plays; the palette knows its colour.
type ink uint8

const (
	none ink = iota
	titleInk
	boldInk
	faintInk
	clientInk // lifeline and arrows
	serverInk
	clientBold // what changed, what was sent
	serverBold
	resetInk // RST, and nothing else
	keyInk
	numInks
)

// Cyan and yellow differ for every kind of colour vision and stand out on dark
// and light backgrounds as the terminal's owner has chosen them; red is only
// ever seen together with a broken arrow and the letters RST.
var inks = [numInks][]color.Attribute{
	titleInk:   {color.Bold},
	boldInk:    {color.Bold},
	faintInk:   {color.Faint},
	clientInk:  {color.FgCyan},
	serverInk:  {color.FgYellow},
	clientBold: {color.FgCyan, color.Bold},
	serverBold: {color.FgYellow, color.Bold},
	resetInk:   {color.FgRed, color.Bold},
	keyInk:     {color.ReverseVideo},
}

// palette is each ink's control sequences; empty ones without colour.
type palette [numInks]struct{ on, off string }

func newPalette(enabled bool) (p palette) {
	if !enabled {
		return p
	}
	for i, attributes := range inks {
		c := color.New(attributes...)
		c.EnableColor() // whatever the environment says: the command line has decided
		if len(attributes) > 0 {
			p[i].on, p[i].off, _ = strings.Cut(c.Sprint("\x00"), "\x00")
		}
	}
	return p
}

// of is the ink of an end, and ofBold its strong form.
func of(e tcp.End) ink     { return clientInk + ink(e&1) }
func ofBold(e tcp.End) ink { return clientBold + ink(e&1) }

// signs are what the drawing is made of. All are one column wide on every
// terminal that does not draw ambiguous characters wide.
type signs struct {
	life                     string    // a lifeline
	state                    [2]string // by end: a lifeline at which a state changes
	tail                     [2]string // by end: a lifeline from which an arrow leaves
	shaft                    rune      // of an arrow; a retransmission's has gaps
	gap                      string    // in the middle of a RST's
	toRight, toLeft, refused string    // heads; the last where the receiver throws it away
	lost                     string    // where an arrow ends for good
	trail, nowhere           string    // an arrow goes on later, or left earlier; it comes from nowhere
	damage                   string    // of a corrupted segment's arrow
	rule                     string    // above a picture below the drawing
	yes, no, alert           string    // the kernel agrees, differs; a finding
	arrow, dot               string    // in text
}

var fine = signs{
	life: "┃", state: [2]string{"┨", "┠"}, tail: [2]string{"┣", "┫"},
	shaft: '━', gap: " ╱ ╱ ",
	toRight: "▶", toLeft: "◀", refused: "✗",
	lost: "╳", trail: "┄┄", nowhere: "◆", damage: "~", rule: "─",
	yes: "✓", no: "≠", alert: "!",
	arrow: "→", dot: "·",
}

var ascii = signs{
	life: "|", state: [2]string{"+", "+"}, tail: [2]string{"+", "+"},
	shaft: '-', gap: " / / ",
	toRight: ">", toLeft: "<", refused: "x",
	lost: "X", trail: "..", nowhere: "*", damage: "~", rule: "-",
	yes: "=", no: "!=", alert: "!",
	arrow: "->", dot: "-",
}

// asciiWords replaces the signs that our own sentences use.
var asciiWords = strings.NewReplacer("§", "section ", "–", "-", "—", "-", "…", "...", "“", `"`, "”", `"`,
	"‘", "'", "’", "'", "·", "-", "×", "x", "µ", "u", "→", "->", "≠", "!=", "✓", "=", "≥", ">=", "≤", "<=")

// number is a segment's number in a disc, or in brackets from 11 on.
func (p *pen) number(n int) string {
	if p.o.Plain {
		return itoa(n)
	}
	if n >= 1 && n <= 10 && !p.o.ASCII {
		return string(rune('❶' + n - 1))
	}
	return fmt.Sprintf("(%d)", n)
}
