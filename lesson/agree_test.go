package lesson_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lesson/lesson"
	"lesson/lesson/tcp"
)

// graded is one state that a kernel told, and where in a capture it belongs.
type graded struct {
	Pos    int // the frame's number in the capture
	Frame  int
	Dir    string
	After  string // lockstep
	KAfter string `json:"K_after"` // matrix, walk, packetdrill
	Racy   bool
	Shared bool `json:"poll_shared_with_next"`
	Event  string
}

// truth is one of the corpus's truth files.
type truth struct {
	VantageStates map[string][]graded `json:"vantage_states"`
	Cases         []struct {
		Start, Event string
		Steps        []graded
	}
	Steps []graded
}

func readTruth(t *testing.T, file string) (out truth) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(file, err)
	}
	return out
}

// score counts states told right, wrong, and not claimed.
type score struct{ right, wrong, unknown int }

// grade compares what is told of the capturing end with what its kernel said.
func (s *score) grade(t *testing.T, capture string, all []graded) {
	t.Helper()
	story, _ := explain(t, capture)
	if story == nil {
		return
	}
	frames := map[int]*lesson.Segment{}
	for _, seg := range story.segments {
		frames[seg.Number] = seg
	}
	for _, g := range all {
		at, said := g.Pos, g.After
		if at == 0 {
			at, said = g.Frame, g.KAfter
		}
		seg := frames[at]
		if seg == nil || g.Dir == "app" || g.Racy || g.Shared || said == "" {
			continue
		}
		want, ok := tcp.ParseState(strings.NewReplacer("_", "-").Replace(said))
		if !ok {
			t.Fatalf("%s: no state %s", capture, said)
		}
		me := seg.Step.From
		if g.Dir != "out" {
			me = me.Peer()
		}
		switch got := seg.Step.After[me]; {
		case got == tcp.Unknown:
			s.unknown++
		case (lesson.Kernel{State: want}).Agrees(got):
			s.right++
		default:
			s.wrong++
			t.Logf("%s frame %d %s %s (%v): the kernel says %v, we say %v", filepath.Base(capture), at, g.Dir, g.Event, seg.Flags, want, got)
		}
	}
}

// In every capture taken at one end, that end's state after every frame is what
// its kernel said, but for what docs/known-issues.md explains.
func TestAgreesWithKernels(t *testing.T) {
	dir := filepath.Join(corpus(t), "kernel")
	for _, set := range []struct {
		name  string
		wrong int // at most, by name in docs/known-issues.md
	}{{"lockstep", 4}, {"matrix", 71}, {"walk", 262}} {
		t.Run(set.name, func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join(dir, set.name, "*.truth.json"))
			if err != nil || len(files) == 0 {
				t.Fatal("no truth", err)
			}
			var s score
			for _, f := range files {
				base := strings.TrimSuffix(f, ".truth.json")
				told := readTruth(t, f)
				for vantage, all := range told.VantageStates {
					s.grade(t, base+"."+vantage+".pcap", all)
				}
				for _, c := range told.Cases {
					s.grade(t, base+".pcap", c.Steps)
				}
			}
			t.Logf("%s: %+v of %d", set.name, s, s.right+s.wrong+s.unknown)
			if s.wrong > set.wrong {
				t.Errorf("%d states are not what the kernel said, %d were", s.wrong, set.wrong)
			}
		})
	}
}
