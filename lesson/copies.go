package lesson

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"time"

	"lesson/lesson/tcp"
)

// Copies remembers the latest packets, so that one which stands in a capture
// twice is not taken for one that was sent again: `tcpdump -i any` on a router,
// or on a host of containers, sees each where it comes in and where it goes out,
// and a mirror port may show each twice.
//
// What is sent again is another packet. Over IPv4 it has another identification,
// which a router leaves alone (RFC 791 §3.1). Where there is none, in IPv6 or
// where the sender leaves it 0, a lower hop limit tells, or that it has not come
// back to the interface where it was seen first. Where nothing of that tells, time
// does: no timer sends a segment again as soon as this, and whoever learns from an
// acknowledgement that one is lost has received something meanwhile. That does not
// hold for acknowledgements alone, and resets: one for each segment that comes, and
// all alike. They are copies only where all else that their sender sends comes twice.
type Copies struct {
	seed   maphash.Seed
	latest [256][4]sighting // of a crowded row, the four that came last
	ways   [1024]way        // by sender and receiver; those that share one are taken together
	n      uint32           // packets so far
}

type sighting struct {
	hash uint64
	time int64
	n    uint32 // the packet's number
	on   uint32 // where the packet was seen first
	hops uint8
	copy bool // the latest was a copy
}

// way is what was seen in one direction of a connection.
type way struct {
	latest uint32 // the number of the latest packet that was no copy
	// Of the packets that nobody sends twice at once: how many there were, and
	// how many of them came twice, the same way as before.
	single, doubled uint8
}

const (
	// atOnce is how long after a packet its copy may come.
	atOnce = int64(100 * time.Millisecond)
	// tooSoon is before any timer sends a segment again: RFC 6298 §2.4 asks for a
	// second, and Linux takes at least two clock ticks, usually 200 ms.
	tooSoon = int64(time.Millisecond)
)

// Mark notes a segment, and in its step that it is a copy if it is one.
func (x *Copies) Mark(c *tcp.Captured, step *tcp.Step) {
	if x.again(c) {
		step.Findings = step.Findings&^sentAgain | tcp.Copy
	}
}

// sentAgain are the findings about a packet that only hold if it was sent again.
const sentAgain = tcp.Retransmission | tcp.OutOfOrder | tcp.DuplicateAck | tcp.WindowUpdate | tcp.KeepAlive | tcp.WindowProbe | tcp.Repeated | tcp.Sack | tcp.DuplicateSack

// sighting is that of the packet with this hash, or the oldest in its row.
func (x *Copies) sighting(hash uint64) *sighting {
	row := &x.latest[hash%uint64(len(x.latest))]
	oldest := &row[0]
	for i := range row {
		if row[i].hash == hash {
			return &row[i]
		}
		if row[i].n < oldest.n {
			oldest = &row[i]
		}
	}
	return oldest
}

// again reports whether a segment is in a packet that was seen just before.
func (x *Copies) again(c *tcp.Captured) bool {
	if x.seed == (maphash.Seed{}) {
		x.seed = maphash.MakeSeed()
	}
	between := x.between(&c.Src, &c.Dst)
	w := x.way(between)
	sum := between ^ x.contents(c)
	last := x.sighting(sum)
	after := max(c.Time-last.time, last.time-c.Time)
	same := last.hash == sum && after < atOnce
	here := c.Hops == last.hops && c.Interface == last.on
	single := c.ID != 0 || takesNumbers(c)
	is := same
	switch {
	case !same || c.ID != 0 || c.Hops < last.hops || c.Interface != last.on:
	case !here || after >= tooSoon:
		is = false
	case single:
		is = !last.copy && w.mirrored(1) || !x.answered(c, last.n)
	default:
		is = !last.copy && w.mirrored(0)
	}
	x.n++
	switch {
	case !is:
		w.latest = x.n
		last.n, last.on = x.n, c.Interface
		w.count(single)
	case single && here && !last.copy:
		w.doubled++
	}
	last.hash, last.time, last.hops, last.copy = sum, c.Time, c.Hops, is
	return is
}

// between is a hash of where a packet comes from and goes to. Those of the two
// directions of a connection differ in their last bit.
func (x *Copies) between(src, dst *tcp.Endpoint) uint64 {
	var b [36]byte
	put := func(at int, e *tcp.Endpoint) {
		copy(b[at:], e.IP[:])
		binary.LittleEndian.PutUint16(b[at+16:], e.Port)
	}
	put(0, src)
	put(18, dst)
	back := uint64(0)
	if bytes.Compare(b[:18], b[18:]) > 0 {
		put(0, dst)
		put(18, src)
		back = 1
	}
	return maphash.Bytes(x.seed, b[:])&^1 | back
}

// contents is a hash of what else makes a packet the same.
func (x *Copies) contents(c *tcp.Captured) uint64 {
	var b [6 + maxHeader]byte
	binary.LittleEndian.PutUint16(b[0:], c.ID)
	binary.LittleEndian.PutUint32(b[2:], c.Len)
	n := 6 + copy(b[6:], c.Header)
	b[6+16], b[6+17] = 0, 0 // the checksum may not have been made where it was seen first
	return maphash.Bytes(x.seed, b[:n])
}

func (x *Copies) way(between uint64) *way { return &x.ways[between%uint64(len(x.ways))] }

// answered reports whether the segment's sender was sent anything since packet n.
func (x *Copies) answered(c *tcp.Captured, n uint32) bool {
	return int32(x.way(x.between(&c.Dst, &c.Src)).latest-n) > 0
}

// takesNumbers reports whether a segment takes sequence numbers: then it is sent
// again only when it was lost, or may have been.
func takesNumbers(c *tcp.Captured) bool { return c.SeqLen() > 0 && !c.Flags.Has(tcp.RST) }

// count counts a packet that was no copy.
func (w *way) count(single bool) {
	if !single {
		return
	}
	if w.single == 128 { // what was long ago counts less and less
		w.single, w.doubled = w.single/2, w.doubled/2
	}
	w.single++
}

// mirrored reports whether what is sent this way comes twice, but for a few: one in
// eight may have been missed, and so many more may not have come again yet.
func (w *way) mirrored(waiting uint8) bool {
	return w.doubled > 0 && w.single <= w.doubled+w.single/8+waiting
}
