package capture

import (
	"encoding/binary"
	"math/bits"
)

// Whether a checksum is wrong
//
// A sender whose hardware makes the checksums, and every sender on a loopback
// interface, leaves the field unfinished, and a capture made there sees it so.
// Calling those wrong would call half of all captures wrong; not looking would
// miss the segments that the receiver really drops. So:
//
//  1. Only a segment that was captured whole, with a length from its IP
//     header, is looked at.
//  2. A field that holds the sum of the pseudo-header alone, with or without
//     the segment's length, or nothing, is unfinished, not wrong.
//  3. Of the rest, a wrong sum is held against a segment only if its sender
//     has shown that its sums can be trusted: more of them were right, or
//     unfinished in the known way, than wrong. A capture in which all of a
//     sender's sums are wrong tells nothing about any one of them.

// verdict is what one segment's checksum field looks like.
type verdict uint8

const (
	sumUnknown  verdict = iota // not captured whole, or left empty
	sumRight                   // right
	sumPartial                 // the pseudo-header's sum: to be finished by hardware
	sumMistaken                // none of these
)

// sum looks at the checksum of the segment in l, between two addresses.
func (l *segmentLayer) sum(src, dst *[16]byte) verdict {
	f := l.frame
	if f.missing > 0 || f.guessed || f.rerouted {
		return sumUnknown
	}
	written := uint64(binary.BigEndian.Uint16(l.header[16:]))
	if written == 0 {
		return sumUnknown
	}
	whole := l.header[:len(l.header)+len(l.payload)]
	pseudo := addresses(src, dst) + protoTCP
	length := uint64(len(whole))
	switch {
	case fold(add(pseudo+length, whole)) == 0xffff:
		return sumRight
	case written == fold(pseudo+length), written == fold(pseudo):
		return sumPartial
	}
	return sumMistaken
}

// addresses is the sum of two addresses. The prefix that maps those of IPv4,
// 0xffff, is nothing in ones' complement.
func addresses(src, dst *[16]byte) (sum uint64) {
	for _, ip := range [...]*[16]byte{src, dst} {
		hi, lo := binary.BigEndian.Uint64(ip[:8]), binary.BigEndian.Uint64(ip[8:])
		sum += hi>>32 + hi&0xffffffff + lo>>32 + lo&0xffffffff
	}
	return sum
}

// add adds data of at least eight bytes, as big-endian 16-bit words, to a ones'
// complement sum. How long a payload is cannot be predicted, so nothing
// branches on its last bits.
func add(sum uint64, data []byte) uint64 {
	be := binary.BigEndian
	last := be.Uint64(data[len(data)-8:])
	var carry uint64
	for ; len(data) >= 16; data = data[16:] {
		sum, carry = bits.Add64(sum, be.Uint64(data), 0)
		sum, carry = bits.Add64(sum, be.Uint64(data[8:]), carry)
		sum += carry
	}
	if len(data) >= 8 {
		sum, carry = bits.Add64(sum, be.Uint64(data), 0)
		sum, data = sum+carry, data[8:]
	}
	sum, carry = bits.Add64(sum, last<<(64-8*uint(len(data))), 0) // without what was added before
	return sum + carry
}

// fold brings a ones' complement sum down to 16 bits.
func fold(sum uint64) uint64 {
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	return sum>>16 + sum&0xffff
}

// senders remembers how the sums of each source address have been. A crowded
// slot belongs to who came last: forgetting only makes us doubt less.
type senders [1024]struct {
	ip           [16]byte
	fine, faulty uint32
}

// judge notes a verdict on a segment from ip, and reports whether the segment
// has to be called wrong.
func (t *senders) judge(ip *[16]byte, v verdict) bool {
	if v == sumUnknown {
		return false
	}
	h := binary.LittleEndian.Uint64(ip[:]) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(ip[8:]), 32)
	s := &t[h*0x9e3779b97f4a7c15>>54]
	if s.ip != *ip {
		s.ip, s.fine, s.faulty = *ip, 0, 0
	}
	if v != sumMistaken {
		s.fine++
		return false
	}
	bad := s.fine > s.faulty
	s.faulty++
	return bad
}
