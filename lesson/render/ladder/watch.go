package ladder

import (
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
)

// Watch is a lesson.Teller for many live connections: a row for each segment,
// below a line that names the connection. Under load there are no rows;
// Refresh then shows where all connections stand.
type Watch struct {
	pen
	names map[int][2]string // by stream: the programs at both ends
	shown map[int]bool      // streams that have been named
	above int               // the stream of the row above; -1: none
	below below             // what Refresh draws
}

// NewWatch returns a Watch that draws on w.
func NewWatch(w io.Writer, o Options) *Watch {
	v := &Watch{pen: newPen(w, o), names: map[int][2]string{}, shown: map[int]bool{}, above: -1}
	v.Resize(o.Width)
	return v
}

// Resize tells the terminal's new width.
func (v *Watch) Resize(width int) {
	v.setWidth(width)
	v.width = v.o.Width
}

// Tell draws one event. The error is the writer's.
func (v *Watch) Tell(e lesson.Event) error {
	v.below.erase(&v.buf)
	switch e := e.(type) {
	case *lesson.Opening:
		v.wrapped(1, paragraph{titleInk, "", v.say(e.Title)})
	case *lesson.Socket:
		v.socket(e)
	case *lesson.Segment:
		v.segment(e)
	case *lesson.Connection:
		v.connection(e)
	case *lesson.Note:
		v.above = -1
		v.wrapped(1, v.noteText(e))
	case *lesson.Ending:
		v.line(nil)
		v.wrapped(1, paragraph{boldInk, "", sentence(v.say(verdict(e, false, true)), v.o.Lang)})
	case *lesson.Call, *lesson.ICMP, *lesson.Rest:
	}
	return v.flush()
}

// socket remembers who holds an end, and tells of one that waits.
func (v *Watch) socket(s *lesson.Socket) {
	if s.Process.PID != 0 {
		n := v.names[s.Stream]
		n[s.End&1] = v.process(s.Process)
		v.names[s.Stream] = n
	}
	if s.Waits {
		v.above = -1
		for _, q := range v.waiting(s) {
			v.wrapped(q.indent, q.paragraph)
		}
	}
}

func (v *Watch) process(p lesson.Process) string {
	return fmt.Sprintf("%s (%d)", v.clean(p.Name), p.PID)
}

// ends is the line that names a connection.
func (v *Watch) ends(stream int, ends [2]netip.AddrPort) {
	tag := v.tag(stream)
	r := row{{boldInk, " " + tag}}
	for e, ap := range ends {
		name := v.clean(endpoint(ap))
		if who := v.names[stream][e]; who != "" {
			name += " " + who
		}
		if e > 0 {
			r = append(r, span{none, " " + v.sign.arrow})
		}
		r = append(r, span{ofBold(tcp.End(e)), " " + name})
	}
	v.line(nil)
	if r.width() < v.width {
		v.line(r)
		return
	}
	for _, s := range text.Wrap(strings.TrimSpace(joined(r[1:])), v.width-3-text.Width(tag)) {
		v.line(row{r[0], {none, " " + s}})
		r[0].text = strings.Repeat(" ", text.Width(r[0].text))
	}
}

func joined(r row) string {
	var b strings.Builder
	for _, s := range r {
		b.WriteString(s.text)
	}
	return b.String()
}

func (v *Watch) tag(stream int) string { return "[" + strconv.Itoa(stream) + "]" }

// The columns of a row: a tag where the row above is another connection's, the
// time, the arrow, the flags, the numbers, both states.
const (
	tagWidth    = 5
	timeWidth   = 11
	flagsWidth  = 9
	stateWidth  = 12
	numberWidth = 22
	rowWidth    = 96 // beyond it the states would only be further away
	withTime    = 1 + tagWidth + timeWidth + 4 + flagsWidth + 1 + numberWidth + 2*stateWidth + 1
)

func (v *Watch) segment(s *lesson.Segment) {
	if !v.shown[s.Stream] {
		v.shown[s.Stream] = true
		ends := [2]netip.AddrPort{s.Src.AddrPort(), s.Dst.AddrPort()}
		if s.Step.From == tcp.Server {
			ends[0], ends[1] = ends[1], ends[0]
		}
		v.ends(s.Stream, ends)
		v.above = s.Stream
	}
	tag := ""
	if v.above != s.Stream {
		tag = v.tag(s.Stream)
	}
	v.above = s.Stream
	head := " " + text.Pad(tag+" ", tagWidth)
	if v.width >= withTime {
		head += text.PadLeft(fmt.Sprintf("%.6f", s.Since.Seconds()), timeWidth-1) + " "
	}
	arrow := "  " + string(v.sign.shaft) + v.sign.toRight
	if s.Step.From == tcp.Server {
		arrow = "  " + v.sign.toLeft + string(v.sign.shaft)
	}
	sent := ofBold(s.Step.From)
	if s.Flags.Has(tcp.RST) {
		sent = resetInk
	}
	numbers := fmt.Sprintf("seq %d", s.Step.Seq)
	if s.Flags.Has(tcp.ACK) {
		numbers += fmt.Sprintf(" ack %d", s.Step.Ack)
	}
	if s.Len > 0 {
		numbers += fmt.Sprintf(" len %d", s.Len)
	}
	indent := text.Width(head) + text.Width(arrow) + 1
	flags := text.Cut(s.Flags.String(), v.width-indent-1)
	r := row{{faintInk, head}, {sent, arrow + " " + text.Pad(flags, flagsWidth) + " "}, {none, numbers}}
	if r.width() > v.width { // more flags than anybody sends, or narrower than anybody has it
		r = r[:2]
		for _, part := range text.Wrap(numbers, v.width-indent) {
			v.line(r)
			r = row{{none, strings.Repeat(" ", indent)}, {none, part}}
		}
	}
	at := min(v.width, rowWidth) - 2*stateWidth - 1
	if w := r.width(); w < at {
		r = append(r, span{none, strings.Repeat(" ", at-w)})
	} else {
		v.line(r)
		r = row{{none, strings.Repeat(" ", max(at, 1))}}
	}
	for e := range s.Step.After {
		how := faintInk
		if s.Step.After[e] != s.Step.Before[e] {
			how = ofBold(tcp.End(e))
		}
		r = append(r, span{how, text.Pad(v.state(s.Step.After[e]), stateWidth)})
	}
	v.line(r)
	looks := v.findings(s, s.Step.Findings&^tcp.Corrected)
	if r := s.Step.Revised; r.Since != 0 {
		end := words.end[r.End&1]
		t := lang.Text{
			EN: fmt.Sprintf("corrected: the %s was really %s", end.EN, english(r.State)),
			ZH: fmt.Sprintf("更正：%s实际上处于 %s", end.ZH, chinese(r.State)),
		}
		if r.State == tcp.Unknown {
			t = lang.Text{
				EN: fmt.Sprintf("corrected: the state of the %s is not certain", end.EN),
				ZH: fmt.Sprintf("更正：%s的状态并不确定", end.ZH),
			}
		}
		looks = append(looks, paragraph{boldInk, v.sign.alert + " ", v.say(t)})
	}
	if v.o.Verbose {
		for _, x := range s.Explain {
			if !strings.HasPrefix(x.Text.EN, "client: ") && !strings.HasPrefix(x.Text.EN, "server: ") {
				continue // a finding
			}
			looks = append(looks, paragraph{faintInk, "", v.explanation(x)})
		}
		looks = append(looks, v.packet(s)...)
	}
	for _, q := range looks {
		v.wrapped(1+tagWidth, q)
	}
}

// connection says how one ended that has been shown.
func (v *Watch) connection(c *lesson.Connection) {
	if v.shown[c.Stream] {
		v.wrapped(1, paragraph{faintInk, text.Pad(v.tag(c.Stream)+" ", tagWidth), sentence(v.say(life(c)), v.o.Lang) + v.gap() + sentence(v.say(traffic(c)), v.o.Lang)})
		v.above = -1
	}
	delete(v.shown, c.Stream)
	delete(v.names, c.Stream)
}

// gap stands between two sentences.
func (p *pen) gap() string { return p.say(lang.Text{EN: " "}) }
