package lesson

import (
	"hash/maphash"
	"time"

	"lesson/lesson/tcp"
)

// Copies remembers the latest packets, so that one which stands in a capture
// twice is not taken for one that was sent again: `tcpdump -i any` on a router,
// or on a host of containers, sees each where it comes in and where it goes out.
//
// What is sent again is another packet. Over IPv4 it has another identification,
// which a router leaves alone (RFC 791 §3.1). Where there is none, in IPv6 or
// where the sender leaves it 0, a lower hop limit tells, or that it has not come
// back to the interface where it was seen first.
type Copies struct {
	seed   maphash.Seed
	latest [256]sighting // a crowded slot belongs to who came last
}

type sighting struct {
	hash uint64
	time int64
	on   uint32 // where the packet was seen first
	hops uint8
}

// atOnce is how long after a packet its copy may come.
const atOnce = int64(100 * time.Millisecond)

// Mark notes a segment, and in its step that it is a copy if it is one.
func (x *Copies) Mark(c *tcp.Captured, step *tcp.Step) {
	if x.again(c) {
		step.Findings = step.Findings&^sentAgain | tcp.Copy
	}
}

// sentAgain are the findings about a packet that only hold if it was sent again.
const sentAgain = tcp.Retransmission | tcp.OutOfOrder | tcp.DuplicateAck | tcp.WindowUpdate | tcp.KeepAlive | tcp.WindowProbe | tcp.Repeated

// again reports whether a segment is in a packet that was seen just before.
func (x *Copies) again(c *tcp.Captured) bool {
	if x.seed == (maphash.Seed{}) {
		x.seed = maphash.MakeSeed()
	}
	var h maphash.Hash
	h.SetSeed(x.seed)
	_, _ = h.Write(c.Src.IP[:])
	_, _ = h.Write(c.Dst.IP[:])
	_, _ = h.Write([]byte{byte(c.ID >> 8), byte(c.ID), byte(c.Len >> 8), byte(c.Len)})
	_, _ = h.Write(c.Header[:min(len(c.Header), 16)]) // the checksum may not have been made where it was seen first
	_, _ = h.Write(c.Header[min(len(c.Header), 18):])
	sum := h.Sum64()
	last := &x.latest[sum%uint64(len(x.latest))]
	same := last.hash == sum && max(c.Time-last.time, last.time-c.Time) < atOnce && (c.ID != 0 || c.Hops < last.hops || c.Interface != last.on)
	if !same {
		last.on = c.Interface
	}
	last.hash, last.time, last.hops = sum, c.Time, c.Hops
	return same
}
