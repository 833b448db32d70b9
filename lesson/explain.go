package lesson

import (
	"errors"
	"fmt"
	"io"
	"time"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// Source yields the TCP segments of a capture in order; io.EOF ends them. Any
// other error is damage: what came before it holds.
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
	// Match chooses what is told: the segments that match, and the connections
	// of which one does. All segments are looked at, so that the states told
	// are those of the whole capture. Nil matches all.
	Match func(*tcp.Captured) bool
	// Follow tells every row at once, as a live source needs it. What a later
	// segment corrects has then been told, and only its Step.Revised says so.
	Follow bool
}

const (
	// A row can be corrected by a later segment while fewer than this many
	// rows have followed it.
	window = 4096
	// Fitting gives a capture's only connection up as too long to be read
	// after this many segments.
	tooLong = 20000
	// So much of a payload is kept for showing.
	keepPayload = 256
)

// Explain tells the story of every connection in a capture. When the source is
// damaged it tells all that came before, and then returns the source's error.
func Explain(src Source, opt ExplainOptions, t Teller) error {
	x := &explainer{opt: opt, t: t, streams: map[pair]int{}}
	err := x.read(src)
	if w, ok := src.(warner); ok {
		x.warnings = w.Warnings()
	}
	if tellErr := x.finish(); tellErr != nil {
		return tellErr
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// pair is a connection's two ends in an order that both directions share.
type pair struct{ a, b tcp.Endpoint }

func pairOf(s *tcp.Segment) pair {
	if less(&s.Dst, &s.Src) {
		return pair{s.Dst, s.Src}
	}
	return pair{s.Src, s.Dst}
}

func less(a, b *tcp.Endpoint) bool {
	for i := range a.IP {
		if a.IP[i] != b.IP[i] {
			return a.IP[i] < b.IP[i]
		}
	}
	return a.Port < b.Port
}

type explainer struct {
	opt     ExplainOptions
	t       Teller
	streams map[pair]int // the latest connection between two ends
	conns   []tcp.Conn   // by stream number
	matched []bool       // by stream number
	rows    []*Segment   // told late, so that a later segment can correct them
	opened  bool
	first   int64 // the first row's time
	told    int
	err     error

	warnings []lang.Text
}

// read observes everything the source has, and returns how it ended.
func (x *explainer) read(src Source) error {
	for x.err == nil {
		c, err := src.Next()
		if err != nil {
			return err
		}
		x.segment(&c)
	}
	return x.err
}

func (x *explainer) segment(c *tcp.Captured) {
	key := pairOf(&c.Segment)
	stream, ok := x.streams[key]
	reused := ok && x.conns[stream].StartsNew(&c.Segment)
	if !ok || reused {
		stream = len(x.conns)
		x.streams[key] = stream
		x.conns = append(x.conns, tcp.Conn{})
		x.matched = append(x.matched, false)
	}
	matches := x.opt.Match == nil || x.opt.Match(c)
	x.matched[stream] = x.matched[stream] || matches
	step := x.conns[stream].Observe(&c.Segment)
	if reused {
		step.Findings |= tcp.PortReused
	}
	if !x.wants(stream) {
		return
	}
	x.correct(stream, step.Revised)
	if matches {
		x.rows = append(x.rows, x.row(stream, c, &step))
	}
	if x.opt.Follow && x.opt.Detail != Fitting {
		x.err = x.flush(0)
	} else if x.opt.Detail != Fitting && len(x.rows) >= 2*window {
		x.err = x.flush(window)
	}
}

// wants reports whether a stream's segments are to be told.
func (x *explainer) wants(stream int) bool {
	switch x.opt.Detail {
	case Everything:
		return true
	case OneStream:
		return stream == x.opt.Stream
	case Fitting:
		if len(x.conns) > 1 || len(x.rows) >= tooLong {
			x.opt.Detail, x.rows = Table, nil
			return false
		}
		return true
	}
	return false
}

func (x *explainer) row(stream int, c *tcp.Captured, step *tcp.Step) *Segment {
	if x.told == 0 && len(x.rows) == 0 {
		x.first = c.Time
	}
	s := &Segment{Captured: *c, Stream: stream, Step: *step, Since: time.Duration(c.Time - x.first)}
	s.Raw = nil
	s.Header = append([]byte(nil), c.Header...)
	s.Payload = append([]byte(nil), c.Payload[:min(len(c.Payload), keepPayload)]...)
	return s
}

// correct rewrites the rows that a later segment proves wrong, as far as they
// have not been told.
func (x *explainer) correct(stream int, r tcp.Revision) {
	if r.Since == 0 {
		return
	}
	for i := len(x.rows) - 1; i >= 0; i-- {
		row := x.rows[i]
		if row.Stream != stream {
			continue
		}
		if row.Step.N < r.Since {
			return
		}
		row.Step.After[r.End] = r.State
		row.Step.Taken[r.End] = tcp.Path{}
		row.Step.Inferred[r.End] = row.Step.Inferred[r.End] || r.State == tcp.Closed
		row.Step.Findings |= tcp.Corrected
		if row.Step.N > r.Since || row.Step.N == 1 {
			row.Step.Before[r.End] = r.State
		}
	}
}

// flush tells rows until only keep of them are left.
func (x *explainer) flush(keep int) error {
	if err := x.open(); err != nil {
		return err
	}
	n := max(len(x.rows)-keep, 0)
	for _, row := range x.rows[:n] {
		x.told++
		row.N = x.told
		row.Explain = explanations(&row.Step)
		if err := x.t.Tell(row); err != nil {
			return err
		}
	}
	x.rows = append(x.rows[:0], x.rows[n:]...)
	return nil
}

// open tells the opening, once.
func (x *explainer) open() error {
	if x.opened {
		return nil
	}
	x.opened = true
	o := &Opening{Name: "explain", Title: lang.Text{EN: "What the capture shows", ZH: "抓包中的连接"}, Place: File, Interface: x.opt.Name}
	if i := x.only(); i >= 0 {
		c := &x.conns[i]
		o.Ends[tcp.Client], o.Ends[tcp.Server] = c.Endpoint(tcp.Client).AddrPort(), c.Endpoint(tcp.Server).AddrPort()
	}
	return x.t.Tell(o)
}

// only is the number of the one connection that is told, or -1.
func (x *explainer) only() int {
	switch {
	case x.opt.Detail == OneStream && x.opt.Stream < len(x.conns):
		return x.opt.Stream
	case x.opt.Detail == Fitting && len(x.conns) == 1:
		return 0
	}
	return -1
}

func (x *explainer) finish() error {
	if x.err != nil {
		return x.err
	}
	if x.opt.Detail == OneStream && x.opt.Stream >= len(x.conns) {
		return noSuchStream(x.opt.Stream, len(x.conns))
	}
	if err := x.flush(0); err != nil {
		return err
	}
	if len(x.conns) == 0 {
		x.warnings = append(x.warnings, lang.Text{EN: "There is no TCP segment in this capture.", ZH: "这份抓包里没有 TCP 报文段。"})
	}
	for _, text := range x.warnings {
		if err := x.t.Tell(&Note{Warning, Explanation{Text: text}}); err != nil {
			return err
		}
	}
	end := &Ending{Kept: true, Connections: len(x.conns)}
	var last int64
	for i := range x.conns {
		s := x.conns[i].Summary()
		end.Segments += int(s.Segments)
		last = max(last, s.Last)
		if x.opt.Detail == OneStream && i != x.opt.Stream || x.opt.Detail != OneStream && !x.matched[i] {
			continue
		}
		if err := x.t.Tell(summarize(i, &x.conns[i])); err != nil {
			return err
		}
	}
	if len(x.conns) > 0 {
		end.Duration = time.Duration(last - x.conns[0].Summary().First)
	}
	return x.t.Tell(end)
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
