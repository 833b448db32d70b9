package capture

import (
	"encoding/binary"
	"io"
	"strings"
	"unicode/utf8"

	"lesson/lesson/tcp"
)

// Writer writes segments as pcapng, each with a comment that Wireshark shows
// beside the packet. It is our own because pcapgo's writer knows neither
// comments nor link types beyond 255.
type Writer struct {
	w     io.Writer
	buf   []byte // what the next flush will write
	block int    // where in it the last block begins
}

// Option codes.
const (
	optEnd         = 0
	optComment     = 1
	optApplication = 4 // in a section header
	optResolution  = 9 // in an interface description
)

// maxComment keeps a comment within the 16 bits of an option's length.
const maxComment = 0xfff0

// NewWriter begins a capture of frames of the given link type. Everything is
// written at once, nothing is held back: w is complete after each call.
func NewWriter(w io.Writer, link LinkType) (*Writer, error) {
	n := &Writer{w: w}
	n.begin(blockSection)
	n.u32(byteOrderMagic)
	n.u16(1, 0)       // version
	n.u32(^uint32(0)) // length of the section: not known,
	n.u32(^uint32(0)) // in 64 bits
	n.option(optApplication, "lesson")
	n.option(optEnd, "")
	n.end()
	n.begin(blockInterface)
	n.u16(uint16(link), 0)
	n.u32(0) // snap length: whole frames
	n.option(optResolution, "\x09")
	n.option(optEnd, "")
	n.end()
	return n, n.flush()
}

// Write adds a segment with its comment, which may be empty. Bytes of it that
// are not UTF-8 are replaced, and what is longer than 65,520 bytes is cut.
func (n *Writer) Write(c *tcp.Captured, comment string) error {
	n.begin(blockPacket)
	n.u32(0) // the interface
	n.u32(uint32(uint64(c.Time) >> 32))
	n.u32(uint32(c.Time))
	n.u32(uint32(len(c.Raw)))
	n.u32(uint32(max(c.RawLen, len(c.Raw))))
	n.buf = append(n.buf, c.Raw...)
	n.pad()
	if comment != "" {
		n.option(optComment, clean(comment))
		n.option(optEnd, "")
	}
	n.end()
	return n.flush()
}

// clean makes a comment valid UTF-8 of at most maxComment bytes.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) <= maxComment {
		return s
	}
	n := maxComment
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func (n *Writer) u16(v ...uint16) {
	for _, v := range v {
		n.buf = binary.LittleEndian.AppendUint16(n.buf, v)
	}
}

func (n *Writer) u32(v uint32) { n.buf = binary.LittleEndian.AppendUint32(n.buf, v) }

func (n *Writer) pad() {
	for len(n.buf)%4 != 0 {
		n.buf = append(n.buf, 0)
	}
}

func (n *Writer) option(code uint16, value string) {
	n.u16(code, uint16(len(value)))
	n.buf = append(n.buf, value...)
	n.pad()
}

// begin starts a block in the buffer, behind those that are not written yet.
func (n *Writer) begin(typ uint32) {
	n.block = len(n.buf)
	n.u32(typ)
	n.u32(0)
}

// end closes the block and writes its length at both of its ends.
func (n *Writer) end() {
	n.u32(uint32(len(n.buf) - n.block + 4))
	copy(n.buf[n.block+4:], n.buf[len(n.buf)-4:])
}

func (n *Writer) flush() error {
	_, err := n.w.Write(n.buf)
	n.buf = n.buf[:0]
	return err
}
