package wire

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lesson/lesson"
	"lesson/lesson/tcp"
)

// TestLosses sends a stream from one kernel to another over a wire that loses,
// delays and doubles segments, and explains what a capture in the middle has. What
// is told as lost was lost, and most of what was lost is told so; what carries SACK
// is never called a window update.
//
// Of a late segment whose repetition is lost, and of one whose duplicate is reported
// in a segment that is lost, no capture can tell (docs/known-issues.md): the wire
// spares us these.
func TestLosses(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var all tally
	for i := range 6 {
		t.Run(fmt.Sprintf("v6=%v timestamps=%v %d", i&1 != 0, i&2 != 0, i), func(t *testing.T) {
			r := newRig(t, Options{IPv6: i&1 != 0})
			for e := range 2 {
				r.must(r.Do(tcp.End(e), func() error {
					return os.WriteFile("/proc/sys/net/ipv4/tcp_timestamps", []byte{'0' + byte(i>>1&1)}, 0)
				}))
			}
			s := &stream{rig: r, rnd: rand.New(rand.NewPCG(seed, uint64(i)))}
			s.run(300_000)
			s.check(&all)
		})
	}
	t.Logf("%d segments lost, %d of them told as lost; %d late or doubled, %d told as lost; %d with SACK", all.lost, all.told, all.late, all.wrong, all.sack)
	if all.wrong > 1 { // of 4,000 that were told, one: a kernel may report one duplicate of two
		t.Errorf("%d that were not lost were told as lost", all.wrong)
	}
	if all.lost > 30 && all.told*2 < all.lost {
		t.Error("too few losses were told")
	}
}

type tally struct{ lost, told, late, wrong, sack int }

// stream is a transfer over a bad wire.
type stream struct {
	*rig
	rnd      *rand.Rand
	captured []tcp.Captured
	fate     []fate // of each
	late     []delayed
}

// fate is what became of a segment.
type fate uint8

const (
	arrived fate = iota
	lost
	late
	doubled
)

// delayed is a frame that arrives when so many others have left.
type delayed struct {
	f     Frame
	after int
}

// run sends so many bytes.
func (s *stream) run(bytes int) {
	fd, syn := s.connect()
	s.leaves(syn, arrived)
	s.leaves(s.poll(tcp.Server, tcp.SYN|tcp.ACK), arrived)
	s.leaves(s.poll(tcp.Client, tcp.ACK), arrived)
	to := s.accept()
	defer unix.Close(to)
	chunk := make([]byte, 1<<16)
	received := 0
	for sent := 0; received < bytes; {
		if sent < bytes {
			n, err := unix.Write(fd, chunk[:min(len(chunk), bytes-sent)])
			if err != nil && !errors.Is(err, unix.EAGAIN) {
				s.Fatal(err)
			}
			sent += max(n, 0)
		}
		f, ok, err := s.Poll()
		s.must(err)
		if !ok && len(s.late) > 0 {
			s.arrive(0)
			continue
		}
		if !ok {
			s.must(s.SetDeadline(time.Now().Add(20 * time.Second)))
			f, err = s.Next()
			s.must(err)
		}
		s.leaves(f, s.decide(&f))
		for n := 1; n > 0; received += max(n, 0) {
			n, _ = unix.Read(to, chunk)
		}
	}
	for len(s.late) > 0 {
		s.arrive(0)
		for f, ok, err := s.Poll(); ok; f, ok, err = s.Poll() {
			s.must(err)
			s.leaves(f, arrived)
		}
	}
	unix.Close(fd)
}

func (s *stream) decide(f *Frame) fate {
	p := s.rnd.IntN(100)
	switch said := f.Reports(); {
	case said.Twice != (tcp.SACKBlock{}), s.repeatsLate(f):
	case f.Len == 0 && p < 3, f.Len > 0 && p < 6:
		return lost
	case f.Len == 0:
	case p < 12:
		return late
	case p < 14:
		return doubled
	}
	return arrived
}

// repeatsLate reports whether a frame sends again what has left and was late.
func (s *stream) repeatsLate(f *Frame) bool {
	for i := range s.captured {
		if c := &s.captured[i]; f.Len > 0 && s.fate[i] == late && c.Src == f.Src && c.Seq.Less(f.End()) && f.Seq.Less(c.End()) {
			return true
		}
	}
	return false
}

// leaves captures a frame, and lets become of it what is to become of it.
func (s *stream) leaves(f Frame, what fate) {
	f = f.clone()
	f.Number = len(s.captured) + 1
	s.captured, s.fate = append(s.captured, f.Captured), append(s.fate, what)
	switch what {
	case late:
		s.late = append(s.late, delayed{f, 1 + s.rnd.IntN(12)})
	case doubled:
		s.deliver(f)
		fallthrough
	case arrived:
		s.deliver(f)
	case lost:
	}
	for i := range s.late {
		s.late[i].after--
	}
	if i := slices.IndexFunc(s.late, func(d delayed) bool { return d.after < 0 }); i >= 0 {
		s.arrive(i)
	}
}

func (s *stream) arrive(i int) {
	f := s.late[i].f
	s.late = slices.Delete(s.late, i, i+1)
	s.deliver(f)
}

// check compares what is told with what was.
func (s *stream) check(all *tally) {
	var told segments
	at := 0
	next := func() (c tcp.Captured, err error) {
		if at == len(s.captured) {
			return c, io.EOF
		}
		at++
		return s.captured[at-1], nil
	}
	if err := lesson.Explain(source(next), lesson.ExplainOptions{Detail: lesson.Everything}, &told); err != nil {
		s.Fatal(err)
	}
	for i, seg := range told {
		is := seg.Findings.Has(tcp.Lost)
		if seg.Findings.Has(tcp.WindowUpdate) && s.captured[i].Options.SACKBlocks > 0 {
			s.Errorf("segment %d carries SACK and is called a window update", i+1)
		}
		if s.captured[i].Options.SACKBlocks > 0 {
			all.sack++
		}
		switch {
		case s.fate[i] == lost && s.captured[i].Len > 0:
			all.lost++
			if is {
				all.told++
			}
		case s.fate[i] != arrived:
			all.late++
			fallthrough
		default:
			if is {
				all.wrong++
				s.Logf("segment %d, %d bytes from %d, is told as lost; it was not (%d)", i+1, s.captured[i].Len, seg.Seq, s.fate[i])
			}
		}
	}
}

type source func() (tcp.Captured, error)

func (s source) Next() (tcp.Captured, error) { return s() }

// segments is a lesson.Teller that keeps what each segment did.
type segments []tcp.Step

func (s *segments) Tell(e lesson.Event) error {
	if segment, ok := e.(*lesson.Segment); ok {
		*s = append(*s, segment.Step)
	}
	return nil
}
