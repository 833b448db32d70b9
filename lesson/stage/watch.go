package stage

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"time"

	"lesson/lesson/tcp"
)

// watch reads the wire all the time, so that nothing overflows while a lesson
// pauses, and keeps the segments of the one connection.
type watch struct {
	wire     Wire
	ends     [2]tcp.Endpoint
	segments chan tcp.Captured // closed when the wire fails or the watch is stopped
	err      error             // why it failed; read once segments is closed
	quit     chan struct{}
}

// room is how many segments of one connection can wait for the director. A
// lesson at rest sends next to nothing.
const room = 1024

func startWatch(wire Wire, ends [2]netip.AddrPort) *watch {
	w := &watch{wire: wire, segments: make(chan tcp.Captured, room), quit: make(chan struct{})}
	for e, a := range ends {
		w.ends[e] = tcp.EndpointFrom(a)
	}
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
		if !w.ours(&c.Segment) {
			continue
		}
		c.Raw, c.Header, c.Payload = bytes.Clone(c.Raw), bytes.Clone(c.Header), bytes.Clone(c.Payload)
		select {
		case w.segments <- c:
		case <-w.quit:
			return
		}
	}
}

// ours reports whether the segment belongs to the lesson's connection: all
// four of addresses and ports must be the lesson's.
func (w *watch) ours(s *tcp.Segment) bool {
	c, v := w.ends[tcp.Client], w.ends[tcp.Server]
	return s.Src == c && s.Dst == v || s.Src == v && s.Dst == c
}

// stop ends the watch and waits for it.
func (w *watch) stop() {
	close(w.quit)
	_ = w.wire.SetDeadline(time.Now()) // wakes Next; the wire is its owner's to close
	for range w.segments {
	}
}
