package wire

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"lesson/lesson/damage"
	"lesson/lesson/tcp"
)

// TestDamaged lets two kernels make connections as programs do: they open,
// exchange some data and close, in one of many ways. Each is captured at both
// ends, and both captures are damaged.
func TestDamaged(t *testing.T) {
	need(t, refusal)
	if testing.Short() {
		t.Skip("long, and nothing here runs beside anything else")
	}
	const connections = 120
	for _, o := range []Options{{}, {IPv6: true}} {
		t.Run(fmt.Sprintf("IPv6=%v", o.IPv6), func(t *testing.T) {
			k := newWalks(t, o)
			var all []damage.Known
			for i := range connections {
				v := k.begin(uint16(firstPort+i), rand.New(rand.NewPCG(uint64(i), 0)))
				v.orderly()
				if !v.wrong {
					all = append(all, v.known()...)
				}
				v.end()
			}
			damage.Check(t, all, 4)
		})
	}
}

// orderly is a connection as programs make them.
func (v *walk) orderly() {
	c, s := tcp.Client, tcp.Server
	v.listen(s)
	v.connect(c)
	v.arriveAll()
	v.accept(s)
	for range 1 + v.rnd.IntN(4) {
		e := tcp.End(v.rnd.IntN(2))
		v.send(e, 1+v.rnd.IntN(2000))
		v.arriveAll()
		v.recv(e.Peer(), 4000)
		v.arriveAll()
	}
	first := tcp.End(v.rnd.IntN(2))
	switch v.rnd.IntN(6) {
	case 0: // both at once
		v.close(first)
		v.close(first.Peer())
	case 1: // half closed for a while
		v.shutdown(first, tcp.Shutdown)
		v.arriveAll()
		v.send(first.Peer(), 300)
		v.arriveAll()
		v.recv(first, 4000)
		v.close(first.Peer())
	case 2:
		v.abort(first)
	case 3: // with data, and the other end late
		v.send(first, 200)
		v.close(first)
		v.arriveAll()
		v.recv(first.Peer(), 4000)
		v.close(first.Peer())
	default:
		v.close(first)
		v.arriveAll()
		v.close(first.Peer())
	}
	v.arriveAll()
}

// arriveAll lets everything arrive that is on the wire, and what it draws.
func (v *walk) arriveAll() {
	v.drain()
	for len(v.flight) > 0 {
		v.pass(0, "arrives")
	}
}

// known are the captures at both ends.
func (v *walk) known() (all []damage.Known) {
	for e, seen := range v.seen {
		k := damage.Known{Name: fmt.Sprintf("port %d, at the %v", v.port, tcp.End(e)), At: v.c.Endpoint(tcp.End(e)), Alike: v.w.Addr(tcp.Client).Is6()}
		for i, s := range seen {
			c := s.captured
			c.Number = i + 1
			k.Packets, k.After = append(k.Packets, c), append(k.After, s.state)
		}
		all = append(all, k)
	}
	return all
}
