package tcp

// Completeness counts what was seen of a connection, as Wireshark's
// tcp.completeness does: SYN 1, SYN-ACK 2, ACK 4, DATA 8, FIN 16, RST 32.
type Completeness uint8

// The bits of a Completeness.
const (
	SeenSyn Completeness = 1 << iota
	SeenSynAck
	SeenAck
	SeenData
	SeenFin
	SeenRst
)

func (s *Segment) completeness() (c Completeness) {
	switch s.Flags & (SYN | ACK) {
	case SYN:
		c |= SeenSyn
	case SYN | ACK:
		c |= SeenSynAck
	case ACK:
		c |= SeenAck
	}
	if s.Len > 0 {
		c |= SeenData
	}
	if s.Flags.Has(FIN) {
		c |= SeenFin
	}
	if s.Flags.Has(RST) {
		c |= SeenRst
	}
	return c
}

// Summary is what can be said of a connection as a whole.
type Summary struct {
	Segments     uint32
	Bytes        [2]uint64 // payload by sender, each byte counted once
	First, Last  int64     // nanoseconds since 1970
	Completeness Completeness
	SynSent      [2]bool // by end: its SYN was seen
	Answered     [2]bool // by end: its SYN,ACK was seen
	Opened       [2]bool // by end: it has been past SYN_RECV
	FinSent      [2]bool
	FinAcked     [2]bool
	Reset        [2]bool // by end: it has sent RST
}

// Summary returns what was seen so far.
func (c *Conn) Summary() Summary {
	s := Summary{Segments: c.n, Bytes: c.bytes, First: c.first, Last: c.last, Completeness: c.seen}
	for e := range c.half {
		h := &c.half[e]
		s.SynSent[e], s.Answered[e] = h.is(sentSyn), h.is(answered)
		s.Opened[e] = h.is(pastSyn)
		s.FinSent[e], s.FinAcked[e] = h.is(sentFin), h.is(finAcked)
		s.Reset[e] = h.is(sentRst)
	}
	return s
}
