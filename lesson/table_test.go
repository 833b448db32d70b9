package lesson

import (
	"math/rand/v2"
	"testing"

	"lesson/lesson/tcp"
)

// A table finds what is in it and nothing else, whatever came and went.
func TestTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	table := newTable()
	type pair struct{ a, b tcp.Endpoint }
	slots, free := map[pair]uint32{}, []uint32{}
	any := func() pair {
		p := pair{tcp.Endpoint{Port: uint16(rng.IntN(200))}, tcp.Endpoint{Port: uint16(rng.IntN(200))}}
		p.b.IP[15] = 1
		return p
	}
	for i := range 100_000 {
		p := any()
		h := table.hash(&p.a, &p.b)
		if h2 := table.hash(&p.b, &p.a); h2 != h {
			t.Fatal("the hash depends on the direction")
		}
		slot, found := table.find(h, &p.b, &p.a)
		want, ok := slots[p]
		if found != ok || ok && slot != want {
			t.Fatalf("step %d: %v is at %d, %v; want %d, %v", i, p, slot, found, want, ok)
		}
		switch {
		case !ok && len(free) > 0:
			slot, free = free[0], free[1:]
			table.enter(h, slot, uint32(i))
		case !ok:
			slot = table.add(h, uint32(i))
		case rng.IntN(2) == 0:
			if table.forget(slot) != h {
				t.Fatal("another hash than before")
			}
			delete(slots, p)
			free = append(free, slot)
			continue
		default:
			continue
		}
		*table.conn(slot) = tcp.NewConn(p.a, p.b)
		slots[p] = slot
	}
	if table.used != len(slots) || len(slots) < 10_000 {
		t.Errorf("%d entries for %d connections", table.used, len(slots))
	}
}

func TestForgotten(t *testing.T) {
	var f forgotten
	hash := func(i int) uint64 { return (uint64(i) + 1) * 0x9e3779b97f4a7c15 }
	if _, ok := f.find(hash(0)); ok || f.any() {
		t.Error("it remembers what never was")
	}
	const n = 3 * lifetime
	for i := range n {
		f.add(hash(i), uint32(i))
	}
	for i := range n {
		number, ok := f.find(hash(i))
		if recent := i >= n-lifetime; recent && !ok || ok && number != uint32(i) {
			t.Fatalf("%d of %d: %d, %v", i, n, number, ok)
		}
	}
	if len(f.young.entry) != 2*lifetime || len(f.old.entry) != 2*lifetime {
		t.Error("it grows")
	}
}

// When a connection is over is what docs/performance.md says.
func TestOver(t *testing.T) {
	ends := [2]tcp.Endpoint{{Port: 1}, {Port: 2}}
	talk := func(flags ...tcp.Flags) *tcp.Conn {
		var c tcp.Conn
		var next [2]tcp.Seq
		for i, f := range flags {
			from := i & 1
			s := tcp.Segment{Src: ends[from], Dst: ends[1-from], Flags: f, Seq: next[from], Ack: next[1-from], Window: 1000}
			next[from] = s.End()
			c.Observe(&s)
		}
		return &c
	}
	const syn, ack, fin, rst = tcp.SYN, tcp.ACK, tcp.FIN, tcp.RST
	for _, c := range []struct {
		name string
		conn *tcp.Conn
		at   int64 // when it is over
	}{
		{"closed by FIN", talk(syn, syn|ack, ack, ack, fin|ack, fin|ack, ack), 0},
		{"reset", talk(syn, syn|ack, ack, rst|ack), 0},
		{"refused", talk(syn, rst|ack), 0},
		{"half open", talk(syn, syn|ack), idlePassing + 1},
		{"half closed", talk(syn, syn|ack, ack, ack, fin|ack, ack), idlePassing + 1},
		{"open", talk(syn, syn|ack, ack, ack), idleOpen + 1},
		{"of unknown state", talk(ack, ack), idleOpen + 1},
	} {
		if over(c.conn, c.at-1) && c.at > 0 || !over(c.conn, c.at) {
			t.Errorf("%s (%v, %v): not over at %d", c.name, c.conn.State(0), c.conn.State(1), c.at)
		}
	}
}
