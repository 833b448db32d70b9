package capture

import (
	"encoding/binary"

	"github.com/google/gopacket"
)

// The layers are our own, on gopacket's DecodingLayerParser. gopacket comes
// with layers too (package layers), but their tables of 131,072 unknown
// EtherTypes and PPP types are written whenever a program starts, before main:
// 4 ms and 1,700 page faults, twice for a lesson in a private network, which
// was half of all the time that `lesson handshake` took. So only tests import
// them, to compare ours with (gopacket_test.go).
//
// gopacket leaves the numbers from 1000 to us, so that both fit in one program.
var (
	layerTypeLink     = newLayerType(1979, "link")
	layerTypeEthernet = newLayerType(1980, "ethernet")
	layerTypeVLAN     = newLayerType(1981, "vlan")
	layerTypeLLC      = newLayerType(1982, "llc")
	layerTypeMPLS     = newLayerType(1983, "mpls")
	layerTypePPPoE    = newLayerType(1984, "pppoe")
	layerTypePPP      = newLayerType(1985, "ppp")
	layerTypeIPv4     = newLayerType(1986, "ipv4")
	layerTypeIPv6     = newLayerType(1987, "ipv6")
	layerTypeGRE      = newLayerType(1988, "gre")
	layerTypeUDP      = newLayerType(1989, "udp")
	layerTypeVXLAN    = newLayerType(1990, "vxlan")
	layerTypeTCP      = newLayerType(1991, "tcp")
)

func newLayerType(number int, name string) gopacket.LayerType {
	return gopacket.RegisterLayerType(number, gopacket.LayerTypeMetadata{Name: name})
}

// etherType says which layer follows an EtherType.
func etherType(t uint16) gopacket.LayerType {
	switch t {
	case 0x0800:
		return layerTypeIPv4
	case 0x86dd:
		return layerTypeIPv6
	case 0x8100, 0x88a8, 0x9100, 0x9200, 0x9300: // 802.1Q, 802.1ad, and the tags of old switches
		return layerTypeVLAN
	case 0x8847, 0x8848: // multicast
		return layerTypeMPLS
	case 0x8864: // a session; its discovery is 0x8863
		return layerTypePPPoE
	case 0x6558: // in GRE
		return layerTypeEthernet
	case 0x880b:
		return layerTypePPP
	case 0x8870: // LLC in a frame too long for a length field
		return layerTypeLLC
	}
	if t < minEtherType { // a length, or Linux cooked's 4
		return layerTypeLLC
	}
	return gopacket.LayerTypeZero
}

// minEtherType is the least EtherType; what is less is a length (IEEE 802.3 §3.2.6).
const minEtherType = 0x600

// ipVersion says which layer follows where nothing but the packet itself tells.
func ipVersion(data []byte) gopacket.LayerType {
	if len(data) == 0 {
		return gopacket.LayerTypeZero
	}
	switch data[0] >> 4 {
	case 4:
		return layerTypeIPv4
	case 6:
		return layerTypeIPv6
	}
	return gopacket.LayerTypeZero
}

// base is what a layer tells the parser once it has been read.
type base struct {
	payload []byte
	next    gopacket.LayerType
}

func (b *base) NextLayerType() gopacket.LayerType { return b.next }
func (b *base) LayerPayload() []byte              { return b.payload }

// shim is a layer that is only taken off.
type shim struct {
	base
	typ  gopacket.LayerType
	read func([]byte) (payload []byte, next gopacket.LayerType, err error)
}

func (s *shim) CanDecode() gopacket.LayerClass { return s.typ }

func (s *shim) DecodeFromBytes(data []byte, _ gopacket.DecodeFeedback) (err error) {
	s.payload, s.next, err = s.read(data)
	return err
}

// readTyped takes off a header of n bytes with an EtherType in it, at at.
func readTyped(data []byte, at, n int) ([]byte, gopacket.LayerType, error) {
	if len(data) < n {
		return nil, 0, errShort
	}
	return data[n:], etherType(binary.BigEndian.Uint16(data[at:])), nil
}

// readEthernet takes off an Ethernet header. One with a length says where the
// padding begins.
func readEthernet(data []byte) ([]byte, gopacket.LayerType, error) {
	payload, next, err := readTyped(data, 12, 14)
	if err != nil {
		return nil, 0, err
	}
	if n := binary.BigEndian.Uint16(data[12:]); n < minEtherType {
		payload = payload[:min(len(payload), int(n))]
	}
	return payload, next, nil
}

func readVLAN(data []byte) ([]byte, gopacket.LayerType, error) { return readTyped(data, 2, 4) }

// readLLC takes off an 802.2 header and the SNAP header behind it; nothing
// else there carries IP. The lowest bits of the two addresses are no part of
// them, and the two lowest of the control field say whether it has one byte.
func readLLC(data []byte) ([]byte, gopacket.LayerType, error) {
	if len(data) < 3 {
		return nil, 0, errShort
	}
	if snap := data[0]&^1 == 0xaa && data[1]&^1 == 0xaa; !snap {
		return nil, 0, errForeign
	}
	n := 3
	if data[2]&3 != 3 {
		n = 4
	}
	if len(data) < n {
		return nil, 0, errShort
	}
	return readTyped(data[n:], 3, 5)
}

func readMPLS(data []byte) ([]byte, gopacket.LayerType, error) {
	if len(data) < 4 {
		return nil, 0, errShort
	}
	if bottom := data[2]&1 != 0; !bottom {
		return data[4:], layerTypeMPLS, nil
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
	return data[6:], layerTypePPP, nil
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
		return data, layerTypeIPv4, nil
	case 0x57:
		return data, layerTypeIPv6, nil
	case 0x281:
		return data, layerTypeMPLS, nil
	}
	return nil, 0, errForeign
}

// readGRE takes off a GRE header with the fields of RFC 1701 and the
// acknowledgment that PPTP has (RFC 2637 §4.1).
func readGRE(data []byte) ([]byte, gopacket.LayerType, error) {
	const checksum, routing, key, sequence, acknowledgment = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080
	if len(data) < 4 {
		return nil, 0, errShort
	}
	flags, n := binary.BigEndian.Uint16(data), 4
	for _, field := range []uint16{checksum | routing, key, sequence} {
		if flags&field != 0 {
			n += 4
		}
	}
	for more := flags&routing != 0; more; {
		if len(data) < n+4 {
			return nil, 0, errShort
		}
		entry := data[n:]
		more = entry[0] != 0 || entry[1] != 0 || entry[3] != 0 // the last has no family and no length
		n += 4 + int(entry[3])
	}
	if flags&acknowledgment != 0 {
		n += 4
	}
	return readTyped(data, 2, n)
}

// readUDP takes off a UDP header before VXLAN, which is known by its port or
// by the one Linux used before there was one.
func readUDP(data []byte) ([]byte, gopacket.LayerType, error) {
	if len(data) < 8 {
		return nil, 0, errShort
	}
	if port := binary.BigEndian.Uint16(data[2:]); port != 4789 && port != 8472 {
		return nil, 0, errForeign
	}
	n := int(binary.BigEndian.Uint16(data[4:]))
	if n == 0 { // a jumbogram (RFC 2675 §4)
		n = len(data)
	}
	if n < 8 {
		return nil, 0, errMalformed
	}
	return data[8:min(n, len(data))], layerTypeVXLAN, nil
}

func readVXLAN(data []byte) ([]byte, gopacket.LayerType, error) {
	if len(data) < 8 {
		return nil, 0, errShort
	}
	return data[8:], layerTypeEthernet, nil
}
