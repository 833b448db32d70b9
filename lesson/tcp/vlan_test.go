package tcp_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"lesson/lesson/tcp"
)

func TestVLANs(t *testing.T) {
	for _, c := range []struct{ tags, want []uint16 }{
		{nil, nil}, {[]uint16{0}, nil}, {[]uint16{7}, []uint16{7}}, {[]uint16{0, 4095}, []uint16{4095}},
		{[]uint16{4095, 1}, []uint16{4095, 1}}, {[]uint16{1, 4095}, []uint16{1, 4095}}, {[]uint16{1, 0, 2}, []uint16{1, 2}},
		{[]uint16{1, 2, 3}, nil},
	} {
		tags := uint32(0)
		for _, id := range c.tags {
			tags = tcp.WithVLAN(tags, id)
		}
		if ids, n := tcp.VLANs(tags); !slices.Equal(ids[:n], c.want) {
			t.Errorf("%v: %v", c.tags, ids[:n])
		}
		if _, n := tcp.VLANs(tcp.WithNetwork(tags, 7)); n != 0 {
			t.Errorf("%v within another network: %d identifiers", c.tags, n)
		}
		if tcp.WithVLAN(tcp.WithNetwork(tags, 7), 1) == tcp.WithVLAN(tcp.WithNetwork(tags, 8), 1) {
			t.Errorf("%v within two networks are one", c.tags)
		}
	}
}

// A segment of the connection fits it, whatever its numbers wrap around; one of
// another connection does only by chance.
func TestFits(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	ends := [2]tcp.Endpoint{{Port: 40000}, {Port: 80}}
	chance := 0
	for range 2000 {
		var c tcp.Conn
		first := [2]tcp.Seq{tcp.Seq(rng.Uint32()), tcp.Seq(rng.Uint32())}
		other := [2]tcp.Seq{tcp.Seq(rng.Uint32()), tcp.Seq(rng.Uint32())}
		next := first
		for i, f := range []tcp.Flags{tcp.SYN, tcp.SYN | tcp.ACK, tcp.ACK, tcp.ACK, tcp.ACK, tcp.FIN | tcp.ACK, tcp.FIN | tcp.ACK, tcp.ACK} {
			from := i & 1
			s := tcp.Segment{Src: ends[from], Dst: ends[1-from], Flags: f, Seq: next[from], Ack: next[1-from], Window: 60000}
			if f == tcp.ACK && i > 2 {
				s.Len = 1000
			}
			if i > 0 && !c.Fits(&s) {
				t.Fatalf("segment %d from %v does not fit", i, first)
			}
			stranger := s
			stranger.Seq, stranger.Ack = s.Seq-first[from]+other[from], s.Ack-first[1-from]+other[1-from]
			if i > 0 && c.Fits(&stranger) {
				chance++
			}
			next[from] = s.End()
			c.Observe(&s)
		}
	}
	if chance > 100 {
		t.Errorf("%d of 14000 segments of other connections fit", chance)
	}
}
