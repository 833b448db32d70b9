package events

import (
	"math/bits"
	"net/netip"
	"strconv"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
)

// line is one JSON object as it grows. Written by hand because a large capture
// has a million of them: nothing is allocated.
type line []byte

func (l *line) event(name string) {
	*l = append(*l, `{"event":"`...)
	*l = append(*l, name...)
	*l = append(*l, '"')
}

// item puts a comma where one is needed.
func (l *line) item() {
	switch (*l)[len(*l)-1] {
	case '{', '[':
	default:
		*l = append(*l, ',')
	}
}

func (l *line) key(name string) {
	l.item()
	*l = append(*l, '"')
	*l = append(*l, name...)
	*l = append(*l, '"', ':')
}

func (l *line) open(bracket byte)  { *l = append(*l, bracket) }
func (l *line) close(bracket byte) { *l = append(*l, bracket) }

func (l *line) null(name string) {
	l.key(name)
	*l = append(*l, "null"...)
}

func (l *line) bool(name string, v bool) {
	l.key(name)
	*l = strconv.AppendBool(*l, v)
}

func (l *line) int(name string, v int64) {
	l.key(name)
	*l = strconv.AppendInt(*l, v, 10)
}

func (l *line) uint(name string, v uint64) {
	l.key(name)
	*l = strconv.AppendUint(*l, v, 10)
}

// seconds writes d exactly, as seconds: 0, 0.000012, 61.95.
func (l *line) seconds(name string, d time.Duration) {
	l.key(name)
	l.duration(d)
}

func (l *line) duration(d time.Duration) { *l = text.AppendSeconds(*l, d) }

func (l *line) string(name, s string) {
	l.key(name)
	l.quoted(s)
}

func (l *line) text(name string, t lang.Text) {
	l.key(name)
	l.both(t)
}

func (l *line) both(t lang.Text) {
	l.open('{')
	l.string("en", t.EN)
	l.string("zh", t.ZH)
	l.close('}')
}

func (l *line) kernel(k lesson.Kernel) { l.answer("kernel", k) }

// answer writes what the kernel said; null where it was not asked.
func (l *line) answer(name string, k lesson.Kernel) {
	if k.Asked() {
		l.string(name, k.State.String())
	} else {
		l.null(name)
	}
}

// end writes the one end of which something is true; null for neither.
func (l *line) end(name string, is [2]bool) {
	for e, yes := range is {
		if yes {
			l.string(name, tcp.End(e).String())
			return
		}
	}
	l.null(name)
}

// endpoint writes "127.0.0.1:2023"; null where there is no address.
func (l *line) endpoint(name string, ap netip.AddrPort) {
	if !ap.Addr().IsValid() {
		l.null(name)
		return
	}
	l.key(name)
	l.quoted(ap.String()) // an IPv6 zone may hold anything
}

func (l *line) address(e tcp.Endpoint) {
	*l = append(*l, '"')
	*l = e.AddrPort().AppendTo(*l)
	*l = append(*l, '"')
}

// flags writes the names of the set bits as Flags.Names orders them.
func (l *line) flags(f tcp.Flags) {
	l.key("flags")
	l.open('[')
	for _, bit := range [...]tcp.Flags{tcp.SYN, tcp.FIN, tcp.RST, tcp.PSH, tcp.ACK, tcp.URG, tcp.ECE, tcp.CWR, tcp.AE} {
		if f.Has(bit) {
			l.item()
			l.quoted(flagNames[bits.TrailingZeros16(uint16(bit))])
		}
	}
	l.close(']')
}

var flagNames = func() (names [9]string) {
	for i := range names {
		names[i] = tcp.Flags(1 << i).String()
	}
	return names
}()

func (l *line) findings(f tcp.Findings) {
	l.key("findings")
	l.open('[')
	for ; f != 0; f &= f - 1 {
		if name := f.Name(); name != "" {
			l.item()
			l.quoted(name)
		}
	}
	l.close(']')
}

// options writes the options that carry meaning, always in the same order.
// Timestamps are named without their values, so that two runs can be compared.
func (l *line) options(s *lesson.Segment) {
	o := &s.Options
	l.key("options")
	l.open('[')
	if o.HasMSS {
		l.option("MSS", int64(o.MSS))
	}
	if o.SACKPermitted {
		l.option("SACK_PERM", -1)
	}
	if o.HasTimestamps {
		l.option("TS", -1)
	}
	if o.HasScale {
		l.option("WS", int64(o.WindowScale))
	}
	if o.HasFastOpen {
		l.option("TFO", -1)
	}
	for _, b := range o.SACK[:min(int(o.SACKBlocks), len(o.SACK))] {
		l.block(s.Step.SACK(&s.Segment, b.Left), s.Step.SACK(&s.Segment, b.Right))
	}
	l.close(']')
}

// option writes "NAME" or "NAME=a"; a negative number is none.
func (l *line) option(name string, a int64) {
	l.item()
	*l = append(*l, '"')
	*l = append(*l, name...)
	if a >= 0 {
		*l = append(*l, '=')
		*l = strconv.AppendInt(*l, a, 10)
	}
	*l = append(*l, '"')
}

// block writes "SACK=a-b"; the numbers may be negative.
func (l *line) block(a, b int64) {
	l.item()
	*l = append(*l, `"SACK=`...)
	*l = append(strconv.AppendInt(*l, a, 10), '-')
	*l = append(strconv.AppendInt(*l, b, 10), '"')
}

// quoted writes s as a JSON string: always valid UTF-8, and with everything a
// terminal would obey (controls, bidirectional overrides) escaped, since people
// look at JSON in terminals.
func (l *line) quoted(s string) {
	b := append(*l, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < 0x7f {
			if c == '"' || c == '\\' {
				b = append(b, '\\')
			}
			b = append(b, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\n':
			b = append(b, '\\', 'n')
		case r == '\r':
			b = append(b, '\\', 'r')
		case r == '\t':
			b = append(b, '\\', 't')
		case r == utf8.RuneError && n <= 1:
			b = append(b, `\ufffd`...)
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029':
			for _, unit := range utf16.AppendRune(nil, r) {
				const digits = "0123456789abcdef"
				b = append(b, '\\', 'u', digits[unit>>12], digits[unit>>8&15], digits[unit>>4&15], digits[unit&15])
			}
		default:
			b = append(b, s[i:i+n]...)
		}
		i += n
	}
	*l = append(b, '"')
}
