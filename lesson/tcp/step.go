package tcp

import (
	"encoding/json"
	"errors"
)

// Step is what one segment did to both ends of its connection. It is a plain
// value: observing a segment allocates nothing.
type Step struct {
	N        uint32   // the segment's number in its connection, from 1
	From     End      // who sent it
	Seq, Ack int64    // as Conn.Relative counts; Ack is 0 without the ACK flag
	Before   [2]State // by End: just before the segment left, or arrived
	After    [2]State // by End: after departure or arrival (RFC 9293 §3.5)
	Inferred [2]bool  // by End: After is concluded, not shown by anything on the wire
	Taken    [2]Path  // by End: the rules that led from Before to After
	Findings Findings
	// Revised says that rows already told were wrong about one end, as this
	// segment shows. Since is 0 when there is nothing to revise.
	Revised Revision
	GoesOn  [2]State // by End: where After is CLOSED only because of an ICMP error, what it is if the end goes on
}

// SACK is a number in one of the segment's SACK blocks, counted as Ack is: the
// blocks lie in the same stream.
func (s *Step) SACK(c *Segment, n Seq) int64 {
	r := s.Ack + int64(int32(n-c.Ack))
	if r >= 1<<32 { // in a stream so long that its numbers have begun anew
		r -= 1 << 32
	}
	return r
}

// Path is the arrows one end took because of one segment, in order.
type Path struct {
	rules [4]RuleID
	n     uint8
}

// Rules lists the arrows in the order taken.
func (p *Path) Rules() []*Rule {
	out := make([]*Rule, 0, p.n)
	for _, id := range p.rules[:p.n] {
		out = append(out, &rules[id])
	}
	return out
}

// MarshalJSON writes the arrows down as the numbers of their rules.
func (p Path) MarshalJSON() ([]byte, error) {
	ids := make([]int, p.n)
	for i := range ids {
		ids[i] = int(p.rules[i])
	}
	return json.Marshal(ids)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Path) UnmarshalJSON(data []byte) error {
	var ids []int
	if err := json.Unmarshal(data, &ids); err != nil {
		return err
	}
	*p = Path{}
	for _, id := range ids {
		if id < 0 || id >= len(rules) || int(p.n) == len(p.rules) {
			return errors.New("a path of rules that there are not")
		}
		p.add(RuleID(id))
	}
	return nil
}

func (p *Path) add(id RuleID) {
	if int(p.n) < len(p.rules) {
		p.rules[p.n] = id
		p.n++
	}
}

// Revision corrects what earlier steps said of one end: from step Since up to
// the one before this, the end was really in State.
type Revision struct {
	Since uint32
	End   End
	State State
}
