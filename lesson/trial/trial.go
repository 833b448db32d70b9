// Package trial lets any two programs talk over the wire and tells their story:
// what they print, every connection they make, segment by segment, and how they
// end.
//
//	trial.go       what a trial is made of: Options, Run
//	watch.go       the one goroutine that follows programs and wire
//	carry.go       a segment comes, is delivered, and the kernels are asked
//	hold.go        a person decides what becomes of a segment
//	connection.go  one connection, segment by segment
//	telling.go     several connections as one story
//	program_*.go   one program, on a terminal of its own
//	lines.go       what a program prints, as lines
//	words.go       sentences in both languages
package trial

import (
	"cmp"
	"context"
	"net/netip"
	"time"

	"lesson/lesson"
	"lesson/lesson/hand"
	"lesson/lesson/tcp"
)

// Wire joins two hosts. It is the only way from one to the other: a segment
// that one has sent arrives when it is delivered.
type Wire interface {
	// Next waits for the next segment that either host has sent, and says
	// which. The bytes are the caller's.
	Next() (tcp.Captured, tcp.End, error)
	// Poll is Next without waiting: false where nothing has been sent.
	Poll() (tcp.Captured, tcp.End, bool, error)
	// SetDeadline makes a Next that waits past it return
	// os.ErrDeadlineExceeded.
	SetDeadline(time.Time) error
	// Deliver hands a segment to a host, and returns when its kernel has
	// dealt with it.
	Deliver(tcp.End, *tcp.Captured) error
	// Corrupt is a copy with one bit turned over on its way.
	Corrupt(*tcp.Captured) tcp.Captured
	// Do runs a function on a thread of a host.
	Do(tcp.End, func() error) error
	// Addr is a host's address.
	Addr(tcp.End) netip.Addr
	// Dropped counts frames that were lost before they were read.
	Dropped() uint64
}

// Options say which programs to run and how.
type Options struct {
	Commands [2]string // by tcp.End, as for /bin/sh
	Wire     Wire
	// Linux is what the hosts' kernel does otherwise than the newest one.
	Linux tcp.Linux
	// Ask asks a host's kernel for the state of a socket.
	Ask func(e tcp.End, local, remote netip.AddrPort) (lesson.Kernel, error)
	// Listening asks the server's kernel whether any socket listens.
	Listening func() (bool, error)
	// Hand, unless nil, decides what becomes of each segment.
	Hand hand.Hand
	// Width is how many columns the programs' terminals have; 0: 80.
	Width int

	// How long to wait: for the server to listen before the client is
	// started; when the client has ended, for connections that stay open and
	// for a server that does not fall silent; for a server that has been
	// asked to end. 0: 10 s, 3 s and 1 s.
	Listen, Linger, Stop time.Duration
}

// Run starts the server and, once it listens, the client, passes on what they
// send each other, and tells the story from the Opening to the Ending. It ends
// when the client has ended and its connections are closed: a server that still
// serves is then stopped, and so is, in a process namespace of which this is
// the first process, everything else that either has started. A cancelled ctx
// ends the trial at once with the context's cause. How the programs ended is
// told, and no error; that they could not be run is a *lang.Problem.
func Run(ctx context.Context, o Options, t lesson.Teller) error {
	o.Listen, o.Linger, o.Stop = cmp.Or(o.Listen, 10*time.Second), cmp.Or(o.Linger, 3*time.Second), cmp.Or(o.Stop, time.Second)
	o.Width = cmp.Or(o.Width, 80)
	x := newTrial(ctx, o, t)
	go x.carry()
	defer x.close()
	failed := x.run()
	if err := x.end(failed); err != nil {
		return err
	}
	if p := x.programs[tcp.Client].Load(); failed == nil && len(x.all) == 0 && p != nil && p.state != nil {
		if code := *exitCode(p.state); code == 126 || code == 127 {
			return neverRan(code)
		}
	}
	return failed
}
