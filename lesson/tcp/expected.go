package tcp

// Header prediction (V. Jacobson, "4BSD TCP header prediction", 1990): most
// segments of an open connection are the next data, or acknowledge some. What
// those do is a few comparisons away from their header, and told here without
// asking all that judge asks. TestExpected and FuzzExpected hold both equal.

// expected observes a segment that is no more than the next one of a connection
// that is open at both ends; false, and nothing is done, for any other.
func (c *Conn) expected(s *Segment, from End, f *Findings) bool {
	x, y := &c.half[from], &c.half[from.Peer()]
	const (
		begun    = knowsSeq | knowsRcv | hasAcked
		finished = sentFin | gotPeerFin
	)
	switch {
	case s.Flags&(SYN|FIN|RST|ACK) != ACK || s.Len >= 1<<20 || s.BadChecksum || c.doubt || c.self:
	case x.state != Established || x.facts&(begun|finished) != begun:
	case y.state != Established || y.facts&(begun|finished) != begun || y.facts&(active|pastSyn) == active:
	case s.Seq != x.nxt || s.Seq != y.rcv || s.Seq != y.wire || y.ahead != [3]span{}: // not in order
	case s.Len > 0 && !y.rcv.Less(y.edge): // beyond the window
	case s.Ack.Less(x.acked) || x.wire.Less(s.Ack) || y.nxt.Less(s.Ack): // old, or of what was not seen
	default:
		if s.Window == 0 {
			*f |= ZeroWindow
		}
		if s.Len > 0 {
			c.seen |= SeenData
			c.bytes[from] += uint64(s.Len)
			x.nxt, y.rcv, y.wire = s.End(), s.End(), s.End()
			x.set(endsInData)
		} else {
			c.seen |= SeenAck
			if s.Ack == x.acked && s.Window != x.window && x.is(pastSyn) {
				*f |= WindowUpdate
			} else if s.Ack == x.acked && s.Ack != y.nxt {
				*f |= DuplicateAck
			}
		}
		if y.una.Less(s.Ack) {
			y.una = s.Ack
		}
		x.rcv = s.Ack
		x.acknowledges(s.Ack)
		x.offers(s, bothScaled(x, y))
		x.set(pastSyn)
		x.last = c.n
		return true
	}
	return false
}
