package stage_test

import (
	"context"
	"flag"
	"os"
	"testing"

	"lesson/lesson"
	"lesson/lesson/lessons"
	"lesson/lesson/stage"
)

var update = flag.Bool("update", false, "rewrite lesson/lessons/walks.txt")

// lesson/lessons/walks.txt, which docs/states.md is made from, says what
// happens when every lesson is played, with each of its flags and without.
func TestLiveWalks(t *testing.T) {
	n := live(t)
	walks := lesson.Walks{}
	for _, l := range lessons.All() {
		sets := []map[string]bool{nil}
		for _, o := range l.Options {
			sets = append(sets, map[string]bool{o.Name: true})
		}
		for _, n.Set = range sets {
			var w lesson.Walker
			if err := stage.Play(context.Background(), l, n.Options, &w); err != nil {
				t.Fatalf("%s %v: %v", l.Name, n.Set, err)
			}
			for _, a := range w.Arrows() {
				walks.Add(a, l.Name)
			}
		}
	}
	const file = "../lessons/walks.txt"
	if *update {
		if err := os.WriteFile(file, []byte(walks.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := walks.String(); got != string(want) {
		t.Errorf("%s says\n%s\nbut this is what happened (go test -update writes it):\n%s", file, want, got)
	}
}
