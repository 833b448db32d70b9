package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// explanation is where an explanation is written: to stdout, through a pager
// if it is long, and never over the progress bar, which stays only where stdout
// is a file.
type explanation struct {
	*bufio.Writer
	to page
}

// page writes on stdout once the progress bar is gone.
type page struct {
	*pager
	bar    *progress
	unseen bool // what is written appears on no terminal
	// writes counts the beginnings and the ends of writing, so that it is odd
	// meanwhile.
	writes *atomic.Int64
}

// Write takes the bar away first.
func (p page) Write(b []byte) (int, error) {
	if !p.unseen {
		p.bar.end()
	}
	p.writes.Add(1)
	defer p.writes.Add(1)
	return p.pager.Write(b)
}

// unread ends this process where, after a signal, nobody reads what it writes. On a
// terminal somebody does, and in a pager Ctrl-C is a key.
func (p page) unread(stop *stopping) {
	<-stop.now
	for before := p.writes.Load(); ; {
		<-time.After(lastly / 2)
		now := p.writes.Load()
		if now&1 == 1 && now == before {
			os.Exit(stop.code())
		}
		before = now
	}
}

// unseen reports whether what is written on a stream stays in a file or in
// /dev/null. Behind a pipe another program may show it.
func unseen(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	_, tty := terminal(w)
	return err == nil && !tty && (info.Mode().IsRegular() || info.Mode()&os.ModeCharDevice != 0)
}

// explanation is flushed whenever a pipe has nothing more to give at the
// moment, so that what is known is seen.
func (a *app) explanation(c *captures, f *explainFlags) *explanation {
	to := page{a.paged(!f.noPager && !c.piped), a.progress(c), unseen(a.stdout), new(atomic.Int64)}
	if _, tty := terminal(a.stdout); !tty {
		go to.unread(c.stop)
	}
	x := &explanation{bufio.NewWriterSize(to, 64<<10), to}
	c.idle = func() { _ = x.Flush() } // an error sticks
	return x
}

// close writes what is left, and waits until the pager is left.
func (x *explanation) close() error {
	err := x.Flush()
	x.to.bar.end()
	return errors.Join(err, x.to.close())
}
