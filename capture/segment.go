package capture

import (
	"encoding/binary"

	"github.com/google/gopacket"

	"lesson/lesson/tcp"
)

const (
	headerLen = 20 // a TCP header without options
	flagsEnd  = 14 // where the flags end within it
)

// segmentLayer finds a TCP header, also one that the snap length cut, and its
// payload, behind which nothing is read.
type segmentLayer struct {
	frame   *frame
	header  []byte // as captured
	payload []byte // as captured
	length  uint32 // of the payload, on the wire
}

func (l *segmentLayer) CanDecode() gopacket.LayerClass    { return layerTypeTCP }
func (l *segmentLayer) NextLayerType() gopacket.LayerType { return gopacket.LayerTypeZero }
func (l *segmentLayer) LayerPayload() []byte              { return nil }

func (l *segmentLayer) DecodeFromBytes(data []byte, _ gopacket.DecodeFeedback) error {
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
	return nil
}

// fill describes the segment, but for its time, addresses and checksum. Of a
// header that was cut, the options count as far as whole words of it go.
func (l *segmentLayer) fill(s *tcp.Segment) {
	var h [headerLen]byte // 0 where nothing was captured
	n := copy(h[:], l.header)
	s.Src.Port, s.Dst.Port = binary.BigEndian.Uint16(h[0:]), binary.BigEndian.Uint16(h[2:])
	s.Seq, s.Ack = tcp.Seq(binary.BigEndian.Uint32(h[4:])), tcp.Seq(binary.BigEndian.Uint32(h[8:]))
	s.Flags = tcp.Flags(binary.BigEndian.Uint16(h[12:])) & (tcp.AE<<1 - 1)
	s.Window, s.Urgent = binary.BigEndian.Uint16(h[14:]), binary.BigEndian.Uint16(h[18:])
	s.CutOff = uint8(headerLen - n)
	if !s.HasWindow() {
		s.Window = 0xffff
	}
	if !s.HasUrgent() {
		s.Urgent = 0
	}
	s.Len = l.length
	s.Options.Cut = len(l.header) < int(h[12]>>4)*4
	if n == headerLen {
		readOptions(l.header[headerLen:len(l.header)&^3], &s.Options)
	}
}

// readOptions reads an option list (RFC 9293 §3.1) up to its end or to the
// first option that is shorter than itself or longer than the rest.
func readOptions(list []byte, o *tcp.Options) {
	for len(list) > 0 {
		switch list[0] {
		case 0: // the end of the list
			return
		case 1: // one byte of padding
			list = list[1:]
			continue
		}
		if len(list) < 2 || list[1] < 2 || int(list[1]) > len(list) {
			return
		}
		readOption(list[0], list[2:list[1]], o)
		list = list[list[1]:]
	}
}

// readOption takes over an option that means something here and is as long as
// it should be.
func readOption(kind byte, v []byte, o *tcp.Options) {
	switch kind {
	case 2:
		if len(v) == 2 {
			o.MSS, o.HasMSS = binary.BigEndian.Uint16(v), true
		}
	case 3:
		if len(v) == 1 {
			o.WindowScale, o.HasScale = v[0], true
		}
	case 4:
		o.SACKPermitted = o.SACKPermitted || len(v) == 0
	case 5:
		for o.SACKBlocks = 0; len(v) >= 8 && int(o.SACKBlocks) < len(o.SACK); v = v[8:] {
			o.SACK[o.SACKBlocks] = tcp.SACKBlock{
				Left:  tcp.Seq(binary.BigEndian.Uint32(v)),
				Right: tcp.Seq(binary.BigEndian.Uint32(v[4:])),
			}
			o.SACKBlocks++
		}
	case 8:
		if len(v) == 8 {
			o.TSVal, o.TSEcr = binary.BigEndian.Uint32(v), binary.BigEndian.Uint32(v[4:])
			o.HasTimestamps = true
		}
	case 34: // Fast Open (RFC 7413)
		o.HasFastOpen = true
	case 254: // its number before it had one
		o.HasFastOpen = o.HasFastOpen || len(v) >= 2 && v[0] == 0xf9 && v[1] == 0x89
	}
}
