package follow

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"lesson/lesson/tcp"
)

// script is a connection's segments: ten, as of most connections.
var script = []struct {
	from     tcp.End
	flags    tcp.Flags
	seq, ack tcp.Seq
	len      uint32
}{
	{tcp.Client, tcp.SYN, 0, 0, 0}, {tcp.Server, tcp.SYN | tcp.ACK, 0, 1, 0}, {tcp.Client, tcp.ACK, 1, 1, 0},
	{tcp.Client, tcp.PSH | tcp.ACK, 1, 1, 10}, {tcp.Server, tcp.ACK, 1, 11, 0}, {tcp.Server, tcp.PSH | tcp.ACK, 1, 11, 10},
	{tcp.Client, tcp.ACK, 11, 11, 0}, {tcp.Client, tcp.FIN | tcp.ACK, 11, 11, 0}, {tcp.Server, tcp.FIN | tcp.ACK, 11, 12, 0},
	{tcp.Client, tcp.ACK, 12, 12, 0},
}

// segment is step of the connection number conn, at a millisecond of its own.
func segment(conn, step int, at int64) *tcp.Segment {
	x := script[step]
	ends := [2]tcp.Endpoint{
		tcp.EndpointFrom(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(conn >> 24), byte(conn >> 16), 1}), uint16(conn))),
		tcp.EndpointFrom(netip.MustParseAddrPort("10.0.0.2:80")),
	}
	return &tcp.Segment{
		Time: at * int64(time.Millisecond), Src: ends[x.from], Dst: ends[x.from.Peer()],
		Flags: x.flags, Seq: x.seq + 1000, Ack: x.ack + 1000, Len: x.len, Window: 500,
	}
}

func TestFollow(t *testing.T) {
	var ended []string
	table := New(func(f *Flow) {
		ended = append(ended, fmt.Sprint(f.Stream, " ", f.Conn.State(tcp.Client), " ", f.Conn.State(tcp.Server)))
	})
	for step := range script { // two connections in turn, the second without its end
		f, _ := table.Observe(segment(7, step, int64(step)))
		if f.Stream != 0 {
			t.Fatalf("step %d: stream %d", step, f.Stream)
		}
		if step < 8 {
			if f, _ := table.Observe(segment(8, step, int64(step))); f.Stream != 1 {
				t.Fatalf("step %d: stream %d", step, f.Stream)
			}
		}
	}
	f, step := table.Observe(&tcp.Segment{ // the same ports once more
		Time: 1e9, Src: segment(7, 0, 0).Src, Dst: segment(7, 0, 0).Dst, Flags: tcp.SYN, Seq: 5,
	})
	if f.Stream != 2 || !step.Findings.Has(tcp.PortReused) {
		t.Errorf("stream %d, findings %v", f.Stream, step.Findings.Names())
	}
	table.Finish()
	if got, want := strings.Join(ended, ", "), "0 TIME_WAIT CLOSED, 2 SYN_SENT SYN_RECV, 1 FIN_WAIT1 CLOSE_WAIT"; got != want {
		t.Errorf("ended: %s, want %s", got, want)
	}
	if table.Opened != 3 || table.Closed != 1 || table.Segments != 19 {
		t.Errorf("%+v", table.Totals)
	}
}

func TestBounded(t *testing.T) {
	told := 0
	table := New(func(*Flow) { told++ })
	for i := range MaxOpen + 1000 {
		table.Observe(segment(i<<8|i&0xff, 0, int64(i)))
	}
	if table.Open() != MaxOpen || told != 1000 {
		t.Errorf("%d open, %d forgotten", table.Open(), told)
	}
	table, told = New(func(*Flow) { told++ }), 0
	for i := range 3 * MaxOver {
		for step := range script {
			table.Observe(segment(i<<8|i&0xff, step, int64(i)))
		}
	}
	if table.over.n != MaxOver || !table.Full() || told != 3*MaxOver {
		t.Errorf("%d over, %d told", table.over.n, told)
	}
	if int(table.made) > MaxOver+chunk {
		t.Errorf("room for %d flows", table.made)
	}
	table.Expire(int64(3*MaxOver+60001) * int64(time.Millisecond))
	if table.over.n != 0 || table.index.used != 0 {
		t.Errorf("%d over, %d in the index after their time", table.over.n, table.index.used)
	}
}

func TestNoAllocation(t *testing.T) {
	table := New(nil)
	var life [10]tcp.Segment
	for step := range life {
		life[step] = *segment(0, step, 0)
	}
	conn := uint16(0)
	live := func() {
		conn++
		for i := range life {
			s := &life[i]
			s.Time += int64(time.Millisecond)
			if s.Src.Port != 80 {
				s.Src.Port = conn
			} else {
				s.Dst.Port = conn
			}
			table.Observe(s)
		}
	}
	for range 3 * MaxOver { // until as many are forgotten as are new
		live()
	}
	if n := testing.AllocsPerRun(1000, live); n > 0 {
		t.Errorf("%v allocations for %d segments", n, len(script))
	}
}

// TestIndex holds the index to a map under additions and removals.
func TestIndex(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	x := index{slots: make([]slot, 16)}
	have := map[ref]uint32{}
	for i := range 20000 {
		if len(have) == 0 || r.IntN(100) < 55-i/400 {
			f, h := ref(i+1), uint32(r.IntN(64)) // many share a slot
			x.add(h, f)
			have[f] = h
		} else {
			for f, h := range have {
				x.remove(h, f)
				delete(have, f)
				break
			}
		}
		if i%100 == 0 {
			for f, h := range have {
				if got := x.find(h, func(r ref) bool { return r == f }).flow; got != f {
					t.Fatalf("round %d: flow %d is not found", i, f)
				}
			}
		}
	}
	if x.used != len(have) {
		t.Errorf("%d used, want %d", x.used, len(have))
	}
}

// TestMissed loses frames at random and compares with a table that has seen
// them all: what is told of a segment is the same, or Unknown.
func TestMissed(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 7))
		whole, lossy := New(nil), New(nil)
		const conns = 20
		var at, times [conns]int
		unknown, gap, lost := 0, false, 0
		for i := range 5000 {
			c := r.IntN(conns)
			if at[c] == len(script) {
				at[c] = 0 // the next connection has the same ports
				times[c]++
			}
			s := segment(c+1, at[c], int64(i))
			s.Seq, s.Ack = s.Seq.Add(uint32(times[c]*100000)), s.Ack.Add(uint32(times[c]*100000))
			at[c]++
			_, truth := whole.Observe(s)
			if lost > 0 {
				lost--
				gap = true
				continue
			}
			if gap {
				lossy.Missed(1)
				gap = false
			}
			_, step := lossy.Observe(s)
			if step.From != truth.From { // by its port the server looks like the client
				step.After[0], step.After[1] = step.After[1], step.After[0]
			}
			for e, got := range step.After {
				if got == tcp.Unknown {
					unknown++
				} else if got != truth.After[e] {
					t.Fatalf("seed %d, segment %d %v of %v: %v is told as %v, it is %v", seed, i, s.Flags, s.Src, tcp.End(e), got, truth.After[e])
				}
			}
			if r.IntN(200) == 0 {
				lost = 1 + r.IntN(60)
			}
		}
		if unknown == 0 {
			t.Fatalf("seed %d: nothing became Unknown", seed)
		}
	}
}

// What is not known of any end does not stay; what the kernel has told does.
func TestStale(t *testing.T) {
	told := 0
	table := New(func(*Flow) { told++ })
	table.Observe(segment(300, 4, 1000)) // from the middle
	client := segment(301, 0, 0)
	table.Know(client.Src, client.Dst, true, tcp.Established, 1)
	table.Observe(segment(302, 0, 1000))
	table.Expire(int64(61 * time.Second))
	if table.Open() != 3 {
		t.Errorf("%d open after a minute", table.Open())
	}
	table.Expire(int64(62 * time.Second))
	if table.Open() != 2 || told != 1 {
		t.Errorf("%d open, %d told", table.Open(), told)
	}
	table.Missed(1)
	table.Expire(int64(63 * time.Second))
	if table.Open() != 0 {
		t.Errorf("%d open after frames were lost", table.Open())
	}
}

func TestWaiting(t *testing.T) {
	table := New(nil)
	for step := range 8 { // the client has closed, the server has not
		table.Observe(segment(1, step, 1000))
	}
	ack := segment(1, 8, 1001)
	ack.Flags = tcp.ACK
	table.Observe(ack)
	table.Observe(segment(2, 0, 1000)) // nobody answers
	for step := range 4 {              // the data is not acknowledged
		table.Observe(segment(3, step, 1000))
	}
	for step := range 7 { // all is well
		table.Observe(segment(4, step, 1000))
	}
	server, client := segment(5, 1, 0).Src, segment(5, 0, 0).Src
	table.Know(server, client, false, tcp.CloseWait, int64(time.Second)*-19)
	got := table.Waiting(13*int64(time.Second), time.Second, 10, nil)
	want := []string{
		"4 server CLOSE_WAIT: peer closed at least 32 s ago, python3 (4242) has not called close()",
		"0 server CLOSE_WAIT: peer closed 12 s ago, python3 (4242) has not called close()",
		"1 client SYN_SENT: no answer to its SYN for 12 s",
		"2 client ESTABLISHED: data sent, but no new ACK for 12 s",
	}
	for i, w := range got {
		if s := fmt.Sprintf("%d %v %v: %s", w.Stream, w.End, w.State, w.Text("python3 (4242)").EN); i >= len(want) || s != want[i] {
			t.Errorf("%d: %s", i, s)
		}
		if w.Text("").ZH == "" || strings.Contains(w.Text("").ZH, "  ") {
			t.Errorf("in Chinese: %q", w.Text("").ZH)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d wait, want %d", len(got), len(want))
	}
	if w := table.Waiting(13*int64(time.Second), 15*time.Second, 10, nil); len(w) != 1 {
		t.Errorf("%d have waited for 15 s", len(w))
	}
}

// A clock that is set back makes no connection end before it began.
func TestEarly(t *testing.T) {
	var f *Flow
	table := New(nil)
	for _, at := range []int64{100, 40, 70, 120} {
		f, _ = table.Observe(&tcp.Segment{Time: at, Src: tcp.Endpoint{Port: 1}, Dst: tcp.Endpoint{Port: 2}, Flags: tcp.ACK, Seq: 5, Ack: 9})
	}
	if s := f.Conn.Summary(); s.First != 100 || s.Last != 120 || f.Early != 60 {
		t.Errorf("from %d to %d, %d early", s.First, s.Last, f.Early)
	}
}
