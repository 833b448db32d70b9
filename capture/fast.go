package capture

import (
	"encoding/binary"

	"lesson/lesson/tcp"
)

// Nearly every TCP segment travels in Ethernet, with VLAN tags at most, in one
// of the loopback and cooked headers, or bare; in an unfragmented IP packet with
// a length. This file reads those straight through, three times as fast as a
// parser that goes from layer to layer. It reads them whole or not at all:
// whatever is not just so is left to the layers, which read everything
// (layers.go). That both say the same is held by TestFastIsTheSame and
// FuzzDecode.

// fast decodes an ordinary frame; false when it is not one, and nothing has
// been done then.
func (d *decoder) fast(p *packet, s *tcp.Segment) bool {
	data := p.data
	at, v6 := ordinaryLink(p.link, data)
	if at < 0 {
		return false
	}
	ip := data[at:]
	var n, total int // bytes before the TCP header, and in all, by the IP header
	if v6 {
		if n, total = ordinary6(ip); n < 0 {
			return false
		}
	} else {
		if len(ip) < 40 || ip[0] != 0x45 || ip[9] != protoTCP || (ip[6]&0x3f)|ip[7] != 0 {
			return false
		}
		n, total = 20, int(binary.BigEndian.Uint16(ip[2:]))
	}
	body := ip[n:] // at least a header without options
	header := int(body[12]>>4) * 4
	if header < headerLen || header > len(body) || n+header > total {
		return false
	}
	// From here on it is a segment.
	end := min(total-n, len(body))
	f := &d.frame
	if v6 {
		f.id, f.hops = 0, ip[7]
	} else {
		f.id, f.hops = binary.BigEndian.Uint16(ip[4:]), ip[8]
	}
	f.missing, f.guessed, f.rerouted = total-n-end, false, false
	d.seg.header, d.seg.payload, d.seg.length = body[:header], body[header:end], uint32(total-n-header)
	be := binary.BigEndian
	ports, flags := be.Uint32(body), be.Uint32(body[12:])
	*s = tcp.Segment{} // and then its parts: as a whole it would be put together elsewhere, and copied
	s.Time, s.Len, s.ID, s.Hops = p.time, d.seg.length, f.id, f.hops
	s.Seq, s.Ack = tcp.Seq(be.Uint32(body[4:])), tcp.Seq(be.Uint32(body[8:]))
	s.Flags, s.Window = tcp.Flags(flags>>16)&(tcp.AE<<1-1), uint16(flags)
	s.Urgent = be.Uint16(body[18:])
	s.Src.Port, s.Dst.Port = uint16(ports>>16), uint16(ports)
	if p.link == LinkEthernet {
		for tag := 14; tag < at; tag += 4 {
			s.VLAN = tcp.WithVLAN(s.VLAN, be.Uint16(data[tag:])&0xfff)
		}
	}
	// Written as they will be read, eight bytes at a time: a processor stalls
	// where it has to put together what was written in pieces.
	if le := binary.LittleEndian; v6 {
		le.PutUint64(s.Src.IP[:8], le.Uint64(ip[8:]))
		le.PutUint64(s.Src.IP[8:], le.Uint64(ip[16:]))
		le.PutUint64(s.Dst.IP[:8], le.Uint64(ip[24:]))
		le.PutUint64(s.Dst.IP[8:], le.Uint64(ip[32:]))
	} else {
		const prefix = 0xffff << 16
		le.PutUint64(s.Src.IP[8:], prefix|uint64(le.Uint32(ip[12:]))<<32)
		le.PutUint64(s.Dst.IP[8:], prefix|uint64(le.Uint32(ip[16:]))<<32)
	}
	if list := body[headerLen:header]; len(list) == 12 && be.Uint32(list) == 0x0101080a {
		s.Options.HasTimestamps = true
		s.Options.TSVal, s.Options.TSEcr = be.Uint32(list[4:]), be.Uint32(list[8:])
	} else if len(list) > 0 {
		readOptions(list, &s.Options)
	}
	return true
}

// ordinaryLink says where the IP header begins, and of which version it is;
// less than 0 where that takes a closer look.
func ordinaryLink(link LinkType, data []byte) (at int, v6 bool) {
	var kind uint16
	switch link {
	case LinkEthernet:
		for at = 14; len(data) >= at; at += 4 {
			switch kind = binary.BigEndian.Uint16(data[at-2:]); kind {
			case 0x0800:
				return at, false
			case 0x86dd:
				return at, true
			case 0x8100, 0x88a8:
			default:
				return -1, false
			}
		}
		return -1, false
	case LinkSLL:
		if at = 16; len(data) >= at {
			kind = binary.BigEndian.Uint16(data[14:])
		}
	case LinkSLL2:
		if at = 20; len(data) >= at {
			kind = binary.BigEndian.Uint16(data)
		}
	case LinkNull, LinkLoop:
		if at = 4; len(data) >= at {
			switch binary.LittleEndian.Uint32(data) {
			case 2, 2 << 24:
				kind = 0x0800
			case 10, 23, 24, 28, 30, 10 << 24, 23 << 24, 24 << 24, 28 << 24, 30 << 24:
				kind = 0x86dd
			}
		}
	case LinkRaw, LinkRawBSD, LinkRawOBSD:
		if len(data) > 0 {
			switch data[0] >> 4 {
			case 4:
				kind = 0x0800
			case 6:
				kind = 0x86dd
			}
		}
	case LinkIPv4:
		return 0, false
	case LinkIPv6:
		return 0, true
	}
	switch kind {
	case 0x0800:
		return at, false
	case 0x86dd:
		return at, true
	}
	return -1, false
}

// ordinary6 returns the bytes before the TCP header and those of the whole
// packet, by its length field; less than 0 where there is no whole TCP header
// or something else that takes a closer look.
func ordinary6(ip []byte) (n, total int) {
	if len(ip) < 60 || ip[0]>>4 != 6 {
		return -1, 0
	}
	length := int(binary.BigEndian.Uint16(ip[4:]))
	if length == 0 { // a jumbogram, or unknown
		return -1, 0
	}
	n, total = 40, 40+length
	for proto := ip[6]; proto != protoTCP; {
		switch proto {
		case protoHopByHop, protoDestOpts:
		default:
			return -1, 0
		}
		if len(ip) < n+8 {
			return -1, 0
		}
		proto, n = ip[n], n+8+8*int(ip[n+1])
	}
	if len(ip) < n+headerLen {
		return -1, 0
	}
	return n, total
}
