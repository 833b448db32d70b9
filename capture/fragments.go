package capture

import (
	"slices"
	"time"
)

// fragments puts IP datagrams together, as the receiver does: a segment is
// told with the fragment that completes it. It remembers few and for a short
// time, so that no capture can make it grow.
type fragments struct {
	parts  []*partial
	spare  []*partial // whose memory serves again
	whole  *partial   // the latest that was complete: the frame that completed it is still read
	joined int        // fragments counted as such before their datagram was complete
}

const (
	maxPartials = 64
	maxSpans    = 1024 // of one datagram: nobody cuts it into more
	maxDatagram = 0xffff
	// fragmentLife is how long a receiver waits for the rest: Linux 30 s,
	// RFC 8200 §4.5 a minute.
	fragmentLife = int64(time.Minute)
)

// datagram names what a fragment is a part of. The protocol belongs to it in
// IPv4 only; in IPv6 it does no harm.
type datagram struct {
	src, dst [16]byte
	id       uint32
	proto    uint8
}

type fragment struct {
	key    datagram
	offset int
	more   bool // not the last
	data   []byte
}

// span is a run of bytes [from, to) that has come; those from cut on were not
// captured.
type span struct{ from, to, cut int }

// partial is a datagram some fragments of which have come.
type partial struct {
	key   datagram
	since int64
	end   int // known from the last fragment; -1 before
	spans []span
	data  []byte
	came  int // fragments, also those that came twice
}

// mayHoldTCP reports whether a datagram is one of TCP or of a tunnel. UDP hardly
// ever is one, and ICMP never.
func mayHoldTCP(proto uint8) bool {
	switch proto {
	case protoUDP, protoICMP, protoICMP6:
		return false
	case protoAuth:
		return true
	}
	return ipProtocol(proto) != 0
}

// reassemble takes one fragment and returns the body of the whole datagram if
// that completes it. Until then the frame is a fragment, if one that matters.
func (f *frame) reassemble(g fragment) []byte {
	if mayHoldTCP(g.key.proto) {
		f.outcome = isFragment
	}
	s := span{from: g.offset, cut: g.offset + len(g.data)}
	s.to = s.cut + f.missing
	if s.to > maxDatagram || s.to == s.from || f.guessed {
		return nil
	}
	p := f.frags.find(g.key, f.time)
	if !p.add(s, g) {
		f.frags.drop(p)
		return nil
	}
	if !p.complete() {
		return nil
	}
	f.frags.completed(p)
	if mayHoldTCP(g.key.proto) {
		f.frags.joined += p.came - 1
	}
	f.outcome = notTCP // until the whole says otherwise
	captured := p.end
	for _, s := range p.spans {
		if s.cut < s.to {
			captured = min(captured, s.cut)
		}
	}
	f.missing = p.end - captured
	return p.data[:captured]
}

func (f *fragments) find(key datagram, now int64) *partial {
	for len(f.parts) > 0 && now-f.parts[0].since > fragmentLife { // the oldest stand in front
		f.drop(f.parts[0])
	}
	for _, p := range f.parts {
		if p.key == key && now-p.since <= fragmentLife { // a clock may have been set back
			return p
		}
	}
	if len(f.parts) == maxPartials {
		f.drop(f.parts[0])
	}
	p := &partial{}
	if n := len(f.spare) - 1; n >= 0 {
		p, f.spare = f.spare[n], f.spare[:n]
	}
	*p = partial{key: key, since: now, end: -1, spans: p.spans[:0], data: p.data[:0]}
	f.parts = append(f.parts, p)
	return p
}

// drop gives a datagram up.
func (f *fragments) drop(p *partial) {
	f.forget(p)
	f.spare = append(f.spare, p)
}

// completed keeps the bytes of a whole datagram until the next one is whole.
func (f *fragments) completed(p *partial) {
	f.forget(p)
	if f.whole != nil {
		f.spare = append(f.spare, f.whole)
	}
	f.whole = p
}

func (f *fragments) forget(p *partial) {
	f.parts = slices.DeleteFunc(f.parts, func(q *partial) bool { return q == p })
}

// add notes a fragment; false when it contradicts what came before, which
// makes a receiver give the datagram up (RFC 5722). A fragment that comes
// twice is no contradiction.
func (p *partial) add(s span, g fragment) bool {
	if !g.more {
		if p.end >= 0 && p.end != s.to {
			return false
		}
		p.end = s.to
	}
	p.came++
	for _, o := range p.spans {
		if o.from == s.from && o.to == s.to {
			return true
		}
		if s.from < o.to && o.from < s.to {
			return false
		}
	}
	if len(p.spans) == maxSpans {
		return false
	}
	p.spans = append(p.spans, s)
	if len(p.data) < s.cut {
		p.data = slices.Grow(p.data, s.cut-len(p.data))[:s.cut]
	}
	copy(p.data[s.from:], g.data)
	return true
}

// complete reports whether every byte up to the end has come. Spans do not
// overlap, so their lengths tell.
func (p *partial) complete() bool {
	n := 0
	for _, s := range p.spans {
		if p.end >= 0 && s.to > p.end {
			return false
		}
		n += s.to - s.from
	}
	return n == p.end
}
