package wire

import (
	"bytes"
	"encoding/binary"
	"time"

	"lesson/capture"
	"lesson/lesson/tcp"
)

// Frame is one TCP segment on the wire. Its bytes are its own.
type Frame struct {
	tcp.Captured
	From tcp.End // the host that sent it
}

// Where fields lie in the headers.
const (
	ethernetLen = 14
	tcpLen      = 20 // without options

	protocol = 6 // TCP's number in IP headers

	offSeq, offAck, offFlags, offWindow, offSum, offUrgent = 4, 8, 12, 14, 16, 18
)

// clone is a copy with bytes of its own, those behind them not kept.
func (f *Frame) clone() Frame {
	c := *f
	c.Raw = bytes.Clone(f.Raw)
	header := len(c.Raw) - len(f.Payload) - len(f.Header)
	c.Header = c.Raw[header : header+len(f.Header)]
	c.Payload = c.Raw[header+len(f.Header):]
	return c
}

// Corrupt is a copy with one bit turned over on its way, so that the checksum
// no longer fits (RFC 9293 §3.1): the last one of the payload, or, where there
// is none, of the urgent pointer, which nobody reads.
func (f *Frame) Corrupt() Frame {
	c := f.clone()
	c.BadChecksum = true
	if n := len(c.Payload); n > 0 {
		c.Payload[n-1] ^= 1
		return c
	}
	c.Urgent ^= 1
	binary.BigEndian.PutUint16(c.Header[offUrgent:], c.Urgent)
	return c
}

// Altered is a segment as its sender might have sent it once: a copy without
// payload in which change has set Seq, Ack, Flags or Window anew, with right
// checksums. Other fields keep their values. Only a SYN keeps its options.
func (f *Frame) Altered(change func(*tcp.Segment)) Frame {
	s := f.Segment
	change(&s)

	header := bytes.Clone(f.Header)
	if !s.Flags.Has(tcp.SYN) || !f.Flags.Has(tcp.SYN) {
		header = header[:tcpLen]
	}
	binary.BigEndian.PutUint32(header[offSeq:], uint32(s.Seq))
	binary.BigEndian.PutUint32(header[offAck:], uint32(s.Ack))
	binary.BigEndian.PutUint16(header[offFlags:], uint16(len(header)/4)<<12|uint16(s.Flags))
	binary.BigEndian.PutUint16(header[offWindow:], s.Window)

	network := bytes.Clone(f.Raw[:len(f.Raw)-len(f.Payload)-len(f.Header)])
	c := Frame{From: f.From}
	frame := append(network, header...)
	finish(frame, len(network))
	var d capture.Decoder
	c.Captured, _ = d.Decode(f.Time, capture.LinkEthernet, frame)
	c.Number = f.Number
	return c
}

// Blank is a bare SYN from a port of one host to a port of the other, with
// sequence number 0 and no options: what Altered can make any segment of.
func (w *Wire) Blank(from tcp.End, fromPort, toPort uint16) Frame {
	src, dst := w.Addr(from), w.Addr(from.Peer())
	frame := append(hardware(from.Peer()), hardware(from)...)
	if src.Is4() {
		frame = append(frame, 0x08, 0x00, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0)
	} else {
		frame = append(frame, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, protocol, 64)
	}
	frame = append(append(frame, src.AsSlice()...), dst.AsSlice()...)
	at := len(frame)
	header := make([]byte, tcpLen)
	binary.BigEndian.PutUint16(header, fromPort)
	binary.BigEndian.PutUint16(header[2:], toPort)
	binary.BigEndian.PutUint16(header[offFlags:], tcpLen/4<<12|uint16(tcp.SYN))
	binary.BigEndian.PutUint16(header[offWindow:], 0xffff)
	frame = append(frame, header...)
	finish(frame, at)
	f := Frame{From: from}
	var d capture.Decoder
	f.Captured, _ = d.Decode(time.Now().UnixNano(), capture.LinkEthernet, frame)
	return f
}

// finish sets the lengths and checksums of a frame whose TCP header begins at
// the given place. The hosts' IPv6 packets have no extension headers.
func finish(frame []byte, at int) {
	ip, segment := frame[ethernetLen:at], frame[at:]
	addresses := ip[8:]
	if ip[0]>>4 == 4 {
		addresses = ip[12:20]
		binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)+len(segment)))
		binary.BigEndian.PutUint16(ip[10:], 0)
		binary.BigEndian.PutUint16(ip[10:], ^sum(0, ip))
	} else {
		binary.BigEndian.PutUint16(ip[4:], uint16(len(segment)))
	}
	pseudo := sum(protocol+uint32(len(segment)), addresses) // RFC 9293 §3.1
	binary.BigEndian.PutUint16(segment[offSum:], 0)
	binary.BigEndian.PutUint16(segment[offSum:], ^sum(uint32(pseudo), segment))
}

// sum adds data to a ones' complement sum (RFC 1071). Headers have an even
// number of bytes.
func sum(start uint32, data []byte) uint16 {
	for ; len(data) > 1; data = data[2:] {
		start += uint32(binary.BigEndian.Uint16(data))
	}
	for start > 0xffff {
		start = start>>16 + start&0xffff
	}
	return uint16(start)
}
