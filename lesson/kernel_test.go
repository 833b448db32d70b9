package lesson_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lesson/capture"
	"lesson/lesson"
	"lesson/lesson/tcp"
)

// story keeps what is told.
type story struct {
	opening     *lesson.Opening
	segments    []*lesson.Segment
	connections []*lesson.Connection
	ending      *lesson.Ending
}

func (s *story) Tell(e lesson.Event) error {
	switch e := e.(type) {
	case *lesson.Opening:
		s.opening = e
	case *lesson.Segment:
		kept := *e
		kept.Header, kept.Payload = slices.Clone(e.Header), slices.Clone(e.Payload)
		s.segments = append(s.segments, &kept)
	case *lesson.Connection:
		kept := *e
		s.connections = append(s.connections, &kept)
	case *lesson.Ending:
		s.ending = e
	}
	return nil
}

func explain(t testing.TB, file string) (*story, error) {
	t.Helper()
	return explainAt(t, file, tcp.Anywhere)
}

func explainAt(t testing.TB, file string, from tcp.Vantage) (*story, error) {
	t.Helper()
	r, err := open(t, file)
	if err != nil {
		return nil, err
	}
	var s story
	err = lesson.Explain(r, lesson.ExplainOptions{Detail: lesson.Everything, Name: file, Vantage: from}, &s)
	return &s, err
}

// open begins to read a capture.
func open(t testing.TB, file string) (*capture.Reader, error) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return capture.Open(f)
}

// kernelSaid is one line of testdata/kernel/states.txt.
type kernelSaid struct {
	frame int
	out   bool // the segment left the capturing end
	state tcp.State
}

func kernelTruth(t testing.TB) map[string][]kernelSaid {
	t.Helper()
	f, err := os.Open("testdata/kernel/states.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	truth := map[string][]kernelSaid{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		var file, dir, state string
		var k kernelSaid
		if _, err := fmt.Sscan(lines.Text(), &file, &k.frame, &dir, &state); err != nil {
			t.Fatal(err)
		}
		k.out = dir == "out"
		var ok bool
		if k.state, ok = tcp.ParseState(state); !ok {
			t.Fatalf("no state %q", state)
		}
		truth[file] = append(truth[file], k)
	}
	return truth
}

// In a capture taken at one end, that end's state after every frame is what
// its kernel said.
func TestKernelTruth(t *testing.T) {
	for file, said := range kernelTruth(t) {
		t.Run(file, func(t *testing.T) {
			s, err := explain(t, filepath.Join("testdata/kernel", file))
			if err != nil {
				t.Fatal(err)
			}
			frames := map[int]*lesson.Segment{}
			for _, seg := range s.segments {
				frames[seg.Number] = seg
			}
			for _, k := range said {
				seg := frames[k.frame]
				if seg == nil {
					t.Errorf("frame %d is not told", k.frame)
					continue
				}
				me := seg.Step.From
				if !k.out {
					me = me.Peer()
				}
				got := seg.Step.After[me]
				if !(lesson.Kernel{State: k.state}).Agrees(got) {
					t.Errorf("frame %d (%v): the kernel of the %v says %v, we say %v", k.frame, seg.Flags, me, k.state, got)
				}
			}
		})
	}
}

// later is a source without its first segments: a capture that started late.
type later struct {
	lesson.Source
	skip int
}

func (l *later) Next() (tcp.Captured, error) {
	for ; l.skip > 0; l.skip-- {
		if c, err := l.Source.Next(); err != nil {
			return c, err
		}
	}
	return l.Source.Next()
}

// However late a capture starts, what is said of the capturing end is what its
// kernel said, or Unknown.
func TestKernelTruthFromTheMiddle(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and nothing here runs beside anything else")
	}
	known, told := 0, 0
	for file, said := range kernelTruth(t) {
		truth := map[int]kernelSaid{}
		for _, k := range said {
			truth[k.frame] = k
		}
		for skip := 1; skip < len(said); skip++ {
			r, err := open(t, filepath.Join("testdata/kernel", file))
			if err != nil {
				t.Fatal(err)
			}
			var s story
			if err := lesson.Explain(&later{r, skip}, lesson.ExplainOptions{Detail: lesson.Everything}, &s); err != nil {
				t.Fatal(err)
			}
			for _, seg := range s.segments {
				k, me := truth[seg.Number], seg.Step.From
				if !k.out {
					me = me.Peer()
				}
				told++
				if got := seg.Step.After[me]; got != tcp.Unknown {
					known++
					if !(lesson.Kernel{State: k.state}).Agrees(got) {
						t.Errorf("%s from frame %d on, frame %d (%v): the kernel of the %v says %v, we say %v", file, skip+1, seg.Number, seg.Flags, me, k.state, got)
					}
				}
			}
		}
	}
	t.Logf("%d of %d states known", known, told)
}
