package main

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"lesson/lesson"
	"lesson/lesson/filter"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
)

// choice is which connections explain tells, and in which order.
type choice struct {
	filter *filter.Filter
	state  []tcp.State
	opened []lesson.Opened
	closed []ending
	sort   string
	limit  int // 0: all
}

// ending is a way to end, and who has reset the connection where that matters.
type ending struct {
	closed lesson.Closed
	by     *tcp.End
}

// some reports whether connections are chosen at all.
func (c *choice) some() bool { return c.filter != nil || c.byItself() }

// byItself reports whether connections are chosen by what became of them.
func (c *choice) byItself() bool { return len(c.state)+len(c.opened)+len(c.closed) > 0 }

// wants reports whether a connection is one of those.
func (c *choice) wants(conn *lesson.Connection) bool {
	return (len(c.state) == 0 || slices.Contains(c.state, conn.State[tcp.Client]) || slices.Contains(c.state, conn.State[tcp.Server])) &&
		(len(c.opened) == 0 || slices.Contains(c.opened, conn.Opened)) &&
		(len(c.closed) == 0 || slices.ContainsFunc(c.closed, func(e ending) bool {
			return e.closed == conn.Closed && (e.by == nil || conn.Reset[*e.by])
		}))
}

// chosen tells the connections that are wanted, and an ending that counts no
// others.
type chosen struct {
	lesson.Teller
	choice *choice
	told   int
	parts  int // segments of those told
	all    int // connections that were not wanted, too
}

// Tell passes an event on, or not.
func (c *chosen) Tell(e lesson.Event) error {
	switch e := e.(type) {
	case *lesson.Connection:
		if c.all++; !c.choice.wants(e) {
			return nil
		}
		c.told++
		c.parts += e.Segments
	case *lesson.Ending:
		if c.told == 0 && e.Connections > 0 {
			text := sayf("None of the %d connections is one you asked for.", "%d 个连接中没有符合条件的。", e.Connections)
			if e.Connections == 1 {
				text = say("The only connection is not one you asked for.", "仅有的一个连接不符合条件。")
			}
			if err := c.Teller.Tell(&lesson.Note{Kind: lesson.Warning, Explanation: lesson.Explanation{Text: text}}); err != nil {
				return err
			}
		}
		told := *e
		told.Connections, told.Segments = c.told, c.parts
		return c.Teller.Tell(&told)
	}
	return c.Teller.Tell(e)
}

// sole holds the first connection back. If no other comes, nothing is told of
// it here: it can be drawn instead.
type sole struct {
	lesson.Teller
	held  []lesson.Event
	found *lesson.Connection
	more  bool
}

// Tell passes everything on once there are two connections, or none.
func (s *sole) Tell(e lesson.Event) error {
	if s.more {
		return s.Teller.Tell(e)
	}
	switch e := e.(type) {
	case *lesson.Connection:
		if s.found == nil {
			kept := *e // it holds only until we return
			s.found = &kept
			s.held = append(s.held, s.found)
			return nil
		}
		s.more, s.found = true, nil
	case *lesson.Ending:
		s.more = s.found == nil
	}
	s.held = append(s.held, e)
	if !s.more {
		return nil
	}
	return s.tell()
}

// tell passes on what is held.
func (s *sole) tell() error {
	for _, e := range s.held {
		if err := s.Teller.Tell(e); err != nil {
			return err
		}
	}
	s.held, s.more = nil, true
	return nil
}

// alone is the number of the one connection that has been held back to the end.
func (s *sole) alone() (stream int, ok bool) {
	if s == nil || s.found == nil || s.more {
		return 0, false
	}
	return s.found.Stream, true
}

// numbers notes the numbers of the connections it is told. If there were none,
// it passes on what there is to say.
type numbers struct {
	lesson.Teller
	set   []uint64 // bits
	notes []lesson.Event
}

// Tell takes an event down.
func (n *numbers) Tell(e lesson.Event) error {
	switch e := e.(type) {
	case *lesson.Connection:
		for e.Stream/64 >= len(n.set) {
			n.set = append(n.set, 0)
		}
		n.set[e.Stream/64] |= 1 << (e.Stream % 64)
	case *lesson.Note:
		n.notes = append(n.notes, e)
	case *lesson.Ending:
		for i := 0; len(n.set) == 0 && i < len(n.notes); i++ {
			if err := n.Teller.Tell(n.notes[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// has reports whether a connection is one of them.
func (n *numbers) has(stream int) bool {
	return stream/64 < len(n.set) && n.set[stream/64]&(1<<(stream%64)) != 0
}

// orders are the ways to sort connections; what is large comes first.
var orders = map[string]func(a, b *lesson.Connection) int{
	"stream":   func(a, b *lesson.Connection) int { return 0 },
	"start":    func(a, b *lesson.Connection) int { return a.Start.Compare(b.Start) },
	"duration": func(a, b *lesson.Connection) int { return cmp.Compare(b.Duration, a.Duration) },
	"bytes":    func(a, b *lesson.Connection) int { return cmp.Compare(b.Bytes[0]+b.Bytes[1], a.Bytes[0]+a.Bytes[1]) },
	"segments": func(a, b *lesson.Connection) int { return cmp.Compare(b.Segments, a.Segments) },
	"client":   func(a, b *lesson.Connection) int { return a.Ends[tcp.Client].Compare(b.Ends[tcp.Client]) },
	"server":   func(a, b *lesson.Connection) int { return a.Ends[tcp.Server].Compare(b.Ends[tcp.Server]) },
	"closed":   func(a, b *lesson.Connection) int { return cmp.Compare(b.Closed, a.Closed) },
}

var orderNames = []string{"stream", "start", "duration", "bytes", "segments", "client", "server", "closed"}

// sorted holds the connections until all are known. With a limit it never
// holds more than twice as many.
type sorted struct {
	lesson.Teller
	less  func(a, b *lesson.Connection) int
	limit int
	held  []*lesson.Connection
}

// Tell passes the connections on before the ending.
func (s *sorted) Tell(e lesson.Event) error {
	switch e := e.(type) {
	case *lesson.Connection:
		kept := *e // it holds only until we return
		s.held = append(s.held, &kept)
		if s.limit > 0 && len(s.held) >= 2*s.limit+64 {
			s.cut()
		}
		return nil
	case *lesson.Ending:
		s.cut()
		for _, c := range s.held {
			if err := s.Teller.Tell(c); err != nil {
				return err
			}
		}
	}
	return s.Teller.Tell(e)
}

func (s *sorted) cut() {
	slices.SortFunc(s.held, func(a, b *lesson.Connection) int { return cmp.Or(s.less(a, b), cmp.Compare(a.Stream, b.Stream)) })
	if s.limit > 0 && len(s.held) > s.limit {
		clear(s.held[s.limit:])
		s.held = s.held[:s.limit]
	}
}

// listFlag is a flag of one or more words, each of which must be known.
type listFlag[T any] struct {
	values *[]T
	name   string
	typ    string
	known  []string
	read   func(string) (T, bool)
}

func (f listFlag[T]) String() string { return "" }
func (f listFlag[T]) Type() string   { return f.typ }

func (f listFlag[T]) Set(s string) error {
	for _, word := range strings.Split(s, ",") {
		v, ok := f.read(word)
		if !ok {
			hint := sayf("--%s takes one or more of: %s", "--%s 可取以下一个或多个值：%s", f.name, strings.Join(f.known, ", "))
			low := strings.Split(strings.ToLower(strings.Join(f.known, ",")), ",")
			if i := slices.Index(low, nearest(word, low)); i >= 0 {
				hint = sayf("did you mean --%s %s?", "您是想输入 --%s %s 吗？", f.name, f.known[i])
			}
			return usage(sayf("--%s does not know %s", "--%s 不认识 %s", f.name, shown(word)), hint)
		}
		*f.values = append(*f.values, v)
	}
	return nil
}

// stateFlag takes every spelling of a state in use: CLOSE_WAIT, CLOSE-WAIT,
// close-wait; FIN_WAIT_1, FIN-WAIT-1.
func stateFlag(values *[]tcp.State) listFlag[tcp.State] {
	var known []string
	for _, s := range tcp.States() {
		known = append(known, s.String())
	}
	bare := func(name string) string { return strings.NewReplacer("_", "", "-", "").Replace(strings.ToUpper(name)) }
	return listFlag[tcp.State]{values, "state", "STATE", known, func(word string) (tcp.State, bool) {
		for _, s := range tcp.States() {
			if bare(word) == bare(s.String()) || bare(word) == bare(s.RFC()) {
				return s, true
			}
		}
		return tcp.Unknown, false
	}}
}

func openedFlag(values *[]lesson.Opened) listFlag[lesson.Opened] {
	known := names(lesson.OpenedBefore, lesson.OpenedUnreached)
	return listFlag[lesson.Opened]{values, "opened", "HOW", known, func(word string) (lesson.Opened, bool) {
		i := slices.Index(known, word)
		return lesson.Opened(max(i, 0)), i >= 0
	}}
}

func closedFlag(values *[]ending) listFlag[ending] {
	known := names(lesson.ClosedNot, lesson.ClosedNever)
	by := []string{"reset-by-client", "reset-by-server"}
	return listFlag[ending]{values, "closed", "HOW", append(by, known...), func(word string) (ending, bool) {
		if i := slices.Index(by, word); i >= 0 {
			end := tcp.End(i)
			return ending{lesson.ClosedReset, &end}, true
		}
		i := slices.Index(known, word)
		return ending{closed: lesson.Closed(max(i, 0))}, i >= 0
	}}
}

// names are the names of all values from first to last.
func names[T interface {
	~uint8
	String() string
}](first, last T) (all []string) {
	for v := first; v <= last; v++ {
		all = append(all, v.String())
	}
	return all
}

// filterFlag is an expression in tcpdump's filter language.
type filterFlag struct{ f **filter.Filter }

func (f filterFlag) String() string { return "" }
func (f filterFlag) Type() string   { return "EXPRESSION" }

func (f filterFlag) Set(s string) error {
	if *f.f != nil {
		return usage(say("--filter is given twice", "--filter 给出了两次"), say("join them: --filter '(…) and (…)'", "请合并：--filter '(…) and (…)'"))
	}
	parsed, err := filter.Parse(s)
	if err == nil {
		*f.f = parsed
		return nil
	}
	var e *filter.Error
	if !errors.As(err, &e) {
		return err
	}
	hint := e.Hint
	if near := nearest(e.Word, filter.Words()); near != "" && near != e.Word && !strings.HasPrefix(e.Word, ".") {
		hint = sayf("did you mean %s?", "您是想输入 %s 吗？", near)
	}
	// Both lines lose what a terminal would obey, so that they stay aligned.
	before, word := text.Clean(s[:e.From]), text.Clean(s[e.From:e.To])
	point := "\n  " + before + word + text.Clean(s[e.To:]) + "\n  " + strings.Repeat(" ", text.Width(before)) + strings.Repeat("^", max(text.Width(word), 1))
	return usage(say("the filter is not understood: "+e.What.EN+point, "过滤表达式有误："+e.What.ZH+point), hint)
}

// sortFlag is the name of an order.
type sortFlag string

func (f *sortFlag) String() string { return string(*f) }
func (f *sortFlag) Type() string   { return "KEY" }

func (f *sortFlag) Set(s string) error {
	if orders[s] == nil {
		hint := sayf("--sort takes one of: %s", "--sort 可取：%s", strings.Join(orderNames, ", "))
		if near := nearest(s, orderNames); near != "" {
			hint = sayf("did you mean --sort %s?", "您是想输入 --sort %s 吗？", near)
		}
		return usage(sayf("connections cannot be sorted by %s", "连接不能按 %s 排序", shown(s)), hint)
	}
	*f = sortFlag(s)
	return nil
}
