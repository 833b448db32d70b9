package ladder

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
)

// Table is a lesson.Teller that shows connections, one line each: number,
// ends, how it opened and closed, both final states, segments, bytes, duration.
// A line is written as soon as its connection is told. Segments and calls are
// not shown.
type Table struct {
	pen
	columns columns
	opened  bool // the columns have been named
}

// columns are the widths of a table's columns. A field that is wider pushes the
// rest along, and those with room to spare take it back.
type columns struct {
	long                                             bool // words in full
	ends, open, close, states, segments, bytes, time int
}

// cards is the width below which a connection is a few short lines instead.
const cards = 72

// NewTable returns a Table that draws on w.
func NewTable(w io.Writer, o Options) *Table {
	t := &Table{pen: newPen(w, o)}
	t.width = t.o.Width
	c := columns{open: 7, close: 4, states: 16, segments: 4, bytes: 5, time: 6}
	if t.width >= 96 {
		c.states = 20 // the longest pair: FIN_WAIT2/CLOSE_WAIT
	}
	if t.width >= 130 {
		c = columns{long: true, open: 12, close: 6, states: 23, segments: 8, bytes: 11, time: 9}
	}
	used := 3 + c.open + c.close + c.states + c.segments + c.bytes + c.time + 6
	c.ends = min(t.width-used, 60)
	t.columns = c
	return t
}

// Tell draws one event.
func (t *Table) Tell(e lesson.Event) error {
	switch e := e.(type) {
	case *lesson.Opening:
		t.opening(e)
	case *lesson.Connection:
		if !t.opened && !t.o.Plain {
			t.head()
		}
		switch {
		case t.o.Plain:
			t.sentence(e)
		case t.width < cards:
			t.card(e)
		default:
			t.connection(e)
		}
	case *lesson.Note:
		switch {
		case e.Kind == lesson.Remark:
		case t.o.Plain:
			t.line(row{{none, t.noteText(e).text}})
		default:
			t.line(nil)
			t.wrapped(1, t.noteText(e))
		}
	case *lesson.Ending:
		t.ending(e)
	case *lesson.Call, *lesson.Segment, *lesson.Rest:
	}
	return t.flush()
}

func (t *Table) opening(o *lesson.Opening) {
	if t.o.Plain {
		t.line(row{{none, t.say(o.Title) + t.comma() + t.source(o) + t.stop()}})
		return
	}
	t.wrapped(1, paragraph{titleInk, "", t.say(o.Title) + " " + t.sign.dot + " " + t.source(o)})
	t.opened = false
}

// head names the columns, above the first connection.
func (t *Table) head() {
	t.line(nil)
	if t.opened = true; t.width >= cards {
		h := t.say(tableWords.head[0])
		if t.columns.long {
			h = t.say(tableWords.head[1])
		}
		f := strings.Split(h, "|")
		t.put(row{{faintInk, strings.TrimRight(t.fields("#", f[0], f[1], f[2], f[3], f[4], f[5], f[6]), " ")}})
		t.line(nil)
	}
}

func (t *Table) ending(e *lesson.Ending) {
	s := sentence(t.say(verdict(e, false, false)), t.o.Lang)
	if t.o.Plain {
		t.line(row{{none, s}})
		return
	}
	t.line(nil)
	t.wrapped(1, paragraph{boldInk, "", s})
}

// connection is one line; ends too long for theirs stand on a line before it.
func (t *Table) connection(c *lesson.Connection) {
	f := t.short(c)
	ends := t.ends(c)
	s := t.fields(f.n, ends, f.open, f.close, f.states, f.segments, f.bytes, f.time)
	if text.Width(s) > t.width {
		t.wrapped(0, paragraph{none, text.PadLeft(f.n, 2) + " ", ends})
		s = t.fields("", "", f.open, f.close, f.states, f.segments, f.bytes, f.time)
	}
	if text.Width(s) > t.width {
		t.wrapped(3, paragraph{none, "", strings.Join([]string{f.open, f.close, f.states, f.segments, f.bytes, f.time}, " ")})
		return
	}
	t.line(row{{none, s}})
}

// fields sets one line's fields in their columns.
func (t *Table) fields(n, ends, open, close, states, segments, bytes, time string) string {
	c := t.columns
	var b strings.Builder
	at, end := 0, 0
	add := func(s string, width int, right bool) {
		end += width
		if room := end - at - text.Width(s); right {
			b.WriteString(strings.Repeat(" ", max(room, 0)) + s)
			at += max(room, 0) + text.Width(s)
		} else {
			b.WriteString(s + strings.Repeat(" ", max(room, 0)))
			at += max(room, 0) + text.Width(s)
		}
		b.WriteByte(' ')
		at, end = at+1, end+1
	}
	add(n, 2, true)
	add(ends, c.ends, false)
	add(open, c.open, false)
	add(close, c.close, false)
	add(states, c.states, false)
	add(segments, c.segments, true)
	add(bytes, c.bytes, true)
	add(time, c.time, true)
	return strings.TrimRight(b.String(), " ")
}

// card is a connection where there is no room for a table.
func (t *Table) card(c *lesson.Connection) {
	f := t.short(c)
	number := text.PadLeft(f.n, 2) + " "
	t.wrapped(0, paragraph{boldInk, number, t.ends(c)})
	dot := " " + t.sign.dot + " "
	t.wrapped(text.Width(number), paragraph{none, "", strings.Join([]string{f.open, f.close, f.states,
		t.say(lang.Text{EN: count(uint64(c.Segments), "segment"), ZH: fmt.Sprintf("%d 个报文段", c.Segments)}),
		t.say(lang.Text{EN: count(c.Bytes[0]+c.Bytes[1], "byte"), ZH: fmt.Sprintf("%d 字节", c.Bytes[0]+c.Bytes[1])}), f.time}, dot)})
}

// sentence is a connection in words, on one line.
func (t *Table) sentence(c *lesson.Connection) {
	to := t.say(lang.Text{EN: " to ", ZH: " 到 "})
	s := fmt.Sprintf("%d%s%s%s%s", c.Stream, t.colon(), endpoint(c.Ends[0]), to, endpoint(c.Ends[1])) + t.comma() + t.say(life(c))
	for e, name := range words.end {
		s += t.comma() + t.say(name) + " " + t.state(c.State[e])
	}
	t.line(row{{none, s + t.comma() + t.say(traffic(c)) + t.stop()}})
}

func (t *Table) ends(c *lesson.Connection) string {
	arrow := t.sign.arrow
	if t.columns.long || t.width < cards {
		arrow = " " + arrow + " "
	}
	return t.clean(endpoint(c.Ends[0])) + arrow + t.clean(endpoint(c.Ends[1]))
}

// short is a connection's fields, as they fit the columns.
func (t *Table) short(c *lesson.Connection) (f struct{ n, open, close, states, segments, bytes, time string }) {
	open, close := tableWords.open[0][c.Opened], tableWords.close[0][c.Closed]
	if t.columns.long {
		open, close = tableWords.open[1][c.Opened], tableWords.close[1][c.Closed]
	}
	f.n, f.open, f.close = strconv.Itoa(c.Stream), t.say(open), t.say(close)
	total := c.Bytes[0] + c.Bytes[1]
	if t.columns.long {
		f.states = t.state(c.State[0]) + " " + t.sign.dot + " " + t.state(c.State[1])
		f.segments, f.bytes = strconv.Itoa(c.Segments), strconv.FormatUint(total, 10)
	} else {
		f.states = t.brief(c.State[0]) + "/" + t.brief(c.State[1])
		f.segments, f.bytes = brief(uint64(c.Segments), 4), brief(total, 5)
	}
	f.time = t.clean(strings.ReplaceAll(duration(c.Duration), "\u00a0", ""))
	if t.columns.long {
		f.time = t.clean(duration(c.Duration))
	}
	return f
}

// brief is a state's name as ss(8) shortens the longest one.
func (t *Table) brief(s tcp.State) string {
	if s == tcp.Established {
		return "ESTAB"
	}
	return t.state(s)
}

// brief is a number in at most so many digits and a unit: 9999, 1.8M.
func brief(n uint64, digits int) string {
	s := strconv.FormatUint(n, 10)
	if len(s) <= digits {
		return s
	}
	v := float64(n)
	for _, unit := range "kMGTPE" {
		if v /= 1000; v < 999.5 {
			if v < 9.95 {
				return fmt.Sprintf("%.1f%c", v, unit)
			}
			return fmt.Sprintf("%.0f%c", v, unit)
		}
	}
	return s
}

var tableWords = struct {
	head  [2]lang.Text // short, long
	open  [2][6]lang.Text
	close [2][5]lang.Text
}{
	head: [2]lang.Text{
		{EN: "client→server|opened|end|states|segs|bytes|time", ZH: "客户端→服务器|建立|关闭|状态|段数|字节|历时"},
		{EN: "client → server|opened|closed|client · server|segments|bytes|duration", ZH: "客户端 → 服务器|建立方式|关闭|客户端 · 服务器|报文段|字节|历时"},
	},
	open: [2][6]lang.Text{
		{lesson.OpenedBefore: {EN: "before", ZH: "此前"}, lesson.OpenedHandshake: {EN: "3-way", ZH: "三次"},
			lesson.OpenedBoth: {EN: "simult.", ZH: "同时"}, lesson.OpenedHalf: {EN: "partial", ZH: "未成"},
			lesson.OpenedRefused: {EN: "refused", ZH: "拒绝"}, lesson.OpenedNot: {EN: "no reply", ZH: "无应答"}},
		{lesson.OpenedBefore: {EN: "earlier", ZH: "此前已建"}, lesson.OpenedHandshake: {EN: "handshake", ZH: "三次握手"},
			lesson.OpenedBoth: {EN: "simultaneous", ZH: "同时打开"}, lesson.OpenedHalf: {EN: "incomplete", ZH: "握手未完成"},
			lesson.OpenedRefused: {EN: "refused", ZH: "被拒绝"}, lesson.OpenedNot: {EN: "unanswered", ZH: "没有应答"}},
	},
	close: [2][5]lang.Text{
		{lesson.ClosedNot: {EN: "open", ZH: "未关"}, lesson.ClosedFIN: {EN: "FIN", ZH: "FIN"}, lesson.ClosedHalf: {EN: "half", ZH: "单向"},
			lesson.ClosedReset: {EN: "RST", ZH: "RST"}, lesson.ClosedNever: {EN: "-", ZH: "-"}},
		{lesson.ClosedNot: {EN: "open", ZH: "未关闭"}, lesson.ClosedFIN: {EN: "FIN", ZH: "FIN"}, lesson.ClosedHalf: {EN: "half", ZH: "单向"},
			lesson.ClosedReset: {EN: "RST", ZH: "RST"}, lesson.ClosedNever: {EN: "-", ZH: "-"}},
	},
}
