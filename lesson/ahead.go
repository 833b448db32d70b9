package lesson

import "lesson/lesson/tcp"

// batcher is a Source that can give its segments alone, many at a time.
type batcher interface {
	// Segments reads the next ones until into is full. An error comes with the
	// segments before it.
	// Segments that are fewer, without an error, are followed by an ICMP error.
	Segments(into []tcp.Segment) (n int, err error)
	// ICMP returns the ICMP error at which Segments has stopped.
	ICMP() (c tcp.Captured, ok bool)
}

// batch is some segments on their way from the goroutine that reads to the
// one that observes.
type batch struct {
	segments []tcp.Segment
	hashes   []uint64
	tagged   bool // one of them has a tag
	icmp     []bounced
	err      error
}

// bounced is an ICMP error behind so many segments of a batch.
type bounced struct {
	*tcp.ICMPError
	behind int
}

const (
	batchLen = 4096
	batches  = 3
	few      = 64 // their segments fit into the nearest cache
)

// readAhead observes everything a source has, while another goroutine reads on
// and decodes. Only connections are told.
func (x *explainer) readAhead(src batcher) error {
	full, empty := make(chan batch, batches), make(chan batch, batches)
	for range batches {
		empty <- batch{segments: make([]tcp.Segment, batchLen), hashes: make([]uint64, batchLen)}
	}
	go func() {
		for b := range empty {
			x.fill(src, &b)
			full <- b
			if b.err != nil {
				return
			}
		}
	}()
	defer close(empty)
	for b := range full {
		x.follow(&b)
		if x.err != nil {
			return x.err // the reader may be waiting for a pipe: nobody waits for it
		}
		if b.err != nil {
			return b.err
		}
		empty <- b
	}
	return nil
}

// fill reads a batch, a few segments at a time, so that they are near when they
// are hashed.
func (x *explainer) fill(src batcher, b *batch) {
	b.segments, b.icmp, b.err, b.tagged = b.segments[:batchLen], b.icmp[:0], nil, false
	at := 0
	for at < batchLen && b.err == nil && len(b.icmp) < batchLen {
		var n int
		n, b.err = src.Segments(b.segments[at:min(at+few, batchLen)])
		if n < few && b.err == nil {
			if c, ok := src.ICMP(); ok {
				b.icmp = append(b.icmp, bounced{c.ICMP, at + n})
			}
		}
		for end := at + n; at < end; at++ {
			s := &b.segments[at]
			b.hashes[at] = x.table.hash(&s.Src, &s.Dst)
			b.tagged = b.tagged || s.VLAN != 0
		}
	}
	b.segments = b.segments[:at]
}

// follow observes the segments of a batch.
func (x *explainer) follow(b *batch) {
	x.segments += len(b.segments)
	if b.tagged {
		x.table.withTags()
	}
	for at := 0; at < len(b.segments); at += group {
		end := min(at+group, len(b.segments))
		x.table.touch(b.hashes[at:end])
		for i := at; i < end; i++ {
			if len(b.icmp) > 0 {
				x.reach(b, i)
			}
			s := &b.segments[i]
			if slot, _ := x.place(b.hashes[i], s); slot != nowhere {
				conn := x.table.conn(slot)
				conn.Follow(s)
				x.early.note(slot, conn, s)
			}
		}
	}
	x.reach(b, len(b.segments))
}

// reach observes the ICMP errors of a batch that stand behind so many segments.
func (x *explainer) reach(b *batch, behind int) {
	for len(b.icmp) > 0 && b.icmp[0].behind <= behind {
		x.unreachable(b.icmp[0].ICMPError, true)
		b.icmp = b.icmp[1:]
	}
}
