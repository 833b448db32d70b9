package traffic

import (
	"encoding/binary"

	"lesson/capture/capturetest"
)

// write lays a segment out as a frame, with right lengths and checksums.
func (g *generator) write(c *connection, p *packet) {
	be := binary.BigEndian
	b := append(g.frame[:0], 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1)
	options := c.options(p)
	length := 20 + len(options) + int(p.length)
	if c.v6 {
		b = append(b, 0x86, 0xdd, 0x60, 0, 0, 0)
		b = be.AppendUint16(b, uint16(length))
		b = append(b, 6, 64)
		for _, end := range [2]uint8{p.dir, 1 - p.dir} {
			b = append(b, 0x20, 1, 0xd, 0xb8, end, 0, 0, 0, 0, 0, 0, 0)
			b = be.AppendUint32(b, c.client[end])
		}
	} else {
		b = append(b, 8, 0, 0x45, 0)
		b = be.AppendUint16(b, uint16(20+length))
		b = append(b, 0, 0, 0x40, 0, 64, 6, 0, 0)
		for _, end := range [2]uint8{p.dir, 1 - p.dir} {
			b = be.AppendUint32(b, uint32(10+end)<<24|c.client[end])
		}
		be.PutUint16(b[24:], ^sum(0, b[14:34]))
	}
	at := len(b)
	addresses := b[at-32:]
	if !c.v6 {
		addresses = b[at-8:]
	}
	b = be.AppendUint16(b, c.port[p.dir])
	b = be.AppendUint16(b, c.port[1-p.dir])
	b = be.AppendUint32(b, p.seq)
	b = be.AppendUint32(b, p.ack)
	b = append(b, byte(20+len(options))<<2, p.flags)
	b = be.AppendUint16(b, p.window)
	b = append(b, 0, 0, 0, 0)
	b = append(b, options...)
	from := int(p.seq) & (len(g.noise) - 1)
	for range p.length { // by number, so that what is sent again is the same
		b = append(b, g.noise[from])
		from = (from + 1) & (len(g.noise) - 1)
	}
	pseudo := uint64(6+length) + uint64(sum(0, addresses))
	be.PutUint16(b[at+16:], ^sum(pseudo, b[at:]))
	g.frame = b
	g.record = capturetest.Record(g.record[:0], p.at, b)
	_, _ = g.out.Write(g.record) // the error stays with the writer
}

// options are a segment's TCP options.
func (c *connection) options(p *packet) []byte {
	be := binary.BigEndian
	stamps := func(b []byte) []byte {
		b = be.AppendUint32(b, uint32(p.at/1e6))
		return be.AppendUint32(b, uint32(p.at/1e6-10)*uint32(p.flags>>4&1))
	}
	switch p.options {
	case synOptions:
		b := []byte{2, 4, 0x05, 0xb4, 4, 2, 8, 10}
		return append(stamps(b), 1, 3, 3, 7)
	case timestamps:
		return stamps([]byte{1, 1, 8, 10})
	case sackBlock:
		b := []byte{1, 1, 5, 10}
		return be.AppendUint32(be.AppendUint32(b, p.sack[0]), p.sack[1])
	case noOptions:
	}
	return nil
}

// sum is the ones' complement sum of b and what was summed before.
func sum(before uint64, b []byte) uint16 {
	for ; len(b) >= 2; b = b[2:] {
		before += uint64(b[0])<<8 | uint64(b[1])
	}
	if len(b) > 0 {
		before += uint64(b[0]) << 8
	}
	for before > 0xffff {
		before = before>>16 + before&0xffff
	}
	return uint16(before)
}
