package stage

import (
	"bytes"
	"errors"
	"os"
	"time"

	"lesson/lesson/tcp"
)

// watch reads the wire all the time, so that nothing overflows while a lesson
// pauses, and keeps the segments of the one connection.
type watch struct {
	wire     Wire
	owns     func(*tcp.Segment) bool
	segments chan tcp.Captured // closed when the wire fails or the watch is stopped
	err      error             // why it failed; read once segments is closed
	quit     chan struct{}
}

// room is how many segments of one connection can wait for the director. A
// lesson at rest sends next to nothing.
const room = 1024

func startWatch(wire Wire, owns func(*tcp.Segment) bool) *watch {
	w := &watch{wire: wire, owns: owns, segments: make(chan tcp.Captured, room), quit: make(chan struct{})}
	_ = wire.SetDeadline(time.Time{}) // an earlier run may have left one
	go w.run()
	return w
}

func (w *watch) run() {
	defer close(w.segments)
	for {
		c, err := w.wire.Next()
		if err != nil {
			select {
			case <-w.quit:
				return
			default:
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				continue
			}
			w.err = err
			return
		}
		if !w.owns(&c.Segment) {
			continue
		}
		select {
		case w.segments <- kept(c):
		case <-w.quit:
			return
		}
	}
}

// kept is a copy that holds when the wire goes on to the next segment.
func kept(c tcp.Captured) tcp.Captured {
	frame := c.Raw
	c.Raw = bytes.Clone(frame)
	within := func(part []byte) []byte {
		at := cap(frame) - cap(part)
		if len(part) == 0 || at < 0 || at+len(part) > len(c.Raw) {
			return nil
		}
		return c.Raw[at : at+len(part)]
	}
	c.Header, c.Payload = within(c.Header), within(c.Payload)
	return c
}

// stop ends the watch and waits for it.
func (w *watch) stop() {
	close(w.quit)
	_ = w.wire.SetDeadline(time.Now()) // wakes Next; the wire is its owner's to close
	for range w.segments {
	}
}

// sentry says when a host has put something on the wire.
type sentry struct {
	hosts Hosts
	ready chan struct{} // closed when the wire fails or the sentry is stopped
	quit  chan struct{}
}

func startSentry(h Hosts) *sentry {
	s := &sentry{hosts: h, ready: make(chan struct{}), quit: make(chan struct{})}
	_ = h.SetDeadline(time.Time{}) // an earlier run may have left one
	go s.run()
	return s
}

func (s *sentry) run() {
	defer close(s.ready)
	for s.hosts.Wait() == nil {
		select {
		case s.ready <- struct{}{}:
		case <-s.quit:
			return
		}
	}
}

// stop ends the sentry and waits for it.
func (s *sentry) stop() {
	close(s.quit)
	_ = s.hosts.SetDeadline(time.Now()) // wakes Wait
	for range s.ready {
	}
}
