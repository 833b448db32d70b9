package stage_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"lesson/capture"
	"lesson/lesson"
	"lesson/lesson/recorded"
	"lesson/lesson/tcp"
)

// holdExplained holds that the capture which -w writes of a lesson is explained
// as that of its recording, which a test compares with what was told live.
func holdExplained(t *testing.T, l *lesson.Lesson, set map[string]bool, run record) {
	t.Helper()
	if *update {
		return // the recordings in this program are those of before
	}
	var file bytes.Buffer
	w, err := capture.NewWriter(&file, capture.LinkEthernet)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range run.packets() {
		if err := w.Write(&c, ""); err != nil {
			t.Fatal(err)
		}
	}
	src, err := capture.Open(&file)
	if err != nil {
		t.Fatal(err)
	}
	option := ""
	for name := range set {
		option = name
	}
	var played record
	if err := recorded.Play(l.Name, option, &played); err != nil {
		t.Fatal(err)
	}
	sent := source(played.packets())
	is, was := explained(t, src), explained(t, &sent)
	if !slices.Equal(is, was) {
		t.Errorf("the capture is explained so:\n%s\nand that of the recording so:\n%s", strings.Join(is, "\n"), strings.Join(was, "\n"))
	}
}

// packets are those of a run that a capture of it holds.
func (r record) packets() (out []tcp.Captured) {
	var packets lesson.Packets
	for _, e := range r {
		if s, ok := e.(*lesson.Segment); ok && packets.First(s) {
			out = append(out, s.Captured)
		}
	}
	return out
}

// source yields packets.
type source []tcp.Captured

func (s *source) Next() (c tcp.Captured, err error) {
	if len(*s) == 0 {
		return c, io.EOF
	}
	c, *s = (*s)[0], (*s)[1:]
	return c, nil
}

// explained is what lasts of the story of a capture, and its connections.
func explained(t *testing.T, src lesson.Source) []string {
	t.Helper()
	var told record
	var connections []string
	err := lesson.Explain(src, lesson.ExplainOptions{Detail: lesson.Everything}, each(func(e lesson.Event) {
		switch e := e.(type) {
		case *lesson.Segment:
			kept := *e
			told = append(told, &kept)
		case *lesson.Connection:
			connections = append(connections, fmt.Sprint(e.Stream, e.Opened, e.Closed, e.State, e.Reset))
		default:
			told = append(told, e)
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	return append(told.lasting(), connections...)
}

// each is a Teller that calls a function for each event, while it holds.
type each func(lesson.Event)

// Tell calls the function.
func (f each) Tell(e lesson.Event) error {
	f(e)
	return nil
}
