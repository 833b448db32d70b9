// Package capturetest makes frames and captures from segment notation, for
// tests: right lengths, right checksums, nothing random.
//
//	file, err := capturetest.Net{}.Pcap("client S\nserver S.\nclient .")
package capturetest

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"lesson/capture"
	"lesson/lesson/tcp"
	"lesson/lesson/tcp/notation"
)

// Net is where the segments travel. The zero Net is Ethernet between
// 127.0.0.1:43210 and 127.0.0.2:2023 with sequence numbers from 0.
type Net struct {
	Raw   bool              // frames begin with the IP header, instead of Ethernet
	Ends  [2]netip.AddrPort // by tcp.End, both of one IP version
	First [2]tcp.Seq        // what the notation's number 0 stands for, by tcp.End
	Start time.Time         // what the notation's time 0 stands for
}

// Loopback6 is the same over IPv6, both ends being ::1.
var Loopback6 = Net{Ends: [2]netip.AddrPort{
	netip.MustParseAddrPort("[::1]:43210"), netip.MustParseAddrPort("[::1]:2023"),
}}

var loopback4 = [2]netip.AddrPort{
	netip.MustParseAddrPort("127.0.0.1:43210"), netip.MustParseAddrPort("127.0.0.2:2023"),
}

func (n Net) ends() [2]netip.AddrPort {
	if n.Ends == ([2]netip.AddrPort{}) {
		return loopback4
	}
	return n.Ends
}

// Link is the link type of the frames.
func (n Net) Link() capture.LinkType {
	if n.Raw {
		return capture.LinkRaw
	}
	return capture.LinkEthernet
}

// Segments reads notation, completes it (notation.Complete) and returns what
// it says.
func (n Net) Segments(text string) ([]tcp.Segment, error) {
	lines, err := notation.ParseAll(text)
	if err != nil {
		return nil, err
	}
	ends := n.ends()
	points := [2]tcp.Endpoint{tcp.EndpointFrom(ends[0]), tcp.EndpointFrom(ends[1])}
	var all []tcp.Segment
	for _, l := range notation.Complete(lines) {
		s := l.Segment(points, n.First)
		if !n.Start.IsZero() {
			s.Time += n.Start.UnixNano()
		}
		all = append(all, s)
	}
	return all, nil
}

// Frame wraps a segment. Its payload is the alphabet, over and over, by
// sequence number, so that what is sent again is the same.
func (n Net) Frame(s *tcp.Segment) []byte {
	src, dst := s.Src.AddrPort().Addr(), s.Dst.AddrPort().Addr()
	var ip gopacket.SerializableLayer
	var over gopacket.NetworkLayer
	kind := layers.EthernetTypeIPv4
	if src.Is4() {
		v4 := &layers.IPv4{Version: 4, TTL: 64, Flags: layers.IPv4DontFragment, Protocol: layers.IPProtocolTCP,
			SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
		ip, over = v4, v4
	} else {
		v6 := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP,
			SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
		ip, over, kind = v6, v6, layers.EthernetTypeIPv6
	}
	f := s.Flags
	t := &layers.TCP{
		SrcPort: layers.TCPPort(s.Src.Port), DstPort: layers.TCPPort(s.Dst.Port),
		Seq: uint32(s.Seq), Ack: uint32(s.Ack), Window: s.Window, Urgent: s.Urgent,
		FIN: f.Has(tcp.FIN), SYN: f.Has(tcp.SYN), RST: f.Has(tcp.RST), PSH: f.Has(tcp.PSH), ACK: f.Has(tcp.ACK),
		URG: f.Has(tcp.URG), ECE: f.Has(tcp.ECE), CWR: f.Has(tcp.CWR), NS: f.Has(tcp.AE),
		Options: options(&s.Options),
	}
	must(t.SetNetworkLayerForChecksum(over))
	payload := make(gopacket.Payload, s.Len)
	for i := range payload {
		payload[i] = 'a' + byte(uint32(s.Seq.Add(uint32(i)))%26)
	}
	stack := []gopacket.SerializableLayer{ip, t, payload}
	if !n.Raw {
		zero := net.HardwareAddr{0, 0, 0, 0, 0, 0}
		stack = append([]gopacket.SerializableLayer{
			&layers.Ethernet{SrcMAC: zero, DstMAC: zero, EthernetType: kind},
		}, stack...)
	}
	b := gopacket.NewSerializeBuffer()
	must(gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, stack...))
	return b.Bytes()
}

// must is for what only a mistake in this package or in a test can break.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func options(o *tcp.Options) (list []layers.TCPOption) {
	add := func(kind layers.TCPOptionKind, data []byte) {
		list = append(list, layers.TCPOption{OptionType: kind, OptionData: data})
	}
	if o.HasMSS {
		add(layers.TCPOptionKindMSS, binary.BigEndian.AppendUint16(nil, o.MSS))
	}
	if o.SACKPermitted {
		add(layers.TCPOptionKindSACKPermitted, nil)
	}
	if o.HasTimestamps {
		add(layers.TCPOptionKindTimestamps, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, o.TSVal), o.TSEcr))
	}
	if o.HasScale {
		add(layers.TCPOptionKindWindowScale, []byte{o.WindowScale})
	}
	if o.SACKBlocks > 0 {
		var data []byte
		for _, b := range o.SACK[:o.SACKBlocks] {
			data = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(data, uint32(b.Left)), uint32(b.Right))
		}
		add(layers.TCPOptionKindSACK, data)
	}
	if o.HasFastOpen {
		add(34, []byte("cookie"))
	}
	return list
}

// Pcap makes a capture file (pcap, nanoseconds) of the notation.
func (n Net) Pcap(text string) ([]byte, error) {
	segments, err := n.Segments(text)
	if err != nil {
		return nil, err
	}
	b := Header(n.Link())
	for i := range segments {
		b = Record(b, segments[i].Time, n.Frame(&segments[i]))
	}
	return b, nil
}

// Header is the beginning of a pcap file with nanoseconds.
func Header(link capture.LinkType) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b23c4d)
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = binary.LittleEndian.AppendUint32(b, 262144)
	return binary.LittleEndian.AppendUint32(b, uint32(link))
}

// Record appends a frame to a pcap file that began with Header; t is in ns
// since 1970.
func Record(b []byte, t int64, frame []byte) []byte {
	for _, v := range []int64{t / 1e9, t % 1e9, int64(len(frame)), int64(len(frame))} {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return append(b, frame...)
}
