package capturetest

import (
	"encoding/binary"
	"net/netip"

	"lesson/lesson/tcp"
)

// ICMP makes the IP packet of an ICMP error about a packet, from m.From to who
// has sent that. It quotes as many bytes of it as are given: of IPv4 usually the
// header and eight bytes (RFC 792).
func ICMP(m *tcp.ICMPError, quoted []byte) []byte {
	from := netip.AddrFrom16(m.From)
	message := append([]byte{m.Type, m.Code, 0, 0}, binary.BigEndian.AppendUint32(nil, m.MTU)...)
	message = append(message, quoted...)
	var packet, pseudo []byte
	if m.V6 {
		src, to := from.As16(), quoted[8:24]
		pseudo = append(append(pseudo, src[:]...), to...)
		pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(message)))
		pseudo = append(pseudo, 0, 0, 0, 58)
		packet = append(packet, 0x60, 0, 0, 0)
		packet = append(binary.BigEndian.AppendUint16(packet, uint16(len(message))), 58, 64)
		packet = append(append(packet, src[:]...), to...)
	} else {
		src, to := from.Unmap().As4(), quoted[12:16]
		packet = append(packet, 0x45, 0)
		packet = append(binary.BigEndian.AppendUint16(packet, uint16(20+len(message))), 0, 0, 0x40, 0, 64, 1, 0, 0)
		packet = append(append(packet, src[:]...), to...)
		binary.BigEndian.PutUint16(packet[10:], checksum(packet))
	}
	binary.BigEndian.PutUint16(message[2:], checksum(append(pseudo, message...)))
	if m.BadChecksum {
		message[2] ^= 1
	}
	return append(packet, message...)
}

// checksum is the ones' complement of the sum of data (RFC 1071).
func checksum(data []byte) uint16 {
	sum := uint32(0)
	for i, b := range data {
		sum += uint32(b) << (8 * (1 - i&1))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
