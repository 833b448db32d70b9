package main

import (
	"fmt"
	"slices"
	"syscall"
	"testing"

	"lesson/lesson"
)

// told notes what it is told.
type told []string

func (s *told) Tell(e lesson.Event) error {
	switch e := e.(type) {
	case *lesson.Connection:
		*s = append(*s, fmt.Sprint(e.Stream))
	case *lesson.Ending:
		*s = append(*s, fmt.Sprintf("end of %d", e.Connections))
	case *lesson.Note:
		*s = append(*s, "note")
	}
	return nil
}

// play tells connections, each in the same memory, as Explain does.
func play(t *testing.T, to lesson.Teller, all ...lesson.Connection) {
	t.Helper()
	var c lesson.Connection
	for i := range all {
		c = all[i]
		check1(t, to.Tell(&c))
	}
	c = lesson.Connection{Stream: -1}
	check1(t, to.Tell(&lesson.Ending{Connections: len(all)}))
}

func check1(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSole(t *testing.T) {
	var out told
	s := &sole{Teller: &out}
	play(t, s, lesson.Connection{Stream: 7})
	if n, ok := s.alone(); !ok || n != 7 || len(out) != 0 {
		t.Errorf("alone is %d, %v; told %v", n, ok, out)
	}
	check1(t, s.tell())
	if want := []string{"7", "end of 1"}; !slices.Equal(out, want) {
		t.Errorf("told %v, want %v", out, want)
	}
	for _, all := range [][]lesson.Connection{{}, {{Stream: 3}, {Stream: 4}, {Stream: 5}}} {
		out = nil
		s := &sole{Teller: &out}
		play(t, s, all...)
		if _, ok := s.alone(); ok || len(out) != len(all)+1 || len(all) > 0 && out[0] != "3" {
			t.Errorf("told %v", out)
		}
	}
	if _, ok := (*sole)(nil).alone(); ok {
		t.Error("nothing is alone")
	}
}

func TestSorted(t *testing.T) {
	var all []lesson.Connection
	for i := range 500 {
		all = append(all, lesson.Connection{Stream: i, Segments: i * 7919 % 500})
	}
	var out told
	s := &sorted{Teller: &out, less: orders["segments"], limit: 2}
	play(t, s, all...)
	if len(out) != 3 || out[2] != "end of 500" {
		t.Fatal(out)
	}
	for i, c := range []int{499, 498} {
		if out[i] != fmt.Sprint(slices.IndexFunc(all, func(a lesson.Connection) bool { return a.Segments == c })) {
			t.Errorf("%v", out)
		}
	}
	if cap(s.held) > 256 {
		t.Errorf("%d are held", cap(s.held))
	}
}

func TestChosen(t *testing.T) {
	var out told
	closed := []ending{{closed: lesson.ClosedReset}}
	play(t, &chosen{Teller: &out, choice: &choice{closed: closed}}, lesson.Connection{Stream: 1}, lesson.Connection{Stream: 2, Closed: lesson.ClosedReset})
	if want := []string{"2", "end of 1"}; !slices.Equal(out, want) {
		t.Errorf("told %v, want %v", out, want)
	}
	out = nil
	play(t, &chosen{Teller: &out, choice: &choice{closed: closed}}, lesson.Connection{Stream: 1})
	if want := []string{"note", "end of 0"}; !slices.Equal(out, want) {
		t.Errorf("told %v, want %v", out, want)
	}
}

// An ending that a signal has brought about says so.
func TestHalting(t *testing.T) {
	stop := newStopping()
	for _, want := range []bool{false, true} {
		end := &lesson.Ending{}
		check1(t, halting{new(told), &captures{stop: stop}}.Tell(end))
		if end.Stopped != want {
			t.Errorf("stopped is %v, want %v", end.Stopped, want)
		}
		if !want {
			stop.stop(syscall.SIGINT)
		}
	}
}
