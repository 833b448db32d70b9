package rendertest

import (
	"net/netip"
	"time"

	"lesson/lesson"
	"lesson/lesson/tcp"
)

// Unreachable is a connection from a file to which ICMP errors came: a SYN that
// a router could not forward and that was sent again, a segment that was too
// large, and a late error that says nothing; and one that ended an attempt.
func Unreachable() []lesson.Event {
	const c, sv = tcp.Client, tcp.Server
	s := newStory(false)
	s.between("192.0.2.10:40000", "198.51.100.5:80")
	s.opening("explain", text("One connection from a file", "文件中的一个连接"), "")
	s.segment(c, syn, 0, 0, "")
	s.icmp(c, 0, "192.0.2.1", tcp.ICMPError{Type: 3, Code: 1}, tcp.Survived)
	s.segment(c, syn, 0, 0, "")
	s.segment(sv, syn|ack, 0, 1, "")
	s.segment(c, ack, 1, 1, "")
	s.segment(c, psh|ack, 1, 1, "GET /")
	s.icmp(c, 1, "192.0.2.1", tcp.ICMPError{Type: 3, Code: 4, MTU: 1400}, tcp.SmallerPackets,
		why("RFC 1191", "The packet was too large.", "数据包过大。"))
	s.segment(sv, ack, 1, 6, "")
	s.icmp(c, 0, "2001:db8::1", tcp.ICMPError{V6: true, Type: 3}, tcp.NoEffect, why("RFC 5927 §4.1", "It is late.", "它迟到了。"))
	s.icmp(sv, 1, "192.0.2.10", tcp.ICMPError{Type: 3, Code: 3}, tcp.SoftError, why("", "A soft error.", "软差错。"))
	events := s.end(lesson.ClosedNot)
	last := events[len(events)-2].(*lesson.Connection)
	e := s.events[2].(*lesson.ICMP)
	last.ICMP = lesson.Bounces{Count: 4, Name: e.Name(), Text: e.Text(), From: e.Sender()}
	last.ConnState = "S1"
	return events
}

// icmp is an ICMP error to an end that has sent a segment with a number.
func (s *story) icmp(to tcp.End, seq uint32, from string, m tcp.ICMPError, effect tcp.Effect, why ...lesson.Explanation) {
	s.now += 12 * time.Microsecond
	e := &lesson.ICMP{ICMPError: m, Number: s.n + 100, Since: s.now, Explain: why}
	addr := netip.MustParseAddr(from)
	e.From, e.Src, e.Dst, e.Seq = addr.As16(), tcp.EndpointFrom(s.ends[to]), tcp.EndpointFrom(s.ends[to.Peer()]), s.isn[to].Add(seq)
	e.Peer = addr == s.ends[to.Peer()].Addr()
	for end := range e.Step.After {
		state := s.conn.State(tcp.End(end))
		e.Step.Before[end], e.Step.After[end] = state, state
	}
	e.Step.N, e.Step.To, e.Step.Seq, e.Step.Effect = uint32(s.n), to, int64(seq), effect
	s.tell(e)
}
