package ladder

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
)

// Load is what a busy interface is summed up in.
type Load struct {
	Title                    lang.Text
	Elapsed                  time.Duration
	Segments, Opened, Closed float64 // a second
	Open                     int     // connections that are not over
	Dropped                  uint64  // frames lost so far
	Ends                     [2][tcp.TimeWait + 1]int
	Full                     bool // not all ends in TIME_WAIT are counted
	Waiting                  []*lesson.Socket
	Partly                   bool // not all processes could be looked at
}

// loadStates are the states in the order of a connection's life.
var loadStates = [...]tcp.State{
	tcp.SynSent, tcp.SynRecv, tcp.Established, tcp.FinWait1, tcp.FinWait2,
	tcp.CloseWait, tcp.Closing, tcp.LastAck, tcp.TimeWait, tcp.Unknown,
}

var loadWords = struct{ opened, closed, segments, open, lost, none, clients, servers, waiting, calm, more, partly, keys lang.Text }{
	opened:   lang.Text{EN: "opened %s/s", ZH: "新建 %s/秒"},
	closed:   lang.Text{EN: "closed %s/s", ZH: "关闭 %s/秒"},
	segments: lang.Text{EN: "segments %s/s", ZH: "报文段 %s/秒"},
	open:     lang.Text{EN: "%s open", ZH: "%s 个未关闭"},
	lost:     lang.Text{EN: "%s frames lost", ZH: "丢失 %s 帧"},
	none:     lang.Text{EN: "no frames lost", ZH: "没有丢帧"},
	clients:  lang.Text{EN: "clients", ZH: "客户端"},
	servers:  lang.Text{EN: "servers", ZH: "服务器"},
	waiting:  lang.Text{EN: "Slow and stuck", ZH: "缓慢与停滞"},
	calm:     lang.Text{EN: "none: no end has waited for a second", ZH: "没有：没有哪一端等待超过一秒"},
	more:     lang.Text{EN: "and more", ZH: "还有更多"},
	partly:   lang.Text{EN: "only your own processes can be named; sudo names all", ZH: "只能显示您自己的进程；用 sudo 可显示全部"},
	keys:     lang.Text{EN: "q: quit", ZH: "q：退出"},
}

// Refresh draws the load in place of the last one, on a terminal of so many
// rows; 0 where they are not known. What is told later stands above it.
func (v *Watch) Refresh(l *Load, height int) error {
	if height <= 0 {
		height = usualRows
	}
	v.below.resize(v.width, height)
	if v.above >= 0 {
		v.above = -1
		v.below.erase(&v.buf)
		v.line(nil)
		if err := v.flush(); err != nil {
			return err
		}
	}
	lines, gap := v.totals(l), []row{nil}
	if height < 20 {
		gap = nil // no room for empty lines
	}
	lines = slices.Concat(lines, gap, v.tally(l), gap)
	lines = append(lines, v.waits(l, height-len(lines)-2)...)
	for _, r := range lines[:min(len(lines), max(height-1, 1))] {
		v.line(r)
	}
	v.below.replace(&v.buf, v.drawnLines())
	return v.flush()
}

// totals is what happens, in one line or in two.
func (v *Watch) totals(l *Load) []row {
	title := " " + v.say(l.Title) + " " + v.sign.dot + " " + v.clean(duration(l.Elapsed.Truncate(time.Second)))
	keys := v.say(loadWords.keys)
	head := row{{titleInk, title}}
	if room := v.width - text.Width(title) - text.Width(keys) - 1; room > 0 {
		head = append(head, span{none, strings.Repeat(" ", room)}, span{faintInk, keys})
	}
	out := []row{head}
	rate := func(t lang.Text, n float64) string { return fmt.Sprintf(v.say(t), perSecond(n)) }
	lost, how := v.say(loadWords.none), none
	if l.Dropped > 0 {
		lost, how = fmt.Sprintf(v.say(loadWords.lost), strconv.FormatUint(l.Dropped, 10)), boldInk
	}
	parts := []string{
		rate(loadWords.opened, l.Opened), rate(loadWords.closed, l.Closed), rate(loadWords.segments, l.Segments),
		fmt.Sprintf(v.say(loadWords.open), strconv.Itoa(l.Open)), lost,
	}
	for _, s := range v.flow(parts, " "+v.sign.dot+" ", v.width-2) {
		out = append(out, row{{how, " " + s}})
	}
	return out
}

// tally is how many ends are in which state.
func (v *Watch) tally(l *Load) []row {
	const column = 10
	out := []row{{{faintInk, " " + strings.Repeat(" ", stateWidth) + text.PadLeft(v.say(loadWords.clients), column) + text.PadLeft(v.say(loadWords.servers), column)}}}
	for _, s := range loadStates {
		n := [2]int{l.Ends[0][s], l.Ends[1][s]}
		if n[0]+n[1] == 0 && s != tcp.Established {
			continue
		}
		number := func(n int) string {
			if l.Full && s == tcp.TimeWait && n > 0 {
				return text.PadLeft("> "+strconv.Itoa(n), column)
			}
			return text.PadLeft(strconv.Itoa(n), column)
		}
		out = append(out, row{{none, " " + text.Pad(v.state(s), stateWidth)}, {clientInk, number(n[0])}, {serverInk, number(n[1])}})
	}
	return out
}

// waits is who waits, on so many lines.
func (v *Watch) waits(l *Load, lines int) []row {
	out := []row{{{boldInk, " " + v.say(loadWords.waiting)}}}
	if len(l.Waiting) == 0 {
		return append(out, row{{faintInk, " " + v.say(loadWords.calm)}})
	}
	for i, s := range l.Waiting {
		var own []row
		for _, q := range v.waiting(s) {
			for _, r := range v.wrap(q.paragraph, v.width-q.indent-1) {
				own = append(own, append(row{{none, strings.Repeat(" ", q.indent)}}, r...))
			}
		}
		if len(out)+len(own) > lines && i > 0 {
			out = append(out, row{{faintInk, " " + v.say(loadWords.more)}})
			break
		}
		out = append(out, own...)
	}
	if l.Partly {
		out = append(out, row{{faintInk, " " + text.Cut(v.say(loadWords.partly), v.width-2)}})
	}
	return out
}

// Stay leaves the last load where it is.
func (v *Watch) Stay() error {
	if len(v.below.lines) > 0 {
		v.line(nil) // the cursor is at its end
	}
	v.Forget()
	return v.flush()
}

// Forget tells that somebody else has written on the terminal: the last load
// cannot be taken away any more.
func (v *Watch) Forget() { v.below.lines = nil }

// flow puts parts on as few lines as hold them, none broken in its middle.
func (p *pen) flow(parts []string, between string, width int) (out []string) {
	for _, part := range parts {
		if n := len(out); n > 0 && text.Width(out[n-1])+text.Width(between)+text.Width(part) <= width {
			out[n-1] += between + part
			continue
		}
		out = append(out, part)
	}
	return out
}

func perSecond(n float64) string {
	if n > 0 && n < 9.95 {
		return fmt.Sprintf("%.1f", n)
	}
	return fmt.Sprintf("%.0f", n)
}

// indented is a paragraph and where it begins.
type indented struct {
	indent int
	paragraph
}

// waiting says which end waits, and under it for what.
func (v *Watch) waiting(s *lesson.Socket) []indented {
	own, peer := s.Ends[s.End&1], s.Ends[s.End.Peer()&1]
	state := s.State
	if state == tcp.Unknown {
		state = s.Kernel.State
	}
	mark := ""
	if s.Kernel.Asked() && s.Kernel.Agrees(state) {
		mark = v.sign.yes
	}
	head := text.Pad(v.state(state)+" "+mark, stateWidth+2) + v.clean(endpoint(own)) + " " + v.sign.toLeft + " " + v.clean(endpoint(peer))
	return []indented{
		{1, paragraph{boldInk, v.sign.alert + " ", head}},
		{3, paragraph{none, "", v.say(s.Text)}},
	}
}
