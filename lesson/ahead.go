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
			n, err := src.Segments(b.segments[:batchLen])
			b.segments, b.err = b.segments[:n], err
			for i := range b.segments {
				b.hashes[i] = x.table.hash(&b.segments[i].Src, &b.segments[i].Dst)
			}
			full <- b
			if err != nil {
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
