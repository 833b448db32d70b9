package lesson

import "lesson/lesson/tcp"

// losses finds the segments that were captured and never arrived, among the rows
// that have not been told. That a later one came first (SACK) shows only that a
// segment had not come yet; it may have been late. It counts as lost if
//
//   - the receiver has reported what follows it, and none of it, before it was
//     sent again,
//   - acknowledged it, or reported it, only after that, and
//   - never said that it has come twice (RFC 2883).
//
// Where the receiver echoes time stamps, they tell as well: the acknowledgement
// that covers it does not echo one from before it was sent again (RFC 3522).
type losses struct {
	// Sent again, and not acknowledged since; and those that are marked, until they
	// are told: that they have come twice may be said later.
	waiting, marked []loss
	reported        [64]int // the latest row with SACK, by the connection's number; those that share one are taken together
	blind           bool    // not every segment of the connections that are told is among the rows
}

// loss is a segment that may be lost.
type loss struct {
	row    int // its number in the story
	stream int
	from   tcp.End
	lost   tcp.SACKBlock
	again  tcp.Options // of the segment that sent it again
}

// search is how many rows before a retransmission what it repeats is looked for.
const search = 4096

// look looks at the row that was added last.
func (l *losses) look(r *rows, at tcp.Vantage) {
	s := r.held[len(r.held)-1]
	if s.Step.Findings&(tcp.Copy|tcp.BadChecksum) != 0 || l.blind {
		return
	}
	if s.Flags&(tcp.SYN|tcp.RST|tcp.ACK) == tcp.ACK {
		l.acknowledged(r, s)
	}
	reported := &l.reported[s.Stream%len(l.reported)]
	if s.Step.Findings.Has(tcp.Sack) {
		*reported = r.gone + len(r.held)
	}
	if s.Len > 0 && *reported > r.gone && s.Step.Findings&(tcp.Retransmission|tcp.OutOfOrder) != 0 && at != tcp.AtClient+tcp.Vantage(s.Step.From.Peer()) {
		l.sentAgain(r, s)
	}
}

// payload is what numbers a segment's payload has.
func payload(s *tcp.Segment) tcp.SACKBlock {
	return tcp.SACKBlock{Left: s.Seq, Right: s.Seq.Add(s.Len)}
}

// acknowledged marks what a segment acknowledges after it was sent again, and
// takes that back of what has come twice.
func (l *losses) acknowledged(r *rows, s *Segment) {
	if len(l.waiting)+len(l.marked) == 0 {
		return
	}
	said := s.Reports()
	of := func(x *loss) bool { return x.stream == s.Stream && x.from == s.Step.From.Peer() }
	if said.Twice != (tcp.SACKBlock{}) {
		l.waiting = without(l.waiting, func(x *loss) bool { return of(x) && x.lost.Overlaps(said.Twice) })
		l.marked = without(l.marked, func(x *loss) bool {
			if !of(x) || !x.lost.Overlaps(said.Twice) {
				return r.row(x.row) == nil
			}
			if row := r.row(x.row); row != nil {
				row.Fate, row.Step.Findings = Delivered, row.Step.Findings&^tcp.Lost
			}
			return true
		})
	}
	l.waiting = without(l.waiting, func(x *loss) bool {
		row := r.row(x.row)
		if row == nil || !of(x) {
			return row == nil
		}
		all := x.lost.Right.LessEq(s.Ack)
		for _, b := range said.Ahead() {
			all = all || b.Covers(x.lost)
		}
		if !all {
			return false
		}
		if !x.wasLate(s) {
			row.Fate, row.Step.Findings = Lost, row.Step.Findings|tcp.Lost
			l.mark(r, x)
		}
		return true
	})
}

// mark remembers a segment that was marked. Now and then it forgets those that have
// been told.
func (l *losses) mark(r *rows, x *loss) {
	if n := len(l.marked); n == cap(l.marked) {
		l.marked = without(l.marked, func(x *loss) bool { return r.row(x.row) == nil })
	}
	l.marked = append(l.marked, *x)
}

// wasLate reports whether the acknowledgement of a segment that was sent again
// shows by its time stamp that the first one has come after all.
func (x *loss) wasLate(s *Segment) bool {
	return x.again.HasTimestamps && s.Options.HasTimestamps && x.lost.Right.LessEq(s.Ack) && int32(s.Options.TSEcr-x.again.TSVal) < 0
}

// sentAgain notes what a segment sends again, if it seems to be lost.
func (l *losses) sentAgain(r *rows, s *Segment) {
	again, found := payload(&s.Segment), uint32(0)
	for i := len(r.held) - 2; i >= max(len(r.held)-search, 0) && found < s.Len; i-- {
		row := r.held[i]
		if row.Stream != s.Stream || row.Step.From != s.Step.From || row.Len == 0 || row.Step.Findings&(tcp.Copy|tcp.BadChecksum|tcp.Unacceptable|tcp.KeepAlive|tcp.WindowProbe) != 0 {
			continue
		}
		was := payload(&row.Segment)
		if !was.Overlaps(again) {
			continue
		}
		if found += row.Len; again.Covers(was) && missing(r.held[i+1:len(r.held)-1], row) {
			l.waiting = append(l.waiting, loss{row: r.gone + i + 1, stream: s.Stream, from: s.Step.From, lost: was, again: s.Options})
		}
	}
}

// missing reports whether the receiver of a segment has, in the rows after it,
// reported what follows it and never any of it.
func missing(after []*Segment, s *Segment) (reported bool) {
	was := payload(&s.Segment)
	for _, row := range after {
		if row.Stream != s.Stream || row.Step.From == s.Step.From || row.Flags&(tcp.SYN|tcp.RST|tcp.ACK) != tcp.ACK || row.Step.Findings.Has(tcp.BadChecksum) {
			continue
		}
		if was.Left.Less(row.Ack) {
			return false
		}
		said := row.Reports()
		for _, b := range said.Ahead() {
			if b.Overlaps(was) {
				return false
			}
			reported = reported || was.Right.LessEq(b.Left)
		}
	}
	return reported
}

// without takes out of a list what is.
func without(list []loss, is func(*loss) bool) []loss {
	kept := list[:0]
	for i := range list {
		if !is(&list[i]) {
			kept = append(kept, list[i])
		}
	}
	return kept
}
