package lesson

import (
	"slices"
	"strings"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
	"lesson/lesson/tcp/notation"
)

// Lesson is one lesson as its author wrote it: who does what, in which order,
// what to say about it, and which segments and states it promises. It is read
// from a txtar file by Parse; docs/lessons.md describes the format.
type Lesson struct {
	Name    string    // as typed on the command line: "teardown"
	Title   lang.Text // "The four-way close"
	Teaches lang.Text // one sentence for the list of lessons
	Refs    string    // "RFC 9293 §3.6"; may be empty
	Order   int       // its place in the list of lessons
	Step    bool      // on a terminal it waits for a key at each pause
	Wire    bool      // only for two hosts, whatever its script says; see NeedsWire
	Options []Option  // switches of its own
	Script  []Action
	Notes   []MomentNote
	Console map[string][]ConsoleLine // what the programs print, by the key that `print` names
	Expect  []Promise
}

// Option is a switch of a lesson's own. Script lines, notes and promises may
// depend on it.
type Option struct {
	Name string // as typed: "server-closes-at-once"
	Text lang.Text
}

// When is a condition on one of the lesson's options, written [option] or
// [!option] before what depends on it. The zero value always holds.
type When struct {
	Option string
	Off    bool
}

// Holds reports whether the condition is met when the options in set are on.
func (w When) Holds(set map[string]bool) bool {
	return w.Option == "" || set[w.Option] != w.Off
}

// MomentNote is what the author has to say at one moment of the lesson.
type MomentNote struct {
	When
	Line   int // in the lesson's file
	Moment Moment
	Explanation
}

// Moment is the point a note belongs to: the first segment that looks as
// described, or the lesson's start or end.
type Moment struct {
	Kind MomentKind
	Selector
	Fate  Fate
	State [2]tcp.State // after the segment, by end; Unknown: any
}

// Selector names a segment by its sender and its flags: all of them and no
// others.
type Selector struct {
	From  tcp.End
	Flags tcp.Flags
}

// MomentKind says which kind of moment a note belongs to.
type MomentKind uint8

// The kinds of moment.
const (
	AtSegment MomentKind = iota
	AtStart
	AtEnd
)

// Matches reports whether the moment is the one that a segment made.
func (m *Moment) Matches(s *Segment) bool {
	if m.Kind != AtSegment || m.From != s.Step.From || m.Flags != s.Flags || m.Fate != s.Fate {
		return false
	}
	for e, state := range m.State {
		if state != tcp.Unknown && state != s.Step.After[e] {
			return false
		}
	}
	return true
}

// ConsoleLine is one line that a program prints. {client} and {server} stand
// for an end's address and port, {client.ip} and {client.port} for its parts,
// {message} for the message.
type ConsoleLine struct {
	When
	Line int
	Text lang.Text
}

// Promise is one segment the lesson promises, and both ends' states after it.
// What its line leaves unsaid is not promised.
type Promise struct {
	When
	Line    int
	Segment notation.Line
	Fate    Fate
}

// SendsMessage reports whether the lesson sends the message, which its user may
// choose.
func (l *Lesson) SendsMessage() bool {
	return slices.ContainsFunc(l.Script, func(a Action) bool { return strings.Contains(a.Arg, "{message}") })
}

// NeedsWire reports whether the lesson can be played only where the program is
// the wire: it decides what becomes of segments, or goes beyond the one
// connection between a client and a listener that loopback can show.
func (l *Lesson) NeedsWire() bool {
	if l.Wire {
		return true
	}
	var open [2]bool
	for _, a := range l.Script {
		switch {
		case verbs[a.Verb].who == theWire, a.Verb == Crash, a.Verb == Cancel,
			a.Verb == Listen && a.End == tcp.Client, a.Verb == Connect && a.End == tcp.Server,
			a.Verb == DelayAcks && a.Option == "", a.Verb == Connect && open[a.End], a.Verb == Close && !open[a.End]:
			return true
		case a.Verb == Connect, a.Verb == Accept:
			open[a.End] = true
		}
	}
	return false
}

// Option finds one of the lesson's options by name.
func (l *Lesson) Option(name string) (Option, bool) {
	for _, o := range l.Options {
		if o.Name == name {
			return o, true
		}
	}
	return Option{}, false
}
