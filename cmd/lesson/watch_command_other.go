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

func newCommand() *command { return &command{} }

func (*command) start([]string, io.Reader, io.Writer, io.Writer, bool) error {
	return errors.ErrUnsupported
}

func (*command) end() {}

func (*watcher) after(*command) func() bool { return func() bool { return true } }
