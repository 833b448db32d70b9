// Package lesson turns a connection's segments and socket calls into a story:
// an ordered stream of events that a renderer draws and a program can read.
package lesson

import (
	"net/netip"
	"time"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// Event is one thing a story tells. It is one of *Opening, *Call, *Segment,
// *ICMP, *Rest, *Note, *Connection, *Socket, *Ending.
type Event interface{ event() }

// Teller receives a story's events in order: a ladder, a stream of JSON, a
// capture file being written. An error ends the story.
type Teller interface {
	Tell(Event) error
}

// Place is where a story's segments come from.
type Place uint8

// The places.
const (
	File     Place = iota // a capture file
	Host                  // the host's own loopback interface
	Private               // the wire between two hosts in network namespaces of our own
	Recorded              // that wire, in a run that is part of the program
)

func (p Place) String() string { return [...]string{"file", "host", "private", "recorded"}[p] }

// Opening is a story's first event; in JSON, "lesson".
type Opening struct {
	Name      string    // the lesson's name, "explain", "try" or "watch"
	Title     lang.Text // "The four-way close"
	Refs      string    // "RFC 9293 §3.6", may be empty
	Place     Place
	Interface string            // "lo"; the file's name for a file ("-" for a pipe); the kernel of a recorded run ("Linux 6.18")
	Ends      [2]netip.AddrPort // by tcp.End; a live client's port is not known yet (0). Unset for a table of connections.
	Checked   bool              // the kernel is asked for the states
	Vantage   tcp.Vantage       // where a file was captured, if that was said
}

// Phase tells whether a call blocks.
type Phase uint8

// A call that is done at once is Done; one that waits is Entered, and later Returned.
const (
	Done Phase = iota
	Entered
	Returned
)

func (p Phase) String() string { return [...]string{"done", "entered", "returned"}[p] }

// Call is a socket call made by one end's program, or its return; in JSON, "call".
type Call struct {
	End     tcp.End
	Name    string // "connect"
	Phase   Phase
	Text    lang.Text   // as drawn at the lifeline: "connect()", "recv() = 0, end of file"
	Exit    *int        // the exit code of a program that has ended; nil where none has
	Console []lang.Text // what the program printed at that moment, line by line
	Time    time.Duration
}

// Kernel is what the kernel answered when asked for one end's socket.
type Kernel struct {
	State     tcp.State     // Unknown: it was not asked, or could not be
	Timer     string        // "", "retransmit", "keepalive", "timewait", "probe"
	Remaining time.Duration // of the timer
}

// Asked reports whether the kernel was asked and answered.
func (k Kernel) Asked() bool { return k.State != tcp.Unknown }

// Agrees reports whether the kernel says what the story says. LISTEN and
// CLOSED are equal here: without a socket of its own, a server's side of a
// connection looks like its listener.
func (k Kernel) Agrees(s tcp.State) bool {
	idle := func(s tcp.State) bool { return s == tcp.Closed || s == tcp.Listen }
	return k.State == s || idle(k.State) && idle(s)
}

// Segment is one TCP segment with what it did to both ends; in JSON, "segment".
type Segment struct {
	tcp.Captured     // Number is the packet's number in its capture
	N            int // its number in this story, from 1; it keeps it when it arrives later or once more
	Stream       int // its connection's number, as tshark's tcp.stream counts
	Step         tcp.Step
	Fate         Fate
	Before       [2]Kernel       // by end, before it left; where the kernel was asked
	InFlight     [2]Kernel       // when it had left and not arrived; on the wire alone
	Kernel       [2]Kernel       // after what became of it
	Repeats      []time.Duration // when its sender repeated it while it was held, since it left
	Provoked     []time.Duration // when its receiver meanwhile repeated a segment of its own
	Since        time.Duration   // since the story's first segment
	UsualHops    uint8           // the hop limit of its sender's others, where this one differs
	Live         bool            // part of a live lesson; false in explain, which tells Number too
	Explain      []Explanation   // what to say under it, most important first
	icmp         *ICMP           // in rows alone: it is no segment, but this
}

// Explanation is a sentence and the section it rests on.
type Explanation struct {
	Text lang.Text
	Ref  string // "RFC 9293 §3.5", may be empty
}

// Rest is a moment at which nothing is in flight and both sockets were asked;
// in JSON, "state".
type Rest struct {
	State  [2]tcp.State // by end, as the story has it
	Kernel [2]Kernel    // by end, as the kernel has it
	After  int          // how many segments there have been
	Time   time.Duration
}

// Note is a sentence that belongs to no single segment: what differs from the
// promise, what was lost; in JSON, "note".
type Note struct {
	Kind NoteKind
	Explanation
}

// NoteKind says what a note is about.
type NoteKind uint8

// The kinds of note.
const (
	Remark  NoteKind = iota // part of the lesson
	Differs                 // the run is not what the lesson promised
	Warning                 // something that limits what can be believed: drops, damage
)

func (k NoteKind) String() string { return [...]string{"remark", "differs", "warning"}[k] }

// Connection sums one connection up; in JSON, "connection".
type Connection struct {
	Stream       int
	Ends         [2]netip.AddrPort
	Opened       Opened
	Closed       Closed
	State        [2]tcp.State // final, by end
	Reset        [2]bool      // by end: the first RST was its own
	Segments     int
	Bytes        [2]uint64 // payload by sender, retransmissions counted once
	Start        time.Time
	Duration     time.Duration
	Completeness int    // Wireshark's number
	ConnState    string // Zeek's code
	VLAN         uint32 // around its first segment (tcp.VLANs)
	ICMP         Bounces
}

// Complete reports whether the connection was seen whole: opened by a
// handshake and closed in both directions or reset.
func (c *Connection) Complete() bool {
	return c.Opened == OpenedHandshake && (c.Closed == ClosedFIN || c.Closed == ClosedReset)
}

// Opened says how a connection began.
type Opened uint8

// Ways to begin.
const (
	OpenedBefore    Opened = iota // before the capture began
	OpenedHandshake               // SYN, SYN-ACK, ACK
	OpenedBoth                    // simultaneous open
	OpenedHalf                    // the handshake never completed
	OpenedRefused                 // RST in answer to the SYN
	OpenedNot                     // a SYN and no answer
	OpenedUnreached               // an ICMP error in answer to the SYN
)

func (o Opened) String() string {
	return [...]string{"before-capture", "handshake", "simultaneous", "incomplete", "refused", "unanswered", "unreachable"}[o]
}

// Closed says how a connection ended.
type Closed uint8

// Ways to end.
const (
	ClosedNot   Closed = iota // still open when the capture ended
	ClosedFIN                 // a FIN from each end, both acknowledged
	ClosedHalf                // one direction closed only, or a FIN not acknowledged
	ClosedReset               // RST
	ClosedNever               // it was never open
)

func (c Closed) String() string {
	return [...]string{"open", "fin", "half", "reset", "never-open"}[c]
}

// Ending is a story's last event; in JSON, "end".
type Ending struct {
	Segments    int
	Connections int
	Dropped     uint64 // frames the kernel could not hand to the capture
	Kept        bool   // the run was what the lesson promised (true in explain)
	Stopped     bool   // broken off by the person who watched
	Disagreed   int    // times the kernel said something else than the story
	Duration    time.Duration
}

func (*Opening) event()    {}
func (*Call) event()       {}
func (*Segment) event()    {}
func (*Rest) event()       {}
func (*Note) event()       {}
func (*Connection) event() {}
func (*Ending) event()     {}
