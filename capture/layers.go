package capture

import (
	"encoding/binary"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// etherType says which layer follows an EtherType. gopacket's own table does
// not know the tag types of old switches.
func etherType(t layers.EthernetType) gopacket.LayerType {
	switch t {
	case layers.EthernetTypeIPv4:
		return layers.LayerTypeIPv4
	case layers.EthernetTypeIPv6:
		return layers.LayerTypeIPv6
	case layers.EthernetTypeDot1Q, layers.EthernetTypeQinQ, 0x9100, 0x9200, 0x9300:
		return layers.LayerTypeDot1Q
	case layers.EthernetTypeMPLSUnicast, layers.EthernetTypeMPLSMulticast:
		return layers.LayerTypeMPLS
	case layers.EthernetTypePPPoESession:
		return layers.LayerTypePPPoE
	case layers.EthernetTypeTransparentEthernetBridging:
		return layers.LayerTypeEthernet
	case layers.EthernetTypePPP:
		return layers.LayerTypePPP
	case 0x8870: // LLC in a frame too long for a length field
		return layers.LayerTypeLLC
	}
	if t < 0x600 { // a length, or Linux cooked's 4
		return layers.LayerTypeLLC
	}
	return gopacket.LayerTypeZero
}

// ipVersion says which layer follows where nothing but the packet itself tells.
func ipVersion(data []byte) gopacket.LayerType {
	if len(data) == 0 {
		return gopacket.LayerTypeZero
	}
	switch data[0] >> 4 {
	case 4:
		return layers.LayerTypeIPv4
	case 6:
		return layers.LayerTypeIPv6
	}
	return gopacket.LayerTypeZero
}

// gopacket's layers, with our table of what follows.
type (
	ethernet struct{ layers.Ethernet }
	vlan     struct{ layers.Dot1Q }
	snap     struct{ layers.SNAP }
	cooked   struct{ layers.LinuxSLL }
	gre      struct{ layers.GRE }
	udp      struct{ layers.UDP }
)

func (l *ethernet) NextLayerType() gopacket.LayerType { return etherType(l.EthernetType) }
func (l *vlan) NextLayerType() gopacket.LayerType     { return etherType(l.Type) }
func (l *snap) NextLayerType() gopacket.LayerType     { return etherType(l.Type) }
func (l *cooked) NextLayerType() gopacket.LayerType   { return etherType(l.EthernetType) }
func (l *gre) NextLayerType() gopacket.LayerType      { return etherType(l.Protocol) }

// NextLayerType finds VXLAN by its port, or by the one Linux used before there was one.
func (l *udp) NextLayerType() gopacket.LayerType {
	if l.DstPort == 4789 || l.DstPort == 8472 {
		return layers.LayerTypeVXLAN
	}
	return gopacket.LayerTypeZero
}

// layerTypeLink is where the decoding of every frame begins.
var layerTypeLink = gopacket.RegisterLayerType(1979, gopacket.LayerTypeMetadata{Name: "Link"})

// linkLayer takes off what the link type puts in front, as far as gopacket has
// no layer for it: its link types are 8 bits wide and end before 276.
type linkLayer struct {
	frame *frame
	kind  LinkType
	shim
}

func (l *linkLayer) CanDecode() gopacket.LayerClass { return layerTypeLink }

func (l *linkLayer) DecodeFromBytes(data []byte, _ gopacket.DecodeFeedback) (err error) {
	l.payload, l.next, err = l.kind.strip(data)
	return err
}

func (l LinkType) strip(data []byte) ([]byte, gopacket.LayerType, error) {
	switch l {
	case LinkEthernet:
		return data, layers.LayerTypeEthernet, nil
	case LinkSLL:
		return data, layers.LayerTypeLinuxSLL, nil
	case LinkIPv4:
		return data, layers.LayerTypeIPv4, nil
	case LinkIPv6:
		return data, layers.LayerTypeIPv6, nil
	case LinkRaw, LinkRawBSD, LinkRawOBSD:
		return data, ipVersion(data), nil
	case LinkPPP:
		return data, layers.LayerTypePPP, nil
	case LinkPPPoE:
		return data, layers.LayerTypePPPoE, nil
	case LinkPPPHDLC:
		if len(data) > 0 && data[0] == 0xff {
			return data, layers.LayerTypePPP, nil
		}
		return readCiscoHDLC(data)
	case LinkCiscoHDLC:
		return readCiscoHDLC(data)
	case LinkNull, LinkLoop:
		return readFamily(data)
	case LinkSLL2:
		if len(data) < 20 {
			return nil, 0, errShort
		}
		return data[20:], etherType(layers.EthernetType(binary.BigEndian.Uint16(data))), nil
	}
	return nil, 0, errForeign
}

// readFamily takes off an address family in either byte order. IPv6 has as
// many numbers as there are systems.
func readFamily(data []byte) ([]byte, gopacket.LayerType, error) {
	if len(data) < 4 {
		return nil, 0, errShort
	}
	family := binary.LittleEndian.Uint32(data)
	if family > 0xffff {
		family = binary.BigEndian.Uint32(data)
	}
	switch family {
	case 2:
		return data[4:], layers.LayerTypeIPv4, nil
	case 10, 23, 24, 28, 30: // Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS
		return data[4:], layers.LayerTypeIPv6, nil
	}
	return nil, 0, errForeign
}

func readCiscoHDLC(data []byte) ([]byte, gopacket.LayerType, error) {
	if len(data) < 4 {
		return nil, 0, errShort
	}
	return data[4:], etherType(layers.EthernetType(binary.BigEndian.Uint16(data[2:]))), nil
}

// shim is a layer that is only taken off. gopacket has MPLS, PPP and PPPoE,
// but not as layers that can be used again.
type shim struct {
	typ     gopacket.LayerType
	read    func([]byte) ([]byte, gopacket.LayerType, error)
	payload []byte
	next    gopacket.LayerType
}

func (s *shim) CanDecode() gopacket.LayerClass    { return s.typ }
func (s *shim) NextLayerType() gopacket.LayerType { return s.next }
func (s *shim) LayerPayload() []byte              { return s.payload }
func (s *shim) DecodeFromBytes(data []byte, _ gopacket.DecodeFeedback) (err error) {
	s.payload, s.next, err = s.read(data)
	return err
}

func readMPLS(data []byte) ([]byte, gopacket.LayerType, error) {
	if len(data) < 4 {
		return nil, 0, errShort
	}
	if bottom := data[2]&1 != 0; !bottom {
		return data[4:], layers.LayerTypeMPLS, nil
	}
	return data[4:], ipVersion(data[4:]), nil
}

func readPPPoE(data []byte) ([]byte, gopacket.LayerType, error) {
	if len(data) < 6 {
		return nil, 0, errShort
	}
	if session := data[1] == 0; !session {
		return nil, 0, errForeign
	}
	return data[6:], layers.LayerTypePPP, nil
}

// readPPP takes off address and control if they are there, and a protocol
// number of one or two bytes (RFC 1661 §2, RFC 1662 §3.1).
func readPPP(data []byte) ([]byte, gopacket.LayerType, error) {
	if len(data) >= 2 && data[0] == 0xff && data[1] == 3 {
		data = data[2:]
	}
	if len(data) < 2 {
		return nil, 0, errShort
	}
	proto := uint16(data[0])
	data = data[1:]
	if proto&1 == 0 {
		proto = proto<<8 | uint16(data[0])
		data = data[1:]
	}
	switch proto {
	case 0x21:
		return data, layers.LayerTypeIPv4, nil
	case 0x57:
		return data, layers.LayerTypeIPv6, nil
	case 0x281:
		return data, layers.LayerTypeMPLS, nil
	}
	return nil, 0, errForeign
}
