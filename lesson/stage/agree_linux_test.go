package stage_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/lessons"
	"lesson/lesson/stage"
)

// testLessons reads the lessons in testdata.
func testLessons(t *testing.T) []*lesson.Lesson {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no lessons in testdata", err)
	}
	var list []*lesson.Lesson
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		l, err := lesson.Parse(strings.TrimSuffix(filepath.Base(f), ".txtar"), data)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, l)
	}
	return list
}

// TestLiveAgreement plays 500 connections of every kind with varied timing, and
// wants the kernel to say of every end at every rest what the story says.
func TestLiveAgreement(t *testing.T) {
	const workers = 4
	total := 500
	if testing.Short() {
		total = 80
	}
	kinds := testLessons(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("%s: seed %d", place(), seed)
	var played, asked, disagreed, differed atomic.Int64
	t.Run("play", func(t *testing.T) {
		for w := range workers {
			t.Run("", func(t *testing.T) {
				n := live(t) // before the others: the netlink package sets itself up at its first use
				t.Parallel()
				random := rand.New(rand.NewPCG(seed, uint64(w)))
				n.Pause = func(ctx context.Context, _ stage.Pause) error {
					// Now and then longer than the kernel delays an ACK.
					d := time.Duration(random.IntN(3000)) * time.Microsecond
					if random.IntN(40) == 0 {
						d = 60 * time.Millisecond
					}
					select {
					case <-time.After(d):
						return nil
					case <-ctx.Done():
						return context.Cause(ctx)
					}
				}
				for i := range total / workers {
					l := kinds[i%len(kinds)]
					n.IPv6 = random.IntN(3) == 0
					var r record
					err := stage.Play(context.Background(), l, n.Options, &r)
					played.Add(1)
					for _, e := range r {
						rest, ok := e.(*lesson.Rest)
						if !ok {
							continue
						}
						for end, k := range rest.Kernel {
							asked.Add(1)
							if !k.Agrees(rest.State[end]) {
								disagreed.Add(1)
								t.Errorf("%s: at rest the kernel says %s, the story %s\n%s", l.Name, k.State, rest.State[end], r)
							}
						}
					}
					var p *lang.Problem
					switch {
					case err == nil:
					case errors.As(err, &p) && p.Code == lang.ExitDiffers && (l.Name == "three-segments" || l.Name == "both-close"):
						// Which of the two programs is quicker is chance.
						differed.Add(1)
					default:
						t.Errorf("%s: %v\n%s", l.Name, err, r)
					}
				}
			})
		}
	})
	t.Logf("%d connections, %d states asked, %d disagreements, %d runs other than promised", played.Load(), asked.Load(), disagreed.Load(), differed.Load())
}

func place() lesson.Place {
	if os.Getenv(private) != "" {
		return lesson.Private
	}
	return lesson.Host
}

// TestLiveAlike plays the catalogue's lessons again and again: the same events
// every time, up to times, ports and sequence numbers.
func TestLiveAlike(t *testing.T) {
	n := live(t)
	for _, l := range lessons.All() {
		if l.NeedsWire() || slices.ContainsFunc(l.Script, func(a lesson.Action) bool { return a.Verb == lesson.DelayAcks }) {
			continue // a close() that has to overtake an ACK is now and then too late
		}
		runs := 100
		if testing.Short() || l.Order > find(t, "teardown").Order {
			runs = 5
		}
		var first record
		for i := range runs {
			var r record
			if err := stage.Play(context.Background(), l, n.Options, &r); err != nil {
				t.Errorf("%s: %v\n%s", l.Name, err, r)
			}
			if i == 0 {
				first = r
			} else if !slices.Equal(r.lines(), first.lines()) {
				t.Fatalf("%s: run %d differs:\n%s\nthe first was:\n%s", l.Name, i+1, r, first)
			}
		}
	}
}
