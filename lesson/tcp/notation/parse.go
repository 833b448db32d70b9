package notation

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// Parse reads one line. A line that cannot be read gives a *lang.Problem that
// says in which column what was expected.
func Parse(line string) (Line, error) {
	p := parser{s: line}
	l := p.line()
	if p.err != nil {
		return Line{}, p.err
	}
	return l, nil
}

// ParseAll reads a text of many lines, passing over empty ones and those that
// hold only a comment. A problem names the line too, counted from 1.
func ParseAll(text string) ([]Line, error) {
	var all []Line
	n := 0
	for s := range strings.Lines(text) {
		n++
		if code, _, _ := strings.Cut(s, "#"); strings.TrimSpace(code) == "" {
			continue
		}
		l, err := Parse(strings.TrimRight(s, "\r\n"))
		if p, ok := lang.AsProblem(err); ok {
			return nil, &lang.Problem{What: lang.Text{
				EN: fmt.Sprintf("line %d, %s", n, p.What.EN),
				ZH: fmt.Sprintf("第 %d 行，%s", n, p.What.ZH),
			}}
		}
		all = append(all, l)
	}
	return all, nil
}

// parser walks along a line; the first error sticks.
type parser struct {
	s   string
	i   int // byte index of the next thing to read
	err error
	neg bool // a sequence number was negative, of those read since this was last asked
}

func (p *parser) fail(at int, want lang.Text) {
	if p.err != nil {
		return
	}
	col := utf8.RuneCountInString(p.s[:at]) + 1
	gotEN, gotZH := "the line ends", "但这一行到此为止"
	if rest := p.s[at:]; strings.TrimSpace(rest) != "" && rest[0] != '#' {
		w := rest[:wordEnd(rest)]
		if w == "" {
			_, n := utf8.DecodeRuneInString(rest)
			w = rest[:n]
		}
		gotEN, gotZH = fmt.Sprintf("found %q", w), fmt.Sprintf("却是 %q", w)
	}
	p.err = &lang.Problem{What: lang.Text{
		EN: fmt.Sprintf("column %d: expected %s, but %s", col, want.EN, gotEN),
		ZH: fmt.Sprintf("第 %d 列：此处应为%s，%s", col, want.ZH, gotZH),
	}}
}

// wordEnd is how far a word reaches: up to a space or a mark that stands alone.
func wordEnd(s string) int {
	if i := strings.IndexAny(s, " \t,<>|#"); i >= 0 {
		return i
	}
	return len(s)
}

func (p *parser) skipSpace() {
	for p.i < len(p.s) && (p.s[p.i] == ' ' || p.s[p.i] == '\t') {
		p.i++
	}
}

// peek is the next word, without taking it.
func (p *parser) peek() string {
	p.skipSpace()
	return p.s[p.i:][:wordEnd(p.s[p.i:])]
}

// take takes the next word if it is w.
func (p *parser) take(w string) bool {
	if p.err != nil || p.peek() != w {
		return false
	}
	p.i += len(w)
	return true
}

// mark takes the single character c if it comes next.
func (p *parser) mark(c byte) bool {
	p.skipSpace()
	if p.err != nil || p.i >= len(p.s) || p.s[p.i] != c {
		return false
	}
	p.i++
	return true
}

func (p *parser) end() bool {
	p.skipSpace()
	return p.i >= len(p.s) || p.s[p.i] == '#'
}

var (
	wantNumber = lang.Text{EN: "a number", ZH: "一个数"}
	wantColon  = lang.Text{EN: "a colon", ZH: "冒号"}
	wantComma  = lang.Text{EN: "a comma or >", ZH: "逗号或 >"}
	wantEnd    = lang.Text{
		EN: "ack, win, urg, <options>, | states or the end of the line",
		ZH: " ack、win、urg、<选项>、| 状态或行尾",
	}
	wantEndpoint = lang.Text{EN: "client or server", ZH: " client 或 server"}
	wantFlags    = lang.Text{EN: "flags made of the letters S F R P . U E W e, or - for none",
		ZH: "由 S F R P . U E W e 组成的标志位（没有标志位则写 -）"}
	wantSeq    = lang.Text{EN: "first:last(length)", ZH: "形如 first:last(length) 的序号"}
	wantOption = lang.Text{EN: "an option: mss, sackOK, TS, wscale, sack, FO, nop or eol",
		ZH: "一个选项：mss、sackOK、TS、wscale、sack、FO、nop 或 eol"}
	wantState = lang.Text{EN: "a state such as ESTABLISHED", ZH: "一个状态，例如 ESTABLISHED"}
	wantTime  = lang.Text{EN: "a time in seconds, such as 0.000012", ZH: "以秒为单位的时间，例如 0.000012"}
)

// number takes the digits that come next; max bounds the value.
func (p *parser) number(max uint64) uint32 {
	p.skipSpace()
	at := p.i
	for p.i < len(p.s) && '0' <= p.s[p.i] && p.s[p.i] <= '9' {
		p.i++
	}
	n, err := strconv.ParseUint(p.s[at:p.i], 10, 64)
	if err != nil || n > max {
		want := wantNumber
		if p.i > at {
			want.EN += fmt.Sprintf(" up to %d", max)
			want.ZH = fmt.Sprintf("不大于 %d 的数", max)
		}
		p.fail(at, want)
	}
	return uint32(n)
}

// numeric reports whether a number comes next, perhaps a negative one.
func (p *parser) numeric() bool {
	w := strings.TrimPrefix(p.peek(), "-")
	return w != "" && '0' <= w[0] && w[0] <= '9'
}

// seqNumber takes a sequence number; one from before 0 may be written as a
// negative number.
func (p *parser) seqNumber() tcp.Seq {
	if p.numeric() && p.here('-') {
		n := -tcp.Seq(p.number(1 << 31))
		p.neg = p.neg || n != 0
		return n
	}
	return tcp.Seq(p.number(math.MaxUint32))
}

// negative reports whether one of the sequence numbers just read was.
func (p *parser) negative() (neg bool) {
	neg, p.neg = p.neg, false
	return neg
}

func (p *parser) line() (l Line) {
	if p.numeric() {
		l.Time, l.HasTime = p.time(), true
	}
	l.From = p.endpoint("")
	if p.mark('>') {
		at := p.i
		if to := p.endpoint(":"); p.err == nil && to == l.From {
			p.skipSpace()
			p.fail(at+1, lang.Text{EN: "the other end", ZH: "另一端"})
		}
	}
	l.Flags = p.flags()
	if p.err != nil {
		return l
	}
	if p.numeric() {
		l.Seq, l.Len = p.seq()
		l.HasSeq, l.Signed[l.From] = true, p.negative()
	}
	if p.take("ack") {
		l.Ack, l.HasAck = p.seqNumber(), true
	}
	if p.take("win") {
		l.Window, l.HasWindow = uint16(p.number(math.MaxUint16)), true
	}
	if p.take("urg") {
		l.Urgent, l.HasUrgent = uint16(p.number(math.MaxUint16)), true
	}
	if p.mark('<') {
		l.Options, l.HasOptions = p.options(), true
	}
	l.Signed[l.From.Peer()] = p.negative()
	if p.mark('|') {
		l.State[tcp.Client], l.State[tcp.Server] = p.state(), p.state()
		l.HasState = true
	}
	if !p.end() {
		p.fail(p.i, wantEnd)
	}
	return l
}

// time takes seconds with up to nine decimals.
func (p *parser) time() time.Duration {
	at, w := p.i, p.peek()
	p.i += len(w)
	w, negative := strings.CutPrefix(w, "-")
	sec, frac, point := strings.Cut(w, ".")
	s, err := strconv.ParseUint(sec, 10, 64)
	digits := strings.TrimRight(frac, "0123456789") == ""
	if err != nil || s > uint64(math.MaxInt64/time.Second)-1 || !digits || len(frac) > 9 || point != (frac != "") {
		p.fail(at, wantTime)
		return 0
	}
	ns, _ := strconv.ParseUint((frac + "000000000")[:9], 10, 64)
	d := time.Duration(s)*time.Second + time.Duration(ns)
	if negative {
		return -d
	}
	return d
}

func (p *parser) endpoint(after string) tcp.End {
	for _, e := range []tcp.End{tcp.Client, tcp.Server} {
		if p.take(e.String() + after) {
			return e
		}
	}
	want := wantEndpoint
	if after != "" {
		want = lang.Text{EN: "client: or server:", ZH: " client: 或 server:"}
	}
	p.fail(p.i, want)
	return tcp.Client
}

func (p *parser) flags() (f tcp.Flags) {
	if p.err != nil || p.take("-") {
		return 0
	}
	w := p.peek()
	if w == "" {
		p.fail(p.i, wantFlags)
	}
	for i := range len(w) {
		bit := tcp.Flags(0)
		for _, l := range letters {
			if l.c == w[i] {
				bit = l.f
			}
		}
		if bit == 0 || f.Has(bit) {
			p.fail(p.i, wantFlags)
			return 0
		}
		f |= bit
	}
	p.i += len(w)
	return f
}

// seq takes first:last(length) and checks that the three agree.
func (p *parser) seq() (tcp.Seq, uint32) {
	at := p.i
	first := p.seqNumber()
	if p.err == nil && !p.here(':') {
		p.fail(at, wantSeq)
	}
	last := p.seqNumber()
	if p.err == nil && !p.here('(') {
		p.fail(at, wantSeq)
	}
	n := p.number(math.MaxUint32)
	if p.err == nil && !p.here(')') {
		p.fail(at, wantSeq)
	}
	if p.err == nil && last.Sub(first) != n {
		want := fmt.Sprintf("%d:%d(%d)", first, last, last.Sub(first))
		p.fail(at, lang.Text{EN: want, ZH: " " + want})
	}
	return first, n
}

// here takes c if it stands right here, with no space before it.
func (p *parser) here(c byte) bool {
	if p.i >= len(p.s) || p.s[p.i] != c {
		return false
	}
	p.i++
	return true
}

func (p *parser) state() tcp.State {
	if p.err != nil {
		return tcp.Unknown
	}
	w := p.peek()
	s, ok := tcp.ParseState(w)
	if !ok {
		p.fail(p.i, wantState)
	}
	p.i += len(w)
	return s
}

// options takes all up to and with the closing bracket.
func (p *parser) options() (o tcp.Options) {
	if p.mark('>') {
		return o
	}
	for p.err == nil {
		p.option(&o)
		if p.mark('>') {
			break
		}
		if p.err == nil && !p.mark(',') {
			p.fail(p.i, wantComma)
		}
	}
	return o
}

func (p *parser) option(o *tcp.Options) {
	switch {
	case p.take("nop"), p.take("eol"):
	case p.take("sackOK"):
		o.SACKPermitted = true
	case p.take("FO"):
		o.HasFastOpen = true
	case p.take("mss"):
		o.MSS, o.HasMSS = uint16(p.number(math.MaxUint16)), true
	case p.take("wscale"):
		o.WindowScale, o.HasScale = uint8(p.number(math.MaxUint8)), true
	case p.take("TS"):
		if !p.take("val") {
			p.fail(p.i, lang.Text{EN: "val", ZH: " val"})
		}
		o.TSVal = p.number(math.MaxUint32)
		if !p.take("ecr") {
			p.fail(p.i, lang.Text{EN: "ecr", ZH: " ecr"})
		}
		o.TSEcr, o.HasTimestamps = p.number(math.MaxUint32), true
	case p.take("sack"):
		o.SACKBlocks = 0
		for more := true; more && p.err == nil; {
			if int(o.SACKBlocks) == len(o.SACK) {
				p.fail(p.i, wantComma)
				return
			}
			b := &o.SACK[o.SACKBlocks]
			b.Left = p.seqNumber()
			if p.err == nil && !p.here(':') {
				p.fail(p.i, wantColon)
			}
			b.Right = p.seqNumber()
			o.SACKBlocks++
			more = p.numeric()
		}
	default:
		p.fail(p.i, wantOption)
	}
}
