package capture

import (
	"encoding/binary"

	"github.com/google/gopacket"
)

// IP protocol numbers that matter here.
const (
	protoHopByHop = 0
	protoICMP     = 1
	protoTCP      = 6
	protoUDP      = 17
	protoRouting  = 43
	protoFragment = 44
	protoAuth     = 51
	protoICMP6    = 58
	protoDestOpts = 60
	protoMobility = 135
	protoHIP      = 139
	protoShim6    = 140
)

// ipProtocol says which layer follows an IP header.
func ipProtocol(proto uint8) layerType {
	switch proto {
	case protoTCP:
		return layerTypeTCP
	case 4:
		return layerTypeIPv4
	case protoICMP:
		return layerTypeICMP
	case protoICMP6:
		return layerTypeICMP6
	case protoUDP:
		return layerTypeUDP
	case 41:
		return layerTypeIPv6
	case 47:
		return layerTypeGRE
	case 50:
		return layerTypeESP
	case 55:
		return layerTypeMinimal
	case 97:
		return layerTypeEtherIP
	case 108:
		return layerTypeIPComp
	case 115:
		return layerTypeL2TPv3
	case 137:
		return layerTypeMPLS
	case 143: // RFC 8986
		return layerTypeEthernet
	}
	return gopacket.LayerTypeZero
}

// clip cuts data to the n bytes that a length field says there are, and notes
// how many of them were not captured.
func (f *frame) clip(data []byte, n int) []byte {
	if n <= len(data) {
		f.missing = 0
		return data[:n]
	}
	f.missing = n - len(data)
	return data
}

// upper says which layer follows and is given body. The parser gives no layer an
// empty one, so what was captured up to there and no further is noted here.
func (f *frame) upper(proto uint8, body []byte) layerType {
	next := ipProtocol(proto)
	switch {
	case len(body) > 0 || f.missing == 0:
	case proto == protoTCP:
		f.outcome = isCutShort
	case proto != protoICMP && proto != protoICMP6 && next != 0:
		f.outcome = isUnclear
	}
	return next
}

// ipv4 takes off an IPv4 header. A total length of 0 (the sender's hardware was
// to cut the packet, or it is longer than 65,535 bytes) stands for all there
// was; fragments are put together.
type ipv4 struct {
	base
	frame *frame
}

func (l *ipv4) CanDecode() gopacket.LayerClass { return layerTypeIPv4 }

func (l *ipv4) DecodeFromBytes(data []byte, _ gopacket.DecodeFeedback) (err error) {
	if len(data) < 20 {
		return errShort
	}
	f := l.frame
	header, total := int(data[0]&0xf)*4, int(binary.BigEndian.Uint16(data[2:]))
	f.guessed = total == 0
	if f.guessed {
		total = len(data) + f.missing
	}
	if data[0]>>4 != 4 || header < 20 || header > total {
		return errMalformed
	}
	if header > len(data) {
		return errShort
	}
	if f.rerouted, err = sourceRoute(data[20:header]); err != nil {
		return err
	}
	f.src, f.dst, f.over6 = mapped(data[12:16]), mapped(data[16:20]), false
	f.id, f.hops = binary.BigEndian.Uint16(data[4:]), data[8]
	body := f.clip(data, total)[header:]
	proto := data[9]
	const moreFragments, offset = 0x2000, 0x1fff
	if at := binary.BigEndian.Uint16(data[6:]); at&(moreFragments|offset) != 0 {
		body = f.reassemble(fragment{
			key:    datagram{f.src, f.dst, uint32(binary.BigEndian.Uint16(data[4:])), proto},
			offset: int(at&offset) * 8, more: at&moreFragments != 0, data: body,
		})
		if body == nil {
			l.payload, l.next = nil, gopacket.LayerTypeZero
			return nil
		}
	}
	for proto == protoAuth {
		if proto, body, err = authenticated(body); err != nil {
			return err
		}
	}
	l.payload, l.next = body, f.upper(proto, body)
	return nil
}

// authenticated takes off an authentication header (RFC 4302 §2) and returns
// what it stands before.
func authenticated(data []byte) (proto uint8, body []byte, err error) {
	if len(data) < 12 {
		return 0, nil, errShort
	}
	n := 8 + 4*int(data[1])
	switch {
	case n < 12: // its length does not cover the fields that are always there
		return 0, nil, errMalformed
	case len(data) < n:
		return 0, nil, errShort
	}
	return data[0], data[n:], nil
}

// sourceRoute looks for a source route among the options of an IPv4 header. A
// receiver drops a packet the options of which cannot be told apart.
func sourceRoute(options []byte) (found bool, err error) {
	for len(options) > 0 {
		switch options[0] {
		case 0: // the end of the list
			return found, nil
		case 1: // one byte of padding
			options = options[1:]
			continue
		case 131, 137: // loose, strict
			found = true
		}
		if len(options) < 2 || options[1] < 3 || int(options[1]) > len(options) { // none says nothing
			return false, errMalformed
		}
		options = options[options[1]:]
	}
	return found, nil
}

// mapped is an IPv4 address in the IPv4-mapped form that tcp.Endpoint keeps.
func mapped(ip []byte) [16]byte {
	return [16]byte{10: 0xff, 11: 0xff, 12: ip[0], 13: ip[1], 14: ip[2], 15: ip[3]}
}

// ipv6 takes off an IPv6 header and its extensions. A length of 0 is that of a
// jumbogram, or stands for all there was.
type ipv6 struct {
	base
	frame *frame
}

func (l *ipv6) CanDecode() gopacket.LayerClass { return layerTypeIPv6 }

func (l *ipv6) DecodeFromBytes(data []byte, _ gopacket.DecodeFeedback) error {
	if len(data) < 40 {
		return errShort
	}
	if data[0]>>4 != 6 {
		return errMalformed
	}
	f := l.frame
	f.src, f.dst, f.over6 = [16]byte(data[8:24]), [16]byte(data[24:40]), true
	f.id, f.hops = 0, data[7]
	f.rerouted, f.guessed = false, false
	proto, body := data[6], data[40:]
	length := int(binary.BigEndian.Uint16(data[4:]))
	if length == 0 {
		if length = jumbo(proto, body); length == 0 {
			length, f.guessed = len(body)+f.missing, true
		}
	}
	proto, body, err := f.extensions(proto, f.clip(body, length))
	l.payload, l.next = body, gopacket.LayerTypeZero
	if body != nil {
		l.next = f.upper(proto, body)
	}
	return err
}

// jumbo is the length in a hop-by-hop header's jumbo payload option (RFC
// 2675), or 0.
func jumbo(proto uint8, body []byte) int {
	if proto != protoHopByHop || len(body) < 8 {
		return 0
	}
	options := body[2:min(len(body), 8+8*int(body[1]))]
	for len(options) > 0 {
		if options[0] == 0 { // one byte of padding
			options = options[1:]
			continue
		}
		if len(options) < 2 || len(options) < 2+int(options[1]) {
			return 0
		}
		if options[0] == 0xc2 && options[1] == 4 {
			return wireLen(binary.BigEndian.Uint32(options[2:]))
		}
		options = options[2+int(options[1]):]
	}
	return 0
}

// extensions takes off the extension headers (RFC 8200 §4) and returns what
// they carry; nil for a fragment that does not complete its datagram.
func (f *frame) extensions(proto uint8, body []byte) (uint8, []byte, error) {
	for {
		var n int
		switch proto {
		case protoHopByHop, protoRouting, protoDestOpts, protoMobility, protoHIP, protoShim6:
			if len(body) < 8 {
				return 0, nil, errShort
			}
			n = 8 + 8*int(body[1])
			if proto == protoRouting && body[3] != 0 {
				f.rerouted = true // segments left: the last address is in there
			}
		case protoAuth:
			var err error
			if proto, body, err = authenticated(body); err != nil {
				return 0, nil, err
			}
			continue
		case protoFragment:
			if len(body) < 8 {
				return 0, nil, errShort
			}
			n = 8
			at := binary.BigEndian.Uint16(body[2:])
			if whole := at&^6 == 0; !whole {
				key := datagram{f.src, f.dst, binary.BigEndian.Uint32(body[4:]), body[0]}
				body = f.reassemble(fragment{key: key, offset: int(at &^ 7), more: at&1 != 0, data: body[8:]})
				if body == nil {
					return 0, nil, nil
				}
				proto = key.proto
				continue
			}
		default:
			return proto, body, nil
		}
		if len(body) < n {
			return 0, nil, errShort
		}
		proto, body = body[0], body[n:]
	}
}
