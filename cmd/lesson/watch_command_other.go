//go:build !linux

package main

import (
	"errors"
	"io"
)

// command cannot be run here: nothing could be captured.
type command struct {
	done chan struct{}
	code int
}

func startCommand([]string, io.Reader, io.Writer, io.Writer, bool) (*command, error) {
	return nil, errors.ErrUnsupported
}

func (*command) end() {}

func (*watcher) after(*command) func() bool { return func() bool { return true } }
