package stage_test

import (
	"context"
	"flag"
	"os"
	"testing"

	"lesson/capture/wire"
	"lesson/lesson"
	"lesson/lesson/stage"
)

var update = flag.Bool("update", false, "rewrite lesson/lessons/walks.txt")

// lesson/lessons/walks.txt, which docs/states.md is made from, says what
// happens when every lesson is played, with each of its flags and without.
func TestWireWalks(t *testing.T) {
	walks := lesson.Walks{}
	eachLesson(func(l *lesson.Lesson, set map[string]bool) {
		o := wired(t, wire.Options{})
		o.Set = set
		var w lesson.Walker
		if err := stage.Play(context.Background(), l, o, &w); err != nil {
			t.Fatalf("%s %v: %v", l.Name, set, err)
		}
		for _, a := range w.Arrows() {
			walks.Add(a, l.Name)
		}
	})
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
