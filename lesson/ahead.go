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
		for i := range b.segments {
			s := &b.segments[i]
			x.observe(x.table.hash(&s.Src, &s.Dst), s, true)
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
