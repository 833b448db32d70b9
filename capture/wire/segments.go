package wire

import "lesson/lesson/tcp"

// Segments is a wire on which segments are handed over without their frames.
type Segments struct{ *Wire }

// Segments is the wire as a stage sees it.
func (w *Wire) Segments() Segments { return Segments{w} }

// Next is Wire.Next.
func (s Segments) Next() (tcp.Captured, error) {
	f, err := s.Wire.Next()
	return f.Captured, err
}

// Poll is Wire.Poll.
func (s Segments) Poll() (tcp.Captured, bool, error) {
	f, ok, err := s.Wire.Poll()
	return f.Captured, ok, err
}

// Deliver hands a segment that one host has sent to the other.
func (s Segments) Deliver(from tcp.End, c *tcp.Captured) error {
	return s.Wire.Deliver(&Frame{Captured: *c, From: from})
}

// Corrupt is Frame.Corrupt.
func (s Segments) Corrupt(c *tcp.Captured) tcp.Captured {
	f := Frame{Captured: *c}
	return f.Corrupt().Captured
}

// Blank is Wire.Blank.
func (s Segments) Blank(from tcp.End, fromPort, toPort uint16) tcp.Captured {
	return s.Wire.Blank(from, fromPort, toPort).Captured
}

// Altered is Frame.Altered.
func (s Segments) Altered(c *tcp.Captured, change func(*tcp.Segment)) tcp.Captured {
	f := Frame{Captured: *c}
	return f.Altered(change).Captured
}

// Sides is a wire on which it is said which host has sent a segment, and to
// which it is delivered: programs choose their own addresses.
type Sides struct{ Segments }

// Sides is the wire as a trial sees it.
func (w *Wire) Sides() Sides { return Sides{w.Segments()} }

// Next is Wire.Next.
func (s Sides) Next() (tcp.Captured, tcp.End, error) {
	f, err := s.Wire.Next()
	return f.Captured, f.From, err
}

// Poll is Wire.Poll.
func (s Sides) Poll() (tcp.Captured, tcp.End, bool, error) {
	f, ok, err := s.Wire.Poll()
	return f.Captured, f.From, ok, err
}

// Deliver hands a segment to the host that did not send it.
func (s Sides) Deliver(to tcp.End, c *tcp.Captured) error {
	return s.Segments.Deliver(to.Peer(), c)
}
