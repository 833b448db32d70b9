package trial

import (
	"testing"

	"lesson/lesson/tcp"
)

// A kernel's own answer to what has just been delivered goes first; else what
// was sent first; and never one before an earlier one of the same sender.
func TestTake(t *testing.T) {
	const c, s = tcp.Client, tcp.Server
	seg := func(number int, from tcp.End, flags tcp.Flags, length uint32) *passage {
		p := &passage{from: from}
		p.Number, p.Flags, p.Len = number, flags, length
		return p
	}
	tests := []struct {
		name string
		last tcp.End // who has received last
		sent []*passage
		want []int
	}{
		{"in order", s, []*passage{seg(1, c, tcp.ACK, 5), seg(2, s, tcp.ACK, 5), seg(3, c, tcp.ACK, 5)}, []int{1, 2, 3}},
		{"an answer before the next", s, []*passage{seg(1, c, tcp.FIN|tcp.ACK, 0), seg(2, s, tcp.ACK, 0)}, []int{2, 1}},
		{"no answer of the other end", c, []*passage{seg(1, c, tcp.FIN|tcp.ACK, 0), seg(2, s, tcp.ACK, 0)}, []int{1, 2}},
		{"an answer stays behind its sender's data", s, []*passage{seg(1, c, tcp.ACK, 5), seg(2, s, tcp.ACK, 5), seg(3, s, tcp.ACK, 0)}, []int{1, 2, 3}},
		{"SYN ACK is an answer", s, []*passage{seg(1, c, tcp.SYN, 0), seg(2, s, tcp.SYN|tcp.ACK, 0)}, []int{2, 1}},
		{"nothing", c, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := flight{last: tt.last}
			for _, p := range tt.sent {
				f.add(p)
			}
			for i, want := range tt.want {
				p := f.take()
				if p.Number != want {
					t.Fatalf("segment %d goes as number %d, want %d", p.Number, i+1, want)
				}
			}
			if p := f.take(); p != nil {
				t.Errorf("segment %d twice", p.Number)
			}
		})
	}
}

// A segment was sent before another had come if it waits for a byte of that one.
// What lies beyond a hole is never acknowledged, so nothing tells.
func TestIgnores(t *testing.T) {
	ends := [2]tcp.Endpoint{{Port: 1}, {Port: 2}}
	p := &passage{}
	p.Src, p.Dst, p.Seq, p.Len = ends[0], ends[1], 100, 20
	for ack, want := range map[tcp.Seq]bool{99: false, 100: true, 119: true, 120: false} {
		q := &passage{}
		q.Src, q.Dst, q.Flags, q.Ack = ends[1], ends[0], tcp.ACK, ack
		if got := q.ignores(p); got != want {
			t.Errorf("what acknowledges %d ignores 100 to 119: %v, want %v", ack, got, want)
		}
	}
}
