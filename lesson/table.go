package lesson

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"slices"

	"lesson/lesson/tcp"
)

// table finds the connection that a segment belongs to. Connections lie in
// slabs without pointers, which the garbage collector never looks into, and
// are found by open addressing: an entry of the index holds half of the hash
// and the connection's slot, so that a probe that fails touches no connection.
type table struct {
	seed  [2]uint64
	index []uint64 // tag<<32 | slot+1; 0 is free; linear probing
	used  int      // entries in it
	slabs []*slab
	slots uint32 // given out so far
	hand  uint32 // where the search for one to forget goes on
	looks int    // how many slots it may still look at

	tags   []*[slabLen]tagged // beside slabs, once a segment had a tag
	beside bool               // the latest search found the same ends in other networks alone
	twins  int                // connections that were begun beside another so

	touched uint32 // so that what is read in advance is read for something
}

// slab is storage for some connections. A page of memory holds whole ones.
type slab struct {
	conn   [slabLen]tcp.Conn
	number [slabLen]uint32 // as tshark counts, with its marks
}

const (
	slabLen = 1024
	// superseded marks a connection whose ends have begun another one, and
	// chosen, where some are to be told, one of which a segment matched.
	superseded = 1 << 31
	chosen     = 1 << 30
	marks      = superseded | chosen
	// roomy connections are kept, whatever becomes of them.
	roomy = 1 << 14
)

func newTable() *table {
	return &table{
		seed:  [2]uint64{rand.Uint64() | 1, rand.Uint64() | 1}, // nobody can make a capture whose hashes collide
		index: make([]uint64, 4096),
	}
}

func (t *table) conn(slot uint32) *tcp.Conn { return &t.slabs[slot/slabLen].conn[slot%slabLen] }

func (t *table) number(slot uint32) *uint32 { return &t.slabs[slot/slabLen].number[slot%slabLen] }

// hash of two ends, in either order.
func (t *table) hash(a, b *tcp.Endpoint) uint64 {
	x, y := t.hashEnd(a), t.hashEnd(b)
	hi, lo := bits.Mul64(x+y, (x^y)|1)
	return hi ^ lo
}

func (t *table) hashEnd(e *tcp.Endpoint) uint64 {
	le := binary.LittleEndian
	hi, lo := bits.Mul64(le.Uint64(e.IP[:8])^t.seed[0], (le.Uint64(e.IP[8:])^uint64(e.Port)<<16)^t.seed[1])
	return hi ^ lo ^ uint64(e.Port)*t.seed[0]
}

// find returns the slot of the connection between two ends.
func (t *table) find(h uint64, src, dst *tcp.Endpoint) (slot uint32, ok bool) {
	mask := uint64(len(t.index) - 1)
	tag := h & 0xffffffff
	for i := tag & mask; t.index[i] != 0; i = (i + 1) & mask {
		if v := t.index[i]; v>>32 == tag {
			if slot := uint32(v) - 1; t.conn(slot).Joins(src, dst) {
				return slot, true
			}
		}
	}
	return 0, false
}

// touch begins to load what find and the connection will need from memory, for
// several segments at a time: waiting for one is no longer than waiting for all.
func (t *table) touch(hashes []uint64) {
	mask := uint64(len(t.index) - 1)
	var found [group]uint64
	for i, h := range hashes {
		found[i] = t.index[h&0xffffffff&mask]
	}
	for i, h := range hashes {
		if v := found[i]; v != 0 && v>>32 == h&0xffffffff {
			t.touched += t.conn(uint32(v) - 1).Touch()
			if t.tags != nil {
				t.touched += t.tagsOf(uint32(v) - 1).own[0]
			}
		}
	}
}

const (
	group = 16 // how many segments touch takes at once
	ahead = 8  // how many connections early over begins to load one
)

// add gives a new connection a slot.
func (t *table) add(h uint64, stream uint32) (slot uint32) {
	slot = t.slots
	t.slots++
	if int(slot/slabLen) == len(t.slabs) {
		t.slabs = append(t.slabs, new(slab))
	}
	*t.conn(slot) = tcp.Conn{} // as in written
	t.enter(h, slot, stream)
	return slot
}

// enter makes a slot that holds no connection one's own.
func (t *table) enter(h uint64, slot, stream uint32) {
	*t.number(slot) = stream
	if t.used++; t.used > len(t.index)/4*3 {
		t.grow()
	}
	t.insert(h&0xffffffff<<32 | uint64(slot+1))
}

func (t *table) insert(v uint64) {
	mask := uint64(len(t.index) - 1)
	i := v >> 32 & mask
	for t.index[i] != 0 {
		i = (i + 1) & mask
	}
	t.index[i] = v
}

func (t *table) grow() {
	old := t.index
	t.index = written(2 * len(old))
	for _, v := range old {
		if v != 0 {
			t.insert(v)
		}
	}
	if len(old) >= 1<<17 {
		runtime.GC() // quick, as there are no pointers: what is left of the old ones would add up
	}
}

// written makes a slice and writes its zeroes. A new page of memory that is read
// first is mapped to the one page of zeroes that all share, and again when it is
// written, for which the system has to interrupt the other processors.
func written(n int) []uint64 {
	s := make([]uint64, n)
	clear(s)
	return s
}

// supersede makes a connection one that can be found no more: its ends begin
// another.
func (t *table) supersede(h uint64, slot uint32) {
	*t.number(slot) |= superseded
	t.remove(h, slot)
}

// remove takes a slot out of the index, and closes the gap behind it.
func (t *table) remove(h uint64, slot uint32) {
	mask := uint64(len(t.index) - 1)
	i := h & 0xffffffff & mask
	for t.index[i] != h&0xffffffff<<32|uint64(slot+1) {
		i = (i + 1) & mask
	}
	t.used--
	for j := i; ; {
		j = (j + 1) & mask
		v := t.index[j]
		if v == 0 {
			break
		}
		if home := v >> 32 & mask; (j-home)&mask >= (j-i)&mask { // it may move up to i
			t.index[i], i = v, j
		}
	}
	t.index[i] = 0
}

// over looks for a connection that may be forgotten at a time. It may look at
// four slots for each new connection, at once or later, so that hardly more
// than one in four of those beyond the roomy ones is over.
func (t *table) over(now int64) (slot uint32, ok bool) {
	for t.looks = min(t.looks+4, slabLen); t.looks > 0; t.looks-- {
		if t.hand == t.slots {
			t.hand = 0
		}
		slot = t.hand
		t.hand++
		t.touched += t.conn((slot + ahead) % t.slots).Touch() // it will be looked at soon
		if *t.number(slot)&superseded != 0 || over(t.conn(slot), now) {
			return slot, true
		}
	}
	return 0, false
}

const (
	second = int64(1e9)
	// A NAT forgets no connection sooner than this (RFC 5382, REQ-5): one
	// that is open, and one that opens or closes.
	idleOpen    = 2*3600*second + 4*60*second
	idlePassing = 4 * 60 * second
)

// over reports whether a connection has come to its end, or has been silent
// for so long that nobody waits for it any more.
func over(c *tcp.Conn, now int64) bool {
	a, b := c.State(tcp.Client), c.State(tcp.Server)
	ended := func(s tcp.State) bool { return s == tcp.Closed || s == tcp.Listen || s == tcp.TimeWait }
	if ended(a) && ended(b) {
		return true
	}
	silent := now - c.LastTime()
	passing := func(s tcp.State) bool { return s != tcp.Established && s != tcp.Unknown }
	return silent > idleOpen || silent > idlePassing && (passing(a) || passing(b))
}

// forget empties a slot and returns the hash of its connection's ends.
func (t *table) forget(slot uint32) uint64 {
	c := t.conn(slot)
	client, server := c.Ends()
	h := t.hash(&client, &server)
	if *t.number(slot)&superseded == 0 {
		t.remove(h, slot)
	}
	*c = tcp.Conn{}
	return h
}

// inOrder yields the slots by the numbers of their connections.
func (t *table) inOrder(yield func(slot uint32) bool) {
	order := make([]uint64, 0, roomy) // number and slot
	sorted := true
	for slot, last := uint32(0), uint32(0); slot < t.slots && sorted; slot++ {
		n := *t.number(slot) &^ marks
		sorted, last = n >= last, n
	}
	for slot := range t.slots {
		if sorted {
			if !yield(slot) {
				return
			}
		} else {
			order = append(order, uint64(*t.number(slot)&^marks)<<32|uint64(slot))
		}
	}
	slices.Sort(order)
	for _, v := range order {
		if !yield(uint32(v)) {
			return
		}
	}
}
