package lesson

import (
	"time"

	"lesson/lesson/tcp"
)

// rows are segments that are told late, so that a later one can correct them.
type rows struct {
	held  []*Segment
	spare []*Segment // told: their memory serves again
	told  int        // segments
	gone  int        // rows, those of ICMP errors too
	begun bool
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

// room is a row to be filled in, whose memory for a header and a payload is kept.
func (r *rows) room() (s *Segment) {
	if n := len(r.spare) - 1; n >= 0 {
		s, r.spare = r.spare[n], r.spare[:n]
		return s
	}
	s = new(Segment)
	s.Header, s.Payload = make([]byte, 0, maxHeader), make([]byte, 0, maxHeader)
	return s
}

// add holds a segment back.
func (r *rows) add(stream int, c *tcp.Captured, step *tcp.Step, usual uint8) {
	r.begin(c)
	s := r.room()
	header, payload := s.Header[:0], s.Payload[:0]
	*s = Segment{Captured: *c, Stream: stream, Step: *step, Since: time.Duration(c.Time - r.first), UsualHops: usual}
	s.Raw = nil
	s.Header = append(header, c.Header...)
	s.Payload = append(payload, c.Payload[:min(len(c.Payload), keepPayload)]...)
	r.held = append(r.held, s)
}

// row is the row with this number in the story; nil if it has been told.
func (r *rows) row(n int) *Segment {
	if i := n - r.gone - 1; i >= 0 && i < len(r.held) {
		return r.held[i]
	}
	return nil
}

// begin notes the time of the first row.
func (r *rows) begin(c *tcp.Captured) {
	if !r.begun {
		r.begun, r.first = true, c.Time
	}
}

// correct rewrites the rows that a later segment proves wrong, as far as they
// have not been told.
func (r *rows) correct(stream int, v tcp.Revision) {
	if v.Since == 0 {
		return
	}
	var next *[2]tcp.State // before the row after it, of the same connection
	for i := len(r.held) - 1; i >= 0; i-- {
		row := r.held[i]
		if row.Stream != stream {
			continue
		}
		if row.icmp != nil {
			row.icmp.correct(v)
			if next != nil {
				next[v.End] = row.icmp.Step.After[v.End]
			}
			next = &row.icmp.Step.Before
			continue
		}
		state, goesOn := v.State, row.Step.GoesOn[v.End]
		if row.Step.N < v.Since {
			if goesOn == tcp.Unknown || v.State == tcp.Closed {
				return
			}
			state = goesOn
			if next != nil {
				next[v.End] = state
			}
		}
		next = &row.Step.Before
		row.Step.After[v.End], row.Step.GoesOn[v.End] = state, tcp.Unknown
		row.Step.Taken[v.End] = tcp.Path{}
		row.Step.Inferred[v.End] = state == tcp.Closed || state != tcp.Unknown && goesOn == tcp.Unknown && row.Step.Inferred[v.End]
		row.Step.Findings |= tcp.Corrected
		if r := row.Step.Revised; r.End == v.End && r.Since >= v.Since {
			row.Step.Revised = tcp.Revision{} // what it seemed to show is wrong too
		}
		if row.Step.N > v.Since || row.Step.N == 1 {
			row.Step.Before[v.End] = v.State
		}
		if row.Step.N == 1 && row.Step.From != v.End && v.State == tcp.SynRecv {
			row.Step.Before[v.End] = tcp.Listen
			row.Step.Findings &^= tcp.Unacceptable // its receiver has answered it
		}
	}
}

// tell tells rows until only keep of them are left.
func (r *rows) tell(keep int, explain bool, t Teller) error {
	n := max(len(r.held)-keep, 0)
	for _, row := range r.held[:n] {
		if row.icmp != nil {
			if err := row.icmp.tell(explain, t); err != nil {
				return err
			}
			continue
		}
		r.told++
		row.N = r.told
		if explain {
			row.Explain = Explanations(row)
		}
		if err := t.Tell(row); err != nil {
			return err
		}
	}
	r.gone += n
	if keep > 0 {
		r.spare = append(r.spare, r.held[:n]...)
	}
	r.held = append(r.held[:0], r.held[n:]...)
	return nil
}
