package lessons

import (
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// TestCatalogue reads every lesson, and holds its notes to what fits under a
// segment: at most three lines of 80 columns, in both languages.
func TestCatalogue(t *testing.T) {
	const most = 3 * 80
	for _, l := range All() {
		if got, ok := Find(l.Name); !ok || !reflect.DeepEqual(got, l) {
			t.Errorf("Find(%q) does not find it", l.Name)
		}
		for _, n := range l.Notes {
			for _, text := range []string{n.Text.EN, n.Text.ZH} {
				if w := runewidth.StringWidth(text); w > most {
					t.Errorf("%s.txtar:%d: %d columns, more than three lines: %s", l.Name, n.Line, w, text)
				}
				if !utf8.ValidString(text) {
					t.Errorf("%s.txtar:%d: not UTF-8", l.Name, n.Line)
				}
			}
		}
	}
	if _, ok := Find("no-such-lesson"); ok {
		t.Error("Find finds a lesson that is not there")
	}
}
