// Package follow follows many connections at once, as long as they last: each
// by a tcp.Conn of its own, in bounded memory and without allocation.
//
//	follow.go   Table: which connection a segment belongs to, and when one is forgotten
//	waiting.go  which ends wait, for what, and since when
//	index.go    finding a connection by its ends
//	words.go    a wait in both languages
package follow

import (
	"encoding/binary"
	"hash/maphash"
	"time"

	"lesson/lesson/tcp"
)

// A connection that is over, both ends CLOSED or in TIME_WAIT, is kept as long
// as Linux keeps TIME_WAIT, so that what still comes finds it; but no more
// than MaxOver of those, the oldest go first. Of the others there are at most
// MaxOpen: the one that was silent longest goes first. One of which nothing is
// known, because its segments were lost or began in the middle, goes when it was
// silent for Stale.
const (
	MaxOpen = 1 << 16
	MaxOver = 1 << 13
	Stale   = 60 * time.Second
)

// Flow is one connection that is followed.
type Flow struct {
	Conn   tcp.Conn
	Stream int           // its number, from 0 in the order of appearance
	Since  [2]int64      // by tcp.End: when it came into its state; 0: it had no other yet
	Hops   tcp.HopLimits // of its segments; whoever follows marks them
	socket [2]socket     // by tcp.End
	ack    [2]int64      // by tcp.End: what it has acknowledged last
	moved  int64         // when an acknowledgement last moved, or had nothing to move to
	full   [2]int64      // by tcp.End: since when it has offered no window; 0: it does
	last   int64         // time of its last segment
	Early  time.Duration // how long before its first segment the earliest was, by a clock that was set back
	hash   uint32
	over   bool   // it stands in the list of those that are over
	told   bool   // ended was called
	missed bool   // segments of it were lost
	epoch  uint32 // the Table's when it was told of lost frames last, or became over
	prev   ref
	next   ref
}

// socket is what the kernel said of an end's socket at a time.
type socket struct {
	state tcp.State
	since int64
}

// ref is a flow's place in a Table; none is no flow.
type ref uint32

const none ref = 0

// chunk is how many flows are allocated at once.
const chunk = 512

// list is a chain of flows, the one to be forgotten first in front.
type list struct {
	first, last ref
	n           int
}

// Totals counts what a Table has seen.
type Totals struct {
	Segments uint64 // TCP segments
	Opened   uint64 // connections that began with a SYN
	Closed   uint64 // connections that were over
	Lost     uint64 // frames that the capture has lost, by Missed
}

// Table is all connections that are followed. Its clock is the time of the
// segments it is shown, and that given to Expire.
type Table struct {
	Totals
	ended  func(*Flow)
	seed   maphash.Seed
	index  index
	chunks [][]Flow
	free   ref
	made   ref
	open   list
	over   list
	stream int
	epoch  uint32 // how many times frames were lost
	now    int64
}

// New returns an empty Table. It calls ended, which may be nil, for each
// connection once: when it is over, or else when it is forgotten.
func New(ended func(*Flow)) *Table {
	return &Table{ended: ended, seed: maphash.MakeSeed(), index: index{slots: make([]slot, 1024)}}
}

// at is the flow in a place. What it has not been told yet of lost frames, it is
// told here: there may be too many flows to tell each at once.
func (t *Table) at(r ref) *Flow {
	f := &t.chunks[(r-1)/chunk][(r-1)%chunk]
	if f.epoch != t.epoch && !f.over {
		f.misses()
		f.epoch = t.epoch
	}
	return f
}

// misses forgets what is not known any more after frames were lost.
func (f *Flow) misses() {
	f.Conn.Missed()
	f.missed = true
	f.socket = [2]socket{}
	f.ack, f.full, f.Since = [2]int64{}, [2]int64{}, [2]int64{}
}

// Observe shows the next segment to its connection. The Flow is valid until
// the next call.
func (t *Table) Observe(s *tcp.Segment) (*Flow, tcp.Step) {
	t.now = max(t.now, s.Time)
	t.Segments++
	r := t.find(s.Src, s.Dst)
	syn := s.Flags&(tcp.SYN|tcp.ACK|tcp.RST) == tcp.SYN
	var f *Flow
	reused := false
	switch {
	case r == none:
		f, r = t.add(s.Src, s.Dst, tcp.Conn{})
	case t.at(r).over && t.at(r).epoch != t.epoch:
		// Another connection may have begun here unseen.
		t.forget(r)
		f, r = t.add(s.Src, s.Dst, tcp.Conn{})
	case t.at(r).Conn.StartsNew(s), syn && t.at(r).missed:
		reused = t.at(r).Conn.Summary().Segments > 0
		t.forget(r)
		f, r = t.add(s.Src, s.Dst, tcp.Conn{})
	default:
		f = t.at(r)
	}
	if syn && f.last == 0 {
		t.Opened++
	}
	step := f.Conn.Observe(s)
	if reused {
		step.Findings |= tcp.PortReused
	}
	f.note(s, &step)
	t.place(r, f)
	return f, step
}

// note takes down when what happened.
func (f *Flow) note(s *tcp.Segment, step *tcp.Step) {
	for e := range f.Since {
		if step.Before[e] != step.After[e] || f.last == 0 {
			f.Since[e] = s.Time
		}
		if k := &f.socket[e]; s.Flags.Any(tcp.SYN|tcp.FIN|tcp.RST) || !lasting(k.state) {
			k.state = tcp.Unknown
		}
	}
	from := step.From
	if s.Flags.Has(tcp.ACK) && step.Ack != f.ack[from] || f.Conn.AllAcked() {
		f.ack[from], f.moved = step.Ack, s.Time
	}
	switch {
	case !step.Findings.Has(tcp.ZeroWindow):
		f.full[from] = 0
	case f.full[from] == 0:
		f.full[from] = s.Time
	}
	f.last = s.Time
	f.Early = max(f.Early, time.Duration(f.Conn.FirstTime()-s.Time))
}

// lasting reports whether a state ends only with a SYN, FIN or RST.
func lasting(s tcp.State) bool {
	return s == tcp.Established || s == tcp.CloseWait || s == tcp.FinWait2
}

// State is the state of an end: what its segments prove, else what the kernel
// has said of it and no segment may have changed since; fromKernel tells which.
func (f *Flow) State(e tcp.End) (s tcp.State, fromKernel bool) {
	if s = f.Conn.State(e); s != tcp.Unknown {
		return s, false
	}
	return f.socket[e].state, f.socket[e].state != tcp.Unknown
}

// isOver reports whether neither end has anything to do any more.
func (f *Flow) isOver() bool {
	done := 0
	for e := tcp.Client; e <= tcp.Server; e++ {
		switch f.Conn.State(e) {
		case tcp.Closed, tcp.TimeWait:
			done++
		case tcp.Listen:
		default:
			return false
		}
	}
	return done > 0
}

// Know tells of an end that the kernel has listed, and what it has said of it.
// since is the time at which the end came into the state, 0 where that is not
// known. client says whether local is the connection's client.
func (t *Table) Know(local, remote tcp.Endpoint, client bool, state tcp.State, since int64) *Flow {
	r := t.find(local, remote)
	if r == none {
		ends := [2]tcp.Endpoint{local, remote}
		if !client {
			ends = [2]tcp.Endpoint{remote, local}
		}
		_, r = t.add(ends[0], ends[1], tcp.NewConn(ends[0], ends[1]))
	}
	f := t.at(r)
	e := tcp.Client
	if f.Conn.Endpoint(tcp.Client) != local {
		e = tcp.Server
	}
	f.socket[e] = socket{state, since}
	return f
}

// Missed tells that the capture has lost, or may have lost, frames before the
// segment that is observed next; so many more are known to be lost. They may
// have belonged to any connection that is still open: nothing is known of those
// until it is proven again. Where one was over, another may have begun.
func (t *Table) Missed(frames uint64) {
	t.Lost += frames
	t.epoch++
}

// Expire forgets what is to be forgotten at a time, in nanoseconds since 1970.
func (t *Table) Expire(now int64) {
	t.now = max(t.now, now)
	for t.over.first != none && t.now-t.at(t.over.first).last > int64(Stale) {
		t.forget(t.over.first)
	}
	for r := t.open.first; r != none; {
		f := t.at(r)
		if t.now-f.last <= int64(Stale) {
			break // those behind it have spoken later
		}
		next := f.next
		if f.unknown() {
			t.forget(r)
		}
		r = next
	}
}

// unknown reports whether nothing is known of either end.
func (f *Flow) unknown() bool {
	c, _ := f.State(tcp.Client)
	v, _ := f.State(tcp.Server)
	return c == tcp.Unknown && v == tcp.Unknown
}

// Finish tells of the connections that are still there, and forgets everything.
func (t *Table) Finish() {
	for r := ref(1); r <= t.made; r++ {
		if f := t.at(r); f.hash != 0 {
			t.tell(f)
		}
	}
	*t = Table{Totals: t.Totals, ended: t.ended, seed: t.seed, stream: t.stream, epoch: t.epoch, index: index{slots: make([]slot, 1024)}}
}

// Open is how many connections are not over.
func (t *Table) Open() int { return t.open.n }

// Full reports whether connections that are over had to be forgotten before
// their time.
func (t *Table) Full() bool { return t.over.n >= MaxOver }

// OpenFrom reports whether a connection is not over whose number is stream or
// higher.
func (t *Table) OpenFrom(stream int) bool {
	for r := t.open.first; r != none; r = t.at(r).next {
		if t.at(r).Stream >= stream {
			return true
		}
	}
	return false
}

// Connections is how many there have been.
func (t *Table) Connections() int { return t.stream }

// Ends counts the ends by state: of clients, and of servers.
func (t *Table) Ends() (n [2][tcp.TimeWait + 1]int) {
	for _, l := range [2]*list{&t.open, &t.over} {
		for r := l.first; r != none; r = t.at(r).next {
			for e := range n {
				s, _ := t.at(r).State(tcp.End(e))
				n[e][s]++
			}
		}
	}
	return n
}

func (t *Table) find(a, b tcp.Endpoint) ref {
	return t.index.find(t.hash(a, b), func(r ref) bool { return t.at(r).Conn.Joins(&a, &b) }).flow
}

// hash is of both ends in either order, and never 0.
func (t *Table) hash(a, b tcp.Endpoint) uint32 {
	if endpointLess(&b, &a) {
		a, b = b, a
	}
	var key [36]byte
	copy(key[0:], a.IP[:])
	copy(key[16:], b.IP[:])
	binary.BigEndian.PutUint16(key[32:], a.Port)
	binary.BigEndian.PutUint16(key[34:], b.Port)
	return max(uint32(maphash.Bytes(t.seed, key[:])), 1)
}

// add begins to follow a connection.
func (t *Table) add(a, b tcp.Endpoint, c tcp.Conn) (*Flow, ref) {
	if t.open.n >= MaxOpen {
		t.forget(t.open.first)
	}
	r := t.free
	if r != none {
		t.free = t.at(r).next
	} else {
		if int(t.made)%chunk == 0 {
			t.chunks = append(t.chunks, make([]Flow, chunk))
		}
		t.made++
		r = t.made
	}
	f := t.at(r)
	*f = Flow{Conn: c, Stream: t.stream, hash: t.hash(a, b), epoch: t.epoch}
	t.stream++
	t.index.add(f.hash, r)
	t.push(&t.open, r)
	return f, r
}

// place moves a flow to the end of the list where it belongs now.
func (t *Table) place(r ref, f *Flow) {
	if f.isOver() {
		if !f.over {
			t.cut(&t.open, r)
			f.over, f.epoch = true, t.epoch
			t.push(&t.over, r)
			t.tell(f)
			if t.over.n > MaxOver {
				t.forget(t.over.first)
			}
		}
		return
	}
	if f.over { // a later segment shows that it was not
		t.cut(&t.over, r)
		f.over, f.told = false, false
		t.Closed--
	} else if t.open.last == r {
		return
	} else {
		t.cut(&t.open, r)
	}
	t.push(&t.open, r)
}

func (t *Table) tell(f *Flow) {
	if f.told {
		return
	}
	f.told = true
	if f.over {
		t.Closed++
	}
	if t.ended != nil {
		t.ended(f)
	}
}

func (t *Table) forget(r ref) {
	f := t.at(r)
	t.tell(f)
	if f.over {
		t.cut(&t.over, r)
	} else {
		t.cut(&t.open, r)
	}
	t.index.remove(f.hash, r)
	*f = Flow{next: t.free}
	t.free = r
}

func (t *Table) push(l *list, r ref) {
	f := t.at(r)
	f.prev, f.next = l.last, none
	if l.last != none {
		t.at(l.last).next = r
	} else {
		l.first = r
	}
	l.last = r
	l.n++
}

func (t *Table) cut(l *list, r ref) {
	f := t.at(r)
	if f.prev != none {
		t.at(f.prev).next = f.next
	} else {
		l.first = f.next
	}
	if f.next != none {
		t.at(f.next).prev = f.prev
	} else {
		l.last = f.prev
	}
	l.n--
}
