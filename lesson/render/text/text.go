// Package text measures, wraps and cleans text for a terminal: Width and Wrap
// know wide characters and the line-breaking rules of both languages (Unicode
// Annexes #11 and #14), Clean and Quote let nothing through that a terminal
// would obey instead of show.
package text

import (
	"strings"

	"github.com/rivo/uniseg"
)

// Width is the number of terminal columns s takes. Characters of ambiguous
// width (─ ✓ ≠) count as narrow, as terminals draw them by default.
func Width(s string) int {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return uniseg.StringWidth(s)
		}
	}
	return len(s)
}

// Wrap breaks s into lines of at most width columns, none of which begins with
// closing punctuation or ends with an opening bracket where that can be had. A
// word longer than a line is cut, a character is not. A no-break space holds words together and
// comes out as a space. Wrap returns at least one line.
func Wrap(s string, width int) []string {
	width = max(width, 2) // room for one wide character
	var lines []string
	var line strings.Builder
	used := 0
	feed := func() {
		lines = append(lines, tidy(line.String()))
		line.Reset()
		used = 0
	}
	state := -1
	for s != "" {
		var piece string
		piece, s, _, state = uniseg.FirstLineSegmentInString(s, state)
		for strings.HasSuffix(piece, "-") && s != "" { // --step and before-capture are one word
			next, rest, _, after := uniseg.FirstLineSegmentInString(s, state)
			if Width(piece)+Width(strings.TrimRight(next, " ")) > width {
				break
			}
			piece, s, state = piece+next, rest, after
		}
		word := strings.TrimRight(piece, " ")
		w := Width(word)
		if used > 0 && used+w > width {
			feed()
		}
		if w <= width {
			line.WriteString(piece)
			used += Width(piece)
			continue
		}
		for g := uniseg.NewGraphemes(piece); g.Next(); {
			if used > 0 && used+g.Width() > width {
				feed()
			}
			line.WriteString(g.Str())
			used += g.Width()
		}
	}
	if tidy(line.String()) != "" || len(lines) == 0 { // it may be marks without a width
		feed()
	}
	return lines
}

func tidy(line string) string {
	return strings.TrimRight(strings.ReplaceAll(line, "\u00a0", " "), " ")
}

// Cut shortens s to at most width columns; what was cut is told by an ellipsis.
func Cut(s string, width int) string {
	if Width(s) <= width {
		return s
	}
	if width <= 0 {
		return ""
	}
	var b strings.Builder
	used := 0
	for g := uniseg.NewGraphemes(s); g.Next() && used+g.Width() < width; {
		b.WriteString(g.Str())
		used += g.Width()
	}
	return b.String() + "…"
}

// Pad fills s with spaces to width columns; a longer s is left as it is.
func Pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-Width(s)))
}

// PadLeft is Pad with the spaces in front.
func PadLeft(s string, width int) string {
	return strings.Repeat(" ", max(0, width-Width(s))) + s
}
