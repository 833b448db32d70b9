package main

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"

	"lesson/capture"
)

// A pipe that stays open ends when it is too late; what came before is read.
func TestPipeStopped(t *testing.T) {
	r, w := io.Pipe()
	late := make(chan struct{})
	p := newPipe(r, late, func() {})
	go func() {
		_, _ = w.Write([]byte("before"))
		_, _ = w.Write(nil) // returns once that was read
		close(late)
	}()
	got, err := io.ReadAll(p)
	if !errors.Is(err, capture.Stopped) || len(got) > 0 && string(got) != "before" {
		t.Errorf("read %q, %v", got, err)
	}
}

// So does one that never runs dry.
func TestPipeEndless(t *testing.T) {
	stop := newStopping()
	p := newPipe(endless{}, stop.late, func() {})
	stop.stop(syscall.SIGTERM)
	if _, err := io.Copy(io.Discard, p); !errors.Is(err, capture.Stopped) || stop.code() != 143 {
		t.Errorf("%v, code %d", err, stop.code())
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

// Without a signal a pipe ends as its writer ends it.
func TestPipeEnds(t *testing.T) {
	r, w := io.Pipe()
	broken := errors.New("broken")
	go func() {
		_, _ = w.Write([]byte(strings.Repeat("x", 200_000)))
		w.CloseWithError(broken)
	}()
	got, err := io.ReadAll(newPipe(r, nil, func() {}))
	if len(got) != 200_000 || !errors.Is(err, broken) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
}

func TestStoppable(t *testing.T) {
	stop := newStopping()
	stop.stop(syscall.SIGINT)
	if _, err := (&captures{files: make([]*captureFile, 1), stop: stop}).Next(); err != io.EOF {
		t.Errorf("after the signal: %v", err)
	}
}
