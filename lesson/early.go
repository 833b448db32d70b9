package lesson

import (
	"time"

	"lesson/lesson/tcp"
)

// early is how long before a connection's first segment its earliest one was,
// by the connection's slot in the table. There are such where a clock was set
// back, or where files of several clocks were merged; all others are not in it.
type early map[uint32]time.Duration

// note looks at the time of a connection's segment.
func (e *early) note(slot uint32, c *tcp.Conn, s *tcp.Segment) {
	if s.Time < c.FirstTime() {
		e.add(slot, time.Duration(c.FirstTime()-s.Time))
	}
}

func (e *early) add(slot uint32, d time.Duration) {
	if *e == nil {
		*e = early{}
	}
	(*e)[slot] = max((*e)[slot], d)
}
