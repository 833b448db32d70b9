package capture_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"lesson/capture"
)

// fragments4 cuts an IPv4 packet's payload at the given offsets.
func fragments4(ip []byte, cuts ...int) (out [][]byte) {
	from := 0
	body := ip[20:]
	for _, to := range append(cuts, len(body)) {
		f := slices.Concat(ip[:20], body[from:to])
		binary.BigEndian.PutUint16(f[2:], uint16(len(f)))
		at := uint16(from / 8)
		if to < len(body) {
			at |= 0x2000
		}
		binary.BigEndian.PutUint16(f[6:], at)
		out = append(out, f)
		from = to
	}
	return out
}

func fragments6(ip []byte, cuts ...int) (out [][]byte) {
	from := 0
	body := ip[40:]
	for _, to := range append(cuts, len(body)) {
		head := []byte{6, 0, 0, 0, 0, 0, 0, 9}
		at := uint16(from)
		if to < len(body) {
			at |= 1
		}
		binary.BigEndian.PutUint16(head[2:], at)
		out = append(out, extended(slices.Concat(ip[:40], body[from:to]), 44, head))
		from = to
	}
	return out
}

// TestFragments holds that a segment is told once, with the fragment that
// completes it, whatever the order; its TCP header may be split too.
func TestFragments(t *testing.T) {
	want4, ip4 := packet(t, raw4, dataLine)
	want6, ip6 := packet(t, raw6, dataLine)
	_, other := packet(t, raw4, "server > client: P. 1:26(25) ack 7 win 512 <TS val 1 ecr 2>")
	for _, c := range []struct {
		name  string
		order []int
		tells bool
	}{
		{"in order", []int{0, 1, 2, 3}, true},
		{"backwards", []int{3, 2, 1, 0}, true},
		{"mixed", []int{2, 0, 3, 1}, true},
		{"one twice", []int{0, 1, 1, 2, 0, 3}, true},
		{"the last is missing", []int{0, 1, 2}, false},
		{"the first is missing", []int{1, 2, 3}, false},
		{"one is missing", []int{0, 1, 3}, false},
	} {
		for _, f := range []struct {
			all  [][]byte
			want any
		}{
			{fragments4(ip4, 8, 16, 40), want4},
			{fragments6(ip6, 8, 16, 40), want6},
		} {
			var frames [][]byte
			for _, i := range c.order {
				frames = append(frames, f.all[i])
			}
			got, stats := read(t, capture.LinkRaw, frames)
			if !c.tells {
				if len(got) != 0 || stats.Fragments != len(frames) {
					t.Errorf("%s: %d segments, %+v", c.name, len(got), stats)
				}
				continue
			}
			if len(got) != 1 || got[0].Number != len(frames) || stats.Fragments != 0 {
				t.Fatalf("%s: %d segments, %+v", c.name, len(got), stats)
			}
			g := got[0].Segment
			g.Time = 0
			if bare(g) != f.want || string(got[0].Payload) != "bcdefghijklmnopqrstuvwxyz" {
				t.Errorf("%s:\n%+v, not\n%+v", c.name, g, f.want)
			}
			if len(got[0].Raw) != len(frames[len(frames)-1]) {
				t.Errorf("%s: the frame has %d bytes", c.name, len(got[0].Raw))
			}
		}
	}

	both := fragments4(ip4, 16)
	for i, f := range fragments4(other, 24) {
		both = slices.Insert(both, 2*i, f)
	}
	if got, stats := read(t, capture.LinkRaw, both); len(got) != 2 {
		t.Errorf("two datagrams at once: %d segments, %+v", len(got), stats)
	}
}

// TestBadFragments holds that nonsense does not make a segment, and that it
// does not keep a good one from being told.
func TestBadFragments(t *testing.T) {
	_, ip := packet(t, raw4, dataLine)
	good := fragments4(ip, 16, 32)
	overlap := slices.Clone(good[1])
	overlap[7] = 1 // 8 bytes earlier
	longer := slices.Clone(good[2])
	longer[7] = 0xff
	huge := slices.Clone(good[1])
	huge[6], huge[7] = 0x3f, 0xff
	empty := slices.Clone(good[1][:20])
	empty[3] = 20
	for name, frames := range map[string][][]byte{
		"overlap":   {good[0], overlap, good[2]},
		"two ends":  {good[0], longer, good[2], good[1]},
		"empty":     {good[0], empty, good[2]},
		"too far":   {huge},
		"no length": {append([]byte{0x45, 0, 0, 0}, good[0][4:]...)},
	} {
		if got, _ := read(t, capture.LinkRaw, frames); len(got) != 0 {
			t.Errorf("%s: %+v", name, got[0].Segment)
		}
		if got, stats := read(t, capture.LinkRaw, append(frames, good...)); len(got) > 1 ||
			len(got) == 0 && name != "overlap" && name != "two ends" {
			t.Errorf("%s, then well: %d segments, %+v", name, len(got), stats)
		}
	}

	// So many that never end: the good one is told all the same.
	var flood [][]byte
	for i := range 1000 {
		f := slices.Clone(good[0])
		binary.BigEndian.PutUint16(f[4:], uint16(1000+i))
		flood = append(flood, f)
	}
	if got, _ := read(t, capture.LinkRaw, append(flood, good...)); len(got) != 1 {
		t.Errorf("after a flood: %d segments", len(got))
	}
}

// TestFragmentsOfTunnels holds that what is outside is put together too, and
// not passed over in silence where it cannot be.
func TestFragmentsOfTunnels(t *testing.T) {
	_, ip := packet(t, raw4, dataLine)
	auth := append(bin(t, "0404 0000 00000001 00000001 000000000000000000000000"), ip...)
	geneve := append(bin(t, "1234 17c1 0000 0000 0000 0800 00000700"), ip...)
	for _, c := range []struct {
		name     string
		proto    byte
		body     []byte
		segments int
		counted  bool // if one of them is missing
	}{
		{"ip in ip", 4, ip, 1, true}, {"gre", 47, append(bin(t, "0000 0800"), ip...), 1, true}, {"ah", 51, auth, 1, true},
		{"esp", 50, ip, 0, true}, {"geneve", 17, geneve, 1, false}, {"icmp", 1, ip, 0, false},
	} {
		frames := fragments4(tunnel4(t, c.proto, c.body), 24)
		unopened := capture.Unopened{}
		if c.proto == 50 {
			unopened[0] = 1
		}
		got, stats := read(t, capture.LinkRaw, frames)
		if len(got) != c.segments || stats.Fragments != 0 || stats.Unopened != unopened {
			t.Errorf("%s: %d segments, %+v", c.name, len(got), stats)
		}
		got, stats = read(t, capture.LinkRaw, frames[1:])
		if len(got) != 0 || (stats.Fragments == len(frames)-1) != c.counted || stats.Unopened != (capture.Unopened{}) {
			t.Errorf("%s, the first missing: %d segments, %+v", c.name, len(got), stats)
		}
	}
}

// TestCutFragments holds that a segment is known by what was captured of it.
func TestCutFragments(t *testing.T) {
	want, ip := packet(t, raw4, dataLine)
	all := fragments4(ip, 40, 48)
	wire := []int{len(all[0]), len(all[1]), len(all[2])}
	all[1] = all[1][:24] // 4 of its 8 bytes
	got, _ := read(t, capture.LinkRaw, all, wire...)
	if len(got) != 1 || got[0].Len != want.Len || len(got[0].Payload) != 40+4-32 || got[0].BadChecksum {
		t.Fatalf("%+v", got)
	}
}

// BenchmarkFragments decodes fragments of datagrams that never become whole: the
// last one of each, as far behind as there is.
func BenchmarkFragments(b *testing.B) {
	f := make([]byte, 20+24)
	f[0], f[8], f[9] = 0x45, 64, 6
	binary.BigEndian.PutUint16(f[2:], uint16(len(f)))
	binary.BigEndian.PutUint16(f[6:], 65000/8)
	var d capture.Decoder
	b.ReportAllocs()
	for n := uint16(0); b.Loop(); n++ {
		binary.BigEndian.PutUint16(f[4:], n)
		d.Decode(int64(n), capture.LinkRaw, f)
	}
}
