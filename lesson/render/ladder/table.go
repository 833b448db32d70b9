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
// Of more connections than anybody reads it shows how many there are of each
// kind, and examples, unless all are asked for. In plain sentences each is told
// as it comes. Segments and calls are not shown.
type Table struct {
	pen
	long    bool                 // words in full
	first   []*lesson.Connection // not drawn yet: the columns have no widths
	many    *overview            // there are more than that
	listed  bool                 // there are more than that, and all are wanted
	told    int                  // connections
	notes   []*lesson.Note       // shown last, where they are seen
	columns [numColumns]int      // their widths
}

// The columns. A field that is wider than its column pushes the rest along, and
// those with room to spare take it back before the numbers come.
const (
	numberColumn = iota
	endsColumn
	openColumn
	closeColumn
	statesColumn
	segmentsColumn
	bytesColumn
	timeColumn
	numColumns
)

const (
	// cards is the width below which a connection is a few short lines instead.
	cards = 72
	// readable is how many lines of a table anybody reads.
	readable = 256
)

// NewTable returns a Table that draws on w.
func NewTable(w io.Writer, o Options) *Table {
	t := &Table{pen: newPen(w, o)}
	t.width = t.o.Width
	t.long = t.width >= 130
	return t
}

// Tell draws one event.
func (t *Table) Tell(e lesson.Event) error {
	switch e := e.(type) {
	case *lesson.Opening:
		t.opening(e)
	case *lesson.Connection:
		t.told++
		switch {
		case t.o.Plain:
			t.sentence(e)
		case t.many != nil:
			t.many.add(e)
			return nil
		case t.listed:
			t.connection(e)
		case len(t.first) < readable:
			c := *e
			t.first = append(t.first, &c)
			return nil
		case t.o.All:
			t.all()
			t.connection(e)
			t.listed = true
		default:
			t.many = &overview{}
			for _, c := range append(t.first, e) {
				t.many.add(c)
			}
			t.first = nil
			return nil
		}
	case *lesson.Note:
		switch {
		case e.Kind == lesson.Remark:
		case t.o.Plain:
			t.line(row{{none, t.noteText(e).text}})
		default:
			t.notes = append(t.notes, e)
			return nil
		}
	case *lesson.Ending:
		t.all()
		for _, n := range t.notes {
			t.line(nil)
			t.wrapped(1, t.noteText(n))
		}
		t.ending(e)
	case *lesson.Call, *lesson.Segment, *lesson.ICMP, *lesson.Rest:
	}
	return t.flush()
}

func (t *Table) opening(o *lesson.Opening) {
	if t.o.Plain {
		t.line(row{{none, t.say(o.Title) + t.comma() + t.source(o) + t.stop()}})
		return
	}
	t.wrapped(1, paragraph{titleInk, "", t.say(o.Title) + " " + t.sign.dot + " " + t.source(o)})
}

// all draws what has been told of connections.
func (t *Table) all() {
	switch {
	case t.many != nil:
		t.overview()
	case len(t.first) > 0:
		t.names()
		for _, c := range t.first {
			t.connection(c)
		}
	}
	t.first, t.many = nil, nil
}

// names makes columns that suit the connections, and names them.
func (t *Table) names() {
	t.line(nil)
	if t.width < cards {
		return
	}
	h := t.say(tableWords.head[0])
	if t.long {
		h = t.say(tableWords.head[1])
	}
	names := [numColumns]string(strings.Split("#|"+h, "|"))
	t.measure(names)
	line, _ := t.fields(names)
	t.put(row{{faintInk, line}})
	t.line(nil)
}

// measure makes the columns as wide as what is to stand in them, if there is
// room for all of it; otherwise the ends get what the others leave.
func (t *Table) measure(names [numColumns]string) {
	take := func(fields [numColumns]string) {
		for i, f := range fields {
			t.columns[i] = max(t.columns[i], text.Width(f))
		}
	}
	take(names)
	t.columns[numberColumn] = 2
	for _, c := range t.first {
		take(t.short(c))
	}
	used := numColumns - 1
	for i, w := range t.columns {
		if i != endsColumn {
			used += w
		}
	}
	t.columns[endsColumn] = min(t.columns[endsColumn], t.width-used)
}

func (t *Table) ending(e *lesson.Ending) {
	v := verdict(e, false, false)
	if t.told < e.Connections {
		v = and(v, lang.Text{EN: "only " + count(uint64(t.told), "connection") + " shown", ZH: fmt.Sprintf("只显示 %d 个连接", t.told)})
	}
	s := sentence(t.say(v), t.o.Lang)
	if t.o.Plain {
		t.line(row{{none, s}})
		return
	}
	t.line(nil)
	t.wrapped(1, paragraph{boldInk, "", s})
}

// connection is one line; ends too long for that stand on a line before it.
func (t *Table) connection(c *lesson.Connection) {
	defer t.bounces(c)
	if t.width < cards {
		t.card(c)
		return
	}
	f := t.short(c)
	s, even := t.fields(f)
	if !even || text.Width(s) > t.width {
		t.wrapped(0, paragraph{none, text.PadLeft(f[numberColumn], t.columns[numberColumn]) + " ", t.ends(c, true)})
		f[numberColumn], f[endsColumn] = "", ""
		s, _ = t.fields(f)
	}
	if text.Width(s) > t.width {
		t.wrapped(3, paragraph{none, "", strings.Join(f[openColumn:], " ")})
		return
	}
	t.line(row{{none, s}})
}

// fields sets one line's fields in their columns, numbers to the right. It is
// even if all numbers stand under their names, or nearly so.
func (t *Table) fields(fields [numColumns]string) (line string, even bool) {
	var b strings.Builder
	at, end := 0, 0
	even = true
	for i, f := range fields {
		end += t.columns[i]
		w := text.Width(f)
		room := strings.Repeat(" ", max(end-at-w, 0))
		if i == numberColumn || i >= segmentsColumn {
			b.WriteString(room + f)
		} else {
			b.WriteString(f + room)
		}
		b.WriteByte(' ')
		at, end = at+len(room)+w+1, end+1
		even = even && (i < segmentsColumn || at <= end+1)
	}
	return strings.TrimRight(b.String(), " "), even
}

// card is a connection where there is no room for a table.
func (t *Table) card(c *lesson.Connection) {
	f := t.short(c)
	number := text.PadLeft(f[numberColumn], 2) + " "
	t.wrapped(0, paragraph{boldInk, number, f[endsColumn]})
	dot := " " + t.sign.dot + " "
	t.wrapped(text.Width(number), paragraph{none, "", strings.Join([]string{f[openColumn], f[closeColumn], f[statesColumn],
		t.say(lang.Text{EN: count(uint64(c.Segments), "segment"), ZH: fmt.Sprintf("%d 个报文段", c.Segments)}),
		t.say(lang.Text{EN: count(c.Bytes[0]+c.Bytes[1], "byte"), ZH: fmt.Sprintf("%d 字节", c.Bytes[0]+c.Bytes[1])}), f[timeColumn]}, dot)})
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

func (t *Table) ends(c *lesson.Connection, spaced bool) string {
	arrow := t.sign.arrow
	if spaced {
		arrow = " " + arrow + " "
	}
	return t.clean(endpoint(c.Ends[0])) + arrow + t.clean(endpoint(c.Ends[1]))
}

// short is a connection's fields, in words that suit the columns.
func (t *Table) short(c *lesson.Connection) (f [numColumns]string) {
	f[numberColumn], f[endsColumn] = strconv.Itoa(c.Stream), t.ends(c, t.long || t.width < cards)
	total := c.Bytes[0] + c.Bytes[1]
	if t.long {
		f[openColumn], f[closeColumn] = t.say(tableWords.open[1][c.Opened]), t.say(tableWords.close[1][c.Closed])
		f[statesColumn] = t.state(c.State[0]) + " " + t.sign.dot + " " + t.state(c.State[1])
		f[segmentsColumn], f[bytesColumn] = strconv.Itoa(c.Segments), strconv.FormatUint(total, 10)
		f[timeColumn] = t.clean(duration(c.Duration))
		return f
	}
	f[openColumn], f[closeColumn] = t.say(tableWords.open[0][c.Opened]), t.say(tableWords.close[0][c.Closed])
	f[statesColumn] = t.brief(c.State[0]) + "/" + t.brief(c.State[1])
	f[segmentsColumn], f[bytesColumn] = brief(uint64(c.Segments), 4), brief(total, 5)
	f[timeColumn] = t.clean(strings.ReplaceAll(duration(c.Duration), "\u00a0", ""))
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
	open  [2][7]lang.Text
	close [2][5]lang.Text
}{
	head: [2]lang.Text{
		{EN: "client→server|opened|end|states|segs|bytes|time", ZH: "客户端→服务器|建立|关闭|状态|段数|字节|历时"},
		{EN: "client → server|opened|closed|client · server|segments|bytes|duration", ZH: "客户端 → 服务器|建立方式|关闭|客户端 · 服务器|报文段|字节|历时"},
	},
	open: [2][7]lang.Text{
		{lesson.OpenedBefore: {EN: "before", ZH: "此前"}, lesson.OpenedHandshake: {EN: "3-way", ZH: "三次"},
			lesson.OpenedBoth: {EN: "simult.", ZH: "同时"}, lesson.OpenedHalf: {EN: "partial", ZH: "未成"},
			lesson.OpenedRefused: {EN: "refused", ZH: "拒绝"}, lesson.OpenedNot: {EN: "no reply", ZH: "无应答"}, lesson.OpenedUnreached: {EN: "ICMP", ZH: "ICMP"}},
		{lesson.OpenedBefore: {EN: "earlier", ZH: "此前已建"}, lesson.OpenedHandshake: {EN: "handshake", ZH: "三次握手"},
			lesson.OpenedBoth: {EN: "simultaneous", ZH: "同时打开"}, lesson.OpenedHalf: {EN: "incomplete", ZH: "握手未完成"},
			lesson.OpenedRefused: {EN: "refused", ZH: "被拒绝"}, lesson.OpenedNot: {EN: "unanswered", ZH: "没有应答"}, lesson.OpenedUnreached: {EN: "unreachable", ZH: "不可达"}},
	},
	close: [2][5]lang.Text{
		{lesson.ClosedNot: {EN: "open", ZH: "未关"}, lesson.ClosedFIN: {EN: "FIN", ZH: "FIN"}, lesson.ClosedHalf: {EN: "half", ZH: "未完"},
			lesson.ClosedReset: {EN: "RST", ZH: "RST"}, lesson.ClosedNever: {EN: "-", ZH: "-"}},
		{lesson.ClosedNot: {EN: "open", ZH: "未关闭"}, lesson.ClosedFIN: {EN: "FIN", ZH: "FIN"}, lesson.ClosedHalf: {EN: "half", ZH: "未完"},
			lesson.ClosedReset: {EN: "RST", ZH: "RST"}, lesson.ClosedNever: {EN: "-", ZH: "-"}},
	},
}
