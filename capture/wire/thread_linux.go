package wire

import (
	"fmt"
	"os"
	"runtime"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// thread is a thread of this process that lives in a network namespace of its
// own, and does there what it is asked to.
type thread struct {
	ns   netns.NsHandle
	work chan func()
	quit chan struct{}
}

// newThread makes a namespace and a thread in it. The new namespace takes
// after the one called from, which is that of parent, or where parent is nil
// this process's own.
func newThread(parent *thread) (*thread, error) {
	t := &thread{ns: netns.None(), work: make(chan func()), quit: make(chan struct{})}
	made := make(chan error)
	aside(func() {
		err := t.move(parent)
		made <- err
		if err != nil {
			return
		}
		for {
			select {
			case f := <-t.work:
				f()
			case <-t.quit:
				return
			}
		}
	})
	if err := <-made; err != nil {
		return nil, err
	}
	return t, nil
}

// aside runs f on a thread that ends with it. It is never the process's first
// thread: that cannot end, and /proc/self shows its namespaces as everybody's.
func aside(f func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != os.Getpid() {
			f()
			return
		}
		another := make(chan struct{})
		go func() { // cannot be the first thread, which is held here
			runtime.LockOSThread()
			close(another)
			f()
		}()
		<-another
		runtime.UnlockOSThread()
	}()
}

func (t *thread) move(parent *thread) (err error) {
	if parent != nil {
		if err := netns.Set(parent.ns); err != nil {
			return fmt.Errorf("entering a network namespace: %w", err)
		}
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("creating a network namespace: %w", err)
	}
	if t.ns, err = netns.GetFromPath("/proc/thread-self/ns/net"); err != nil {
		return fmt.Errorf("opening a network namespace: %w", err)
	}
	return nil
}

// do runs f on the thread and waits for it.
func (t *thread) do(f func() error) error {
	done := make(chan error, 1)
	select {
	case t.work <- func() { done <- f() }:
		return <-done
	case <-t.quit:
		return os.ErrClosed
	}
}

// close ends the thread. Its namespace goes with the last who uses it.
func (t *thread) close() {
	if t != nil {
		close(t.quit)
		_ = t.ns.Close()
	}
}
