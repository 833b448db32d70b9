package lesson

import (
	"net/netip"
	"time"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// Socket is one end of a connection that was open before it was watched, or
// that keeps waiting; in JSON, "socket".
type Socket struct {
	Stream  int
	End     tcp.End
	Ends    [2]netip.AddrPort // by tcp.End
	State   tcp.State         // as the segments tell it; Unknown where they do not
	Kernel  Kernel            // as the kernel tells it, where it was asked
	Process Process           // who holds it; zero where that is not known
	Waits   bool              // it has waited for longer than programs usually take
	For     time.Duration     // how long; 0 where that is not known
	AtLeast bool              // it may have been longer
	Text    lang.Text         // what it waits for; empty when it does not
	Time    time.Duration     // since the story's first segment
}

// Process is a running program. Its name may hold anything.
type Process struct {
	PID  int
	Name string
}

func (*Socket) event() {}

// Summarize sums a connection up; early is how long before its first segment its
// earliest was, by a clock that was set back.
func Summarize(stream int, c *tcp.Conn, early time.Duration) *Connection {
	var out Connection
	sum := c.Summary()
	summarize(&out, stream, c, &sum, early)
	return &out
}
