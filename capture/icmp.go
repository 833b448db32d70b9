package capture

import (
	"encoding/binary"

	"github.com/google/gopacket"

	"lesson/lesson/tcp"
)

// An ICMP error quotes the packet it is about: of IPv4 the header and at least
// eight bytes behind it (RFC 792), which with TCP are the ports and the sequence
// number; of IPv6 as much as there is room for (RFC 4443 §2.4). What is quoted
// is nobody's segment; it only says which connection the error is about.

// quoteLen is how much of a TCP header has to be quoted.
const quoteLen = 8

// icmpLayer reads an ICMP error behind an IP header of its version.
type icmpLayer struct {
	base
	typ    gopacket.LayerType
	v6     bool
	frame  *frame
	quoted *quote
}

// quote is what an ICMP error says.
type quote struct {
	tcp.ICMPError
	header []byte // of the segment, as far as it is quoted and was captured
}

func (l *icmpLayer) CanDecode() gopacket.LayerClass { return l.typ }

func (l *icmpLayer) DecodeFromBytes(data []byte, _ gopacket.DecodeFeedback) error {
	l.payload, l.next = nil, gopacket.LayerTypeZero
	f := l.frame
	if len(data) < 8 || f.over6 != l.v6 || !isError(l.v6, data[0]) {
		return errForeign
	}
	q := quote{ICMPError: tcp.ICMPError{From: f.src, V6: l.v6, Type: data[0], Code: data[1]}}
	var protocol int
	if l.v6 {
		protocol, q.header = q.read6(data[8:])
	} else {
		protocol, q.header = q.read4(data[8:])
	}
	switch {
	case protocol != protoTCP:
		return errForeign
	case len(q.header) < quoteLen:
		f.outcome = isCryptic
		return errShort
	}
	be := binary.BigEndian
	q.Src.Port, q.Dst.Port, q.Seq = be.Uint16(q.header), be.Uint16(q.header[2:]), tcp.Seq(be.Uint32(q.header[4:]))
	if q.TooBig() {
		if q.MTU = be.Uint32(data[4:]); !l.v6 {
			q.MTU &= 0xffff // RFC 1191 §4
		}
	}
	q.BadChecksum = !l.sumFits(data)
	*l.quoted = q
	f.outcome = isQuote
	return nil
}

// isError reports whether a type is that of an error which quotes a packet.
// Redirects quote one too, and say that it did come through.
func isError(v6 bool, typ uint8) bool {
	if v6 {
		return typ >= 1 && typ <= 4
	}
	return typ == 3 || typ == 4 || typ == 11 || typ == 12
}

// read4 reads a quoted IPv4 header, and returns what it carries. Its lengths
// and checksum are left alone: routers and old systems change them.
func (q *quote) read4(data []byte) (protocol int, header []byte) {
	if len(data) < 20 || data[0]>>4 != 4 {
		return -1, nil
	}
	n := int(data[0]&0xf) * 4
	if first := binary.BigEndian.Uint16(data[6:])&0x1fff == 0; n < 20 || !first {
		return -1, nil
	}
	q.Src.IP, q.Dst.IP = mapped(data[12:16]), mapped(data[16:20])
	protocol = int(data[9])
	if n > len(data) {
		return protocol, nil
	}
	if rerouted, err := sourceRoute(data[20:n]); rerouted || err != nil {
		return protocol, nil
	}
	return protocol, data[n:min(n+60, len(data))]
}

// read6 reads a quoted IPv6 header and its extensions, and returns what they
// carry. -1 is no protocol: there is not enough to tell, or a later fragment.
func (q *quote) read6(data []byte) (protocol int, header []byte) {
	if len(data) < 40 || data[0]>>4 != 6 {
		return -1, nil
	}
	q.Src.IP, q.Dst.IP = [16]byte(data[8:24]), [16]byte(data[24:40])
	proto, body := data[6], data[40:]
	rerouted := false
	for {
		n := 8
		switch proto {
		case protoHopByHop, protoRouting, protoDestOpts, protoMobility, protoHIP, protoShim6, protoAuth, protoFragment:
			if len(body) < 8 {
				return -1, nil
			}
		default:
			if rerouted {
				body = nil
			}
			return int(proto), body[:min(60, len(body))]
		}
		switch proto {
		case protoAuth:
			n = 8 + 4*int(body[1])
		case protoFragment:
			if binary.BigEndian.Uint16(body[2:])&^7 != 0 {
				return -1, nil
			}
		default:
			n = 8 + 8*int(body[1])
			rerouted = rerouted || proto == protoRouting && body[3] != 0
		}
		if len(body) < n {
			return -1, nil
		}
		proto, body = body[0], body[n:]
	}
}

// sumFits reports whether the message's checksum is right, or cannot be told.
func (l *icmpLayer) sumFits(data []byte) bool {
	f := l.frame
	if f.missing > 0 || f.guessed || f.rerouted {
		return true
	}
	sum := uint64(0)
	if l.v6 { // RFC 4443 §2.3
		sum = addresses(&f.src, &f.dst) + protoICMP6 + uint64(len(data))
	}
	return fold(add(sum, data)) == 0xffff
}

// says describes the error as a packet that was captured: its segment is the
// one it quotes, as far as it does.
func (q *quote) says(c *tcp.Captured) {
	e := q.ICMPError
	c.Segment = tcp.Segment{Time: c.Time, Src: e.Src, Dst: e.Dst, Seq: e.Seq}
	c.ICMP = &e
	c.Header, c.Payload = q.header, nil
}
