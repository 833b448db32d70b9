package lesson_test

import (
	"slices"
	"testing"

	"lesson/lesson"
	"lesson/lesson/lessons"
	"lesson/lesson/render/rendertest"
	"lesson/lesson/tcp"
)

// A story's arrows are found, those of calls and timers too, and only those.
func TestWalker(t *testing.T) {
	var w lesson.Walker
	story := rendertest.Teardown()
	late := len(story) - 2
	over := &lesson.Rest{State: [2]tcp.State{tcp.Closed, tcp.Closed}}
	for _, e := range slices.Concat(story[:late], []lesson.Event{over}, story[late:]) {
		if err := w.Tell(e); err != nil {
			t.Fatal(err)
		}
	}
	want := []lesson.Arrow{
		{From: tcp.Closed, On: tcp.PassiveOpen},
		{From: tcp.Closed, On: tcp.SndSyn},
		{From: tcp.Listen, On: tcp.RcvSyn},
		{From: tcp.SynSent, On: tcp.RcvSynAck},
		{From: tcp.SynRecv, On: tcp.RcvAckOfSyn},
		{From: tcp.Established, On: tcp.SndFin},
		{From: tcp.Established, On: tcp.RcvFin},
		{From: tcp.FinWait1, On: tcp.RcvAckOfFin},
		{From: tcp.FinWait2, On: tcp.RcvFin},
		{From: tcp.CloseWait, On: tcp.SndFin},
		{From: tcp.LastAck, On: tcp.RcvAckOfFin},
		{From: tcp.TimeWait, On: tcp.Timeout2MSL},
	}
	got := w.Arrows()
	if len(got) != len(want) {
		t.Errorf("walked %v", got)
	}
	for _, a := range want {
		if !slices.Contains(got, a) {
			t.Errorf("did not walk %s", a)
		}
	}
	_ = w.Tell(&lesson.Ending{Disagreed: 1})
	if got := w.Arrows(); len(got) > 0 {
		t.Errorf("the kernel disagreed, but walked %v", got)
	}
}

// What is written is read again, and what is no arrow is refused.
func TestWalks(t *testing.T) {
	w, err := lesson.ParseWalks([]byte(lessons.Walks().String()))
	if err != nil || w.String() != lessons.Walks().String() || len(w) == 0 {
		t.Errorf("%v, read as\n%s", err, w)
	}
	for arrow, names := range w {
		for _, name := range names {
			if _, ok := lessons.Find(name); !ok {
				t.Errorf("%s is walked by %s, which is no lesson", arrow, name)
			}
		}
		if !lesson.Unwalked(arrow).IsZero() {
			t.Errorf("%s is walked by %v, but Linux is said not to", arrow, names)
		}
	}
	if _, err := lesson.ParseWalks([]byte("CLOSED, snd SYN: handshake\nCLOSED, rcv FIN: handshake\n")); err == nil {
		t.Error("an arrow that is none was read")
	}
}
