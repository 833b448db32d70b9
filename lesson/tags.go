package lesson

import (
	"encoding/binary"

	"lesson/lesson/tcp"
)

// One five-tuple in two virtual networks
//
// The same addresses and ports may be in use in two VLANs at once: those are two
// connections. But one connection may show up in several VLANs, too: a router
// between two of them shows each packet in both, and some mirror ports tag each
// direction with another one. So a tag alone decides nothing. A segment belongs
// to the connection that has been seen with its tag in its direction; where
// there is none, to one that its numbers fit. Only where they fit none does it
// begin another connection, beside the first.

// tagged is what is known of the tags around one connection.
type tagged struct {
	own   [2]uint32 // of its first segment in each direction
	also  uint32    // another that it was seen with
	known uint8     // 1 and 2: own; 4: also
}

const alsoKnown = 4

// seen reports whether own is known of a direction.
func (g *tagged) seen(way int) bool { return g.known>>way&1 != 0 }

// is reports whether that is a tag.
func (g *tagged) is(way int, vlan uint32) bool { return g.seen(way) && g.own[way] == vlan }

// direction is the same for all segments of a connection that go the same way.
func direction(s *tcp.Segment) int {
	le := binary.LittleEndian
	a, b := le.Uint64(s.Src.IP[8:]), le.Uint64(s.Dst.IP[8:]) // where addresses differ most
	if a == b {
		a, b = uint64(s.Src.Port), uint64(s.Dst.Port)
	}
	if a == b {
		a, b = le.Uint64(s.Src.IP[:8]), le.Uint64(s.Dst.IP[:8])
	}
	if a < b {
		return 1
	}
	return 0
}

// withTags begins to remember tags: from the first segment on that has one. The
// connections so far have been seen without.
func (t *table) withTags() {
	if t.tags != nil {
		return
	}
	t.tags = make([]*[slabLen]tagged, len(t.slabs), max(len(t.slabs), 1))
	for i := range t.tags {
		t.tags[i] = new([slabLen]tagged)
		for slot := range t.tags[i] {
			t.tags[i][slot].known = 1 | 2
		}
	}
}

func (t *table) tagsOf(slot uint32) *tagged { return &t.tags[slot/slabLen][slot%slabLen] }

// tagAnew makes a segment's tags those of a connection that it begins.
func (t *table) tagAnew(slot uint32, s *tcp.Segment) {
	if len(t.tags) < len(t.slabs) {
		t.tags = append(t.tags, new([slabLen]tagged))
	}
	g := t.tagsOf(slot)
	*g = tagged{}
	way := direction(s)
	g.own[way], g.known = s.VLAN, 1<<way
}

// findTagged is find where tags matter.
func (t *table) findTagged(h uint64, s *tcp.Segment) (slot uint32, ok bool) {
	t.beside = false
	slot, ok = t.find(h, &s.Src, &s.Dst)
	if !ok {
		return 0, false
	}
	way := direction(s)
	if g := t.tagsOf(slot); t.twins == 0 && g.is(way, s.VLAN) {
		return slot, true // as nearly always
	}
	if slot, ok = t.likeliest(h, s, way); ok {
		t.tagsOf(slot).note(s.VLAN, way)
	}
	t.beside = !ok
	return slot, ok
}

// maxTwins is how many connections between the same ends, each in a network of
// its own, can be found: looking at them takes time. Beyond that one takes the
// place of another.
const maxTwins = 64

// likeliest looks at all connections between the ends of a segment.
func (t *table) likeliest(h uint64, s *tcp.Segment, way int) (slot uint32, ok bool) {
	mask := uint64(len(t.index) - 1)
	tag := h & 0xffffffff
	best, twins := 0, 0
	for i := tag & mask; t.index[i] != 0; i = (i + 1) & mask {
		v := t.index[i]
		if v>>32 != tag {
			continue
		}
		at := uint32(v) - 1
		if c := t.conn(at); c.Joins(&s.Src, &s.Dst) {
			if n := t.tagsOf(at).likely(s.VLAN, way, c.Fits(s)); n > best || twins == 0 {
				slot, best = at, n
			}
			twins++
		}
	}
	return slot, best > 0 || twins == maxTwins
}

// vlan is what was around a connection's first segment from its client, or else
// from its server.
func (t *table) vlan(slot uint32) uint32 {
	if t.tags == nil {
		return 0
	}
	var s tcp.Segment
	s.Src, s.Dst = t.conn(slot).Ends()
	g, way := t.tagsOf(slot), direction(&s)
	if !g.seen(way) {
		way = 1 - way
	}
	return g.own[way]
}

// likely says how likely it is that a connection is the one that a segment with
// a tag belongs to; 0 where it is not.
func (g *tagged) likely(vlan uint32, way int, fits bool) int {
	n := 0
	switch {
	case g.is(way, vlan):
		n = 8
	case !g.seen(way) && g.own[1-way] == vlan:
		n = 2
	case g.known&alsoKnown != 0 && g.also == vlan:
		n = 1
	}
	switch {
	case fits && !g.seen(way): // the answer it waits for
		n += 9
	case fits:
		n += 4
	}
	return n
}

// note remembers that a connection was seen with a tag.
func (g *tagged) note(vlan uint32, way int) {
	switch {
	case !g.seen(way):
		g.own[way] = vlan
		g.known |= 1 << way
	case g.own[way] != vlan:
		g.also = vlan
		g.known |= alsoKnown
	}
}
