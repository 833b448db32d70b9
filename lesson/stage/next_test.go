package stage

import (
	"regexp"
	"testing"

	"lesson/lesson"
	"lesson/lesson/lessons"
	"lesson/lesson/tcp"
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

// On a busy machine a segment may have been repeated before it is known that
// the first one is held.
func TestAbsorbedBeforeHeld(t *testing.T) {
	fin := tcp.Captured{Segment: tcp.Segment{Flags: tcp.FIN | tcp.ACK, Seq: 25, Time: 1000}}
	again := fin
	again.Time = 3000
	for verb, want := range map[lesson.Verb]bool{lesson.Hold: true, lesson.Delay: false} {
		d := &director{}
		d.way.sent = []*flight{{segment: &lesson.Segment{Captured: fin}}}
		d.way.faults = []lesson.Action{{Verb: verb, Of: lesson.Selector{From: tcp.Client, Flags: tcp.FIN | tcp.ACK}}}
		if got := d.absorbed(tcp.Client, &again); got != want {
			t.Errorf("%v: repetition absorbed: %v", verb, got)
		}
		if d.absorbed(tcp.Server, &again) {
			t.Errorf("%v: the other end repeats nothing of it", verb)
		}
		if got := d.way.sent[0].segment.Repeats; len(got) > 0 != want || want && got[0] != 2000 {
			t.Errorf("%v: counted %v", verb, got)
		}
	}
}
