package capture

import (
	"encoding/binary"
	"math/bits"
)

// pcapng reads the newer format
// (https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/). It is our own
// because pcapgo's reader allocates what a packet claims to be long, panics at
// short options, keeps only 8 bits of a link type and does not compare a
// block's two lengths. Blocks that hold no packet are passed over; those that
// Wireshark shows as a record of its own take a number all the same.
type pcapng struct {
	in         *input
	order      byteOrder
	interfaces []ngInterface
	most       int // of them in a section
}

// ngInterface is what is needed of an interface description.
type ngInterface struct {
	link   LinkType
	snap   uint32
	res    uint8 // if_tsresol: 10^-res s, or 2^-(res&0x7f) s with the top bit
	offset int64 // if_tsoffset, seconds
}

// Block types.
const (
	blockInterface = 1
	blockOldPacket = 2
	blockSimple    = 3
	blockPacket    = 6
	blockSection   = 0x0a0d0d0a // reads the same in both byte orders

	// No packets, but Wireshark numbers them.
	blockJournal       = 9 // an entry of systemd's journal
	blockCustom        = 0xbad
	blockCustomPrivate = 0x40000bad // not to be copied
	blockSysdig        = 0x204      // a system call
	blockSysdig2       = 0x216
	blockSysdig2Large  = 0x221
)

const byteOrderMagic = 0x1a2b3c4d

func (f *pcapng) next(p *packet) error {
	p.record = false
	for {
		typ, body, err := f.block()
		if err != nil {
			return err
		}
		switch typ {
		case blockSection:
			f.interfaces = f.interfaces[:0]
			if major := f.order.Uint16(body[4:]); major != 1 {
				return damagef("the section is of pcapng version %d, not 1", "该段的 pcapng 版本是 %d，而不是 1", major)
			}
		case blockInterface:
			err = f.describe(body)
		case blockPacket:
			return f.packet(p, f.order.Uint32(body), body)
		case blockOldPacket:
			return f.packet(p, uint32(f.order.Uint16(body)), body)
		case blockSimple:
			return f.simple(p, body)
		case blockJournal, blockCustom, blockCustomPrivate, blockSysdig, blockSysdig2, blockSysdig2Large:
			p.data, p.wire, p.record = nil, 0, true
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// fixed is how many bytes of a block's body come before its options or data.
func fixed(typ uint32) uint32 {
	switch typ {
	case blockSection:
		return 16
	case blockInterface:
		return 8
	case blockOldPacket, blockPacket:
		return 20
	case blockSimple:
		return 4
	}
	return 0
}

// block reads one block. The body is nil for a type that holds nothing for us.
func (f *pcapng) block() (uint32, []byte, error) {
	head, err := f.in.take(8)
	if err != nil {
		return 0, nil, err
	}
	if binary.BigEndian.Uint32(head) == blockSection {
		if err := f.section(); err != nil {
			return 0, nil, err
		}
		head, _ = f.in.take(8) // they are there
	}
	typ, total := f.order.Uint32(head), f.order.Uint32(head[4:])
	need := fixed(typ)
	if total < 12+need || total%4 != 0 {
		return 0, nil, damagef("its block claims to be %d bytes long", "它所在的块自称有 %d 字节长", total)
	}
	var body []byte
	if need == 0 {
		if err := f.in.skip(int64(total) - 12); err != nil {
			return 0, nil, err
		}
		if body, err = f.in.take(4); err != nil {
			return 0, nil, unexpected(err)
		}
	} else {
		if total > maxRecord {
			return 0, nil, tooLong(total)
		}
		f.in.untake() // the head again, with all the rest
		if body, err = f.in.take(int(total)); err != nil {
			return 0, nil, unexpected(err)
		}
		body = body[8:]
	}
	body, trailer := body[:len(body)-4], f.order.Uint32(body[len(body)-4:])
	if trailer != total {
		return 0, nil, damagef("its block is %d bytes long at its beginning and %d at its end",
			"它所在的块开头说有 %d 字节，结尾却说有 %d 字节", total, trailer)
	}
	return typ, body, nil
}

// section learns the byte order from a section header, whose first 8 bytes
// were just taken. It takes nothing.
func (f *pcapng) section() error {
	f.in.untake()
	head, err := f.in.take(12)
	if err != nil {
		return unexpected(err)
	}
	f.in.untake()
	switch uint32(byteOrderMagic) {
	case binary.LittleEndian.Uint32(head[8:]):
		f.order = littleEndian
	case binary.BigEndian.Uint32(head[8:]):
		f.order = bigEndian
	default:
		return damagef("its section has no byte order", "它所在的段没有字节序标记")
	}
	return nil
}

// interfaceCost is about what one interface takes, in bytes, while the list of them grows.
const interfaceCost = 128

// describe adds an interface.
func (f *pcapng) describe(body []byte) error {
	if len(f.interfaces) == f.most {
		return damagef("its section describes more than %d interfaces", "它所在的段描述了超过 %d 个接口", f.most)
	}
	i := ngInterface{link: LinkType(f.order.Uint16(body)), snap: f.order.Uint32(body[4:]), res: 6}
	for o := body[8:]; len(o) >= 4; {
		code, n := f.order.Uint16(o), int(f.order.Uint16(o[2:]))
		if o = o[4:]; code == 0 {
			break
		}
		if n > len(o) {
			return damagef("an interface option claims to be %d bytes long", "某个接口选项自称有 %d 字节长", n)
		}
		switch {
		case code == 9 && n >= 1:
			i.res = o[0]
		case code == 14 && n >= 8:
			i.offset = int64(f.order.Uint64(o))
		}
		o = o[min(len(o), (n+3)&^3):]
	}
	f.interfaces = append(f.interfaces, i)
	return nil
}

func (f *pcapng) at(n uint32) (*ngInterface, error) {
	if uint64(n) >= uint64(len(f.interfaces)) {
		return nil, damagef("it names interface %d, which the capture does not describe",
			"它提到接口 %d，而抓包中没有对该接口的描述", n)
	}
	return &f.interfaces[n], nil
}

// packet reads an enhanced or an obsolete packet block.
func (f *pcapng) packet(p *packet, iface uint32, body []byte) error {
	i, err := f.at(iface)
	if err != nil {
		return err
	}
	captured := f.order.Uint32(body[12:])
	if uint64(captured) > uint64(len(body)-20) {
		return tooLong(captured)
	}
	p.time = i.time(uint64(f.order.Uint32(body[4:]))<<32 | uint64(f.order.Uint32(body[8:])))
	p.link, p.wire, p.on = i.link, wireLen(f.order.Uint32(body[16:])), iface+1
	p.data = body[20:][:captured]
	return nil
}

// simple reads a simple packet block, which has no time.
func (f *pcapng) simple(p *packet, body []byte) error {
	i, err := f.at(0)
	if err != nil {
		return err
	}
	wire := f.order.Uint32(body)
	captured := wire
	if i.snap > 0 {
		captured = min(captured, i.snap)
	}
	if uint64(captured) > uint64(len(body)-4) {
		return tooLong(captured)
	}
	p.time, p.link, p.wire, p.on = 0, i.link, wireLen(wire), 1
	p.data = body[4:][:captured]
	return nil
}

// time converts an interface's time units to ns since 1970. Time stamps too
// large for that wrap around.
func (i *ngInterface) time(t uint64) int64 {
	ns := i.offset * 1e9
	if n := i.res & 0x7f; i.res >= 0x80 {
		if n >= 64 {
			hi, _ := bits.Mul64(t, 1e9)
			return ns + int64(hi>>(n-64))
		}
		hi, lo := bits.Mul64(t&(1<<n-1), 1e9)
		return ns + int64(t>>n*1e9) + int64(hi<<(64-n)|lo>>n)
	}
	for n := i.res; n < 9; n++ {
		t *= 10
	}
	for n := i.res; n > 9 && t > 0; n-- {
		t /= 10
	}
	return ns + int64(t)
}
