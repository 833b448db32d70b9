package wire

import (
	"bytes"
	"encoding/binary"

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
	const protocol = 6
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
