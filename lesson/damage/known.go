package damage

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lesson/lesson"
	"lesson/lesson/tcp"
)

// Known is a capture that was taken at one end of a connection, with what that
// end's kernel said of its state after each packet.
type Known struct {
	Name    string
	Packets []tcp.Captured
	At      tcp.Endpoint
	After   []tcp.State // Unknown where nothing was said
	// Alike says that nothing tells a packet that was sent again from a copy of
	// it: in IPv6 there is no identification, and TCP had no time stamps.
	Alike bool
}

// Score counts states that are told right, not told, and told wrong.
type Score struct{ Right, Unknown, Wrong int }

// Add counts what is told where a kernel says otherwise, or the same.
func (s *Score) Add(kernel, told tcp.State) {
	switch {
	case told == tcp.Unknown:
		s.Unknown++
	case (lesson.Kernel{State: kernel}).Agrees(told):
		s.Right++
	default:
		s.Wrong++
	}
}

func (s Score) percent() (right, wrong float64) {
	n := float64(max(s.Right+s.Unknown+s.Wrong, 1))
	return 100 * float64(s.Right) / n, 100 * float64(s.Wrong) / n
}

// seed is that of the random numbers: the same in every run, so that a test that
// passes goes on to pass, or that in LESSON_SEED.
func seed() uint64 {
	if seed, err := strconv.ParseUint(os.Getenv("LESSON_SEED"), 10, 64); err == nil {
		return seed
	}
	return 9293
}

// Check damages captures in every way, each so many times, and fails where what
// is told in the end is too often not what the kernels said, or too often
// nothing; or where a connection is told to have opened, closed or been reset as
// it was not.
func Check(t *testing.T, all []Known, times int) {
	t.Helper()
	seed := seed()
	r := rand.New(rand.NewPCG(seed, 0))
	t.Logf("LESSON_SEED=%d", seed)
	for _, kind := range Kinds() {
		var states, course Score
		for _, k := range all {
			if kind.Late && k.Alike {
				continue
			}
			whole := k.explain(t, Whole(k.Packets))
			for range times {
				packets := kind.Do(r, Whole(k.Packets))
				last := Last(packets)
				if last < 0 || k.After[last] == tcp.Unknown {
					continue
				}
				if !(lesson.Kernel{State: k.After[last]}).Agrees(k.upTo(t, last)) {
					continue // no packet shows it yet, in a whole capture either
				}
				told := k.explain(t, packets)
				before := states.Wrong + course.Wrong
				states.Add(k.After[last], told.state)
				if why := told.beyond(&whole); why != "" {
					course.Wrong++
					told.log = append(told.log, why)
				} else {
					course.Right++
				}
				if states.Wrong+course.Wrong > before && os.Getenv("LESSON_DAMAGE") == kind.Name {
					t.Logf("%s, %s: the kernel says %v, we say %v\n\t%s", kind.Name, k.Name, k.After[last], told.state, strings.Join(told.log, "\n\t"))
				}
			}
		}
		if states == (Score{}) {
			continue
		}
		right, wrong := states.percent()
		_, off := course.percent()
		t.Logf("%-22s %5d right %5d Unknown %5d wrong: %5.1f %% and %.1f %%; opened, closed or reset otherwise: %.1f %%", kind.Name, states.Right, states.Unknown, states.Wrong, right, wrong, off)
		if right < kind.Right || wrong > kind.Wrong || off > 1 {
			t.Errorf("%s: %.1f %% right, at least %v asked for; %.1f %% wrong, at most %v; and %.1f %% of how it opened, closed and was reset (LESSON_DAMAGE=%q LESSON_SEED=%d tells which)", kind.Name, right, kind.Right, wrong, kind.Wrong, off, kind.Name, seed)
		}
	}
}

// told is what is told of the end where a capture was taken, and of its last
// connection.
type told struct {
	state  tcp.State
	opened lesson.Opened
	closed lesson.Closed
	reset  []tcp.Endpoint // those that are told to have reset it
	sent   []tcp.Endpoint // those that have sent a RST
	at     tcp.Endpoint
	log    []string
	packet []Packet
}

func (k *Known) explain(t *testing.T, packets []Packet) told {
	t.Helper()
	out := told{at: k.At, packet: packets}
	if err := lesson.Explain(&source{packets: packets}, lesson.ExplainOptions{Detail: lesson.Everything, Terse: true}, &out); err != nil {
		t.Fatal(k.Name, err)
	}
	return out
}

// upTo is the state that is told of the whole capture, had it ended there.
func (k *Known) upTo(t *testing.T, last int) tcp.State {
	told := k.explain(t, Whole(k.Packets[:last+1]))
	return told.state
}

// Tell is a lesson.Teller's.
func (o *told) Tell(e lesson.Event) error {
	switch e := e.(type) {
	case *lesson.Segment:
		if e.Flags.Has(tcp.RST) {
			o.sent = append(o.sent, e.Src)
		}
		copied := ""
		if o.packet[e.Number-1].Copy {
			copied = "copy of "
		}
		o.log = append(o.log, fmt.Sprintf("%s%d: stream %d, %v %v seq %d len %d ack %d | %v %v %v", copied, o.packet[e.Number-1].Was+1, e.Stream,
			e.Step.From, e.Flags, e.Step.Seq, e.Len, e.Step.Ack, e.Step.After[tcp.Client], e.Step.After[tcp.Server], e.Step.Findings.Names()))
	case *lesson.Connection:
		if at := slices.IndexFunc(e.Ends[:], func(a netip.AddrPort) bool { return tcp.EndpointFrom(a) == o.at }); at >= 0 {
			o.state, o.opened, o.closed, o.reset = e.State[at], e.Opened, e.Closed, nil
			for end, by := range e.Reset {
				if by {
					o.reset = append(o.reset, tcp.EndpointFrom(e.Ends[end]))
				}
			}
		}
	}
	return nil
}

// beyond says what is told of a damaged capture that is not told of the whole.
func (o *told) beyond(whole *told) string {
	switch {
	case (o.opened == lesson.OpenedRefused || o.opened == lesson.OpenedBoth) && o.opened != whole.opened:
		return fmt.Sprintf("opened %v, and in truth %v", o.opened, whole.opened)
	case (o.closed == lesson.ClosedFIN || o.closed == lesson.ClosedReset) && o.closed != whole.closed:
		return fmt.Sprintf("closed %v, and in truth %v", o.closed, whole.closed)
	case slices.ContainsFunc(o.reset, func(by tcp.Endpoint) bool { return !slices.Contains(whole.sent, by) }):
		return fmt.Sprintf("reset %v, and RST was sent %v", o.reset, whole.sent)
	}
	return ""
}

// source is a damaged capture.
type source struct {
	packets []Packet
	at      int
}

func (s *source) Next() (tcp.Captured, error) {
	if s.at == len(s.packets) {
		return tcp.Captured{}, io.EOF
	}
	s.at++
	c := s.packets[s.at-1].Captured
	c.Number = s.at
	return c, nil
}
