package capture

import (
	"encoding/binary"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"lesson/lesson/tcp"
)

const (
	headerLen    = 20 // a TCP header without options
	maxHeaderLen = 60
	flagsEnd     = 14 // where the flags end within it
	windowEnd    = 16
)

// segmentLayer is gopacket's TCP layer, behind which it reads nothing, and
// which also takes a header that the snap length cut.
type segmentLayer struct {
	layers.TCP
	frame   *frame
	header  []byte // as captured
	payload []byte // as captured
	length  uint32 // of the payload, on the wire
	scratch [maxHeaderLen]byte
}

func (l *segmentLayer) NextLayerType() gopacket.LayerType { return gopacket.LayerTypeZero }

func (l *segmentLayer) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	f := l.frame
	total := len(data) + f.missing
	if total < headerLen {
		f.outcome = isMalformed
		return errMalformed
	}
	if len(data) < flagsEnd {
		f.outcome = isCutShort
		return errShort
	}
	n := int(data[12]>>4) * 4
	if n < headerLen || n > total {
		f.outcome = isMalformed
		return errMalformed
	}
	l.header = data[:min(n, len(data))]
	l.payload = data[len(l.header):]
	l.length = uint32(total - n)
	f.outcome = isSegment
	whole := l.header
	if len(whole) < n {
		// Give gopacket a header that ends where the capture does.
		l.scratch = [maxHeaderLen]byte{}
		copy(l.scratch[:], l.header)
		whole = l.scratch[:max(headerLen, len(l.header)&^3)]
		l.scratch[12] = byte(len(whole)/4)<<4 | data[12]&0xf
	}
	// An error can only come from the options; those before it count.
	_ = l.TCP.DecodeFromBytes(whole, df)
	return nil
}

// fill describes the segment, but for its time, addresses and checksum.
func (l *segmentLayer) fill(s *tcp.Segment) {
	s.Src.Port, s.Dst.Port = uint16(l.SrcPort), uint16(l.DstPort)
	s.Seq, s.Ack = tcp.Seq(l.Seq), tcp.Seq(l.Ack)
	s.Flags = tcp.Flags(binary.BigEndian.Uint16(l.header[12:])) & (tcp.AE<<1 - 1)
	s.Window, s.Urgent = l.Window, l.Urgent
	if len(l.header) < windowEnd {
		s.Window = 0xffff
	}
	s.Len = l.length
	options(l.TCP.Options, &s.Options)
}

// options takes over those that mean something here and are as long as they
// should be.
func options(list []layers.TCPOption, o *tcp.Options) {
	for i := range list {
		v := list[i].OptionData
		switch list[i].OptionType {
		case layers.TCPOptionKindMSS:
			if len(v) == 2 {
				o.MSS, o.HasMSS = binary.BigEndian.Uint16(v), true
			}
		case layers.TCPOptionKindWindowScale:
			if len(v) == 1 {
				o.WindowScale, o.HasScale = v[0], true
			}
		case layers.TCPOptionKindSACKPermitted:
			o.SACKPermitted = o.SACKPermitted || len(v) == 0
		case layers.TCPOptionKindTimestamps:
			if len(v) == 8 {
				o.TSVal, o.TSEcr = binary.BigEndian.Uint32(v), binary.BigEndian.Uint32(v[4:])
				o.HasTimestamps = true
			}
		case layers.TCPOptionKindSACK:
			for o.SACKBlocks = 0; len(v) >= 8 && int(o.SACKBlocks) < len(o.SACK); v = v[8:] {
				o.SACK[o.SACKBlocks] = tcp.SACKBlock{
					Left:  tcp.Seq(binary.BigEndian.Uint32(v)),
					Right: tcp.Seq(binary.BigEndian.Uint32(v[4:])),
				}
				o.SACKBlocks++
			}
		case 34: // Fast Open (RFC 7413)
			o.HasFastOpen = true
		case 254: // its number before it had one
			o.HasFastOpen = o.HasFastOpen || len(v) >= 2 && v[0] == 0xf9 && v[1] == 0x89
		}
	}
}
