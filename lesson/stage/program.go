package stage

import (
	"runtime"
	"sync"
	"time"

	"lesson/lesson"
	"lesson/lesson/tcp"
)

// program is one end: a program with one thread that makes its socket calls
// one after another. What is asked of it while it is blocked in a call it does
// the moment that call returns, with nothing in between.
type program struct {
	end    tcp.End
	enter  func(tcp.End) error // moves the thread to the end's own host; nil: it has none
	local  address
	peer   address
	hold   bool // keep the socket that is closed first: see close
	tasks  chan func()
	ended  chan struct{} // closed when the thread is gone
	mu     sync.Mutex
	socket socket // the connection's, or none
	listen socket // the server's listening socket, or none
	held   socket // closed, as far as the wire can tell
	off    bool   // no further calls are made
	signal signal // interrupts connect()
}

// call is one action a program is asked to do, and what came of it. The
// results may be read once done is closed.
type call struct {
	lesson.Action
	text    []byte // what Send sends
	entered time.Time
	queued  bool // asked while the program was blocked in an earlier call
	asked   bool // of the program
	told    bool // as entered

	listener bool // Close closed the listening socket
	held     bool // Close was made as shutdown(SHUT_RDWR)

	done     chan struct{}
	n        int   // bytes sent or received
	err      error // from the socket call
	returned time.Time
}

// blocks reports whether the call waits for something from the other end.
func (c *call) blocks() bool {
	return c.Verb == lesson.Accept || c.Verb == lesson.Connect || c.Verb == lesson.Recv
}

// start sets the program's thread going.
func (p *program) start() error {
	var err error
	if p.signal, err = newSignal(); err != nil {
		return err
	}
	p.tasks = make(chan func(), 64)
	p.ended = make(chan struct{})
	ready := make(chan error)
	go func() {
		// A thread of its own: a call that returns goes straight on to the
		// next one. One that has gone to a host ends there.
		defer close(p.ended)
		runtime.LockOSThread()
		if p.enter == nil {
			defer runtime.UnlockOSThread()
			ready <- nil
		} else if err := p.enter(p.end); err != nil {
			ready <- err
			return
		} else {
			ready <- nil
		}
		for task := range p.tasks {
			task()
		}
	}()
	err = <-ready
	if err != nil {
		p.signal.close()
	}
	return err
}

// run does something on the program's host and waits for it.
func (p *program) run(task func()) {
	if p.enter == nil {
		task()
		return
	}
	done := make(chan struct{})
	p.tasks <- func() {
		defer close(done)
		task()
	}
	<-done
}

// ask has the program make a call, after those it was asked for before.
func (p *program) ask(c *call) {
	c.asked = true
	p.tasks <- func() {
		if p.stopped() {
			return
		}
		c.entered = time.Now()
		p.do(c)
		c.returned = time.Now()
		close(c.done)
	}
}

func (p *program) stopped() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.off
}

// take gives the connection's socket up to the caller, for closing it.
func (p *program) take() socket {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.socket
	p.socket = none
	return s
}

func (p *program) do(c *call) {
	switch c.Verb {
	case lesson.Listen:
		c.err = p.listens()
	case lesson.Accept:
		var s socket
		if s, c.err = p.listen.accept(p.peer); c.err == nil {
			p.mu.Lock()
			p.socket = s
			p.mu.Unlock()
		}
	case lesson.Connect:
		c.err = p.connect()
	case lesson.Send:
		c.n, c.err = p.socket.send(c.text)
	case lesson.Recv:
		c.n, c.err = p.socket.recv()
	case lesson.Shutdown:
		c.err = p.socket.shutdownWrite()
	case lesson.Close:
		c.listener, c.err = p.close()
		c.held = p.held != none
	case lesson.Cancel:
		c.err = p.take().close()
	case lesson.Abort, lesson.Crash:
		c.err = p.take().abort()
	default: // no socket call
	}
}

// listens is listen(). A client that listens does so on the port it would
// connect from.
func (p *program) listens() error {
	p.mu.Lock()
	if p.listen == none {
		p.listen, p.socket = p.socket, none
	}
	s := p.listen
	p.mu.Unlock()
	return s.listen()
}

// connect is connect(). A server that connects does so from the port it would
// listen on; an end that has crashed takes the same port again.
func (p *program) connect() (err error) {
	p.mu.Lock()
	switch {
	case p.socket == none && p.listen != none:
		p.socket, p.listen = p.listen, none
	case p.socket == none:
		_ = p.held.close() // its connection is over
		p.held = none
		p.socket, err = open(p.local, true)
	}
	s := p.socket
	p.mu.Unlock()
	if err != nil {
		return err
	}
	return s.connect(p.peer, p.signal)
}

// close is close(): of the connection, or of the listening socket where there
// is none. With hold it is made in two halves where the other end has not
// closed yet: shutdown(SHUT_RDWR), which is all that the wire and the states
// show of a close(), now; and the release of the socket when the lesson is over.
// Linux gives an abandoned socket in FIN_WAIT2 up after tcp_fin_timeout (60 s),
// and whoever steps through a lesson may talk for longer than that. Data that
// was not read must not be held: its close() sends a RST.
func (p *program) close() (listener bool, err error) {
	s := p.take()
	switch {
	case s == none:
		p.mu.Lock()
		s, p.listen = p.listen, none
		p.mu.Unlock()
		return true, s.close()
	case !p.hold || s.unread() > 0:
		return false, s.close()
	}
	if s.shutdownBoth() != nil {
		return false, s.close() // it is connected no more: there is nothing to hold
	}
	p.held = s
	return false, nil
}

// stop ends the program whatever it is doing, and drops its sockets without a
// farewell: what they still send is no part of the story.
func (p *program) stop() {
	p.mu.Lock()
	p.off = true
	p.socket.wake()
	p.listen.wake()
	p.mu.Unlock()
	close(p.tasks)
	<-p.ended
	_ = p.socket.abort() // there is nobody left to tell
	_ = p.held.abort()
	_ = p.listen.close()
	p.signal.close()
}

// interrupt makes a connect() that waits fail with EINTR, as a signal does.
func (p *program) interrupt() { p.signal.send() }
