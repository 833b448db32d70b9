package lesson

import (
	"time"

	"lesson/lesson/tcp"
)

// rows are segments that are told late, so that a later one can correct them.
type rows struct {
	held  []*Segment
	spare []*Segment // told: their memory serves again
	told  int
	first int64 // the first row's time
}

const (
	// A row can be corrected by a later segment while fewer than this many
	// rows have followed it.
	window = 4096
	// So much of a payload is kept for showing.
	keepPayload = 256
	maxHeader   = 60 // bytes of a TCP header
)

// add holds a segment back.
func (r *rows) add(stream int, c *tcp.Captured, step *tcp.Step) {
	if r.told == 0 && len(r.held) == 0 {
		r.first = c.Time
	}
	var s *Segment
	if n := len(r.spare) - 1; n >= 0 {
		s, r.spare = r.spare[n], r.spare[:n]
	} else {
		s = new(Segment)
		s.Header, s.Payload = make([]byte, 0, maxHeader), make([]byte, 0, maxHeader)
	}
	header, payload := s.Header[:0], s.Payload[:0]
	*s = Segment{Captured: *c, Stream: stream, Step: *step, Since: time.Duration(c.Time - r.first)}
	s.Raw = nil
	s.Header = append(header, c.Header...)
	s.Payload = append(payload, c.Payload[:min(len(c.Payload), keepPayload)]...)
	r.held = append(r.held, s)
}

// correct rewrites the rows that a later segment proves wrong, as far as they
// have not been told.
func (r *rows) correct(stream int, v tcp.Revision) {
	if v.Since == 0 {
		return
	}
	for i := len(r.held) - 1; i >= 0; i-- {
		row := r.held[i]
		if row.Stream != stream {
			continue
		}
		if row.Step.N < v.Since {
			return
		}
		row.Step.After[v.End] = v.State
		row.Step.Taken[v.End] = tcp.Path{}
		row.Step.Inferred[v.End] = v.State == tcp.Closed || v.State != tcp.Unknown && row.Step.Inferred[v.End]
		row.Step.Findings |= tcp.Corrected
		if row.Step.N > v.Since || row.Step.N == 1 {
			row.Step.Before[v.End] = v.State
		}
	}
}

// tell tells rows until only keep of them are left.
func (r *rows) tell(keep int, explain bool, t Teller) error {
	n := max(len(r.held)-keep, 0)
	for _, row := range r.held[:n] {
		r.told++
		row.N = r.told
		if explain {
			row.Explain = Explanations(&row.Step)
		}
		if err := t.Tell(row); err != nil {
			return err
		}
	}
	if keep > 0 {
		r.spare = append(r.spare, r.held[:n]...)
	}
	r.held = append(r.held[:0], r.held[n:]...)
	return nil
}
