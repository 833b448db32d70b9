package main

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// A pipe that stays open ends a moment after the signal; what came before it,
// and what still came, is read.
func TestPipeStopped(t *testing.T) {
	r, w := io.Pipe()
	stopped := make(chan struct{})
	p := newPipe(r, stopped, func() {})
	go func() {
		_, _ = w.Write([]byte("before "))
		close(stopped)
		_, _ = w.Write([]byte("after"))
	}()
	got, err := io.ReadAll(p)
	if err != nil || string(got) != "before after" {
		t.Errorf("read %q, %v", got, err)
	}
}

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
	stopped := make(chan struct{})
	close(stopped)
	if _, err := (&captures{files: make([]*captureFile, 1), stopped: stopped}).Next(); err != io.EOF {
		t.Errorf("after the signal: %v", err)
	}
}
