package wire

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"lesson/capture/sockets"
	"lesson/lesson/tcp"
)

// How the walks are laid out.
const (
	together  = 400 // connections at a time
	firstPort = 10000
	patience  = 1500 * time.Millisecond // for a timer of a kernel
)

// TestAgreement lets two real kernels make random connections over a wire that
// drops, duplicates, reorders, corrupts and forges, and asks both after every
// departure and every arrival for their states: they are the inferred ones.
func TestAgreement(t *testing.T) {
	need(t, refusal)
	n := 10000
	if testing.Short() {
		n = 300
	}
	if s := os.Getenv("WALKS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	seed := rand.Uint64()
	if s := os.Getenv("SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	k := newWalks(t, seed)
	k.run(n)
	t.Logf("seed %d: %d connections, %d segments left, %d arrived, %d comparisons, %d disagreements",
		seed, n, k.left, k.arrived, k.asked, k.disagreed)
	t.Logf("late %d %v", k.late, k.latest)
	for _, r := range tcp.Rules() {
		t.Logf("%7d  %-11v %-18v %v", k.taken[r], r.From, r.On, r.To)
	}
	if d := k.w.Dropped(); d > 0 {
		t.Errorf("%d frames were lost on the way to the wire", d)
	}
}

// walks are all the connections of one test.
type walks struct {
	t    *testing.T
	rnd  *rand.Rand
	w    *Wire
	diag [2]*sockets.Diag
	now  map[uint16]*walk // by port

	left, arrived, asked, disagreed int
	taken                           map[tcp.Rule]int
	late                            int
	latest                          time.Duration
}

// walk is one connection, or several one after the other between the same
// addresses and ports.
type walk struct {
	*walks
	rnd    *rand.Rand
	port   uint16
	c      tcp.Conn
	flight []Frame // what has left and not yet arrived
	old    []Frame // what has arrived or was lost, and may come again
	prog   [2]program
	steps  int
	until  time.Time // the walk rests until a segment leaves or this time
	faults int       // percent
	forge  int       // percent
	narrow bool      // its buffers are small
	log    []string
	wrong  bool
}

func newWalks(t *testing.T, seed uint64) *walks {
	w, err := New(Options{})
	need(t, err)
	t.Cleanup(func() { w.Close() })
	k := &walks{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), w: w, now: map[uint16]*walk{}, taken: map[tcp.Rule]int{}}
	for e := range k.diag {
		err := w.Do(tcp.End(e), func() (err error) {
			k.diag[e], err = sockets.Open()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { k.diag[e].Close() })
	}
	return k
}

func (k *walks) run(n int) {
	begun := 0
	var active []*walk
	for begun < n || len(active) > 0 {
		for begun < n && len(active) < together {
			v := k.begin(uint16(firstPort + begun))
			active = append(active, v)
			begun++
		}
		busy := false
		now := time.Now()
		for i := 0; i < len(active); i++ {
			v := active[i]
			if now.Before(v.until) {
				continue
			}
			busy = true
			v.step()
			if v.steps <= 0 || v.wrong {
				v.end()
				active[i] = active[len(active)-1]
				active = active[:len(active)-1]
				i--
			}
		}
		k.drain()
		if !busy {
			_ = k.w.SetDeadline(now.Add(5 * time.Millisecond))
			if f, err := k.w.Next(); err == nil {
				k.leaves(f)
				k.drain()
			}
		}
	}
}

func (k *walks) begin(port uint16) *walk {
	v := &walk{walks: k, rnd: rand.New(rand.NewPCG(k.rnd.Uint64(), uint64(port))), port: port,
		c: tcp.NewConn(k.endpoint(tcp.Client, port), k.endpoint(tcp.Server, port))}
	v.c.Know(tcp.Client, tcp.Closed)
	v.c.Know(tcp.Server, tcp.Closed)
	v.steps = 10 + v.rnd.IntN(60)
	v.faults = []int{0, 5, 20, 40}[v.rnd.IntN(4)]
	v.forge = []int{0, 0, 0, 10}[v.rnd.IntN(4)]
	if os.Getenv("NOFORGE") != "" {
		v.forge = 0
	}
	v.narrow = v.rnd.IntN(4) == 0
	for e := range v.prog {
		v.prog[e] = program{fd: -1, listener: -1}
	}
	k.now[port] = v
	v.setOut()
	return v
}

func (k *walks) addr(e tcp.End, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(k.w.Addr(e), port)
}
func (k *walks) endpoint(e tcp.End, port uint16) tcp.Endpoint {
	return tcp.EndpointFrom(k.addr(e, port))
}

// poll takes off the wire what has left.
func (k *walks) poll() (out []Frame) {
	for {
		f, ok, err := k.w.Poll()
		if err != nil {
			k.t.Fatal(err)
		}
		if !ok {
			return out
		}
		out = append(out, f)
	}
}

func (k *walks) drain() {
	for _, f := range k.poll() {
		k.leaves(f)
	}
}

// leaves tells a connection that a segment has left.
func (k *walks) leaves(f Frame) {
	k.left++
	v := k.now[f.Src.Port]
	if v == nil {
		return // the rest of a walk that is over
	}
	v.tell("leaves", v.c.Depart(&f.Segment), &f.Segment)
	v.flight = append(v.flight, f)
	v.until = time.Time{}
}

// reaches delivers a segment.
func (v *walk) reaches(f *Frame, how string) {
	v.arrived++
	v.drain()
	now := time.Now().UnixNano()
	if err := v.w.Deliver(f); err != nil {
		v.t.Fatal(err)
	}
	answers := v.poll()
	for len(answers) > 0 && answers[0].Time < now { // a timer was faster
		v.leaves(answers[0])
		answers = answers[1:]
	}
	v.tell(how, v.c.Arrive(&f.Segment), &f.Segment)
	for _, f := range answers {
		v.leaves(f)
	}
	v.compare()
}

func (v *walk) tell(what string, step tcp.Step, s *tcp.Segment) {
	for e := range step.Taken {
		for _, r := range step.Taken[e].Rules() {
			v.taken[*r]++
		}
	}
	if s == nil {
		return
	}
	v.note("%s: %v %v seq %d len %d ack %d win %d (abs %d %d) -> %v %v %v", what, step.From, s.Flags, step.Seq, s.Len, step.Ack, s.Window, s.Seq, s.Ack,
		step.After[0], step.After[1], step.Findings.Names())
	if step.Findings.Has(tcp.Contradiction) {
		v.fail("contradiction")
	}
}

func (v *walk) note(format string, args ...any) { v.log = append(v.log, fmt.Sprintf(format, args...)) }

func (v *walk) fail(why string) {
	if v.wrong {
		return
	}
	v.wrong = true
	if v.disagreed++; v.disagreed <= 5 {
		v.t.Errorf("port %d: %s\n\t%s", v.port, why, strings.Join(v.log, "\n\t"))
	}
}

// compare asks both kernels.
func (v *walk) compare() {
	v.drain()
	begin := time.Now()
	for i := 0; ; i++ {
		var wrong string
		for e := range v.diag {
			s, err := v.diag[e].Ask(v.addr(tcp.End(e), v.port), v.addr(tcp.End(e).Peer(), v.port))
			if err != nil {
				v.t.Fatal(err)
			}
			v.asked++
			got := v.c.State(tcp.End(e))
			if got == tcp.SynRecv && same(s.State, tcp.Closed) && v.prog[e].deserted {
				// A timer has found that the listener is gone.
				v.tell("gives up", v.c.Happen(tcp.End(e), tcp.TimeoutUser), nil)
				v.note("%v: gives up", tcp.End(e))
				got = v.c.State(tcp.End(e))
			}
			if !same(s.State, got) {
				wrong += fmt.Sprintf("the %v's kernel says %v, and we %v. ", tcp.End(e), s.State, got)
			}
		}
		took := time.Since(begin)
		if wrong == "" {
			if i > 0 {
				v.late++
				v.latest = max(v.latest, took)
			}
			return
		}
		if took > 200*time.Millisecond {
			v.fail(wrong)
			return
		}
		v.drain()
	}
}

// same takes LISTEN and CLOSED for one: where a connection has no socket, the
// kernel shows the listener.
func same(a, b tcp.State) bool {
	idle := func(s tcp.State) bool { return s == tcp.Closed || s == tcp.Listen }
	return a == b || idle(a) && idle(b)
}

// step does one thing at random: a program's call, or one segment's fate.
func (v *walk) step() {
	v.steps--
	v.until = time.Time{}
	switch n := len(v.flight); {
	case v.forge > v.rnd.IntN(100) && len(v.old) > 0:
		v.forged()
	case n > 0 && v.rnd.IntN(10) < 7:
		v.fate()
	default:
		if !v.call() && n == 0 && !v.c.AllAcked() && v.rnd.IntN(4) == 0 {
			v.steps -= 5
			v.until = time.Now().Add(patience)
		}
	}
}

// fate decides what becomes of a segment in flight.
func (v *walk) fate() {
	i := 0
	fault := v.rnd.IntN(100) < v.faults
	if fault {
		i = v.rnd.IntN(len(v.flight))
	}
	f := v.flight[i]
	take := func() {
		v.flight = append(v.flight[:i], v.flight[i+1:]...)
		v.old = append(v.old, f)
	}
	if !fault {
		take()
		v.reaches(&f, "arrives")
		return
	}
	switch v.rnd.IntN(5) {
	case 0:
		take()
		v.note("lost: %v %v", f.From, f.Flags)
	case 1:
		v.reaches(&f, "arrives, and a copy is on its way")
	case 2:
		take()
		bad := f.Corrupt()
		v.reaches(&bad, "arrives corrupted")
	case 3:
		if len(v.old) > 0 {
			f := v.old[v.rnd.IntN(len(v.old))]
			v.reaches(&f, "comes again")
		}
	default:
		take()
		v.reaches(&f, "overtakes")
	}
}

// forged delivers what nobody sent.
func (v *walk) forged() {
	f := v.old[v.rnd.IntN(len(v.old))]
	var last *Frame
	for i := range v.old {
		if v.old[i].From == f.From {
			last = &v.old[i]
		}
	}
	forged := last.Altered(func(s *tcp.Segment) {
		s.Flags = []tcp.Flags{tcp.RST, tcp.RST | tcp.ACK, tcp.SYN, tcp.SYN | tcp.ACK, tcp.ACK, tcp.ACK | tcp.FIN}[v.rnd.IntN(6)]
		s.Seq = last.End()
		switch v.rnd.IntN(4) {
		case 0:
			s.Seq += tcp.Seq(v.rnd.IntN(3)) - 1
		case 1:
			s.Seq += tcp.Seq(v.rnd.IntN(2000))
		case 2:
			s.Seq = tcp.Seq(v.rnd.Uint32())
		}
		switch v.rnd.IntN(4) {
		case 0:
			s.Ack += tcp.Seq(v.rnd.IntN(3)) - 1
		case 1:
			s.Ack = tcp.Seq(v.rnd.Uint32())
		}
	})
	v.reaches(&forged, "forged")
}
