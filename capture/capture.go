// Package capture turns frames into TCP segments, and keeps them.
//
//   - Open reads a pcap or pcapng stream: a file, or a pipe as it fills.
//   - Live listens on an interface (Linux).
//   - NewWriter writes pcapng with a comment at each packet.
//
// Ordinary frames are decoded straight through (fast.go), all others by gopacket's
// parser with layers of our own (layers.go says why). What leaves the package is a tcp.Captured for each TCP segment, in the
// order captured, never sorted and never thinned out; all else is passed over
// and counted (Stats).
//
// Lengths are those of the IP header, whatever was captured. A header that the
// snap length cut behind its flags still makes a segment: with the options
// that were captured, and with a window of 65535, which forbids nothing, where
// the window was not (Captured.Header is then shorter than 16 bytes). A segment
// in IP fragments is told with the fragment that completes it. When a checksum
// is called wrong is said in checksum.go.
package capture

import (
	"encoding/binary"
	"fmt"

	"lesson/lesson/tcp"
)

// LinkType says how a captured frame begins; the numbers are those of
// https://www.tcpdump.org/linktypes.html.
type LinkType uint16

// The link types that can be read.
const (
	LinkNull      LinkType = 0 // BSD loopback, the family in the capturing host's byte order
	LinkEthernet  LinkType = 1
	LinkPPP       LinkType = 9
	LinkRawBSD    LinkType = 12 // raw IP where LinkRaw is spelled 12
	LinkRawOBSD   LinkType = 14 // raw IP where LinkRaw is spelled 14
	LinkPPPHDLC   LinkType = 50
	LinkPPPoE     LinkType = 51
	LinkRaw       LinkType = 101 // begins with an IPv4 or IPv6 header
	LinkCiscoHDLC LinkType = 104
	LinkLoop      LinkType = 108 // OpenBSD loopback, the family in network byte order
	LinkSLL       LinkType = 113 // Linux cooked, tcpdump -i any
	LinkIPv4      LinkType = 228
	LinkIPv6      LinkType = 229
	LinkSLL2      LinkType = 276 // Linux cooked v2, tcpdump -i any since 2020
)

var linkNames = map[LinkType]string{
	LinkNull: "BSD loopback", LinkEthernet: "Ethernet", LinkPPP: "PPP",
	LinkRawBSD: "raw IP", LinkRawOBSD: "raw IP", LinkPPPHDLC: "PPP",
	LinkPPPoE: "PPPoE", LinkRaw: "raw IP", LinkCiscoHDLC: "Cisco HDLC",
	LinkLoop: "OpenBSD loopback", LinkSLL: "Linux cooked", LinkIPv4: "IPv4",
	LinkIPv6: "IPv6", LinkSLL2: "Linux cooked v2",
}

// Readable reports whether frames of this link type can be decoded.
func (l LinkType) Readable() bool { _, ok := linkNames[l]; return ok }

// String is the link type's name, or its number.
func (l LinkType) String() string {
	if n, ok := linkNames[l]; ok {
		return n
	}
	return fmt.Sprintf("link type %d", uint16(l))
}

// Stats counts what was read.
type Stats struct {
	Packets   int // all packets so far, whatever was in them
	Segments  int // TCP segments told
	CutShort  int // TCP, but the capture ends before the flags
	Fragments int // IP fragments of TCP whose datagram is not complete so far
	Malformed int // headers that contradict themselves; a receiver would drop them
	OtherLink int // packets of link types that cannot be read
}

// Plus is the sum of two counts, as of two files.
func (s Stats) Plus(t Stats) Stats {
	return Stats{
		Packets: s.Packets + t.Packets, Segments: s.Segments + t.Segments, CutShort: s.CutShort + t.CutShort,
		Fragments: s.Fragments + t.Fragments, Malformed: s.Malformed + t.Malformed, OtherLink: s.OtherLink + t.OtherLink,
	}
}

// packet is one captured frame before it is decoded.
type packet struct {
	time int64 // ns since 1970; 0 where the file has none
	link LinkType
	data []byte // as captured; valid until the next is read
	wire int    // length on the wire
	on   uint32 // a number for its interface, where the file has one; else 0
}

// seenOn is a number for the interface that a packet was seen on, or 0.
func (p *packet) seenOn() uint32 {
	if p.link == LinkSLL2 {
		return binary.BigEndian.Uint32(p.data[4:])
	}
	return p.on
}

// outcome is what became of one packet.
type outcome uint8

const (
	notTCP outcome = iota
	isSegment
	isCutShort
	isFragment
	isMalformed
	isOtherLink
)

// counter numbers packets and sorts them.
type counter struct {
	stats   Stats
	decoder decoder
}

// Stats counts what has come so far.
func (n *counter) Stats() Stats {
	s := n.stats
	s.Fragments -= n.decoder.frame.frags.joined
	return s
}

// take decodes one packet into c; false when it is not a segment to tell.
func (n *counter) take(p *packet, c *tcp.Captured) bool {
	if !n.segment(p, &c.Segment) {
		return false
	}
	c.Number = n.stats.Packets
	c.Raw, c.RawLen = p.data, max(p.wire, len(p.data))
	c.Interface = p.seenOn()
	c.ID, c.Hops = n.decoder.frame.id, n.decoder.frame.hops
	c.Header, c.Payload = n.decoder.seg.header, n.decoder.seg.payload
	return true
}

// segment is take for who needs no more than the segment.
func (n *counter) segment(p *packet, s *tcp.Segment) bool {
	n.stats.Packets++
	switch n.decoder.decode(p, s) {
	case isSegment:
		n.stats.Segments++
		return true
	case isCutShort:
		n.stats.CutShort++
	case isFragment:
		n.stats.Fragments++
	case isMalformed:
		n.stats.Malformed++
	case isOtherLink:
		n.stats.OtherLink++
	}
	return false
}

// Decoder turns single frames into segments, for frames that come from neither
// a file nor Live.
type Decoder struct{ count counter }

// Decode describes the TCP segment in a whole frame that was captured at a
// time, in ns since 1970; false where there is none. Segments are numbered by
// the frames so far. The slices in the segment are those of the frame.
func (d *Decoder) Decode(time int64, link LinkType, frame []byte) (c tcp.Captured, ok bool) {
	ok = d.count.take(&packet{time: time, link: link, data: frame, wire: len(frame)}, &c)
	return c, ok
}
