package wire

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"lesson/lesson/tcp"
)

const (
	// together is how many connections are under way at a time: they wait for
	// the kernels' timers side by side.
	together  = 400
	firstPort = 10000
	// oldest is how long a connection is asked about, however slow the machine:
	// after 60 s kernels forget FIN_WAIT2 and TIME_WAIT.
	oldest = 40 * time.Second
)

// TestAgreement lets two real kernels make random connections over a wire that
// drops, duplicates, delays, reorders, corrupts and forges, and asks both for
// their states after every call, departure and arrival: they are the inferred
// ones. So are, but for one in a hundred, those explained where only a capture at
// one end is known. The connections are the same every time, but for what the
// kernels' timers do: LESSON_SEED=random makes others, a number those of a run
// that printed it, and LESSON_CONNECTIONS says how many there are.
func TestAgreement(t *testing.T) {
	need(t, refusal)
	n := 10000
	if testing.Short() {
		n = 400
	}
	if s := os.Getenv("LESSON_CONNECTIONS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	t.Run("IPv4", func(t *testing.T) { agree(t, Options{}, n) })
	t.Run("IPv6", func(t *testing.T) { agree(t, Options{IPv6: true}, n/20) })
}

func agree(t *testing.T, o Options, n int) {
	seed := uint64(9293)
	switch s := os.Getenv("LESSON_SEED"); s {
	case "":
	case "random":
		seed = rand.Uint64()
	default:
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	k := newWalks(t, o)
	k.run(rand.New(rand.NewPCG(seed, 0)), n)
	t.Logf("seed %d: %d connections, %d segments left and %d arrived, %d comparisons, %d disagreements",
		seed, n, k.left, k.arrived, k.asked, k.disagreed)
	k.anywhere.check(t, "without knowing where")
	k.here.check(t, "at that end")
	if k.late > 0 {
		t.Logf("%d times a kernel needed a moment, at most %v", k.late, k.latest)
	}
	for _, r := range tcp.Rules() {
		t.Logf("%7d times %v -- %v --> %v", k.taken[r], r.From, r.On, r.To)
	}
	if d := k.w.Dropped(); d > 0 {
		t.Errorf("%d frames were lost on the way to the wire", d)
	}
}

// run makes n random connections.
func (k *walks) run(rnd *rand.Rand, n int) {
	var active []*walk
	for begun := 0; begun < n || len(active) > 0; {
		for ; begun < n && len(active) < together; begun++ {
			v := k.begin(uint16(firstPort+begun), rand.New(rand.NewPCG(rnd.Uint64(), 0)))
			v.random()
			active = append(active, v)
		}
		busy, now := false, time.Now()
		for i := 0; i < len(active); i++ {
			v := active[i]
			if now.Before(v.until) {
				continue
			}
			busy = true
			if now.Sub(v.born) < oldest {
				if v.step(); v.steps > 0 && !v.wrong {
					continue
				}
			}
			v.explained()
			v.end()
			active[i] = active[len(active)-1]
			active = active[:len(active)-1]
			i--
		}
		if !busy {
			k.wait(now.Add(5 * time.Millisecond))
		}
	}
}

// random decides what a walk will be like, and makes its first calls.
func (v *walk) random() {
	v.steps = 10 + v.rnd.IntN(60)
	v.faults = []int{0, 5, 20, 40}[v.rnd.IntN(4)]
	v.forges = []int{0, 0, 0, 10}[v.rnd.IntN(4)]
	v.narrow = v.rnd.IntN(4) == 0
	v.hasty = v.rnd.IntN(4) == 0
	switch n := v.rnd.IntN(20); {
	case n < 15:
		v.listen(tcp.Server)
		v.connect(tcp.Client)
	case n < 19: // a simultaneous open
		v.connect(tcp.Client)
		v.connect(tcp.Server)
	default: // refused
		v.connect(tcp.Client)
	}
}

// step does one thing at random: a program's call, or one segment's fate.
func (v *walk) step() {
	v.steps--
	v.until = time.Time{}
	switch n := len(v.flight); {
	case v.rnd.IntN(100) < v.forges && len(v.past) > 0:
		v.forgery()
	case n > 0 && v.rnd.IntN(10) < 7:
		v.fate()
	default:
		if !v.call() && n == 0 && !v.c.AllAcked() && v.rnd.IntN(4) == 0 {
			v.steps -= 8
			v.until = time.Now().Add(1500 * time.Millisecond) // for a kernel's timer
		}
	}
}

// fate decides what becomes of a segment in flight.
func (v *walk) fate() {
	if v.rnd.IntN(100) >= v.faults {
		v.pass(0, "arrives")
		return
	}
	i := v.rnd.IntN(len(v.flight))
	f := v.flight[i]
	switch v.rnd.IntN(5) {
	case 0:
		v.lose(i)
	case 1:
		v.reaches(&f, "arrives, and a copy is on its way")
	case 2:
		v.lose(i)
		bad := f.Corrupt()
		v.reaches(&bad, "arrives corrupted")
	case 3:
		if len(v.past) > 0 {
			old := v.past[v.rnd.IntN(len(v.past))]
			v.reaches(&old, "comes again")
		}
	default:
		v.pass(i, "overtakes")
	}
}

// forgery delivers what nobody has sent, at or near the numbers that count.
func (v *walk) forgery() {
	from := v.past[v.rnd.IntN(len(v.past))].From
	v.forge(from, func(s *tcp.Segment) {
		s.Flags = []tcp.Flags{tcp.RST, tcp.RST | tcp.ACK, tcp.SYN, tcp.SYN | tcp.ACK, tcp.ACK, tcp.ACK | tcp.FIN}[v.rnd.IntN(6)]
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
}

// call lets one of the programs do something; false when there is nothing to
// do.
func (v *walk) call() bool {
	e := tcp.End(v.rnd.IntN(2))
	p := &v.programs[e]
	n := v.rnd.IntN(60)
	switch {
	case p.fd < 0 && p.listener >= 0:
		switch {
		case n < 30:
			return v.accept(e)
		case n < 33:
			v.stopListening(e)
			return true
		}
		return false
	case p.fd < 0:
		switch {
		case n < 4 && e == tcp.Server:
			v.listen(e)
		case n < 8:
			v.connect(e)
		}
		return n < 8
	case n < 20:
		return v.send(e, 1+v.rnd.IntN(3000))
	case n < 36:
		return v.recv(e, 1+v.rnd.IntN(5000))
	case n < 42:
		return v.shutdown(e, tcp.Shutdown)
	case n < 43:
		return v.shutdown(e, tcp.StopReading)
	case n < 52:
		v.close(e)
	case n < 55:
		v.abort(e)
	case n < 56:
		v.crash(e)
	default:
		return false
	}
	return true
}
