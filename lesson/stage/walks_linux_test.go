package stage_test

import (
	"flag"
	"os"
	"testing"

	"lesson/lesson"
	"lesson/lesson/lessons"
	"lesson/lesson/tcp"
)

var update = flag.Bool("update", false, "rewrite lesson/lessons/walks.txt and lesson/recorded/runs")

// holdWalks holds lesson/lessons/walks.txt, which docs/states.md is made from,
// to what happened; and every arrow to a lesson, or to the reason why there is
// none.
func holdWalks(t *testing.T, walked map[string][]lesson.Arrow) {
	t.Helper()
	walks := lesson.Walks{}
	for _, l := range lessons.All() {
		for _, a := range walked[l.Name] {
			walks.Add(a, l.Name)
		}
	}
	for _, r := range tcp.Rules() {
		a := lesson.ArrowOf(&r)
		if len(walks[a]) == 0 && lesson.Unwalked(a).IsZero() {
			t.Errorf("no lesson walks the arrow %s, and nothing says why", a)
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
