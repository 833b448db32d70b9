// Package ladder draws a story for a person at a terminal.
//
//	ladder.go   Ladder, the lesson.Teller: options, and which hand draws an event
//	wide.go     two lifelines, from 60 columns on
//	block.go    one segment a block, below 60 columns
//	plain.go    one sentence a line, for screen readers and for grep
//	ending.go   how a connection went, and what was lost of it
//	icmp.go     ICMP errors, which are no segments
//	fate.go     arrows that end in the middle or begin there; what is on its way
//	under.go    what there is to say under a segment
//	below.go    what stands below the drawing for a while: keys, a row read again, a summary
//	flight.go   a segment held in flight, while a person decides
//	sockets.go  what both kernels say of their sockets, in full
//	header.go   a TCP header, byte by byte and field by field
//	words.go    every word on screen, in both languages
//	pen.go      text in ink, rows and paragraphs
//	ink.go      colours, and the signs the drawing is made of
//	table.go    many connections, one line each
//	overview.go more of them than anybody reads: how many of each kind
//	watch.go    many live connections, a row for each segment
//	load.go     too many for rows: where all of them stand
//	states.go   the state machine as text and as Markdown
package ladder

import (
	"io"
	"time"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
)

// Options say how a story is drawn. The zero value draws English without
// colour, 80 columns wide.
type Options struct {
	Lang     lang.Lang
	Width    int  // columns of the terminal; 0 is 80, and at least 40 and at most 200 are drawn on
	Height   int  // rows of the terminal; 0 where they are not known
	Color    bool // use colours; shapes and words tell the same without
	ASCII    bool // draw with ASCII signs only, for terminals that know no other
	Terminal bool // the output is a terminal, so that a line of keys can be removed again
	Plain    bool // one sentence a line, no drawing, no colour
	Quiet    bool // no explanations
	All      bool // a table of every connection, however many
	Verbose  bool // the TCP header byte by byte, and the rules behind every change of state
}

// The narrowest and the widest drawing, the narrowest with lifelines, and the
// width from which on lines would only be harder to read.
const (
	minWidth    = 40
	maxWidth    = 200
	lifelines   = 60
	comfortable = 120
)

// Ladder is a lesson.Teller that draws each event as it comes, in one Write.
// A story that opens without naming two ends is one of many connections: it
// becomes a Table. A Ladder is not safe for concurrent use.
type Ladder struct {
	pen
	past
	hand  hand
	below below    // what stands below the drawing for a while
	told  []retold // the segments told, on a terminal, to be read again
	live  bool     // the segments come from a wire
	whole bool     // a connection has been summed up
	table *Table   // draws instead, where the story has no two ends
	// streams counts, by connection, the segments of each fate.
	streams map[int]map[lesson.Fate]int
}

// past is what the drawing of an event depends on, of the events before it.
type past struct {
	shown [2]gutter // what stands at each end
	begun bool      // something stands between the lifelines
	asked bool      // the kernel has answered at least once
	right bool      // what the latest segment revises had been drawn right already
	air   []flying  // on their way; never changed in place
}

// hand is one way to draw a story.
type hand interface {
	opening(*lesson.Opening)
	call(*lesson.Call)
	segment(*lesson.Segment)
	flight(*lesson.Flight)
	icmp(*lesson.ICMP)
	rest(*lesson.Rest)
	note(*lesson.Note)
	connection(*lesson.Connection)
	ending(*lesson.Ending)
}

// gutter is what was last shown of one end.
type gutter struct {
	told  bool
	state tcp.State
	mark  mark
	extra string // the kernel's other opinion, or the timer
}

// mark is what the kernel said about a state that is shown.
type mark uint8

const (
	unasked mark = iota
	agrees
	differs
)

// New returns a Ladder that draws on w.
func New(w io.Writer, o Options) *Ladder {
	l := &Ladder{pen: newPen(w, o), streams: map[int]map[lesson.Fate]int{}}
	l.Resize(o.Width, o.Height)
	return l
}

// Resize tells the terminal's new size, as in Options; what comes next is
// drawn with it.
func (l *Ladder) Resize(columns, rows int) {
	l.setWidth(columns)
	l.below.resize(columns, rows)
	switch {
	case l.o.Plain:
		l.hand = &plain{l}
	case l.width < lifelines:
		l.hand = &block{l}
	default:
		l.hand = newWide(l)
	}
}

// Tell draws one event. The error is the writer's.
func (l *Ladder) Tell(e lesson.Event) error {
	l.below.erase(&l.buf)
	if o, ok := e.(*lesson.Opening); ok && !o.Ends[tcp.Client].Addr().IsValid() {
		l.table = NewTable(l.w, l.o)
	}
	if l.table != nil {
		return l.table.Tell(e)
	}
	switch e := e.(type) {
	case *lesson.Opening:
		l.live = e.Place != lesson.File
		l.hand.opening(e)
	case *lesson.Call:
		l.hand.call(e)
		l.begun = true
	case *lesson.Segment:
		r := e.Step.Revised
		l.right = l.shown[r.End&1].state == r.State
		l.keep(e)
		l.hand.segment(e)
		l.begun = true
		if l.streams[e.Stream] == nil {
			l.streams[e.Stream] = map[lesson.Fate]int{}
		}
		l.streams[e.Stream][e.Fate]++
		l.air = l.aloft(e)
	case *lesson.ICMP:
		l.hand.icmp(e)
		l.begun = true
	case *lesson.Rest:
		l.hand.rest(e)
	case *lesson.Note:
		l.hand.note(e)
	case *lesson.Connection:
		l.hand.connection(e)
		l.whole = true
	case *lesson.Ending:
		l.hand.ending(e)
	}
	return l.flush()
}

// look is what to show of one end: its state, the kernel's opinion and more.
type look struct {
	gutter
	changed  bool // it was shown in another state before
	fresh    bool // it was shown in another state, or not at all
	inferred bool
	doubted  tcp.State // where the mark is differs: what the story says
	says     tcp.State // and the kernel
}

// see works out the look of an end and remembers it as shown.
func (l *Ladder) see(end tcp.End, s tcp.State, inferred bool, k lesson.Kernel) look {
	g := gutter{told: true, state: s}
	l.asked = l.asked || k.Asked()
	inferred = inferred && !k.Asked()
	switch {
	case !k.Asked():
	case k.Agrees(s):
		g.mark = agrees
		if k.Timer != "" && (k.State == tcp.TimeWait || l.o.Verbose) {
			g.extra = l.timer(k)
		}
	default:
		g.mark, g.extra = differs, l.join(l.say(words.kernelSays), l.state(k.State))
	}
	before := l.shown[end]
	l.shown[end] = g
	moved := before.state != s
	return look{gutter: g, changed: before.told && moved, fresh: !before.told || moved, inferred: inferred, doubted: s, says: k.State}
}

// news reports whether a rest has anything to add to what is shown of an end.
func (l *Ladder) news(end tcp.End, s tcp.State, k lesson.Kernel) bool {
	old := l.shown[end]
	l.see(end, s, false, k)
	now := l.shown[end]
	l.shown[end] = old
	return now != old && (now.mark != unasked || now.state != old.state)
}

// timer tells a kernel's timer: "2MSL: 60 s".
func (l *Ladder) timer(k lesson.Kernel) string {
	name := k.Timer
	if t := timerNames[name]; k.State == tcp.TimeWait {
		name = "2MSL"
	} else if !t.IsZero() {
		name = l.say(t)
	}
	left := max(k.Remaining, 0)
	if left >= time.Second {
		left = left.Round(time.Second)
	}
	return text.Clean(name) + l.colon() + l.clean(duration(left))
}
