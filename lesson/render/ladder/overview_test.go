package ladder

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/rendertest"
	"lesson/lesson/tcp"
)

// crowd is the file of rendertest.Many forty times, and one connection among
// them that the server has reset.
func crowd() (story []lesson.Event) {
	many := rendertest.Many()
	n := 0
	add := func(c lesson.Connection) {
		c.Stream = n
		n++
		story = append(story, &c)
	}
	story = append(story, many[0])
	for round := range 40 {
		for _, e := range many {
			if c, ok := e.(*lesson.Connection); ok {
				c := *c
				c.Reset[tcp.Client] = c.Closed == lesson.ClosedReset
				if add(c); round == 20 && c.Closed == lesson.ClosedReset {
					c.Reset = [2]bool{tcp.Server: true}
					add(c)
				}
			}
		}
	}
	return append(story, many[len(many)-2:]...)
}

func TestOverview(t *testing.T) {
	story := crowd()
	for _, l := range []lang.Lang{lang.English, lang.Chinese} {
		for _, width := range []int{40, 80, 140} {
			o := Options{Width: width, Lang: l}
			golden(t, filepath.Join("testdata", fmt.Sprintf("crowd.%d.%v", width, l)), table(t, o, story))
		}
		for width := minWidth; width <= maxWidth; width++ {
			for _, o := range []Options{{Width: width, Lang: l}, {Width: width, Lang: l, ASCII: true}} {
				check(t, fmt.Sprint(o), o, table(t, o, story))
			}
		}
	}
	out := table(t, Options{Plain: true}, story)
	if n := strings.Count(out, "\n"); n < 321 {
		t.Errorf("plain sentences leave connections out: %d lines", n)
	}
}

// What a Table is told may be gone when the next is told.
func TestTableKeepsNothing(t *testing.T) {
	for _, story := range [][]lesson.Event{rendertest.Many(), crowd()} {
		var b strings.Builder
		l := NewTable(&b, Options{Width: 80})
		var c lesson.Connection
		for _, e := range story {
			if told, ok := e.(*lesson.Connection); ok {
				c = *told
				e = &c
			}
			if err := l.Tell(e); err != nil {
				t.Fatal(err)
			}
		}
		if b.String() != table(t, Options{Width: 80}, story) {
			t.Error(b.String())
		}
	}
}

// Who asks for all of them gets one line for each; a warning comes after them,
// where it is seen.
func TestAll(t *testing.T) {
	story := crowd()
	warning := &lesson.Note{Kind: lesson.Warning, Explanation: lesson.Explanation{Text: lang.Text{EN: "Beware."}}}
	out := table(t, Options{Width: 140, All: true}, slices.Insert(story, 100, lesson.Event(warning)))
	lines := 0
	for line := range strings.Lines(out) {
		if strings.Contains(line, " → ") {
			lines++
		}
	}
	if want := len(story) - 3 + 1; lines != want { // and the names of the columns
		t.Errorf("%d lines, want %d", lines, want)
	}
	if before, after, ok := strings.Cut(out, "Warning: Beware."); !ok || strings.Count(after, " → ") > 0 || !strings.Contains(before, " → ") {
		t.Errorf("the warning does not come last")
	}
}
