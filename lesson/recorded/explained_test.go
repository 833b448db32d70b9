package recorded_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"lesson/lesson"
	"lesson/lesson/lessons"
	"lesson/lesson/recorded"
	"lesson/lesson/tcp"
)

// TestLiveAndExplained explains the capture of every lesson, with each of its
// options and without, and compares what is told of it with what was told live,
// where departures and arrivals are known and the kernels were asked. A test of
// the stage holds the recordings to what the lessons are.
//
// What remains different stands in the table known, and in the section "Live
// and explained" of docs/known-issues.md.
func TestLiveAndExplained(t *testing.T) {
	why := map[string]string{} // by what differs
	for _, k := range known {
		for line := range strings.Lines(k.lines) {
			if line = strings.TrimSpace(line); line != "" {
				why[line] = k.why
			}
		}
	}
	runs := 0
	for _, l := range lessons.All() {
		options := []string{""}
		for _, o := range l.Options {
			options = append(options, o.Name)
		}
		for _, option := range options {
			runs++
			for _, line := range compare(t, l.Name, option) {
				if why[line] == "" {
					t.Errorf("live and explained differ, and nothing says why: %s", line)
				}
				delete(why, line)
			}
		}
	}
	for line, reason := range why {
		t.Errorf("no longer so: %s (%s)", line, reason)
	}
	if runs < 40 {
		t.Errorf("only %d runs", runs)
	}
}

// TestDifferencesDocumented holds that the section names the runs that differ,
// and no others.
func TestDifferencesDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/known-issues.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(doc), "\n## Live and explained\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, l := range lessons.All() {
		for _, option := range append([]lesson.Option{{}}, l.Options...) {
			run := runName(l.Name, option.Name)
			differs := slices.ContainsFunc(known, func(k difference) bool { return strings.Contains(k.lines, "\t"+run+":") })
			if named := strings.Contains(section, "`"+run+"`"); named != differs {
				t.Errorf("%s: differs %v, named in docs/known-issues.md %v", run, differs, named)
			}
		}
	}
}

func runName(name, option string) string {
	if option != "" {
		name += " --" + option
	}
	return name
}

// story is a Teller that keeps the segments and the connections.
type story struct {
	segments    []*lesson.Segment
	connections []lesson.Connection
}

func (s *story) Tell(e lesson.Event) error {
	switch e := e.(type) {
	case *lesson.Segment:
		kept := *e
		s.segments = append(s.segments, &kept)
	case *lesson.Connection:
		s.connections = append(s.connections, *e)
	}
	return nil
}

// frames is a Source of what was captured.
type frames []tcp.Captured

func (f *frames) Next() (c tcp.Captured, err error) {
	if len(*f) == 0 {
		return c, io.EOF
	}
	c, *f = (*f)[0], (*f)[1:]
	return c, nil
}

// row is one packet of a capture, as it was told live: with what had become of
// it, and of those before it, when the next one left.
type row struct {
	live     *lesson.Segment
	after    [2][]tcp.State // by end: the states it has been in meanwhile
	findings tcp.Findings
	fresh    bool   // the sender begins another connection
	held     [2]int // by end: how many of its segments have not arrived as this one leaves
}

// rows are the packets of a story that was told live.
func rows(live *story) (out []*row) {
	var packets lesson.Packets
	var held [2]map[int]bool
	for e := range held {
		held[e] = map[int]bool{}
	}
	used := [2]bool{}
	for _, s := range live.segments {
		from := s.Step.From
		if packets.First(s) {
			r := &row{live: s, held: [2]int{len(held[0]), len(held[1])}}
			for _, rule := range s.Step.Taken[from].Rules() {
				if rule.On == tcp.SndSyn {
					r.fresh, used[from] = used[from], true
				}
			}
			out = append(out, r)
		}
		if held[from][s.N] = true; s.Fate.Arrives() {
			delete(held[from], s.N)
		}
		r := out[len(out)-1]
		for e, state := range s.Step.After {
			r.after[e] = append(r.after[e], state)
		}
		if r.live.N == s.N {
			r.findings |= s.Step.Findings
		}
	}
	return out
}

// compare lists what differs in the story that is told of a run's capture.
func compare(t *testing.T, name, option string) (differ []string) {
	t.Helper()
	var live, explained story
	if err := recorded.Play(name, option, &live); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("no recording of %s %s", name, option)
		}
		t.Fatal(err)
	}
	told := rows(&live)
	var capture frames
	for _, r := range told {
		capture = append(capture, r.live.Captured)
	}
	if err := lesson.Explain(&capture, lesson.ExplainOptions{Detail: lesson.Everything}, &explained); err != nil {
		t.Fatal(err)
	}
	if len(explained.segments) != len(told) {
		t.Fatalf("%s: %d rows of %d packets", name, len(explained.segments), len(told))
	}
	note := func(format string, args ...any) {
		differ = append(differ, runName(name, option)+": "+fmt.Sprintf(format, args...))
	}
	for i, s := range explained.segments {
		told[i].compare(s, func(format string, args ...any) {
			note("row %d %s", i+1, fmt.Sprintf(format, args...))
		})
	}
	for e := tcp.Client; e <= tcp.Server; e++ {
		only, otherwise := apart(arrows(&live, e), arrows(&explained, e))
		if only != otherwise {
			note("%s takes %s; explained: %s", e, only, otherwise)
		}
	}
	if was, is := lives(&live), connections(&explained); was != is {
		note("%s; explained: %s", was, is)
	}
	return differ
}

// heard are the findings of arrivals, of which a capture tells nothing.
const heard = tcp.RepeatedAcks | tcp.ResetAhead | tcp.ResetInWindow | tcp.SynResets | tcp.ListenerGone | tcp.DataPastFin | tcp.AcksNothing

func (r *row) compare(s *lesson.Segment, note func(string, ...any)) {
	from := s.Step.From
	if from != r.live.Step.From {
		note("from the %s, explained: from the %s", r.live.Step.From, from)
	}
	if s.Step.Seq != r.live.Step.Seq {
		note("seq")
	}
	if s.Step.Ack != r.live.Step.Ack {
		note("ack")
	}
	for e, state := range s.Step.After {
		if !slices.Contains(r.after[e], state) {
			note("%s %s, explained: %s", tcp.End(e), r.live.Step.After[e], state)
		}
	}
	found := s.Step.Findings &^ tcp.Corrected
	if r.held[from.Peer()] > 0 {
		found &^= tcp.Crossed
	}
	if r.fresh {
		found &^= tcp.PortReused
	}
	if was := r.findings &^ heard; was != found {
		note("%s, explained: %s", some(was.Names()), some(found.Names()))
	}
	for e := range s.Step.Taken {
		for _, rule := range s.Step.Taken[e].Rules() {
			said := slices.ContainsFunc(r.live.Explain, func(x lesson.Explanation) bool { return strings.HasSuffix(x.Text.EN, rule.Why.EN) })
			if slices.Contains(r.live.Step.Taken[e].Rules(), rule) && !said {
				note("live does not say: %s", rule.Why.EN)
			}
		}
	}
}

// arrows are those of the state machine that an end takes in a story, which are
// also what is said of them.
func arrows(s *story, e tcp.End) (out []string) {
	for _, g := range s.segments {
		for _, rule := range g.Step.Taken[e].Rules() {
			out = append(out, lesson.ArrowOf(rule).String())
		}
	}
	return out
}

// apart is what two lists do not have in common: all between their common
// beginning and their common end.
func apart(a, b []string) (onlyA, onlyB string) {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return some(a), some(b)
}

func some(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, " · ")
}

// life is what one end has done in one connection.
type life struct {
	active, sent, open, fin, finAcked bool
	last                              tcp.Event // the latest arrow's
	state                             tcp.State
}

const open = 1<<tcp.Established | 1<<tcp.FinWait1 | 1<<tcp.FinWait2 | 1<<tcp.CloseWait | 1<<tcp.Closing | 1<<tcp.LastAck | 1<<tcp.TimeWait

// take lets an end take an arrow.
func (l *life) take(r *tcp.Rule) {
	switch r.On {
	case tcp.SndSyn:
		l.active = true
	case tcp.SndFin:
		l.fin = true
	case tcp.RcvAckOfFin:
		l.finAcked = true
	}
	l.last, l.state = r.On, r.To
	l.open = l.open || open&(1<<r.To) != 0
}

// reset reports whether the end's latest arrow was that of a RST.
func (l *life) reset() bool {
	return l.state == tcp.Closed && (l.last == tcp.SndRst || l.last == tcp.RcvRst || l.last == tcp.RcvRstAtPassive)
}

// lives sums up the connections of a story that was told live: how each was
// opened and closed, and who sent its first RST.
func lives(s *story) string {
	type pair struct {
		end [2]*life
		by  string
	}
	all := []*pair{{end: [2]*life{{}, {}}}}
	at := [2]int{}
	for _, g := range s.segments {
		for e := range g.Step.Taken {
			for _, rule := range g.Step.Taken[e].Rules() {
				l := all[at[e]].end[e]
				if l.open && (rule.On == tcp.SndSyn || rule.On == tcp.RcvSyn) {
					if at[e]++; at[e] == len(all) {
						all = append(all, &pair{end: [2]*life{{}, {}}})
					}
					l = all[at[e]].end[e]
				}
				l.take(rule)
			}
		}
		from := g.Step.From
		if g.Fate.Departs() {
			all[at[from]].end[from].sent = true
		}
		if p := all[at[from.Peer()]]; g.Flags.Has(tcp.RST) && p.by == "" {
			p.by = from.String()
		}
	}
	var out []string
	for _, p := range all {
		out = append(out, summary(p.end[tcp.Client], p.end[tcp.Server], p.by))
	}
	return strings.Join(out, " | ")
}

func summary(client, server *life, by string) string {
	opened, closed := lesson.OpenedHalf, lesson.ClosedNot
	isOpen := client.open || server.open
	switch {
	case client.active && server.active:
		opened = lesson.OpenedBoth
	case isOpen:
		opened = lesson.OpenedHandshake
	case !server.sent:
		opened = lesson.OpenedNot
	case client.reset() && by == tcp.Server.String():
		opened = lesson.OpenedRefused
	}
	switch {
	case client.finAcked && server.finAcked:
		closed = lesson.ClosedFIN
	case !isOpen:
		closed = lesson.ClosedNever
	case client.reset() || server.reset():
		closed = lesson.ClosedReset
	case client.fin || server.fin:
		closed = lesson.ClosedHalf
	}
	return words(opened, closed, by)
}

// connections sums up those of a story that was told of a capture.
func connections(s *story) string {
	var out []string
	for _, c := range s.connections {
		by := ""
		for e, yes := range c.Reset {
			if yes {
				by = tcp.End(e).String()
			}
		}
		out = append(out, words(c.Opened, c.Closed, by))
	}
	return strings.Join(out, " | ")
}

func words(o lesson.Opened, c lesson.Closed, by string) string {
	if by != "" {
		by = ", RST by the " + by
	}
	return o.String() + ", " + c.String() + by
}
