package lesson_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lesson/lesson"
	"lesson/lesson/damage"
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
	Conns         []struct {
		ID string
		A  [2]any // address and port
	}
	Vantages map[string][]int // the frames of each capture
	Frames   []struct {       // of lo, where both ends are
		Frame       int
		Src         string `json:"src_after"` // one or more, with | between
		Dst         string `json:"dst_after"`
		SrcInferred bool   `json:"src_inferred"`
		DstInferred bool   `json:"dst_inferred"`
	}
	Events []struct {
		Kind, Side, To, Conn string
		Frame                int
		A, B                 map[string]string // by connection
	}
	Cases []played
	played
}

// played are the frames of one connection.
type played struct{ Steps []graded }

func readTruth(t testing.TB, file string) (out truth) {
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

// everyVantage is a capture's story by tcp.Vantage.
func everyVantage(t *testing.T, capture string) (out [4]*story) {
	t.Helper()
	for v := range out {
		out[v], _ = explainAt(t, capture, tcp.Vantage(v))
	}
	return out
}

func parseState(t testing.TB, s string) tcp.State {
	t.Helper()
	state, ok := tcp.ParseState(strings.ReplaceAll(s, "_", "-"))
	if !ok {
		t.Fatalf("no state %s", s)
	}
	return state
}

// grade compares what is told of the capturing end with what its kernel said:
// not knowing which end that is, and knowing it.
func grade(t *testing.T, capture string, all []graded, auto, at *damage.Score) {
	t.Helper()
	if len(all) == 0 {
		return
	}
	stories := everyVantage(t, capture)
	frames := map[int]int{}
	for i, seg := range stories[tcp.Anywhere].segments {
		frames[seg.Number] = i
	}
	for _, g := range all {
		pos, said := g.Pos, g.After
		if pos == 0 {
			pos, said = g.Frame, g.KAfter
		}
		i, ok := frames[pos]
		if !ok || g.Dir == "app" || g.Racy || g.Shared || said == "" {
			continue
		}
		want, seg := parseState(t, said), stories[tcp.Anywhere].segments[i]
		me := seg.Step.From
		if g.Dir != "out" {
			me = me.Peer()
		}
		got, here := seg.Step.After[me], stories[tcp.AtClient+tcp.Vantage(me)].segments[i].Step.After[me]
		auto.Add(want, got)
		at.Add(want, here)
		if a := (lesson.Kernel{State: want}).Agrees; !a(got) || !a(here) {
			t.Logf("%s frame %d %s %s (%v): the kernel says %v, we say %v, and at the %v %v", filepath.Base(capture), pos, g.Dir, g.Event, seg.Flags, want, got, me, here)
		}
	}
}

// In every capture taken at one end, that end's state after every frame is what
// its kernel said, but for what docs/known-issues.md explains.
func TestAgreesWithKernels(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and nothing here runs beside anything else")
	}
	dir := corpus(t)
	for _, set := range []struct {
		name     string
		auto, at damage.Score // as docs/known-issues.md has them
	}{
		{"kernel/lockstep", damage.Score{Right: 1400, Wrong: 4, Unknown: 0}, damage.Score{Right: 1400, Wrong: 4, Unknown: 0}},
		{"kernel/matrix", damage.Score{Right: 2405, Wrong: 8, Unknown: 94}, damage.Score{Right: 2423, Wrong: 0, Unknown: 84}},
		{"kernel/walk", damage.Score{Right: 1008, Wrong: 111, Unknown: 241}, damage.Score{Right: 1179, Wrong: 25, Unknown: 156}},
		{"packetdrill", damage.Score{Right: 1693, Wrong: 32, Unknown: 24}, damage.Score{Right: 1717, Wrong: 32, Unknown: 0}},
	} {
		t.Run(set.name, func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join(dir, set.name, "*.truth.json"))
			if err != nil || len(files) == 0 {
				t.Fatal("no truth", err)
			}
			var auto, at damage.Score
			for _, f := range files {
				base := strings.TrimSuffix(f, ".truth.json")
				told := readTruth(t, f)
				for vantage, all := range told.VantageStates {
					grade(t, base+"."+vantage+".pcap", all, &auto, &at)
				}
				for _, c := range append(told.Cases, told.played) {
					grade(t, base+".pcap", c.Steps, &auto, &at)
				}
			}
			if auto != set.auto || at != set.at {
				t.Errorf("as the kernel said, or otherwise: %+v, and where the vantage is known %+v; was %+v and %+v", auto, at, set.auto, set.at)
			}
		})
	}
}

// In a capture of lo both ends' states are what their kernel said, but for what
// docs/known-issues.md explains.
func TestAgreesOnLoopback(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpus(t), "kernel/loopback/*.truth.json"))
	if err != nil || len(files) == 0 {
		t.Fatal("no truth", err)
	}
	var all damage.Score
	for _, f := range files {
		if strings.Contains(f, "self_connect") {
			continue // one socket is both ends: its state is told once the segment has come back
		}
		story, err := explain(t, strings.TrimSuffix(f, ".truth.json")+".pcap")
		if err != nil {
			t.Fatal(f, err)
		}
		rows := map[int]*lesson.Segment{}
		for _, seg := range story.segments {
			rows[seg.Number] = seg
		}
		for _, frame := range readTruth(t, f).Frames {
			seg := rows[frame.Frame]
			if seg == nil {
				continue
			}
			for end, said := range map[tcp.End]string{seg.Step.From: frame.Src, seg.Step.From.Peer(): frame.Dst} {
				if end == seg.Step.From && frame.SrcInferred || end != seg.Step.From && frame.DstInferred {
					continue
				}
				got := seg.Step.After[end]
				want := parseState(t, said)
				for _, alternative := range strings.Split(said, "|") {
					if (lesson.Kernel{State: parseState(t, alternative)}).Agrees(got) {
						want = got
					}
				}
				all.Add(want, got)
				if want != got {
					t.Logf("%s frame %d (%v): the kernel of the %v says %s, we say %v", filepath.Base(f), frame.Frame, seg.Flags, end, said, got)
				}
			}
		}
	}
	if want := (damage.Score{Right: 774, Wrong: 47, Unknown: 0}); all != want {
		t.Errorf("as the kernel said, or otherwise: %v; was %v", all, want)
	}
}

// been is the states an end has been in, by connection, and the last of them.
type been map[string]map[tcp.State]bool

func (b been) note(t *testing.T, states map[string]string) {
	for conn, s := range states {
		if b[conn] == nil {
			b[conn] = map[tcp.State]bool{tcp.Unknown: true, tcp.Closed: true, tcp.Listen: true}
		}
		b[conn][parseState(t, s)] = true
	}
}

// Of an end at which the capture was not taken nothing is told that its kernel
// had not come to, whatever was lost, repeated or forged on the way.
func TestNeverAhead(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpus(t), "kernel/lockstep/*.truth.json"))
	if err != nil || len(files) == 0 {
		t.Fatal("no truth", err)
	}
	told, granted := 0, 0
	for _, f := range files {
		if strings.Contains(f, "syn_data_no_tfo") {
			continue // its client is a script
		}
		truth := readTruth(t, f)
		for name, ids := range truth.Vantages {
			capture := strings.TrimSuffix(f, "truth.json") + name + ".pcap"
			stories := everyVantage(t, capture)
			rows := map[int]int{}
			for i, seg := range stories[tcp.Anywhere].segments {
				rows[seg.Number] = i
			}
			kernels, pos := [2]been{{}, {}}, 0 // of A and B
			for _, e := range truth.Events {
				kernels[0].note(t, e.A)
				kernels[1].note(t, e.B)
				sent := e.Kind == "emit" && e.Side == name || e.Kind == "inject" && e.To == name || e.Kind == "deliver" && e.To == name
				if name == "mid" {
					sent = e.Kind == "emit" || e.Kind == "inject"
				}
				if !sent || pos == len(ids) || e.Frame != ids[pos] {
					continue
				}
				pos++
				i, ok := rows[pos]
				if !ok {
					continue
				}
				seg := stories[tcp.Anywhere].segments[i]
				a := tcp.Client
				for _, c := range truth.Conns {
					end := stories[tcp.Anywhere].connections[seg.Stream].Ends[tcp.Server]
					if c.ID == e.Conn && end == endpoint(t, fmt.Sprint(c.A[0]), fmt.Sprint(c.A[1])) {
						a = tcp.Server
					}
				}
				from := map[string]tcp.Vantage{"mid": tcp.Between, "A": tcp.AtClient + tcp.Vantage(a), "B": tcp.AtClient + tcp.Vantage(a.Peer())}[name]
				for k, end := range [2]tcp.End{a, a.Peer()} {
					if from == tcp.AtClient+tcp.Vantage(end) {
						continue
					}
					told++
					if got := stories[from].segments[i].Step.After[end]; !kernels[k][e.Conn][got] {
						t.Errorf("%s frame %d: the %v is said to be in %v, its kernel has been in %v", filepath.Base(capture), pos, end, got, kernels[k][e.Conn])
					}
					if !kernels[k][e.Conn][seg.Step.After[end]] {
						granted++
					}
				}
			}
			if pos != len(ids) {
				t.Errorf("%s: %d of %d frames found in the truth", capture, pos, len(ids))
			}
		}
	}
	t.Logf("%d states; %d of them are told too early where the vantage is not known", told, granted)
	if granted == 0 {
		t.Error("nothing was ever taken for granted: this test cannot fail")
	}
}
