package lesson

import (
	"errors"
	"fmt"
	"io"
	"time"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// Source yields the TCP segments of a capture in order, and the ICMP errors that
// quote one (Captured.ICMP); io.EOF ends them. Any other error is damage: what
// came before it holds.
type Source interface {
	Next() (tcp.Captured, error)
}

// warner is a Source that can say what it had to leave out.
type warner interface{ Warnings() []lang.Text }

// Detail says which events Explain tells.
type Detail uint8

// The choices.
const (
	// Fitting tells every segment if the capture holds one connection, and
	// otherwise one line for each connection.
	Fitting Detail = iota
	// Everything tells every segment of every connection as it stands in the
	// capture, and then one line for each connection.
	Everything
	// Table tells one line for each connection.
	Table
	// OneStream tells the segments of one connection.
	OneStream
)

// ExplainOptions choose what Explain tells.
type ExplainOptions struct {
	Detail Detail
	Stream int    // the connection, for OneStream
	Name   string // the file's name, for the opening
	// Vantage is where the capture was taken, if that is known.
	Vantage tcp.Vantage
	// Terse leaves the explanations out of the segments.
	Terse bool
	// Match chooses what is told: the segments that match, and the connections
	// of which one does. All segments are looked at, so that the states told
	// are those of the whole capture. Nil matches all.
	Match func(*tcp.Captured) bool
	// Only chooses connections by their numbers: no others are told, nor their
	// segments. Nil chooses all.
	Only func(stream int) bool
	// Follow tells every row at once, as a live source needs it. What a later
	// segment corrects has then been told, and only its Step.Revised says so.
	Follow bool
}

// tooLong is how many segments of a capture's only connection Fitting tells:
// more cannot be read.
const tooLong = 20000

// Explain tells the story of every connection in a capture, in one pass. When
// the source is damaged it tells all that came before, and then returns the
// source's error.
//
// Of the events, a *Segment and a *Connection hold only until Tell returns.
// Connections are told at the end, in the order of their numbers. From the
// 16,385th on, those that have ended are told and forgotten as others come,
// and so are those that have been silent for four minutes while they opened or
// closed, or for two hours and four minutes while they were open (RFC 5382,
// REQ-5). What is remembered thus grows only with the connections that are
// open at once. A segment that comes after all keeps its connection's number.
func Explain(src Source, opt ExplainOptions, t Teller) error {
	x := &explainer{opt: opt, t: t, table: newTable()}
	err := x.read(src)
	if x.err != nil {
		return x.err
	}
	if w, ok := src.(warner); ok {
		x.warnings = append(x.warnings, w.Warnings()...)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, x.finish())
}

type explainer struct {
	opt   ExplainOptions
	t     Teller
	table *table
	past  forgotten
	rows  rows
	icmp  bounces

	copies   Copies
	hops     hops
	losses   losses
	streams  int             // connections so far
	told     int             // those of them that were told
	segments int             // segments so far
	late     int             // of connections that had been told
	ends     [2]tcp.Endpoint // of the one that is told alone
	alone    *Connection     // the one for OneStream, if it has been forgotten
	event    Connection      // the latest that was told
	earliest int64           // the first and the last time in those that were told
	latest   int64
	early    early
	opened   bool
	err      error

	warnings []lang.Text
}

// read observes everything the source has, and returns how it ended.
func (x *explainer) read(src Source) error {
	ahead, _ := src.(batcher)
	var c tcp.Captured
	for x.err == nil {
		if x.opt.Detail == Table && x.opt.Match == nil && !x.opt.Follow && x.opt.Vantage == tcp.Anywhere && ahead != nil {
			return x.readAhead(ahead)
		}
		var err error
		if c, err = src.Next(); err != nil {
			return err
		}
		if c.ICMP != nil {
			x.bounced(&c)
			continue
		}
		x.captured(&c)
	}
	return x.err
}

// captured observes a segment, and tells it if it is to be told.
func (x *explainer) captured(c *tcp.Captured) {
	if c.VLAN != 0 {
		x.table.withTags()
	}
	matches := x.opt.Match == nil || x.opt.Match(c)
	h := x.table.hash(&c.Src, &c.Dst)
	slot, stream, step := x.observe(h, &c.Segment, matches)
	x.fit()
	if x.opt.Detail == Table || !x.wants(stream) {
		return
	}
	x.copies.Mark(c, &step)
	usual := uint8(0)
	if slot != nowhere {
		usual = x.hops.at(slot).Mark(c, &step)
	}
	x.rows.correct(stream, step.Revised)
	switch {
	case matches:
		x.rows.add(stream, c, &step, usual)
		if !x.opt.Follow {
			x.losses.look(&x.rows, x.opt.Vantage)
		}
	case slot != nowhere && *x.table.number(slot)&chosen != 0:
		x.losses.blind = true
	}
	x.tell()
}

// tell tells the rows that cannot be corrected any more.
func (x *explainer) tell() {
	keep := window
	if x.opt.Follow {
		keep = 0
	}
	if x.opt.Detail != Fitting && len(x.rows.held) >= max(2*keep, 1) && x.err == nil {
		if x.err = x.open(); x.err == nil {
			x.err = x.rows.tell(keep, !x.opt.Terse, x.t)
		}
	}
}

// wants reports whether a connection is one of those to be told.
func (x *explainer) wants(stream int) bool {
	if x.opt.Detail == OneStream {
		return stream == x.opt.Stream
	}
	return x.opt.Only == nil || x.opt.Only(stream)
}

// observe shows a segment to its connection.
func (x *explainer) observe(h uint64, s *tcp.Segment, matches bool) (slot uint32, stream int, step tcp.Step) {
	x.segments++
	slot, reused := x.place(h, s)
	if slot == nowhere {
		number, _ := x.past.find(h)
		var unknown tcp.Conn // whatever it does to the states is not known any more
		return nowhere, int(number), unknown.Observe(s)
	}
	number := x.table.number(slot)
	if matches {
		*number |= chosen
	}
	stream = int(*number &^ marks)
	conn := x.table.conn(slot)
	step = conn.ObserveAt(x.opt.Vantage, s)
	x.early.note(slot, conn, s)
	if reused {
		step.Findings |= tcp.PortReused
	}
	if step.N == 1 && (stream == x.opt.Stream || stream == 0 && x.opt.Detail == Fitting) {
		x.ends[tcp.Client], x.ends[tcp.Server] = conn.Ends()
	}
	return slot, stream, step
}

// nowhere is the slot of a segment whose connection has been forgotten.
const nowhere = 1<<32 - 1

// place finds the connection that a segment belongs to, or begins one; reused
// says that it takes the place of one between the same ends.
func (x *explainer) place(h uint64, s *tcp.Segment) (slot uint32, reused bool) {
	slot, ok := x.lookup(h, s)
	opens := s.Flags&(tcp.SYN|tcp.ACK) == tcp.SYN
	switch {
	case ok && !(opens && x.table.conn(slot).StartsNew(s)):
		return slot, false
	case ok:
		old := *x.table.conn(slot)
		x.table.supersede(h, slot)
		slot = x.begin(h, s)
		x.table.conn(slot).Succeeds(&old, s)
		return slot, true
	case x.past.any() && (!opens || x.opt.Detail != Table):
		if _, reused = x.past.find(h); reused && !opens {
			x.late++
			return nowhere, false
		}
	}
	return x.begin(h, s), reused
}

// lookup finds the connection that a segment belongs to.
func (x *explainer) lookup(h uint64, s *tcp.Segment) (slot uint32, ok bool) {
	if x.table.tags != nil {
		return x.table.findTagged(h, s)
	}
	return x.table.find(h, &s.Src, &s.Dst)
}

// begin gives the connection that a segment begins a slot.
func (x *explainer) begin(h uint64, s *tcp.Segment) (slot uint32) {
	slot = x.room(h, s.Time)
	if x.table.tags != nil {
		x.table.tagAnew(slot, s)
		if x.table.beside {
			x.table.twins++
		}
	}
	return slot
}

// room is a slot for a new connection: a fresh one, or that of one that can be
// told and forgotten.
func (x *explainer) room(h uint64, now int64) (slot uint32) {
	stream := uint32(x.streams)
	x.streams++
	if x.table.slots >= roomy {
		if slot, ok := x.table.over(now); ok {
			x.forget(slot)
			x.table.enter(h, slot, stream)
			x.hops.clear(slot)
			return slot
		}
	}
	return x.table.add(h, stream)
}

// forget tells a connection and empties its slot.
func (x *explainer) forget(slot uint32) {
	x.fit()
	if x.err == nil {
		x.err = x.connection(slot)
	}
	delete(x.early, slot)
	n := *x.table.number(slot)
	x.icmp.forget(int(n &^ marks))
	if h := x.table.forget(slot); n&superseded == 0 {
		x.past.add(h, n&^marks)
	}
}

// fit decides what Fitting means, once it is clear.
func (x *explainer) fit() {
	if x.opt.Detail != Fitting || x.streams <= 1 && len(x.rows.held) < tooLong {
		return
	}
	if x.streams == 1 {
		var also lang.Text
		if x.icmp.of(0).Count > 0 {
			also = lang.Text{EN: " and ICMP errors", ZH: "及 ICMP 差错"}
		}
		x.warnings = append(x.warnings, lang.Text{
			EN: fmt.Sprintf("The only connection has more than %d segments%s. To draw it all the same: --stream 0.", tooLong, also.EN),
			ZH: fmt.Sprintf("仅有的一个连接超过 %d 个报文段%s。仍要画出它，请用 --stream 0。", tooLong, also.ZH),
		})
	}
	x.opt.Detail, x.rows = Table, rows{}
}

// open tells the opening, once.
func (x *explainer) open() error {
	if x.opened {
		return nil
	}
	x.opened = true
	o := &Opening{Name: "explain", Title: lang.Text{EN: "What the capture shows", ZH: "抓包中的连接"}, Place: File, Interface: x.opt.Name, Vantage: x.opt.Vantage}
	if x.opt.Detail == OneStream || x.opt.Detail == Fitting && x.streams == 1 {
		for e, p := range x.ends {
			o.Ends[e] = p.AddrPort()
		}
	}
	return x.t.Tell(o)
}

// connection tells one connection.
func (x *explainer) connection(slot uint32) error {
	n := *x.table.number(slot)
	stream := int(n &^ marks)
	switch {
	case !x.wants(stream):
		return nil
	case x.opt.Detail != OneStream && x.opt.Match != nil && n&chosen == 0:
		return nil
	}
	c := x.table.conn(slot)
	s, before := c.Summary(), x.early[slot]
	first := s.First - int64(before)
	if x.told++; x.told == 1 {
		x.earliest, x.latest = first, s.Last
	}
	x.earliest, x.latest = min(x.earliest, first), max(x.latest, s.Last)
	summarize(&x.event, stream, c, &s, before)
	x.event.VLAN = x.table.vlan(slot)
	x.event.ICMP = x.icmp.of(stream)
	if x.opt.Detail == OneStream { // it comes after its segments
		alone := x.event
		x.alone = &alone
		return nil
	}
	if err := x.open(); err != nil {
		return err
	}
	return x.t.Tell(&x.event)
}

func (x *explainer) finish() error {
	if x.opt.Detail == OneStream && x.opt.Stream >= x.streams {
		return noSuchStream(x.opt.Stream, x.streams)
	}
	if err := x.open(); err != nil {
		return err
	}
	if err := x.rows.tell(0, !x.opt.Terse, x.t); err != nil {
		return err
	}
	x.warn()
	for _, text := range x.warnings {
		if err := x.t.Tell(&Note{Warning, Explanation{Text: text}}); err != nil {
			return err
		}
	}
	for slot := range x.table.inOrder {
		if err := x.connection(slot); err != nil {
			return err
		}
	}
	if x.alone != nil {
		if err := x.t.Tell(x.alone); err != nil {
			return err
		}
	}
	end := &Ending{Kept: true, Connections: x.told, Segments: x.rows.told, Duration: max(time.Duration(x.latest-x.earliest), 0)}
	if x.opt.Detail == Table {
		end.Segments = x.segments
	}
	return x.t.Tell(end)
}

// warn adds what limits what was told.
func (x *explainer) warn() {
	if x.streams == 0 {
		x.warnings = append(x.warnings, lang.Text{EN: "No TCP segment was read from this capture.", ZH: "没有从这份抓包里读到 TCP 报文段。"})
	}
	if x.table.twins > 0 {
		x.warnings = append(x.warnings, lang.Text{
			EN: fmt.Sprintf("Connections between the same addresses and ports as another, in another VLAN or virtual network: %d. With --json each says its VLAN.", x.table.twins),
			ZH: fmt.Sprintf("与另一连接地址和端口相同、但在不同 VLAN 或虚拟网络中的连接：%d 个。用 --json 可看到各自的 VLAN。", x.table.twins),
		})
	}
	if text := x.icmp.strangers(); !text.IsZero() {
		x.warnings = append(x.warnings, text)
	}
	if x.late > 0 {
		x.warnings = append(x.warnings, lang.Text{
			EN: fmt.Sprintf("Segments that came when their connection had been told already, and are not counted in it: %d.", x.late),
			ZH: fmt.Sprintf("在所属连接已经输出之后才出现、因而未计入该连接的报文段：%d 个。", x.late),
		})
	}
}

func noSuchStream(want, have int) error {
	p := &lang.Problem{
		What: lang.Text{EN: fmt.Sprintf("there is no connection %d in this capture", want), ZH: fmt.Sprintf("这份抓包里没有编号为 %d 的连接", want)},
		Hint: lang.Text{EN: "it holds no TCP connection at all", ZH: "其中没有任何 TCP 连接"},
		Code: lang.ExitUsage,
	}
	if have > 0 {
		p.Hint = lang.Text{
			EN: fmt.Sprintf("it holds %d, numbered from 0 to %d; --summary lists them", have, have-1),
			ZH: fmt.Sprintf("其中有 %d 个连接，编号从 0 到 %d；用 --summary 列出", have, have-1),
		}
	}
	return p
}
