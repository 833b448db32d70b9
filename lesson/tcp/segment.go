package tcp

import (
	"net/netip"
	"strings"

	"lesson/lesson/lang"
)

// End names one of a connection's two ends. The client is the end that sent
// the first SYN; in a capture that starts later, the end with the higher port.
type End uint8

// The two ends.
const (
	Client End = iota
	Server
)

// Peer returns the other end.
func (e End) Peer() End { return e ^ 1 }

// Text is what an end is called.
func (e End) Text() lang.Text {
	return [...]lang.Text{{EN: "client", ZH: "客户端"}, {EN: "server", ZH: "服务器"}}[e&1]
}

func (e End) String() string {
	if e == Client {
		return "client"
	}
	return "server"
}

// Flags are a segment's control bits (RFC 9293 §3.1), bit 0 being FIN.
type Flags uint16

// The control bits, from the lowest.
const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
	AE
)

var flagNames = [...]string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE"}

// Has reports whether all the bits of f2 are set in f.
func (f Flags) Has(f2 Flags) bool { return f&f2 == f2 }

// Any reports whether one of the bits of f2 is set in f.
func (f Flags) Any(f2 Flags) bool { return f&f2 != 0 }

// shown is the order in which people say the flags: "SYN ACK", "FIN ACK".
var shown = [...]int{1, 0, 2, 3, 4, 5, 6, 7, 8}

// Names lists the set bits in the order people say them: SYN, FIN, RST, PSH,
// ACK, and the rest.
func (f Flags) Names() []string {
	names := make([]string, 0, 3)
	for _, i := range shown {
		if f&(1<<i) != 0 {
			names = append(names, flagNames[i])
		}
	}
	return names
}

// String joins Names with spaces: "FIN ACK"; "none" when no bit is set.
func (f Flags) String() string {
	if f == 0 {
		return "none"
	}
	return strings.Join(f.Names(), " ")
}

// Endpoint is an address and a port without pointers. IPv4 addresses are kept
// in their IPv4-mapped form.
type Endpoint struct {
	IP   [16]byte
	Port uint16
}

// EndpointFrom converts an address and port of either family.
func EndpointFrom(ap netip.AddrPort) Endpoint {
	return Endpoint{IP: ap.Addr().As16(), Port: ap.Port()}
}

// AddrPort converts back.
func (e Endpoint) AddrPort() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(e.IP).Unmap(), e.Port)
}

// String is the usual form: 127.0.0.1:2023 or [::1]:2023.
func (e Endpoint) String() string { return e.AddrPort().String() }

// Options are the TCP options that carry meaning here (RFC 9293 §3.2,
// RFC 7323, RFC 2018, RFC 7413). Each Has field says whether the option was
// there.
type Options struct {
	MSS           uint16 // bytes
	WindowScale   uint8  // shift count
	TSVal, TSEcr  uint32
	SACK          [4]SACKBlock
	SACKBlocks    uint8 // how many of SACK are set
	HasMSS        bool
	HasScale      bool
	SACKPermitted bool
	HasTimestamps bool
	HasFastOpen   bool
	Cut           bool // not all of the header was captured: there may be more
}

// reports reports whether a SACK block says that a number has come.
func (o *Options) reports(n Seq) bool {
	for _, b := range o.SACK[:min(int(o.SACKBlocks), len(o.SACK))] {
		if n.In(b.Left, b.Right.Sub(b.Left)) {
			return true
		}
	}
	return false
}

// SACKBlock is one range [Left, Right) of bytes received out of order.
type SACKBlock struct{ Left, Right Seq }

// Segment is one TCP segment as it stood on the wire. It takes two cache lines,
// so that one processor can hand another many of them: all but the options lie
// in the first.
type Segment struct {
	Time     int64 // nanoseconds since 1970 UTC, as the capture says
	Src, Dst Endpoint
	Seq, Ack Seq    // Ack has meaning only with the ACK flag
	Len      uint32 // payload bytes by the IP length, whether captured or not
	Flags    Flags
	Window   uint16 // as sent, before scaling
	Urgent   uint16
	// BadChecksum says that the checksum was verified and is wrong. It is
	// never set where the sender leaves the sum to its hardware, as on lo.
	BadChecksum bool
	// CutOff is how many of the header's twenty bytes before the options the
	// snapshot length has cut off, at most six: the last two are Urgent, and the
	// first two Window. What was not captured is not known.
	CutOff  uint8
	Options Options
	// VLAN stands for the virtual networks around the segment, all of them
	// together (WithVLAN, WithNetwork); 0 where there is none.
	VLAN uint32
	ID   uint16 // the identification in the IPv4 header; 0 in IPv6
	Hops uint8  // the time to live, or hop limit
	_    [5]byte
}

// HasWindow reports whether the window was captured. If not, Window is the
// largest, which forbids nothing.
func (s *Segment) HasWindow() bool { return s.CutOff <= 4 }

// HasUrgent reports whether the urgent pointer was captured.
func (s *Segment) HasUrgent() bool { return s.CutOff == 0 }

// SeqLen is the sequence space the segment takes: its payload, and one each
// for SYN and FIN (RFC 9293 §3.4).
func (s *Segment) SeqLen() uint32 {
	n := s.Len
	if s.Flags.Has(SYN) {
		n++
	}
	if s.Flags.Has(FIN) {
		n++
	}
	return n
}

// refuses reports whether a segment is what an end without a connection answers
// a SYN with (RFC 9293 §3.10.7.1).
func (s *Segment) refuses() bool {
	return s.Flags&(SYN|FIN|RST|ACK) == RST|ACK && s.Seq == 0 && s.Len == 0
}

// End is the sequence number just after the segment.
func (s *Segment) End() Seq { return s.Seq.Add(s.SeqLen()) }

// IPv4 reports whether the segment came in an IPv4 packet.
func (s *Segment) IPv4() bool { return [12]byte(s.Src.IP[:12]) == [12]byte{10: 0xff, 11: 0xff} }

// Captured is a segment together with the bytes it was decoded from. The
// slices are valid until the source is asked for the next one.
type Captured struct {
	Segment
	Number    int    // of the packet in its capture, from 1
	File      string // which capture that is, where there are several
	Raw       []byte // the whole frame as captured, link header included
	RawLen    int    // its length on the wire; len(Raw) may be less
	Interface uint32 // a number for where it was seen; 0 if the capture does not say
	Header    []byte // the TCP header, within Raw; may be cut short
	Payload   []byte // the payload that was captured, within Raw; may be cut short
	// ICMP is not nil where the packet is not a segment but an ICMP error that
	// quotes one. The segment here is then the quoted one, as far as it is: its
	// addresses, ports and sequence number; and so is the header.
	ICMP *ICMPError
}
