package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes s safe to print: control characters (ASCII's and C1), escape
// sequences, bidirectional controls, invisible characters and broken UTF-8
// come out as visible escapes. All else, quotes and backslashes included, stays.
func Clean(s string) string {
	if safe(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if shows(r, n) || r == '\u00a0' {
			b.WriteString(s[i : i+n])
		} else {
			b.WriteString(escape(r, s[i]))
		}
		i += n
	}
	return b.String()
}

func safe(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			for i, r := range s {
				_, n := utf8.DecodeRuneInString(s[i:])
				if !shows(r, n) && r != '\u00a0' {
					return false
				}
			}
			return true
		}
	}
	return true
}

// shows reports whether a terminal draws r, decoded from n bytes, as a sign of
// its own of predictable width.
func shows(r rune, n int) bool {
	switch {
	case r < 0x7f:
		return r >= ' '
	case r == utf8.RuneError && n <= 1:
		return false
	case r == '\u3000': // the ideographic space of Chinese text
		return true
	case r >= 0x1f3fb && r <= 0x1f3ff: // skin tones: drawn alone or merged, by terminal
		return false
	case unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r), unicode.Is(unicode.Variation_Selector, r):
		return false
	}
	return unicode.IsPrint(r)
}

func escape(r rune, first byte) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r == utf8.RuneError, r < 0x80:
		return fmt.Sprintf(`\x%02x`, first)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// Quote shows payload bytes within width columns: as a quoted string with
// escapes where they are text, as hexadecimal where they are not. What does
// not fit is cut, never in the middle of an escape, and told by an ellipsis.
// With ascii, only ASCII characters are used. Nothing in the result can be
// obeyed by a terminal.
func Quote(p []byte, width int, ascii bool) string {
	if len(p) == 0 || width < 8 {
		return ""
	}
	if binary(p) {
		return hex(p, width, ascii)
	}
	dots := "…"
	if ascii {
		dots = "..."
	}
	var b strings.Builder
	b.WriteByte('"')
	used, fits, marks := 1, 1, 0 // fits: where to cut so that quote and ellipsis still fit
	for i := 0; i < len(p); {
		r, n := utf8.DecodeRune(p[i:])
		sign := string(p[i : i+n])
		switch {
		case r == '"' || r == '\\':
			sign = `\` + sign
		case !shows(r, n), ascii && r >= 0x80:
			sign = escape(r, p[i])
		case unicode.Is(unicode.M, r): // a pile of combining marks is a joke, not a text
			if marks++; marks > 2 || b.Len() == 1 {
				sign = escape(r, p[i])
			}
		default:
			marks = 0
		}
		// Measured sign by sign: the sum is never less than what is drawn.
		used += max(Width(sign), signWidth(r, sign))
		if used+1 > width {
			return b.String()[:fits] + `"` + dots
		}
		b.WriteString(sign)
		if used+1+len(dots) <= width || !ascii && used+2 <= width {
			fits = b.Len()
		}
		i += n
	}
	return b.String() + `"`
}

// signWidth is 1 for a spacing mark, which Width counts with its base.
func signWidth(r rune, sign string) int {
	if len(sign) == utf8.RuneLen(r) && unicode.Is(unicode.Mc, r) {
		return 1
	}
	return 0
}

// binary reports whether p's beginning has too little text to be read as text.
func binary(p []byte) bool {
	p = p[:min(len(p), 64)]
	odd, signs := 0, 0
	for i := 0; i < len(p); signs++ {
		r, n := utf8.DecodeRune(p[i:])
		cut := len(p)-i < utf8.UTFMax && !utf8.FullRune(p[i:])
		if !shows(r, n) && r != '\n' && r != '\r' && r != '\t' && !cut {
			odd++
		}
		i += n
	}
	return odd*3 > signs
}

func hex(p []byte, width int, ascii bool) string {
	dots := " …"
	if ascii {
		dots = " ..."
	}
	if len(p)*3-1 <= width {
		return fmt.Sprintf("% x", p)
	}
	n := max(1, (width-Width(dots)+1)/3)
	return fmt.Sprintf("% x", p[:n]) + dots
}
