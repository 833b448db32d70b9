package stage

import (
	"regexp"
	"testing"

	"lesson/lesson"
	"lesson/lesson/lessons"
)

// At every pause of every lesson there is something to say of what comes next.
func TestNext(t *testing.T) {
	said := regexp.MustCompile(`^(the (client|server) (calls|crashes|is )|the lesson ends$|what was held|an old )`)
	for _, l := range lessons.All() {
		for i, a := range l.Script {
			if a.Verb != lesson.Pause {
				continue
			}
			if next := next(l.Script[i+1:]); !said.MatchString(next.EN) || next.ZH == "" {
				t.Errorf("%s, line %d: %q, %q", l.Name, a.Line, next.EN, next.ZH)
			}
		}
	}
}
