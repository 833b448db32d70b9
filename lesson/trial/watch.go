package trial

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"lesson/lesson"
	"lesson/lesson/tcp"
)

const (
	// calm is how long nothing must have happened before a server is taken
	// to have said all: no event says that it has.
	calm = 100 * time.Millisecond
	// beat is how often is looked after what no event tells of.
	beat = 5 * time.Millisecond
	// soon is how long a server takes to listen before it is told that this
	// is waited for.
	soon = 2 * time.Second
)

// trial is one run.
type trial struct {
	ctx      context.Context
	o        Options
	items    chan item // what happens, in order
	queue    []item    // taken from items already
	quit     chan struct{}
	kept     []kept        // the carrier's own: what stays on its way
	broke    error         // why the person has ended it
	carried  chan struct{} // closed when the wire has ended
	broken   error         // why it has; read once carried is closed
	begun    time.Time
	last     time.Time // when anything happened last
	left     time.Time // when the client ended
	stopped  time.Time // when the server was asked to end
	idled    time.Time // when it was shown last that nothing is in flight
	expected bool      // a kernel will send again; known while a person decides
	noted    bool      // that connections stay open
	awaited  bool      // that the server does not listen yet is told
	deaf     bool      // the kernel cannot be asked
	telling

	order    sync.Mutex                 // of what goes into items
	closing  sync.Mutex                 // of the wire's deadline
	programs [2]atomic.Pointer[program] // by end; nil until it is started
}

// item is one thing that has happened: a segment was sent, or has arrived; or
// what a program has printed, or how it has ended.
type item struct {
	sent    *passage
	held    *holding
	arrived *landing
	end     tcp.End
	printed []byte
	done    func() // to be called when it is told
	state   *os.ProcessState
}

func newTrial(ctx context.Context, o Options, t lesson.Teller) *trial {
	x := &trial{ctx: ctx, o: o, begun: time.Now(), items: make(chan item, 4096)}
	x.quit, x.carried = make(chan struct{}), make(chan struct{})
	x.telling = newTelling(t)
	_ = o.Wire.SetDeadline(time.Time{})
	return x
}

// happens takes down what has happened. It is called with order held.
func (x *trial) happens(i item) {
	select {
	case x.items <- i:
	case <-x.quit:
	}
}

// close ends everything that is left. The wire is its owner's to close.
func (x *trial) close() {
	x.closing.Lock()
	close(x.quit)
	_ = x.o.Wire.SetDeadline(time.Now()) // wakes Next
	x.closing.Unlock()
	<-x.carried
	for e := range x.programs {
		if p := x.programs[e].Load(); p != nil {
			p.signal(syscall.SIGKILL)
			defer p.close()
		}
	}
	endAll()
}

// deadline sets the wire's, unless the trial is over.
func (x *trial) deadline(t time.Time) {
	x.closing.Lock()
	defer x.closing.Unlock()
	select {
	case <-x.quit:
	default:
		_ = x.o.Wire.SetDeadline(t)
	}
}

// run follows the trial to its end.
func (x *trial) run() error {
	if err := x.tell(opening(x.o.Wire)); err != nil {
		return err
	}
	if err := x.start(tcp.Server); err != nil {
		return err
	}
	tick := time.NewTicker(beat)
	defer tick.Stop()
	var keys <-chan byte
	if x.o.Hand != nil {
		keys = x.o.Hand.Keys()
	}
	for {
		if len(x.queue) > 0 {
			i := x.queue[0]
			x.queue = x.queue[1:]
			if err := x.handle(i); err != nil {
				return err
			}
			continue
		}
		select {
		case i := <-x.items:
			x.queue = append(x.queue, i)
		case key, ok := <-keys:
			if err := x.press(key, ok); err != nil {
				return err
			}
		case <-x.carried:
			return x.broken
		case <-tick.C:
			if over, err := x.tend(); over || err != nil {
				return err
			}
		case <-x.ctx.Done():
			return context.Cause(x.ctx)
		}
	}
}

// handle tells one thing that has happened.
func (x *trial) handle(i item) error {
	x.last = time.Now()
	switch {
	case i.sent != nil:
		x.departs(i.sent)
		return nil
	case i.held != nil:
		return x.hold(i.held)
	case i.arrived != nil:
		return x.arrives(i.arrived)
	case i.state != nil:
		return x.exited(i.end, i.state)
	}
	defer i.done()
	x.programs[i.end].Load().printed.add(i.printed)
	return x.lines(i.end, false)
}

// start starts one end's program.
func (x *trial) start(e tcp.End) error {
	x.last = time.Now()
	if err := x.call(&lesson.Call{End: e, Name: "start", Text: started(x.o.Commands[e])}); err != nil {
		return err
	}
	p, err := startProgram(x.o, e)
	if err != nil {
		return notStarted(e, x.o.Commands[e], err)
	}
	x.programs[e].Store(p)
	go x.listen(e, p)
	go func() {
		state := p.wait()
		x.order.Lock()
		defer x.order.Unlock()
		x.drain(e, nothing)
		x.happens(item{end: e, state: state})
	}()
	return nil
}

// listen takes down what a program prints, when it does. One that prints
// without end has to wait until what it has printed is told.
func (x *trial) listen(e tcp.End, p *program) {
	told := make(chan struct{})
	for p.readable() {
		x.order.Lock()
		any := x.drain(e, func() { close(told) })
		x.order.Unlock()
		if !any {
			continue
		}
		select {
		case <-told:
			told = make(chan struct{})
		case <-x.quit:
			return
		}
	}
}

// drain takes down what a program has printed so far, if anything; done is
// called when it is told. It is called with order held.
func (x *trial) drain(e tcp.End, done func()) (any bool) {
	p := x.programs[e].Load()
	if p == nil {
		return false
	}
	b := p.read()
	if len(b) > 0 {
		x.happens(item{end: e, printed: b, done: done})
	}
	return len(b) > 0
}

func nothing() {}

func (x *trial) running(e tcp.End) bool {
	p := x.programs[e].Load()
	return p != nil && p.state == nil
}

func (x *trial) ended(e tcp.End) bool {
	p := x.programs[e].Load()
	return p != nil && p.state != nil
}

// tend looks after what no event tells of, and reports whether the trial is
// over.
func (x *trial) tend() (over bool, err error) {
	quiet := time.Since(x.last)
	if err := x.idle(quiet); err != nil {
		return false, err
	}
	if quiet >= calm {
		for e := range x.programs {
			if err := x.lines(tcp.End(e), true); err != nil {
				return false, err
			}
		}
	}
	switch closed := x.allOver(); {
	case x.programs[tcp.Client].Load() == nil:
		return false, x.await()
	case !x.ended(tcp.Client):
		return false, nil
	case quiet < calm && time.Since(x.left) < x.o.Linger, !closed && (quiet < x.o.Linger || x.expected):
		return false, nil
	case !closed && !x.noted:
		x.noted = true
		if err := x.remark(x.unclosed()...); err != nil {
			return false, err
		}
		fallthrough
	case x.running(tcp.Server):
		x.stop()
		return false, nil
	}
	return true, nil
}

// await starts the client once the server listens, or has been given time
// enough to.
func (x *trial) await() error {
	listening, err := x.o.Listening()
	switch {
	case err != nil:
		return err
	case listening:
	case x.ended(tcp.Server) && !x.programs[tcp.Server].Load().state.Success():
		return endedEarly(x.programs[tcp.Server].Load().state)
	case x.ended(tcp.Server) && time.Since(x.begun) >= x.o.Linger:
		err = x.warn(nothingLeft()) // else it may have left a daemon, which starts
	case time.Since(x.begun) >= x.o.Listen:
		err = x.warn(neverListened(x.o.Listen))
	case x.running(tcp.Server) && !x.awaited && time.Since(x.begun) >= soon:
		x.awaited = true
		return x.remark(notListening(x.o.Listen))
	default:
		return nil
	}
	if err != nil {
		return err
	}
	return x.start(tcp.Client)
}

// stop asks the server to end, and then makes it.
func (x *trial) stop() {
	p := x.programs[tcp.Server].Load()
	switch {
	case !x.running(tcp.Server):
	case x.stopped.IsZero():
		x.stopped = time.Now()
		p.signal(syscall.SIGTERM)
	case time.Since(x.stopped) > x.o.Stop:
		p.signal(syscall.SIGKILL)
	}
}

// exited tells how a program has ended.
func (x *trial) exited(e tcp.End, state *os.ProcessState) error {
	if err := x.lines(e, true); err != nil {
		return err
	}
	x.programs[e].Load().state = state
	if e == tcp.Client {
		x.left = time.Now()
	}
	return x.call(&lesson.Call{End: e, Name: "exit", Exit: exitCode(state), Text: ending(state, e == tcp.Server && !x.stopped.IsZero())})
}

// lines tells what a program has printed and is not told yet.
func (x *trial) lines(e tcp.End, all bool) error {
	p := x.programs[e].Load()
	if p == nil {
		return nil
	}
	for out := p.printed.take(all); len(out) > 0; out = p.printed.take(all) {
		if err := x.call(&lesson.Call{End: e, Name: "print", Console: out}); err != nil {
			return err
		}
	}
	return nil
}

// end tells what is left, and the Ending.
func (x *trial) end(failed error) error {
	if err := x.finish(); err != nil {
		return err
	}
	dropped := x.o.Wire.Dropped()
	if dropped > 0 {
		if err := x.warn(lost(dropped)); err != nil {
			return err
		}
	}
	var cause error
	if x.ctx.Err() != nil {
		cause = context.Cause(x.ctx)
	}
	stopped := cause != nil && errors.Is(failed, cause) || x.broke != nil
	if len(x.all) == 0 && failed == nil && !stopped && x.ended(tcp.Client) {
		if err := x.warn(noConnection()); err != nil {
			return err
		}
	}
	return x.tell(x.ending(dropped, stopped))
}
