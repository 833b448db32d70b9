package trial_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lesson/capture/private"
	"lesson/capture/sockets"
	"lesson/capture/wire"
	"lesson/lesson"
	"lesson/lesson/hand"
	"lesson/lesson/tcp"
	"lesson/lesson/trial"
)

// peers is where this program is told to be one of the two that talk.
const peers = "LESSON_TRIAL_PEER"

// refusal is why the tests run without namespaces: not at all.
var refusal error

// TestMain runs the tests where the wire is used: in a child of private.Run.
func TestMain(m *testing.M) {
	if seed := os.Getenv(peers); seed != "" {
		peer(os.Args[1], seed)
		return
	}
	if how := os.Getenv(reusers); how != "" {
		reuse(os.Args[1], how)
		return
	}
	if private.Child() {
		if refusal = private.Enter(os.Args[1:]); refusal == nil {
			os.Exit(m.Run())
		}
	}
	// Who waits for a kernel's timer does not work.
	code, err := private.Run(private.Options{Args: append(os.Args[1:], "-test.parallel=16")})
	if err == nil {
		os.Exit(code)
	}
	refusal = err
	os.Exit(m.Run())
}

// peer is a program that uses the calls of one or two connections in any order.
func peer(side, seed string) {
	const at = "192.168.0.193:2023"
	n, _ := strconv.ParseUint(seed, 10, 64)
	var talks sync.WaitGroup
	start := func(i uint64, open func() (net.Conn, error)) bool {
		c, err := open()
		if err != nil {
			fmt.Println(err)
			return false
		}
		talks.Go(func() { talk(c.(*net.TCPConn), rand.New(rand.NewPCG(n, 2*i+uint64(len(side)%2)))) })
		return true
	}
	if side == "client" {
		for i := range 1 + n%2 {
			start(i, func() (net.Conn, error) { return net.Dial("tcp", at) })
			if n%3 == 0 {
				talks.Wait() // one after the other
			}
		}
		talks.Wait()
		return
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for i := uint64(0); start(i, l.Accept); i++ {
	}
}

func talk(c *net.TCPConn, random *rand.Rand) {
	defer c.Close()
	for range 1 + random.IntN(3) {
		switch random.IntN(4) {
		case 0:
			_, _ = c.Write([]byte("你好，世界！！！"))
		case 1:
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			_, _ = c.Read(make([]byte, 100))
		case 2:
			_ = c.CloseWrite()
		case 3:
			_ = c.SetReadDeadline(time.Now().Add(3 * time.Second))
			_, _ = io.Copy(io.Discard, c)
		}
	}
}

// whim is a person who decides at random, as soon as there is something to
// decide.
type whim struct {
	random *rand.Rand
	keys   chan byte
	most   int // how many segments have another fate than arriving
}

func (w *whim) Flight(*lesson.Flight, lesson.Verb) error {
	select {
	case w.keys <- ' ':
	default: // pressed before
	}
	return nil
}

func (w *whim) Idle([2]lesson.Kernel) error { return nil }
func (w *whim) Keys() <-chan byte           { return w.keys }

func (w *whim) Key(_ byte, held bool) (*hand.Choice, error) {
	verbs := []lesson.Verb{lesson.Drop, lesson.Duplicate, lesson.Reorder, lesson.Delay, lesson.Corrupt}
	switch {
	case !held:
		return nil, nil
	case w.most > 0 && w.random.IntN(3) == 0:
		w.most--
		return &hand.Choice{Verb: verbs[w.random.IntN(len(verbs))]}, nil
	}
	return &hand.Choice{Planned: true}, nil
}

// record is a teller that keeps what it is told.
type record struct {
	strings.Builder
	differs int
	ending  *lesson.Ending
}

func (r *record) Tell(e lesson.Event) error {
	switch e := e.(type) {
	case *lesson.Segment:
		fmt.Fprintf(r, "segment %d %v %v %v seq %d ack %d len %d | %v -> %v, kernel %v %v %v, %v\n",
			e.N, e.Fate, e.Step.From, e.Flags, e.Step.Seq, e.Step.Ack, e.Len, e.Step.Before, e.Step.After,
			e.Before, e.InFlight, e.Kernel, e.Step.Findings.Names())
		onWay := e.Step.Before
		onWay[e.Step.From] = e.Step.After[e.Step.From]
		for end := range e.Kernel {
			for when, k := range []lesson.Kernel{e.Before[end], e.InFlight[end], e.Kernel[end]} {
				if state := [...]tcp.State{e.Step.Before[end], onWay[end], e.Step.After[end]}[when]; k.Asked() && !k.Agrees(state) {
					r.differs++
					fmt.Fprintf(r, "the %v's kernel differs: %v\n", tcp.End(end), k)
				}
			}
		}
	case *lesson.Call:
		fmt.Fprintf(r, "call %v %s %s %v\n", e.End, e.Name, e.Text.EN, e.Console)
	case *lesson.Connection:
		fmt.Fprintf(r, "connection %d: %v, %v, %v\n", e.Stream, e.Opened, e.Closed, e.State)
	case *lesson.Ending:
		r.ending = e
		fmt.Fprintf(r, "ending %+v\n", *e)
	}
	return nil
}

// TestWhims has two programs talk while a person drops, doubles, delays and
// corrupts whatever comes: the trial ends, and both kernels agree with every row.
func TestWhims(t *testing.T) {
	needsHosts(t)
	runs := 40
	if testing.Short() {
		runs = 8
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for i := range runs {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			run(t, peers, fmt.Sprint(seed+uint64(i)), &whim{random: rand.New(rand.NewPCG(seed, uint64(i))), keys: make(chan byte, 1), most: 4})
		})
	}
}

// needsHosts skips a test where there are no namespaces, but not under CI.
func needsHosts(t *testing.T) {
	t.Helper()
	if refusal != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(refusal)
		}
		t.Skip(refusal)
	}
}

// run lets this program talk to itself, as a variable says, and holds that both
// kernels agree with what is told.
func run(t *testing.T, variable, value string, h hand.Hand) *record {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w, err := wire.New(wire.Options{AnyAddress: true})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var diag [2]*sockets.Diag
	for e := range diag {
		if err := w.Do(tcp.End(e), func() (err error) { diag[e], err = sockets.Open(); return err }); err != nil {
			t.Fatal(err)
		}
		defer diag[e].Close()
	}
	command := func(side string) string { return fmt.Sprintf("exec env %s=%s %s %s", variable, value, self, side) }
	ctx, cancel := context.WithTimeoutCause(context.Background(), time.Minute, errors.New("it does not end"))
	defer cancel()
	r := &record{}
	err = trial.Run(ctx, trial.Options{
		Commands:  [2]string{command("client"), command("server")},
		Wire:      w.Sides(),
		Linux:     w.Linux(),
		Listening: diag[tcp.Server].Listening,
		Hand:      h,
		Ask: func(e tcp.End, local, remote netip.AddrPort) (lesson.Kernel, error) {
			s, err := diag[e].Ask(local, remote)
			return lesson.Kernel{State: s.State, Timer: s.Timer, Remaining: s.Remaining}, err
		},
	}, r)
	if err != nil || r.differs > 0 || r.ending.Disagreed > 0 {
		t.Errorf("%v\n%s", err, r.String())
	}
	return r
}
