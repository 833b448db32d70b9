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
	err      error
}

const (
	batchLen = 512
	batches  = 4
)

// readAhead observes everything a source has, while another goroutine reads on
// and decodes. Only connections are told.
func (x *explainer) readAhead(src batcher) error {
	full, empty := make(chan batch, batches), make(chan batch, batches)
	for range batches {
		empty <- batch{segments: make([]tcp.Segment, batchLen)}
	}
	go func() {
		for b := range empty {
			n, err := src.Segments(b.segments[:batchLen])
			full <- batch{b.segments[:n], err}
			if err != nil {
				return
			}
		}
	}()
	defer close(empty)
	for b := range full {
		for rest := b.segments; len(rest) > 0; {
			n := min(len(rest), group)
			x.observeAll(rest[:n])
			rest = rest[n:]
		}
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

// observeAll observes a group of segments.
func (x *explainer) observeAll(segments []tcp.Segment) {
	var hashes [group]uint64
	for i := range segments {
		s := &segments[i]
		hashes[i] = x.table.hash(&s.Src, &s.Dst)
	}
	x.touched += x.table.touch(hashes[:len(segments)])
	for i := range segments {
		x.observe(hashes[i], &segments[i], true)
	}
}
