package capture

import (
	"encoding/binary"
	"io"
)

// pcap reads the classic format
// (https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/). It is our own
// because pcapgo's reader refuses the modified format, link types beyond 255,
// link-type fields with FCS bits, and packets longer than the header's snap
// length, and believes any length it is told.
type pcap struct {
	in     *input
	order  byteOrder
	unit   int64 // ns in a unit of the second time field
	header int   // bytes of a record's header
	link   LinkType
}

func openPcap(in *input) (container, error) {
	magic, err := in.peek(4)
	if err != nil {
		return nil, err
	}
	p := &pcap{in: in, order: littleEndian, unit: 1000, header: 16}
	if !p.magic(binary.LittleEndian.Uint32(magic)) {
		p.order = bigEndian
		if !p.magic(binary.BigEndian.Uint32(magic)) {
			return nil, NotACapture
		}
	}
	h, err := in.take(24)
	if err != nil {
		return nil, unexpected(err)
	}
	if major := p.order.Uint16(h[4:]); major != 2 {
		return nil, damagef("the capture is of pcap version %d, not 2", "抓包文件的 pcap 版本是 %d，而不是 2", major)
	}
	p.link = LinkType(p.order.Uint32(h[20:])) // the upper half speaks of frame check sequences
	return p, nil
}

func (p *pcap) magic(m uint32) bool {
	switch m {
	case 0xa1b2c3d4:
	case 0xa1b23c4d:
		p.unit = 1
	case 0xa1b2cd34: // Kuznetzov's, with interface and protocol in each record
		p.header = 24
	default:
		return false
	}
	return true
}

func (p *pcap) next(out *packet) error {
	// Nearly always the whole record is in the buffer.
	if b := p.in.ready(); len(b) >= p.header {
		captured := p.order.Uint32(b[8:])
		if end := p.header + int(captured); captured <= maxRecord && end <= len(b) {
			p.describe(out, b)
			out.data = b[p.header:end]
			p.in.at += end
			return nil
		}
	}
	h, err := p.in.take(p.header)
	if err != nil {
		return err
	}
	captured := p.order.Uint32(h[8:])
	if captured > maxRecord {
		return tooLong(captured)
	}
	p.describe(out, h)
	out.data = nil
	if captured > 0 {
		out.data, err = p.in.take(int(captured))
	}
	return unexpected(err)
}

// describe says of a packet what its record's header h says.
func (p *pcap) describe(out *packet, h []byte) {
	_ = h[15]
	sec, frac := p.order.Uint32(h), p.order.Uint32(h[4:])
	out.time = int64(sec)*1e9 + int64(frac)*p.unit
	out.link, out.wire = p.link, wireLen(p.order.Uint32(h[12:]))
}

func tooLong(n uint32) error {
	return damagef("it claims to be %d bytes long", "它自称有 %d 字节长", n)
}

// unexpected makes of an end in the middle of something what it is.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// wireLen is a length on the wire as an int of any size; no frame comes near
// the bound.
func wireLen(n uint32) int { return int(min(n, 1<<30)) }
