package tcp

// Completeness counts what was seen of a connection, as Wireshark's
// tcp.completeness does: SYN 1, SYN-ACK 2, ACK 4, DATA 8, FIN 16, RST 32.
type Completeness uint8

// The bits of a Completeness. tshark counts data with either a SYN or an ACK, and
// a FIN only with an ACK.
const (
	SeenSyn Completeness = 1 << iota
	SeenSynAck
	SeenAck
	SeenData
	SeenFin
	SeenRst
)

// sees counts one segment.
func (c *Conn) sees(s *Segment) {
	kind := s.Flags & (FIN | SYN | RST | ACK)
	if s.Len > 0 {
		kind |= PSH
	}
	c.seen |= seenBy[kind]
}

// seenBy is what a segment counts as, by its flags; PSH stands for data there.
// What comes next cannot be predicted, so nothing branches on it.
var seenBy = func() (seen [2 * ACK]Completeness) {
	for kind := range Flags(len(seen)) {
		syn, ack, data := kind.Has(SYN), kind.Has(ACK), kind.Has(PSH)
		switch {
		case syn && ack:
			seen[kind] = SeenSynAck
		case syn:
			seen[kind] = SeenSyn
		case ack && !data:
			seen[kind] = SeenAck
		}
		if syn != ack && data {
			seen[kind] |= SeenData
		}
		if ack && kind.Has(FIN) {
			seen[kind] |= SeenFin
		}
		if kind.Has(RST) {
			seen[kind] |= SeenRst
		}
	}
	return seen
}()

// Summary is what can be said of a connection as a whole.
type Summary struct {
	Segments     uint32
	First, Last  int64 // the first segment's time and the latest one, in nanoseconds since 1970
	Completeness Completeness
	End          [2]EndSummary
}

// EndSummary is what can be said of one end.
type EndSummary struct {
	State    State
	Bytes    uint64 // payload it sent, each byte counted once
	Seen     bool   // it has sent anything at all
	Active   bool   // it has sent a SYN without ACK
	Answered bool   // it has sent a SYN with ACK
	Open     bool   // it has been past SYN_SENT and SYN_RECV
	Fin      bool   // it has sent FIN
	FinAcked bool   // and the ACK of it has come
	Reset    bool   // it has sent RST
	WasReset bool   // a RST has closed it
	Before   bool   // it has shown that it is in the connection before this one still, which is not over
	Bounced  bool   // it has given up its attempt to connect because of an ICMP error
}

// Summary returns what was seen so far.
func (c *Conn) Summary() (s Summary) {
	s.Segments, s.First, s.Last, s.Completeness = c.n, c.first, c.last, c.seen
	if c.n == 1 && c.seen != SeenSyn|SeenData {
		s.Completeness &= SeenSyn // all that tshark counts of a lone segment
	}
	for e := range c.half {
		h, end := &c.half[e], &s.End[e]
		if c.self() {
			h = &c.half[Client]
		}
		end.State, end.Bytes, end.Seen = c.State(End(e)), c.bytes[e], h.is(hasSent)
		end.Active, end.Answered, end.Open = h.is(active), h.is(answered), h.is(pastSyn)
		end.Fin, end.FinAcked, end.Reset, end.WasReset = h.is(sentFin), h.is(finAcked), h.is(sentRst), h.is(wasReset)
		if h.is(inherited) && !h.is(active) { // its FIN, if any, is the connection's before
			end.Fin, end.FinAcked, end.Before = false, false, h.is(stayed)
		}
		end.Bounced = c.bounced(End(e)) == gaveUp
	}
	return s
}

// Zeek's connection states (scripts/base/protocols/conn), told from what each
// end was seen to send.
type zeekState uint8

const (
	zeekInactive zeekState = iota
	zeekSynSent
	zeekPartial
	zeekEstablished
	zeekClosed
	zeekReset
)

func (s *Summary) zeek(e End) zeekState {
	h, peer := &s.End[e], &s.End[e.Peer()]
	switch {
	case h.Reset:
		return zeekReset
	case h.Fin:
		return zeekClosed
	case h.Active && peer.Answered, h.Answered && peer.Active:
		return zeekEstablished
	case h.Active || h.Answered:
		return zeekSynSent
	case h.Seen:
		return zeekPartial
	}
	return zeekInactive
}

// ConnState is Zeek's conn_state code: S0, S1, SF, REJ, S2, S3, RSTO, RSTR,
// RSTOS0, RSTRH, SH, SHR or OTH.
func (s *Summary) ConnState() string {
	o, r := s.zeek(Client), s.zeek(Server)
	gone := func(z zeekState) bool { return z == zeekInactive || z == zeekPartial }
	noData := s.End[Client].Bytes == 0 && s.End[Server].Bytes == 0
	switch {
	case r == zeekReset && (s.End[Client].Active && !s.End[Server].Answered || o == zeekReset && noData):
		return "REJ"
	case r == zeekReset && gone(o):
		return "RSTRH"
	case r == zeekReset:
		return "RSTR"
	case o == zeekReset && !gone(r):
		return "RSTO"
	case o == zeekReset && s.End[Client].Active:
		return "RSTOS0"
	case o == zeekReset:
		return "OTH"
	case o == zeekClosed && r == zeekClosed:
		return "SF"
	case o == zeekClosed && gone(r):
		return "SH"
	case o == zeekClosed:
		return "S2"
	case r == zeekClosed && gone(o):
		return "SHR"
	case r == zeekClosed:
		return "S3"
	case o == zeekSynSent && r == zeekInactive:
		return "S0"
	case o == zeekEstablished && r == zeekEstablished:
		return "S1"
	}
	return "OTH"
}
