package lesson_test

import (
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lesson/lesson/damage"
	"lesson/lesson/tcp"
)

// Of a damaged capture nothing false is told, and not much less than of a whole
// one.
func TestDamaged(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and nothing here runs beside anything else")
	}
	t.Run("ours", func(t *testing.T) { damage.Check(t, ownKnown(t), 8) })
	t.Run("corpus", func(t *testing.T) { damage.Check(t, lockstep(t, corpus(t)), 4) })
}

// ownKnown are the captures of testdata/kernel.
func ownKnown(t *testing.T) (all []damage.Known) {
	for file, said := range kernelTruth(t) {
		of := map[int]kernelSaid{}
		for _, k := range said {
			of[k.frame] = k
		}
		all = append(all, known(t, filepath.Join("testdata/kernel", file), func(n int) (bool, tcp.State) { return of[n].out, of[n].state }))
	}
	slices.SortFunc(all, func(a, b damage.Known) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// lockstep are the captures of the corpus that were taken between two kernels,
// one after the other held.
func lockstep(t *testing.T, dir string) (all []damage.Known) {
	files, err := filepath.Glob(filepath.Join(dir, "kernel/lockstep/*.truth.json"))
	if err != nil || len(files) == 0 {
		t.Fatal("no truth", err)
	}
	for _, f := range files {
		told := readTruth(t, f)
		for _, vantage := range []string{"A", "B"} {
			of := map[int]graded{}
			for _, g := range told.VantageStates[vantage] {
				of[g.Pos] = g
			}
			all = append(all, known(t, strings.TrimSuffix(f, "truth.json")+vantage+".pcap", func(n int) (bool, tcp.State) {
				g, ok := of[n]
				if !ok {
					return false, tcp.Unknown
				}
				return g.Dir == "out", parseState(t, g.After)
			}))
		}
	}
	return all
}

// known reads a capture, of whose packets a kernel has said which it has sent,
// and its state after them.
func known(t *testing.T, file string, said func(number int) (sent bool, after tcp.State)) damage.Known {
	t.Helper()
	r, err := open(t, file)
	if err != nil {
		t.Fatal(err)
	}
	k := damage.Known{Name: filepath.Base(file)}
	for {
		c, err := r.Next()
		if err == io.EOF {
			return k
		}
		if err != nil {
			t.Fatal(err)
		}
		c.Raw, c.Header, c.Payload = slices.Clone(c.Raw), slices.Clone(c.Header), slices.Clone(c.Payload)
		sent, after := said(c.Number)
		if after != tcp.Unknown {
			if k.At = c.Dst; sent {
				k.At = c.Src
			}
		}
		k.Packets, k.After = append(k.Packets, c), append(k.After, after)
	}
}
