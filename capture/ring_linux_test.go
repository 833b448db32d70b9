package capture

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

func openRing(t *testing.T, o RingOptions) *Ring { return ringOn(t, "lo", o) }

func ringOn(t *testing.T, name string, o RingOptions) *Ring {
	t.Helper()
	r, err := NewRing(name, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// rest takes all that has been captured, until nothing has come for a while.
func (r *Ring) rest(t *testing.T, each func(*tcp.Captured)) (n int) {
	t.Helper()
	var c tcp.Captured
	for {
		for r.Next(&c) {
			each(&c)
			n++
		}
		if err := r.Wait(time.Now().Add(200 * time.Millisecond)); errors.Is(err, os.ErrDeadlineExceeded) {
			return n
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestRing(t *testing.T) {
	if !private(t) {
		return
	}
	a, b, other := listen(t, "127.0.0.1:0"), listen(t, "[::1]:0"), listen(t, "127.0.0.1:0")
	two := openRing(t, RingOptions{Ports: []uint16{portOf(a), portOf(b)}})
	whole := openRing(t, RingOptions{Whole: true})
	const size = 100000
	for _, l := range []net.Listener{a, b, other} {
		if _, _, err := exchange(l, size); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		ring  *Ring
		conns int
		whole bool
	}{{two, 2, false}, {whole, 3, true}} {
		conns := map[[2]tcp.Endpoint]*tcp.Conn{}
		c.ring.rest(t, func(s *tcp.Captured) {
			if c.whole && len(s.Raw) != s.RawLen || !c.whole && len(s.Raw) > Snap {
				t.Errorf("%d of %d bytes", len(s.Raw), s.RawLen)
			}
			key := [2]tcp.Endpoint{s.Src, s.Dst}
			if s.Src.Port < s.Dst.Port {
				key[0], key[1] = key[1], key[0]
			}
			if conns[key] == nil {
				conns[key] = &tcp.Conn{}
			}
			conns[key].Observe(&s.Segment)
		})
		for _, conn := range conns {
			if s := conn.Summary(); s.End[0].Bytes != size || s.End[1].Bytes != size || s.ConnState() != "SF" {
				t.Errorf("%+v", s)
			}
		}
		if len(conns) != c.conns || c.ring.Final() != 0 || c.ring.Gap() {
			t.Errorf("%d connections, %d frames dropped", len(conns), c.ring.Final())
		}
	}
}

// On all interfaces each frame is seen where it is, on lo once.
func TestRingAny(t *testing.T) {
	if !private(t) {
		return
	}
	name, send := tun(t)
	index := func(name string) uint32 {
		i, err := net.InterfaceByName(name)
		if err != nil {
			t.Fatal(err)
		}
		return uint32(i.Index)
	}
	r := ringOn(t, Any, RingOptions{})
	if _, _, err := exchange(listen(t, "127.0.0.1:0"), 1); err != nil {
		t.Fatal(err)
	}
	send(synTo7)
	var conn tcp.Conn
	var syns int
	r.rest(t, func(c *tcp.Captured) {
		if c.Dst.Port == 7 {
			syns++
			if c.Interface != index(name) || len(c.Raw) != cooked+len(synTo7) || c.RawLen != len(c.Raw) {
				t.Errorf("%+v", c)
			}
			return
		}
		if step := conn.Observe(&c.Segment); step.Findings != 0 || c.Interface != index("lo") {
			t.Errorf("%v, on interface %d", step.Findings.Names(), c.Interface)
		}
	})
	if s := conn.Summary(); s.ConnState() != "SF" || syns != 1 {
		t.Errorf("%+v, and %d SYNs", s, syns)
	}
}

// TestRingGap does not read until the ring has overflowed: what was dropped is
// counted exactly, and the gaps are where segments are missing.
func TestRingGap(t *testing.T) {
	if !private(t) {
		return
	}
	l := listen(t, "127.0.0.1:0")
	small, every := openRing(t, RingOptions{}), openRing(t, RingOptions{})
	var want, got []tcp.Seq
	var gaps []int
	for range 2 {
		for range 3 {
			for range 4000 {
				if _, _, err := exchange(l, 1); err != nil {
					t.Fatal(err)
				}
			}
			every.rest(t, func(c *tcp.Captured) { want = append(want, c.Seq) })
		}
		small.rest(t, func(c *tcp.Captured) {
			if small.Gap() {
				gaps = append(gaps, len(got))
			}
			got = append(got, c.Seq)
		})
	}
	dropped := int(small.Final())
	if every.Final() != 0 {
		t.Skip("this machine is too slow to see everything")
	}
	if dropped == 0 || len(got)+dropped != len(want) {
		t.Errorf("%d segments and %d dropped of %d", len(got), dropped, len(want))
	}
	// Every place at which the two differ has to be among the gaps.
	at := 0
	for i := range got {
		from := at
		for at < len(want) && want[at] != got[i] {
			at++
		}
		if at++; at-1 > from && !contains(gaps, i) {
			t.Errorf("%d segments are missing before %d, which is no gap", at-1-from, i)
		}
	}
}

func contains(list []int, n int) bool {
	for _, x := range list {
		if x == n {
			return true
		}
	}
	return false
}

func TestRingAllocates(t *testing.T) {
	if !private(t) {
		return
	}
	l := listen(t, "127.0.0.1:0")
	r := openRing(t, RingOptions{})
	for range 200 {
		if _, _, err := exchange(l, 1); err != nil {
			t.Fatal(err)
		}
	}
	var c tcp.Captured
	if err := r.Wait(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	r.Next(&c) // the first makes the decoder
	if n := testing.AllocsPerRun(1000, func() {
		if !r.Next(&c) {
			t.Fatal("no segment")
		}
	}); n > 0 {
		t.Errorf("%v allocations for a segment", n)
	}
}

func TestRingWake(t *testing.T) {
	if !private(t) {
		return
	}
	r := openRing(t, RingOptions{})
	r.Wake()
	if err := r.Wait(time.Time{}); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("woken before: %v", err)
	}
	go r.Wake()
	if err := r.Wait(time.Time{}); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("woken meanwhile: %v", err)
	}
	loopback(t, false)
	err := os.ErrDeadlineExceeded
	for errors.Is(err, os.ErrDeadlineExceeded) { // Wake may end one Wait more
		err = r.Wait(time.Time{})
	}
	if p, ok := lang.AsProblem(err); !ok {
		t.Errorf("interface down: %v", p)
	}
}
