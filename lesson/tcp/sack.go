package tcp

import "slices"

// Reported is what a segment's SACK option says of the stream that it
// acknowledges.
type Reported struct {
	blocks [len(Options{}.SACK)]SACKBlock
	n      int
	// Twice has arrived more than once (RFC 2883); where that is not said, it is
	// empty.
	Twice SACKBlock
}

// Ahead are the ranges that have come beyond what the segment's sender still waits
// for, from the lowest number on.
func (r *Reported) Ahead() []SACKBlock { return r.blocks[:r.n] }

// Reports reads the segment's SACK option. A first block that begins below the
// acknowledgement number, or lies within the second one, speaks of duplicates
// (RFC 2883 §4). What is no range is passed over.
func (s *Segment) Reports() (r Reported) {
	blocks := s.Options.SACK[:min(int(s.Options.SACKBlocks), len(s.Options.SACK))]
	if len(blocks) == 0 || s.Flags&(SYN|RST|ACK) != ACK {
		return r
	}
	if first := blocks[0]; first.Left.Less(first.Right) && (first.Left.Less(s.Ack) || len(blocks) > 1 && blocks[1].Covers(first)) {
		r.Twice, blocks = first, blocks[1:]
	}
	for _, b := range blocks {
		if s.Ack.Less(b.Left) && b.Left.Less(b.Right) {
			r.blocks[r.n] = b
			r.n++
		}
	}
	slices.SortFunc(r.blocks[:r.n], func(a, b SACKBlock) int { return int(int32(a.Left - b.Left)) })
	return r
}

// Overlaps reports whether two ranges have a number in common.
func (b SACKBlock) Overlaps(o SACKBlock) bool {
	return b.Left.Less(o.Right) && o.Left.Less(b.Right)
}

// Covers reports whether a range holds all of another.
func (b SACKBlock) Covers(o SACKBlock) bool { return b.Left.LessEq(o.Left) && o.Right.LessEq(b.Right) }

// reported marks what the segment's SACK option says.
func (o *observation) reported() {
	if o.s.Options.SACKBlocks == 0 {
		return
	}
	r := o.s.Reports()
	if len(r.Ahead()) > 0 {
		o.step.Findings |= Sack
	}
	if r.Twice != (SACKBlock{}) {
		o.step.Findings |= DuplicateSack
	}
}
