package main

import (
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"lesson/capture"
)

const (
	// grace is how long the program at the other end of a pipe, which Ctrl-C has
	// reached too, is given to write its last packets.
	grace = 300 * time.Millisecond
	// lastly is how long this process takes at most to say what it knows after a
	// signal: whoever does not read what is written would keep it for ever.
	lastly = 900 * time.Millisecond
)

// endsWith ends this process with an exit code if it has not ended by itself
// until then. What it leaves is for its parent and for the kernel to put right.
func endsWith(code int) { time.AfterFunc(lastly, func() { os.Exit(code) }) }

// catch catches signals, but for those that this process was started to ignore, as
// by nohup.
func catch(c chan<- os.Signal, signals ...os.Signal) {
	for _, s := range signals {
		if !signal.Ignored(s) {
			signal.Notify(c, s)
		}
	}
}

// stopping is the first signal that asks to end the reading of captures.
type stopping struct {
	now    chan struct{} // closed by it
	late   chan struct{} // and a moment later
	signal atomic.Int32
}

func newStopping() *stopping {
	return &stopping{now: make(chan struct{}), late: make(chan struct{})}
}

// untilStopped waits for it in the background. The next one ends this process.
func untilStopped() *stopping {
	s := newStopping()
	got := make(chan os.Signal, 1)
	catch(got, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	go func() {
		one := <-got
		signal.Stop(got)
		s.stop(one.(syscall.Signal))
	}()
	return s
}

func (s *stopping) stop(by syscall.Signal) {
	s.signal.Store(int32(by))
	close(s.now)
	time.AfterFunc(grace, func() { close(s.late) })
}

// code is the exit code that tells of the signal.
func (s *stopping) code() int { return 128 + int(s.signal.Load()) }

// pipe reads on in the background, so that a signal can end the waiting.
type pipe struct {
	chunks chan []byte
	err    error // why it ended; read once chunks is closed
	rest   []byte
	late   <-chan struct{}
	idle   func() // called before there is a wait
}

func newPipe(r io.Reader, late <-chan struct{}, idle func()) *pipe {
	p := &pipe{chunks: make(chan []byte), late: late, idle: idle}
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

// Read returns what has come; capture.Stopped when it is too late.
func (p *pipe) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		select {
		case <-p.late:
			return 0, capture.Stopped
		default:
		}
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
		case <-p.late:
			return 0, capture.Stopped
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}
