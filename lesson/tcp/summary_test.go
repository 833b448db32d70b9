package tcp_test

import (
	"testing"

	"lesson/lesson/tcp"
)

// What one segment counts as, by Wireshark's bits.
func TestCompleteness(t *testing.T) {
	const syn, synAck, ack, data, fin, rst = 1, 2, 4, 8, 16, 32
	for _, tt := range []struct {
		flags tcp.Flags
		bytes uint32
		want  tcp.Completeness
	}{
		{tcp.SYN, 0, syn},
		{tcp.SYN | tcp.ECE | tcp.CWR, 0, syn},
		{tcp.SYN, 5, syn | data},
		{tcp.SYN | tcp.ACK, 0, synAck},
		{tcp.SYN | tcp.ACK, 5, synAck},
		{tcp.ACK, 0, ack},
		{tcp.PSH | tcp.ACK, 0, ack},
		{tcp.ACK, 5, data},
		{tcp.FIN | tcp.ACK, 0, ack | fin},
		{tcp.FIN | tcp.PSH | tcp.ACK, 5, data | fin},
		{tcp.FIN, 0, 0},
		{0, 5, 0},
		{tcp.RST, 0, rst},
		{tcp.RST | tcp.ACK, 0, ack | rst},
		{tcp.RST | tcp.SYN | tcp.ACK, 0, synAck | rst},
	} {
		var c tcp.Conn
		for range 2 { // of a lone segment tshark counts no more than the SYN
			c.Follow(&tcp.Segment{Src: tcp.Endpoint{Port: 1}, Dst: tcp.Endpoint{Port: 2}, Flags: tt.flags, Len: tt.bytes})
		}
		if got := c.Summary().Completeness; got != tt.want {
			t.Errorf("%v with %d bytes: %d, want %d", tt.flags, tt.bytes, got, tt.want)
		}
	}
}
