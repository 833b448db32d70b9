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
	layerTypeICMP      = newLayerType(1962, "icmp")
	layerTypeICMP6     = newLayerType(1963, "icmpv6")
	layerTypeLink      = newLayerType(1964, "link")
	layerTypeEthernet  = newLayerType(1965, "ethernet")
	layerTypeVLAN      = newLayerType(1966, "vlan")
	layerTypeLLC       = newLayerType(1967, "llc")
	layerTypeMPLS      = newLayerType(1968, "mpls")
	layerTypePPPoE     = newLayerType(1969, "pppoe")
	layerTypePPP       = newLayerType(1970, "ppp")
	layerTypeIPv4      = newLayerType(1971, "ipv4")
	layerTypeIPv6      = newLayerType(1972, "ipv6")
	layerTypeGRE       = newLayerType(1973, "gre")
	layerTypeUDP       = newLayerType(1974, "udp")
	layerTypeVXLAN     = newLayerType(1975, "vxlan")
	layerTypeTCP       = newLayerType(1976, "tcp")
	layerTypeITag      = newLayerType(1977, "802.1ah")
	layerTypeETag      = newLayerType(1978, "802.1br")
	layerTypeVNTag     = newLayerType(1979, "vn-tag")
	layerTypeMACsec    = newLayerType(1980, "macsec")
	layerTypeNSH       = newLayerType(1981, "nsh")
	layerTypeERSPAN    = newLayerType(1982, "erspan")
	layerTypeEtherIP   = newLayerType(1983, "etherip")
	layerTypeVXLANGPE  = newLayerType(1984, "vxlan-gpe")
	layerTypeGeneve    = newLayerType(1985, "geneve")
	layerTypeGTP       = newLayerType(1986, "gtp")
	layerTypeLISP      = newLayerType(1987, "lisp")
	layerTypeAYIYA     = newLayerType(1988, "ayiya")
	layerTypeTeredo    = newLayerType(1989, "teredo")
	layerTypeL2TP      = newLayerType(1990, "l2tp")
	layerTypeESP       = newLayerType(1991, "esp")
	layerTypeESPinUDP  = newLayerType(1992, "esp in udp")
	layerTypeIPComp    = newLayerType(1993, "ipcomp")
	layerTypeL2TPv3    = newLayerType(1994, "l2tpv3")
	layerTypeMinimal   = newLayerType(1995, "minimal encapsulation")
	layerTypeWireGuard = newLayerType(1996, "wireguard")
	layerTypeOpenVPN   = newLayerType(1997, "openvpn")
	layerTypeCAPWAP    = newLayerType(1998, "capwap")
	layerTypeGUE       = newLayerType(1999, "gue")
)

// layerType is short for gopacket's.
type layerType = gopacket.LayerType

func newLayerType(number int, name string) layerType {
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
	case 0x88e7:
		return layerTypeITag
	case 0x893f:
		return layerTypeETag
	case 0x8926, 0x892f:
		return layerTypeVNTag
	case 0x88e5:
		return layerTypeMACsec
	case 0x894f:
		return layerTypeNSH
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

// neverIP reports whether an EtherType is one of the protocols that run a network
// and carry nobody's packets.
func neverIP(t uint16) bool {
	switch t {
	case 0x0806, 0x8035, 0x8809, 0x888e, 0x88cc, 0x88f7, 0x8902, 0x9000: // ARP, RARP, LACP, EAPOL, LLDP, PTP, CFM, loopback
		return true
	}
	return false
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

// cut makes it an error that nothing was captured of what follows. The parser
// gives no layer an empty payload, and would end without a word.
func (b *base) cut(f *frame, err error) error {
	if err == nil && len(b.payload) == 0 && b.next != 0 && f.missing > 0 {
		return errShort
	}
	return err
}

// shim is a layer that is only taken off.
type shim struct {
	base
	frame *frame
	typ   layerType
	read  func([]byte) (payload []byte, next layerType, err error)
}

func (s *shim) CanDecode() gopacket.LayerClass { return s.typ }

func (s *shim) DecodeFromBytes(data []byte, _ gopacket.DecodeFeedback) (err error) {
	s.payload, s.next, err = s.read(data)
	return s.cut(s.frame, err)
}

// readTyped takes off a header of n bytes with an EtherType in it, at at.
func readTyped(data []byte, at, n int) ([]byte, layerType, error) {
	if len(data) < n {
		return nil, 0, errShort
	}
	return data[n:], etherType(binary.BigEndian.Uint16(data[at:])), nil
}

// readEthernet takes off an Ethernet header. One with a length says where the
// padding begins.
func readEthernet(data []byte) ([]byte, layerType, error) {
	payload, next, err := readTyped(data, 12, 14)
	if err != nil {
		return nil, 0, err
	}
	if n := binary.BigEndian.Uint16(data[12:]); n < minEtherType {
		payload = payload[:min(len(payload), int(n))]
	}
	return payload, next, nil
}

// readLLC takes off an 802.2 header and the SNAP header behind it; nothing
// else there carries IP. The lowest bits of the two addresses are no part of
// them, and the two lowest of the control field say whether it has one byte.
func readLLC(data []byte) ([]byte, layerType, error) {
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

func readPPPoE(data []byte) ([]byte, layerType, error) {
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
func readPPP(data []byte) ([]byte, layerType, error) {
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
	case 0x3d, 0x53, 0x55, 0xfb, 0xfd: // multilink, encrypted, compressed (RFC 1990, RFC 1968, RFC 1962)
		return nil, 0, wrapPPP
	}
	return nil, 0, errForeign
}
