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

// resumed stands for a key when the program goes on after it was stopped: what
// is shown has to be shown again.
const resumed = 0x0c // Ctrl-L

// quits reports whether a key ends the lesson: q, Ctrl-C or Ctrl-D.
func quits(key byte) bool { return key == 'q' || key == 'Q' || key == 3 || key == 4 }

// goesOn reports whether a key does what comes next: the space bar, or Enter.
func goesOn(key byte) bool { return key == ' ' || key == '\r' || key == '\n' }

// pressed yields the keys; it is closed when the terminal is gone.
func (k *keyboard) pressed() <-chan byte {
	if k.keys == nil {
		k.keys = make(chan byte)
		typed := make(chan byte)
		go k.read(typed)
		go k.handOn(typed)
	}
	return k.keys
}

func (k *keyboard) handOn(typed <-chan byte) {
	defer close(k.keys)
	for {
		select {
		case key, ok := <-typed:
			if !ok {
				return
			}
			k.keys <- key
		case <-k.continued:
			_ = cbreak(k.fd) // the shell has set the terminal its own way meanwhile
			k.keys <- resumed
		}
	}
}

// next waits for a key that means something: nil goes on, errQuit does not.
// Where the program was stopped meanwhile, show shows again what the keys do.
func (k *keyboard) next(ctx context.Context, show func() error) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case key, ok := <-k.pressed():
			switch {
			case !ok || quits(key):
				return errQuit
			case goesOn(key):
				return nil
			case key == resumed:
				if err := show(); err != nil {
					return err
				}
			}
		}
	}
}

// read hands keys over until the terminal is gone. It outlives its keyboard:
// a read from a terminal cannot be called back, and the program ends soon.
func (k *keyboard) read(typed chan<- byte) {
	defer close(typed)
	var (
		b [64]byte
		e escape
	)
	for {
		n, err := k.input.Read(b[:])
		for _, key := range b[:n] {
			if e.isKey(key) {
				typed <- key
			}
		}
		if n == 0 || err != nil {
			return
		}
		if e == begun {
			e = noEscape // the key Esc itself: a terminal sends a sequence at once
		}
	}
}

// escape is how much has been read of what a terminal sends for a key that has
// no character: an arrow, F1, Alt and a letter (ECMA-48 §5.4).
type escape uint8

const (
	noEscape escape = iota
	begun           // ESC
	control         // ESC [, up to a letter
	single          // ESC O, and one more
)

// isKey reports whether a byte is a key by itself.
func (e *escape) isKey(b byte) bool {
	const esc = 0x1b
	was := *e
	switch {
	case b == esc:
		*e = begun
	case was == begun && b == '[':
		*e = control
	case was == begun && b == 'O':
		*e = single
	case was != control || b >= '@':
		*e = noEscape
	}
	return was == noEscape && b != esc
}
