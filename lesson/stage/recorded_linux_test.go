package stage_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"lesson/lesson"
	"lesson/lesson/recorded"
)

// holdRecording holds the recorded run of a lesson to what happened: the same
// calls, segments, fates and states, and the same words. Times, ports and
// sequence numbers are the recording's own, and -update leaves a recording that
// holds as it is.
func holdRecording(t *testing.T, l *lesson.Lesson, set map[string]bool, run record) {
	t.Helper()
	option := ""
	for name := range set {
		option = name
	}
	file := filepath.Join("../recorded/runs", recorded.File(l.Name, option))
	was, err := readRecording(file)
	is := run.lasting()
	if *update && (err != nil || !slices.Equal(was, is)) {
		writeRecording(t, file, run)
		was, err = readRecording(file)
	}
	if err != nil {
		t.Fatalf("%s: %v (go test -update writes it)", file, err)
	}
	if !slices.Equal(was, is) {
		t.Errorf("%s is not what the lesson is now (go test -update writes it):\n%s\nthe lesson:\n%s",
			file, strings.Join(was, "\n"), strings.Join(is, "\n"))
	}
}

// readRecording returns what lasts of a recorded run.
func readRecording(file string) ([]string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var run record
	if err := recorded.Read(data, &run); err != nil {
		return nil, err
	}
	if o := run[0].(*lesson.Opening); o.Place != lesson.Recorded || !strings.HasPrefix(o.Interface, "Linux ") {
		return nil, fmt.Errorf("it does not say that it is recorded: %v", o)
	}
	return run.lasting(), nil
}

func writeRecording(t *testing.T, file string, run record) {
	t.Helper()
	var packed bytes.Buffer
	if err := recorded.Write(&packed, kernel(t), run); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, packed.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// lasting are a run's lines and the words said in it, wherever it was played.
func (r record) lasting() []string {
	out := r.lines()[1:]
	for _, e := range r {
		switch e := e.(type) {
		case *lesson.Opening:
			out = append(out, e.Name, e.Refs, e.Title.EN, e.Title.ZH)
		case *lesson.Call:
			out = append(out, e.Text.EN, e.Text.ZH)
		case *lesson.Segment:
			for _, x := range e.Explain {
				out = append(out, x.Text.EN, x.Text.ZH, x.Ref)
			}
			for end := range e.Step.Taken {
				for _, rule := range e.Step.Taken[end].Rules() {
					out = append(out, lesson.ArrowOf(rule).String())
				}
			}
		case *lesson.Note:
			out = append(out, e.Text.EN, e.Text.ZH)
		}
	}
	return out
}

// kernel is the kernel that plays, without its patch level: "Linux 6.18".
func kernel(t *testing.T) string {
	t.Helper()
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	parts := strings.SplitN(unix.ByteSliceToString(u.Release[:]), ".", 3)
	return "Linux " + strings.Join(parts[:min(len(parts), 2)], ".")
}
