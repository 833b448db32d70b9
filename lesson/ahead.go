package lesson

import "lesson/lesson/tcp"

// batcher is a Source that can give its segments alone, many at a time.
type batcher interface {
	// Segments reads the next ones until into is full. An error comes with the
	// segments before it.
	Segments(into []tcp.Segment) (n int, err error)
}

// batch is some segments on their way from the goroutine that reads to the
// one that observes.
type batch struct {
	segments []tcp.Segment
	hashes   []uint64
	err      error
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
	b.segments, b.err = b.segments[:batchLen], nil
	at := 0
	for at < batchLen && b.err == nil {
		var n int
		n, b.err = src.Segments(b.segments[at:min(at+few, batchLen)])
		for end := at + n; at < end; at++ {
			b.hashes[at] = x.table.hash(&b.segments[at].Src, &b.segments[at].Dst)
		}
	}
	b.segments = b.segments[:at]
}

// follow observes the segments of a batch.
func (x *explainer) follow(b *batch) {
	x.segments += len(b.segments)
	for at := 0; at < len(b.segments); at += group {
		end := min(at+group, len(b.segments))
		x.table.touch(b.hashes[at:end])
		for i := at; i < end; i++ {
			if slot, _ := x.place(b.hashes[i], &b.segments[i]); slot != nowhere {
				x.table.conn(slot).Follow(&b.segments[i])
			}
		}
	}
}
