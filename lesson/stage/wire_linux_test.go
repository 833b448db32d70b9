package stage_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"lesson/capture/sockets"
	"lesson/capture/wire"
	"lesson/lesson"
	"lesson/lesson/hand"
	"lesson/lesson/lang"
	"lesson/lesson/lessons"
	"lesson/lesson/stage"
	"lesson/lesson/tcp"
)

// wired makes two hosts to play on, in the run that has namespaces of its own.
func wired(t testing.TB, o wire.Options) stage.Options {
	t.Helper()
	inNamespaces(t)
	w, err := wire.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	var diag [2]*sockets.Diag
	for e := range diag {
		if err := w.Do(tcp.End(e), func() (err error) { diag[e], err = sockets.Open(); return err }); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { diag[e].Close() })
	}
	return stage.Options{
		Place: lesson.Private, Port: 2023, Message: "你好，世界！！！", Wire: w.Segments(), Linux: w.Linux(),
		Ask: func(e tcp.End, local, remote netip.AddrPort) (lesson.Kernel, error) {
			s, err := diag[e].Ask(local, remote)
			return lesson.Kernel{State: s.State, Timer: s.Timer, Remaining: s.Remaining}, err
		},
	}
}

// inNamespaces skips a test that is for the run in namespaces of its own.
func inNamespaces(t testing.TB) {
	t.Helper()
	if os.Getenv(private) == "" {
		t.Skip("TestPrivate runs this in namespaces of its own")
	}
}

// eachLesson calls f for every lesson with each of its flags and without.
func eachLesson(f func(l *lesson.Lesson, set map[string]bool)) {
	for _, l := range lessons.All() {
		f(l, nil)
		for _, o := range l.Options {
			f(l, map[string]bool{o.Name: true})
		}
	}
}

// TestWireLessons plays the whole catalogue: every promise is kept, both
// kernels are asked for every row and agree, and two runs are told alike. The
// arrows that were walked are those that docs/states.md names lessons for.
func TestWireLessons(t *testing.T) {
	t.Parallel()
	inNamespaces(t)
	var mu sync.Mutex
	walked := map[string][]lesson.Arrow{}
	t.Run("play", func(t *testing.T) {
		eachLesson(func(l *lesson.Lesson, set map[string]bool) {
			runs := 5
			if l.Name == minute {
				runs = 1
			}
			switch {
			case *update:
				runs = 1
			case testing.Short():
				runs = min(runs-1, 2)
			}
			t.Run(fmt.Sprint(l.Name, set), func(t *testing.T) {
				t.Parallel()
				var first record
				for i := range runs {
					o := wired(t, wire.Options{IPv6: i%2 == 1})
					o.Set = set
					r, w := kept(t, l, o)
					holdExplained(t, l, set, r)
					if i == 0 {
						first = r
						holdRecording(t, l, set, r)
						mu.Lock()
						walked[l.Name] = append(walked[l.Name], w.Arrows()...)
						mu.Unlock()
					} else if !slices.Equal(r.lines(), first.lines()) {
						t.Fatalf("run %d differs:\n%s\nthe first was:\n%s", i+1, r, first)
					}
				}
			})
		})
	})
	if !testing.Short() && !t.Failed() {
		holdWalks(t, walked)
	}
}

// kept plays a lesson until it keeps its promise. A machine too busy to deliver
// a segment within 200 ms makes its sender repeat it, which nobody promised; the
// kernels agree all the same.
func kept(t *testing.T, l *lesson.Lesson, o stage.Options) (r record, w lesson.Walker) {
	t.Helper()
	for tries := 3; ; tries-- {
		r, w = nil, lesson.Walker{}
		err := stage.Play(context.Background(), l, o, both{&r, &w})
		var p *lang.Problem
		switch {
		case err == nil:
			agreed(t, r)
			return r, w
		case tries == 1 || !errors.As(err, &p) || p.Code != lang.ExitDiffers:
			t.Fatalf("%v\n%s", err, r)
		}
		t.Logf("again, for %v", err)
	}
}

// minute is the lesson that takes one.
const minute = "time-wait"

// both tell every event twice.
type both [2]lesson.Teller

func (b both) Tell(e lesson.Event) error { return errors.Join(b[0].Tell(e), b[1].Tell(e)) }

// agreed wants both kernels to have been asked for every row, and to agree.
func agreed(t *testing.T, r record) {
	t.Helper()
	for _, e := range r {
		switch e := e.(type) {
		case *lesson.Segment:
			for end, k := range e.Kernel {
				if !k.Asked() || !e.InFlight[end].Asked() || !k.Agrees(e.Step.After[end]) {
					t.Errorf("segment %d, %s: in flight %s, after it %s, the story says %s\n%s",
						e.N, tcp.End(end), e.InFlight[end].State, k.State, e.Step.After[end], r)
				}
			}
		case *lesson.Ending:
			if e.Disagreed > 0 {
				t.Errorf("the kernels disagreed %d times\n%s", e.Disagreed, r)
			}
		}
	}
}

// whim is a person who decides at random, and at last lets the lesson go on.
type whim struct {
	random  *rand.Rand
	keys    chan byte
	flights int
	most    int // decisions other than the lesson's
}

func (w *whim) Flight(*lesson.Flight, lesson.Verb) error {
	w.flights++
	w.press()
	return nil
}

func (w *whim) Idle([2]lesson.Kernel) error { return nil }

func (w *whim) press() {
	select {
	case w.keys <- ' ':
	default: // pressed before
	}
}

func (w *whim) Keys() <-chan byte { return w.keys }

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

// TestWireWhims plays with a person who drops, doubles, delays and corrupts
// whatever comes: the lesson ends, and both kernels agree with every row.
func TestWireWhims(t *testing.T) {
	t.Parallel()
	runs := 40
	if testing.Short() {
		runs = 8
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for i := range runs {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			o := wired(t, wire.Options{})
			h := &whim{random: rand.New(rand.NewPCG(seed, uint64(i))), keys: make(chan byte, 1), most: 4}
			o.Hand = h
			o.Pause = func(context.Context, stage.Pause) error { return nil }
			var r record
			ctx, cancel := context.WithTimeoutCause(context.Background(), time.Minute, errors.New("it does not end"))
			defer cancel()
			err := stage.Play(ctx, find(t, "teardown"), o, &r)
			var p *lang.Problem
			if err != nil && !errors.As(err, &p) {
				t.Fatalf("%v\n%s", err, r)
			}
			agreed(t, r)
		})
	}
}

// repeating is a person who waits until the held segment has been repeated.
type repeating struct {
	whim
	seen int
}

func (h *repeating) Flight(f *lesson.Flight, _ lesson.Verb) error {
	h.seen = max(h.seen, len(f.Segment.Repeats)+len(f.Segment.Provoked))
	if f.Segment.N != 2 || len(f.Segment.Repeats) > 1 && len(f.Segment.Provoked) > 0 {
		h.press()
	}
	return nil
}

// TestWireHeld holds the SYN,ACK until its sender has repeated it twice, and the
// client its SYN: all of that is counted with the segment, and changes nothing.
func TestWireHeld(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes three seconds of the kernel's own timers")
	}
	o := wired(t, wire.Options{})
	h := &repeating{whim: whim{keys: make(chan byte, 1)}}
	o.Hand = h
	var r record
	if err := stage.Play(context.Background(), find(t, "handshake"), o, &r); err != nil {
		t.Fatalf("%v\n%s", err, r)
	}
	agreed(t, r)
	var segments []*lesson.Segment
	for _, e := range r {
		if s, ok := e.(*lesson.Segment); ok {
			segments = append(segments, s)
		}
	}
	if len(segments) != 3 || len(segments[1].Repeats) < 2 || len(segments[1].Provoked) < 1 {
		t.Errorf("the repetitions are not counted with the segment:\n%s", r)
	}
}

// TestWireInVain waits for what cannot come, in a run that is not what was
// promised, while a kernel sends the same again and again: it does not wait for
// that kernel to give up.
func TestWireInVain(t *testing.T) {
	t.Parallel()
	o := wired(t, wire.Options{})
	o.Patience = 500 * time.Millisecond
	l := promising(t, opening+"wire hold client FIN ACK\nclient close\nwait client FIN_WAIT2, server CLOSE_WAIT", "")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var r record
	problem(t, stage.Play(ctx, l, o, &r), lang.ExitDiffers, "waited in vain", "the client is in FIN_WAIT1")
}

// dropping is a person who drops one segment.
type dropping struct {
	whim
	number, held int
}

func (h *dropping) Flight(f *lesson.Flight, _ lesson.Verb) error {
	h.held = f.Segment.N
	h.press()
	return nil
}

func (h *dropping) Key(byte, bool) (*hand.Choice, error) {
	if h.held == h.number {
		return &hand.Choice{Verb: lesson.Drop}, nil
	}
	return &hand.Choice{Planned: true}, nil
}

// TestWireCrossingLost drops one of two FINs that cross. It has been told on its
// way, so that it is lost is told too, and nothing is on its way at the end.
func TestWireCrossingLost(t *testing.T) {
	o := wired(t, wire.Options{})
	o.Hand = &dropping{whim: whim{keys: make(chan byte, 1)}, number: 4}
	l := promising(t, opening+"client close\nserver close\nwait client TIME_WAIT, server TIME_WAIT", "")
	var r record
	_ = stage.Play(context.Background(), l, o, &r) // where it ends is not promised
	agreed(t, r)
	var fates []string
	for _, e := range r {
		if s, ok := e.(*lesson.Segment); ok && s.N == 4 {
			fates = append(fates, s.Fate.String())
		}
	}
	if want := []string{"delayed", "lost"}; !slices.Equal(fates, want) {
		t.Errorf("the FIN was told as %v, want %v\n%s", fates, want, r)
	}
}
