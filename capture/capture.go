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
// snap length cut behind its flags still makes a segment, with the options
// that were captured, and says whether the window and the urgent pointer were
// (tcp.Segment.CutOff). A segment in IP fragments is told with the fragment that completes it. When a checksum
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
	LinkPPI       LinkType = 192 // what the radio said, and then a frame of another link type
	LinkIPv4      LinkType = 228
	LinkIPv6      LinkType = 229
	LinkSLL2      LinkType = 276 // Linux cooked v2, tcpdump -i any since 2020
)

var linkNames = map[LinkType]string{
	LinkNull: "BSD loopback", LinkEthernet: "Ethernet", LinkPPP: "PPP",
	LinkRawBSD: "raw IP", LinkRawOBSD: "raw IP", LinkPPPHDLC: "PPP",
	LinkPPPoE: "PPPoE", LinkRaw: "raw IP", LinkCiscoHDLC: "Cisco HDLC",
	LinkLoop: "OpenBSD loopback", LinkSLL: "Linux cooked", LinkIPv4: "IPv4",
	LinkPPI:  "PPI",
	LinkIPv6: "IPv6", LinkSLL2: "Linux cooked v2",
}

// zh is a link type that cannot be read, in Chinese.
func (l LinkType) zh() string {
	if n, ok := foreignNames[l]; ok {
		return fmt.Sprintf("链路类型 %d（%s）", uint16(l), n)
	}
	return fmt.Sprintf("链路类型 %d", uint16(l))
}

// Readable reports whether frames of this link type can be decoded.
func (l LinkType) Readable() bool { _, ok := linkNames[l]; return ok }

// foreignNames are link types that cannot be read and that people meet.
var foreignNames = map[LinkType]string{
	105: "IEEE 802.11", 119: "IEEE 802.11", 127: "IEEE 802.11", 163: "IEEE 802.11",
	107: "Frame Relay", 187: "Bluetooth", 201: "Bluetooth", 189: "USB", 220: "USB", 249: "USB",
	195: "IEEE 802.15.4", 230: "IEEE 802.15.4", 239: "NFLOG", 253: "Netlink",
}

// String is the link type's name, or its number; both where it cannot be read.
func (l LinkType) String() string {
	if n, ok := linkNames[l]; ok {
		return n
	}
	if n, ok := foreignNames[l]; ok {
		return fmt.Sprintf("link type %d (%s)", uint16(l), n)
	}
	return fmt.Sprintf("link type %d", uint16(l))
}

// Stats counts what was read.
type Stats struct {
	Packets   int      // all packets so far, whatever was in them, and the records among them
	Segments  int      // TCP segments told
	CutShort  int      // TCP, but the capture ends before the flags
	Fragments int      // IP fragments of TCP or a tunnel whose datagram is not complete so far
	Malformed int      // headers that contradict themselves; a receiver would drop them
	OtherLink int      // packets of link types that cannot be read
	Foreign   LinkType // the first of those link types
	Various   bool     // there are others
	Unclear   int      // the capture ends before it is known whether they hold TCP
	Records   int      // no packets, but numbered like them, as Wireshark does
	Unopened  Unopened
	Errors    int // ICMP errors that quote a segment
	Cryptic   int // ICMP errors that quote too little of a segment to say which
}

// Plus is the sum of two counts, as of two files.
func (s Stats) Plus(t Stats) Stats {
	for w, n := range t.Unopened {
		s.Unopened[w] += n
	}
	if t.OtherLink > 0 {
		s.foreign(t.Foreign)
		s.Various = s.Various || t.Various
	}
	return Stats{
		Packets: s.Packets + t.Packets, Segments: s.Segments + t.Segments, CutShort: s.CutShort + t.CutShort,
		Fragments: s.Fragments + t.Fragments, Malformed: s.Malformed + t.Malformed, OtherLink: s.OtherLink + t.OtherLink,
		Unclear: s.Unclear + t.Unclear, Records: s.Records + t.Records, Unopened: s.Unopened, Foreign: s.Foreign, Various: s.Various,
		Errors: s.Errors + t.Errors, Cryptic: s.Cryptic + t.Cryptic,
	}
}

// foreign notes a link type that cannot be read, before it is counted.
func (s *Stats) foreign(l LinkType) {
	if s.OtherLink == 0 {
		s.Foreign = l
	}
	s.Various = s.Various || l != s.Foreign
}

// packet is one captured frame before it is decoded.
type packet struct {
	time int64 // ns since 1970; 0 where the file has none
	link LinkType
	data []byte // as captured; valid until the next is read
	wire int    // length on the wire
	on   uint32 // a number for its interface, where the file has one; else 0
	// record says that it is no packet, and only takes a number.
	record bool
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
	isUnclear
	isUnopened
	isQuote   // an ICMP error that quotes a segment
	isCryptic // one that quotes too little of it
)

// counter numbers packets and sorts them.
type counter struct {
	stats   Stats
	decoder decoder
	quotes  bool // the latest packet that is no segment is an ICMP error that quotes one
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
	n.describe(p, c)
	c.Header, c.Payload = n.decoder.seg.header, n.decoder.seg.payload
	return true
}

// describe fills in what is known of a packet, whatever is in it.
func (n *counter) describe(p *packet, c *tcp.Captured) {
	c.Number = n.stats.Packets
	c.Raw, c.RawLen = p.data, max(p.wire, len(p.data))
	c.Interface = p.seenOn()
	c.Header, c.Payload = n.decoder.seg.header, n.decoder.seg.payload
}

// error is the ICMP error in the packet that was decoded last and is no segment;
// false where it is none.
func (n *counter) error(p *packet, c *tcp.Captured) bool {
	if !n.quotes {
		return false
	}
	*c = tcp.Captured{}
	n.describe(p, c)
	c.Time = p.time
	n.decoder.quoted.says(c)
	return true
}

// segment is take for who needs no more than the segment.
func (n *counter) segment(p *packet, s *tcp.Segment) bool {
	n.stats.Packets++
	if p.record {
		n.stats.Records++
		return false
	}
	o := n.decoder.decode(p, s)
	if o == isSegment {
		n.stats.Segments++
		return true
	}
	n.quotes = o == isQuote
	switch o {
	case isCutShort:
		n.stats.CutShort++
	case isFragment:
		n.stats.Fragments++
	case isMalformed:
		n.stats.Malformed++
	case isOtherLink:
		n.stats.foreign(n.decoder.frame.foreign)
		n.stats.OtherLink++
	case isUnclear:
		n.stats.Unclear++
	case isUnopened:
		n.stats.Unopened[n.decoder.frame.unopened]++
	case isQuote:
		n.stats.Errors++
	case isCryptic:
		n.stats.Cryptic++
	case notTCP, isSegment:
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
