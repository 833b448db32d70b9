package lesson

import (
	"time"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// Fate is what becomes of a segment on its way. A capture shows none: there
// every segment is Delivered, but for what its receiver's words show to be Lost.
// On the wire between two private hosts the
// program itself decides, and knows.
type Fate uint8

// The fates. A segment that stays on its way, and one that is doubled, is told
// twice: when it leaves, and again when it arrives.
const (
	Delivered Fate = iota // it left, and arrived at once
	Lost                  // it left, and will never arrive
	Corrupted             // it left, and arrived with a bit turned over
	Delayed               // it left, and is still on its way
	Arrived               // it left earlier, and arrives now
	Copied                // it arrived before, and arrives once more
	Injected              // it arrives, and nobody has sent it now: it is an old one
	numFates
)

var fates = [numFates]struct {
	name string
	text lang.Text
}{
	Delivered: {"delivered", lang.Text{EN: "delivered", ZH: "送达"}},
	Lost:      {"lost", lang.Text{EN: "lost", ZH: "丢失"}},
	Corrupted: {"corrupted", lang.Text{EN: "corrupted", ZH: "损坏"}},
	Delayed:   {"delayed", lang.Text{EN: "on its way", ZH: "在途"}},
	Arrived:   {"arrived", lang.Text{EN: "arrives", ZH: "到达"}},
	Copied:    {"copied", lang.Text{EN: "arrives again", ZH: "再次到达"}},
	Injected:  {"injected", lang.Text{EN: "injected", ZH: "注入"}},
}

// String is the stable name: "lost".
func (f Fate) String() string {
	if f >= numFates {
		return "unknown"
	}
	return fates[f].name
}

// Text is the word beside a segment.
func (f Fate) Text() lang.Text {
	if f >= numFates {
		return lang.Text{}
	}
	return fates[f].text
}

// ParseFate reads a stable name.
func ParseFate(name string) (f Fate, ok bool) {
	for f := range numFates {
		if name == fates[f].name {
			return f, true
		}
	}
	return 0, false
}

// Departs reports whether the segment leaves its sender as it is told.
func (f Fate) Departs() bool { return f <= Delayed }

// Arrives reports whether the segment reaches the other end as it is told.
func (f Fate) Arrives() bool { return f == Delivered || f >= Arrived || f == Corrupted }

// Packets tells which of a story's segments are packets of their own. A segment
// that stays on its way, and one that is doubled, is told more than once, and
// stands once in a capture: as its sender sent it, whatever became of it.
type Packets struct{ told map[sending]bool }

// sending tells segments that are told more than once from others.
type sending struct {
	n    int
	time int64
}

// First reports whether a segment is told for the first time.
func (p *Packets) First(s *Segment) bool {
	if s.Fate == Arrived || s.Fate == Copied {
		return false
	}
	this := sending{s.N, s.Time}
	if p.told[this] {
		return false
	}
	if s.Fate == Delayed {
		if p.told == nil {
			p.told = map[sending]bool{}
		}
		p.told[this] = true
	}
	return true
}

// Flight is a segment held in flight while a person decides what becomes of
// it. It is shown, and told later.
type Flight struct {
	Segment *Segment // as far as it has come: it has left its sender
	Now     [2]Kernel
	Held    time.Duration
	Behind  int // how many more are on their way after it
	// Moved says what the kernels have done meanwhile that no segment
	// shows, such as giving up.
	Moved [2]tcp.State // by end: the state the end has gone to by itself; Unknown: none
}

// SocketDetail is what a kernel says of one end's socket, in full.
type SocketDetail struct {
	Kernel
	Retransmits  int // of what is not acknowledged, in a row
	ReceiveQueue int // bytes that have arrived and that the program has not read
	SendQueue    int // bytes the program has sent and the peer has not acknowledged
}
