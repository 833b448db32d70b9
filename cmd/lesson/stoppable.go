package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// untilStopped is closed by the first signal that asks to end.
func untilStopped() <-chan struct{} {
	stopped := make(chan struct{})
	got := make(chan os.Signal, 1)
	signal.Notify(got, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	go func() {
		<-got
		signal.Stop(got)
		close(stopped)
	}()
	return stopped
}

// grace is how long the program at the other end of a pipe, which Ctrl-C has
// reached too, is given to write its last packets.
const grace = 300 * time.Millisecond

// pipe reads on in the background, so that a signal can end the waiting.
type pipe struct {
	chunks  chan []byte
	err     error // why it ended; read once chunks is closed
	rest    []byte
	stopped <-chan struct{}
	late    <-chan time.Time
	idle    func() // called before there is a wait
}

func newPipe(r io.Reader, stopped <-chan struct{}, idle func()) *pipe {
	p := &pipe{chunks: make(chan []byte), stopped: stopped, idle: idle}
	go func() {
		defer close(p.chunks)
		for {
			b := make([]byte, 64<<10)
			n, err := r.Read(b)
			if n > 0 {
				p.chunks <- b[:n]
			}
			if err != nil {
				p.err = err
				return
			}
		}
	}()
	return p
}

// Read returns what has come; io.EOF a moment after the signal at the latest.
func (p *pipe) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		select {
		case c, ok := <-p.chunks:
			if !ok {
				return 0, p.err
			}
			p.rest = c
			continue
		default:
			p.idle()
		}
		select {
		case c, ok := <-p.chunks:
			if !ok {
				return 0, p.err
			}
			p.rest = c
		case <-p.stopped:
			p.stopped, p.late = nil, time.After(grace)
		case <-p.late:
			return 0, io.EOF
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}
