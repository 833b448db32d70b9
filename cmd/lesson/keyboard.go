package main

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/term"
)

// errQuit says that the person at the keyboard has seen enough.
var errQuit = errors.New("quit")

// keyboard reads single keys from a terminal. From open to close the terminal
// neither waits for a whole line nor echoes; Ctrl-C is still a signal.
type keyboard struct {
	fd        int
	was       *term.State
	keys      chan byte
	input     io.Reader
	continued chan os.Signal // after Ctrl-Z and fg
}

// openKeyboard takes the terminal in.
func openKeyboard(in *os.File) (*keyboard, error) {
	k := &keyboard{fd: int(in.Fd()), input: in, continued: make(chan os.Signal, 1)}
	var err error
	if k.was, err = term.GetState(k.fd); err != nil {
		return nil, err
	}
	whenContinued(k.continued)
	return k, cbreak(k.fd)
}

// close puts the terminal back as it was found. It may be called twice.
func (k *keyboard) close() { _ = term.Restore(k.fd, k.was) }

// next waits for a key that means something: nil goes on, errQuit does not.
// Where the program was stopped meanwhile, show shows again what the keys do.
func (k *keyboard) next(ctx context.Context, show func() error) error {
	if k.keys == nil {
		k.keys = make(chan byte)
		go k.read()
	}
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-k.continued:
			// The shell has set the terminal its own way meanwhile.
			if err := errors.Join(cbreak(k.fd), show()); err != nil {
				return err
			}
		case key, ok := <-k.keys:
			switch {
			case !ok || key == 'q' || key == 'Q' || key == 3 || key == 4:
				return errQuit
			case key == ' ' || key == '\r' || key == '\n':
				return nil
			}
		}
	}
}

// read hands keys over until the terminal is gone. It outlives its keyboard:
// a read from a terminal cannot be called back, and the program ends soon.
func (k *keyboard) read() {
	defer close(k.keys)
	var b [1]byte
	for {
		if n, err := k.input.Read(b[:]); n == 0 || err != nil {
			return
		}
		k.keys <- b[0]
	}
}
