package tcp_test

import (
	"math/rand/v2"
	"testing"

	"lesson/lesson/tcp"
)

// arrows is Figure 5 of RFC 9293 written down a second time, with its notes:
// where one arrow may lead from each state. It knows nothing of the rule table.
var arrows = map[tcp.State][]tcp.State{
	tcp.Closed:      {tcp.Listen, tcp.SynSent},
	tcp.Listen:      {tcp.SynSent, tcp.SynRecv, tcp.Closed},
	tcp.SynSent:     {tcp.SynRecv, tcp.Established, tcp.Closed},
	tcp.SynRecv:     {tcp.Established, tcp.FinWait1, tcp.CloseWait, tcp.Listen, tcp.Closed},
	tcp.Established: {tcp.FinWait1, tcp.CloseWait, tcp.Closed},
	tcp.FinWait1:    {tcp.FinWait2, tcp.Closing, tcp.Closed},
	tcp.FinWait2:    {tcp.TimeWait, tcp.Closed},
	tcp.CloseWait:   {tcp.LastAck, tcp.Closed},
	tcp.Closing:     {tcp.TimeWait, tcp.Closed},
	tcp.LastAck:     {tcp.Closed},
	tcp.TimeWait:    {tcp.Closed, tcp.SynRecv},
}

// validate checks one step against Figure 5, knowing the step before it.
func validate(t *testing.T, prev [2]tcp.State, step *tcp.Step) {
	t.Helper()
	for e := range step.After {
		at := step.Before[e]
		if at != prev[e] && step.Revised.Since == 0 {
			t.Fatalf("step %d: %v was in %v and is found in %v, without a correction", step.N, tcp.End(e), prev[e], at)
		}
		for _, r := range step.Taken[e].Rules() {
			if !contains(arrows[r.From], r.To) {
				t.Fatalf("step %d: %v took %v -> %v, which is no arrow of Figure 5", step.N, tcp.End(e), r.From, r.To)
			}
		}
		after := step.After[e]
		if at == tcp.Unknown || after == tcp.Unknown || after == at || step.Revised.Since != 0 || step.Findings.Has(tcp.Contradiction) || leads(at, after, 4) {
			continue
		}
		t.Fatalf("step %d: %v went from %v to %v", step.N, tcp.End(e), at, after)
	}
}

func leads(from, to tcp.State, within int) bool {
	if from == to {
		return true
	}
	for _, next := range arrows[from] {
		if within > 0 && leads(next, to, within-1) {
			return true
		}
	}
	return false
}

func contains(list []tcp.State, s tcp.State) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// gambler makes segments that often fit the connection and often do not.
func gambler(r *rand.Rand, nxt *[2]tcp.Seq) tcp.Segment {
	from := tcp.End(r.IntN(2))
	s := tcp.Segment{Src: ends[from], Dst: ends[from.Peer()], Window: uint16(r.IntN(3) * 500)}
	s.Flags = []tcp.Flags{tcp.SYN, tcp.SYN | tcp.ACK, tcp.ACK, tcp.ACK, tcp.ACK | tcp.PSH, tcp.FIN | tcp.ACK, tcp.FIN | tcp.ACK, tcp.RST, tcp.RST | tcp.ACK, tcp.Flags(r.IntN(512))}[r.IntN(10)]
	s.Seq, s.Ack = nxt[from], nxt[from.Peer()]
	if s.Flags.Has(tcp.PSH) {
		s.Len = uint32(r.IntN(20))
	}
	switch r.IntN(8) {
	case 0:
		s.Seq -= tcp.Seq(r.IntN(4))
	case 1:
		s.Seq += tcp.Seq(r.IntN(30))
	case 2:
		s.Ack -= tcp.Seq(r.IntN(4))
	case 3:
		s.Ack += tcp.Seq(r.IntN(3))
	case 4:
		s.Seq, s.Ack = tcp.Seq(r.Uint32()), tcp.Seq(r.Uint32())
	}
	s.BadChecksum = r.IntN(50) == 0
	if end := s.End(); nxt[from].Less(end) && end.Sub(nxt[from]) < 100 {
		nxt[from] = end
	}
	return s
}

// Whatever is sent, both ends only ever move along the arrows of Figure 5, and
// what is not an arrow is announced as a correction.
func TestRandomWalks(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	visited := map[tcp.State]bool{}
	for range 20000 {
		var c tcp.Conn
		nxt := [2]tcp.Seq{tcp.Seq(r.Uint32()), tcp.Seq(r.Uint32())}
		prev := [2]tcp.State{}
		from := tcp.Vantage(r.IntN(4))
		for i := range 12 {
			s := gambler(r, &nxt)
			if i == 0 && r.IntN(4) > 0 {
				s.Flags, s.BadChecksum = tcp.SYN, false
			}
			step := c.ObserveAt(from, &s)
			if i > 0 {
				validate(t, prev, &step)
			}
			prev = step.After
			visited[step.After[0]], visited[step.After[1]] = true, true
		}
	}
	for _, s := range tcp.States() {
		if !visited[s] {
			t.Errorf("no walk came through %v", s)
		}
	}
}

// Where departures and arrivals are told apart, every step leads along the
// arrows of Figure 5 and moves one end only, whatever is sent, lost, repeated
// or made up.
func TestRandomExactWalks(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	visited := map[tcp.State]bool{}
	for range 20000 {
		c := tcp.NewConn(ends[tcp.Client], ends[tcp.Server])
		c.Know(tcp.Client, tcp.Closed)
		c.Know(tcp.Server, []tcp.State{tcp.Closed, tcp.Listen}[r.IntN(2)])
		nxt := [2]tcp.Seq{tcp.Seq(r.Uint32()), tcp.Seq(r.Uint32())}
		for range 25 {
			prev := [2]tcp.State{c.State(tcp.Client), c.State(tcp.Server)}
			s := gambler(r, &nxt)
			s.Options.HasScale = r.IntN(2) == 0
			var step tcp.Step
			moves := tcp.Client
			if s.Src == ends[tcp.Server] {
				moves = tcp.Server
			}
			switch r.IntN(8) {
			case 0:
				moves = tcp.End(r.IntN(2))
				step = c.Happen(moves, tcp.Event(r.IntN(int(tcp.Abort)+1)))
			case 1, 2, 3:
				step = c.Depart(&s)
			default:
				moves = moves.Peer()
				step = c.Arrive(&s)
			}
			validate(t, prev, &step)
			if still := moves.Peer(); step.After[still] != prev[still] {
				t.Fatalf("the %v moved from %v to %v, and nothing happened there", still, prev[still], step.After[still])
			}
			if step.Findings.Has(tcp.Corrected) || step.Revised.Since != 0 {
				t.Fatal("nothing was taken for granted, and yet it is taken back")
			}
			visited[step.After[0]], visited[step.After[1]] = true, true
		}
	}
	for _, s := range tcp.States() {
		if !visited[s] {
			t.Errorf("no walk came through %v", s)
		}
	}
}

// FuzzObserve feeds arbitrary segments: nothing may panic, the validator must
// hold, and header prediction equal the long way.
func FuzzObserve(f *testing.F) {
	f.Add([]byte{0, 2, 0, 0, 0, 0, 1, 18, 0, 1, 0, 0, 0, 16, 1, 1, 0, 0})
	f.Add([]byte{0, 17, 1, 1, 0, 0, 1, 16, 1, 2, 0, 0, 1, 17, 1, 2, 0, 0, 0, 16, 2, 2, 0, 0})
	f.Add([]byte{0, 4, 0, 0, 0, 0, 1, 20, 255, 255, 9, 9})
	f.Add([]byte{0, 2, 0, 0, 9, 0, 1, 18, 0, 1, 9, 0, 0, 16, 1, 1, 9, 0, 0, 24, 1, 1, 9, 5, 1, 16, 1, 6, 9, 0, 1, 24, 1, 6, 9, 3, 0, 16, 6, 4, 0, 0})
	f.Add([]byte{0, 16, 1, 1, 9, 5, 1, 16, 1, 6, 9, 5, 0, 16, 6, 6, 9, 0, 0, 17, 6, 6, 9, 0, 1, 16, 6, 7, 9, 5})
	f.Add([]byte{48, 0, 127, 48, 48, 0, 49, 50, 0, 1, 48, 0, 48, 48, 1, 1, 48, 0, 48, 48, 1, 1, 48, 48, 49, 32, 0, 48, 48, 0, 49, 48, 1, 48, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var predicted twice
		var exact tcp.Conn
		var at [4]tcp.Conn // by tcp.Vantage
		var prev [4][2]tcp.State
		for i := 0; len(data) >= 6; i++ {
			from := tcp.End(data[0] & 1)
			s := tcp.Segment{
				Src: ends[from], Dst: ends[from.Peer()], Flags: tcp.Flags(data[1]) | tcp.Flags(data[0]>>7)<<8,
				Seq: tcp.Seq(int8(data[2])), Ack: tcp.Seq(int8(data[3])), Window: uint16(data[4]), Len: uint32(data[5]),
				BadChecksum: data[0]&2 != 0, Options: tcp.Options{HasScale: data[0]&4 != 0, WindowScale: data[0] >> 3 & 7},
			}
			data = data[6:]
			predicted.observe(t, &s)
			for v := range at {
				step := at[v].ObserveAt(tcp.Vantage(v), &s)
				if i > 0 {
					validate(t, prev[v], &step)
				}
				prev[v] = step.After
			}
			if s.Len%3 > 0 {
				exact.Depart(&s)
			}
			if s.Len%3 < 2 {
				exact.Arrive(&s)
			}
		}
		for _, c := range at {
			sum := c.Summary()
			sum.ConnState()
		}
	})
}
