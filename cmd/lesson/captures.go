package main

import (
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"lesson/capture"
	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// captures are the files of one explanation, merged in the order of their
// packets' times; of equal ones, as the files were named. It is a lesson.Source
// that a signal ends like the end of its last file, so that Ctrl-C shows what
// has been read so far.
type captures struct {
	files []*captureFile // in the order of their first packets
	dirs  []string       // of which files were named together
	piped bool           // what is read cannot be read again
	size  atomic.Int64   // of all files
	stop  *stopping
	cut   atomic.Bool // the reading has ended because of it
	idle  func()      // called before a pipe is waited for

	read  atomic.Int64  // bytes
	began atomic.Int64  // when, in ns since 1970
	at    int           // files[:at] have been begun
	open  queue         // those of them that are being read
	icmp  *tcp.Captured // the ICMP error at which Segments has stopped
	told  *captureFile  // the one whose segment was told last: first of open
	done  capture.Stats // of those that were read
	wrong error         // what was wrong with the first damaged file
	left  []lang.Text   // files of a directory that cannot be read, in a sentence each
}

// captureFile is one file that is open.
type captureFile struct {
	name  string
	dir   string // in which it lies, if that was named
	size  int64
	in    io.ReadCloser
	given int    // its place among those named
	first int64  // time of its first packet, in ns since 1970
	label string // what to call it beside the others
	r     *capture.Reader
	next  tcp.Captured
	few   []tcp.Segment // those after it, where they are read ahead
	room  []tcp.Segment // for them
	then  *tcp.Captured // the ICMP error behind those
}

// queue is a heap of files by what comes next in them.
type queue []*captureFile

func (q queue) Len() int      { return len(q) }
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(f any)   { *q = append(*q, f.(*captureFile)) }

func (q queue) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[i].next.Time, q[j].next.Time), cmp.Compare(q[i].given, q[j].given)) < 0
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	f := (*q)[last]
	*q = (*q)[:last]
	return f
}

// openCaptures opens what the caller has named: files, the captures in a
// directory, or a pipe. Nothing is read of a file yet.
func (a *app) openCaptures(names []string) (*captures, error) {
	c := &captures{stop: newStopping()}
	c.began.Store(time.Now().UnixNano())
	for _, name := range names {
		if err := a.addCapture(c, name); err != nil {
			c.Close()
			return nil, err
		}
	}
	if c.piped && len(names) > 1 {
		c.Close()
		return nil, usage(say("a pipe is read alone", "管道只能单独读取"), say("leave out the other files", "去掉其他文件"))
	}
	return c, nil
}

func (a *app) addCapture(c *captures, name string) error {
	if name == "-" {
		if _, ok := terminal(a.stdin); ok {
			return usage(say("- reads from a pipe, but nothing is piped in", "- 表示从管道读取，但现在没有管道"),
				say("sudo tcpdump -i lo -U -w - tcp | lesson explain -", "sudo tcpdump -i lo -U -w - tcp | lesson explain -"))
		}
		c.piped = true
		c.files = append(c.files, &captureFile{name: name, in: io.NopCloser(a.stdin)})
		return nil
	}
	f, info, err := openAtOnce(name)
	switch {
	case err != nil:
		return fileProblem(name, err)
	case info.IsDir():
		return errors.Join(c.addDirectory(name, f), f.Close())
	}
	c.piped = c.piped || !info.Mode().IsRegular()
	c.size.Add(info.Size())
	one := &captureFile{name: name, in: f}
	if info.Mode()&fs.ModeNamedPipe != 0 {
		one.in = &fifo{File: f}
	}
	c.files = append(c.files, one)
	return nil
}

// openAtOnce opens a file, whatever it is, without waiting for somebody at the
// other end of it, and says what was opened: it may have been another file a
// moment before.
func openAtOnce(name string) (f *os.File, info fs.FileInfo, err error) {
	if f, err = os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0); err != nil {
		return nil, nil, err
	}
	if info, err = f.Stat(); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

// fifo is a FIFO that was opened at once: its end has not come before somebody has
// opened it to write.
type fifo struct {
	*os.File
	opened bool
}

func (f *fifo) Read(b []byte) (int, error) {
	if !f.opened {
		f.opened = true
		untilWritten(f.File)
	}
	return f.File.Read(b)
}

// addDirectory adds the files that lie in a directory, whatever they are called.
// What lies deeper is passed over, and what cannot be opened left out.
func (c *captures) addDirectory(dir string, d *os.File) error {
	entries, err := d.ReadDir(-1)
	if err != nil {
		return fileProblem(dir, err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	c.dirs = append(c.dirs, dir)
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
			continue // opening a device may do something
		}
		f, info, err := openAtOnce(name)
		switch {
		case errors.Is(err, syscall.EMFILE):
			return fileProblem(name, err)
		case err != nil:
			c.leftOut(name, fileCause(err))
			continue
		case !info.Mode().IsRegular():
			_ = f.Close()
			continue
		}
		c.size.Add(info.Size())
		c.files = append(c.files, &captureFile{name: name, dir: dir, size: info.Size(), in: f})
	}
	return nil
}

func (c *captures) leftOut(name string, why lang.Text) {
	c.left = append(c.left, sayBoth(shown(name)+" was left out: %s.", "未读取 "+shown(name)+"：%s。", why))
}

// order puts several files in the order of their first packets. Only here the
// bytes in them are looked at: what is no capture is found before anything is told.
func (c *captures) order() error {
	if len(c.files) != 1 || c.dirs != nil {
		if err := c.sift(); err != nil {
			return err
		}
	}
	if len(c.files) == 1 {
		return c.begin(c.files[0])
	}
	bases := map[string]int{}
	for _, f := range c.files {
		bases[filepath.Base(f.name)]++
	}
	for i, f := range c.files {
		f.given, f.label = i, f.name
		if base := filepath.Base(f.name); bases[base] == 1 {
			f.label = base
		}
	}
	slices.SortStableFunc(c.files, func(a, b *captureFile) int { return cmp.Compare(a.first, b.first) })
	return nil
}

// sift finds when each file begins, and leaves out what lies in a directory and
// is no capture.
func (c *captures) sift() error {
	var kept []*captureFile
	for _, f := range c.files {
		t, err := capture.FirstTime(f.in, c.limits())
		switch {
		case errors.Is(err, capture.Stopped):
			return err
		case err == nil:
			f.first, kept = t, append(kept, f)
			if err := rewind(f); err != nil {
				return err
			}
			continue
		case f.dir == "":
			return named(f.name, err)
		}
		_ = f.in.Close()
		c.size.Add(-f.size)
		if p, ok := lang.AsProblem(err); ok && p != capture.NotACapture {
			c.leftOut(f.name, p.What)
		}
	}
	for _, dir := range c.dirs {
		if !slices.ContainsFunc(kept, func(f *captureFile) bool { return f.dir == dir }) {
			return &lang.Problem{
				What: sayf("there is no capture in the directory %s", "目录 %s 中没有抓包文件", shown(dir)),
				Hint: sayf("what lies deeper is not looked at: lesson explain %s/*/*.pcap", "不会查看更深的目录：lesson explain %s/*/*.pcap", filepath.Clean(shown(dir))),
			}
		}
	}
	c.files = kept
	return nil
}

// again starts from the beginning.
func (c *captures) again() error {
	c.at, c.open, c.told, c.done, c.wrong, c.icmp = 0, nil, nil, capture.Stats{}, nil, nil
	c.read.Store(0)
	c.began.Store(time.Now().UnixNano())
	for _, f := range c.files {
		f.r, f.few, f.then = nil, nil, nil
		if err := rewind(f); err != nil {
			return err
		}
	}
	if len(c.files) == 1 {
		return c.begin(c.files[0])
	}
	return nil
}

func rewind(f *captureFile) error {
	if s, ok := f.in.(io.Seeker); ok {
		if _, err := s.Seek(0, io.SeekStart); err != nil {
			return fileProblem(f.name, err)
		}
	}
	return nil
}

// name is what to call all of it.
func (c *captures) name() string {
	first := filepath.Base(c.files[0].name)
	switch n := len(c.files); n {
	case 1:
		return first
	case 2:
		return first + ", " + filepath.Base(c.files[1].name)
	default:
		return fmt.Sprintf("%s … %s (%d)", first, filepath.Base(c.files[n-1].name), n)
	}
}

// Next returns the next segment of all files, or ICMP error. What is wrong with one of them
// does not keep the others from being read. At the end of the last it returns
// io.EOF, or what was wrong.
func (c *captures) Next() (tcp.Captured, error) {
	f, err := c.first(false)
	if err != nil {
		return tcp.Captured{}, err
	}
	return f.next, nil
}

// Segments reads the next segments alone, as many as fit into into, or up to an
// ICMP error, which ICMP returns.
func (c *captures) Segments(into []tcp.Segment) (n int, err error) {
	c.icmp = nil
	if len(c.files) == 1 && !c.ended() {
		n, err = c.files[0].r.Segments(into)
		return n, c.over(err)
	}
	for n < len(into) {
		f, err := c.first(true)
		if err != nil {
			return n, err
		}
		if f.next.ICMP != nil {
			c.icmp = &f.next
			return n, nil
		}
		into[n] = f.next.Segment
		n++
		for others := c.others(); n < len(into) && len(f.few) > 0 && f.few[0].Time < others; n++ {
			into[n], f.few = f.few[0], f.few[1:]
		}
	}
	return n, nil
}

// ICMP returns the ICMP error at which the latest call of Segments has stopped.
func (c *captures) ICMP() (e tcp.Captured, ok bool) {
	switch {
	case c.icmp != nil:
		return *c.icmp, true
	case len(c.files) == 1 && c.files[0].r != nil:
		return c.files[0].r.ICMP()
	}
	return e, false
}

// first is the file whose next segment comes first, and is told now. Its
// segments may be read ahead, without the bytes they came in.
func (c *captures) first(ahead bool) (*captureFile, error) {
	if c.ended() {
		return nil, io.EOF
	}
	if c.told != nil { // not earlier: its bytes had to last, and a pipe is not waited for in advance
		if c.advance(c.told, ahead) {
			heap.Fix(&c.open, 0)
		} else {
			heap.Pop(&c.open)
		}
		c.told = nil
	}
	for c.at < len(c.files) && (len(c.open) == 0 || c.files[c.at].first <= c.open[0].next.Time) {
		f := c.files[c.at]
		c.at++
		if err := c.over(c.begin(f)); err != nil {
			c.failed(f, err)
		} else if c.advance(f, ahead) {
			heap.Push(&c.open, f)
		}
	}
	switch {
	case len(c.open) > 0:
		c.told = c.open[0]
		return c.told, nil
	case c.wrong != nil:
		return nil, c.wrong
	}
	return nil, io.EOF
}

// others is the time before which no other file than the first has anything.
func (c *captures) others() int64 {
	t := int64(math.MaxInt64)
	if c.at < len(c.files) {
		t = c.files[c.at].first
	}
	for _, f := range c.open[1:min(len(c.open), 3)] {
		t = min(t, f.next.Time)
	}
	return t
}

// begin begins to read a file.
func (c *captures) begin(f *captureFile) (err error) {
	if f.r != nil {
		return nil
	}
	var in io.Reader = &counted{f.in, &c.read}
	limits := c.limits()
	if c.piped {
		in = newPipe(in, limits.Stop, func() { c.idle() })
	}
	if f.r, err = capture.OpenWith(in, limits); err == nil {
		f.r.Errors = true
	}
	return err
}

// Files that are read together share some memory, but each may have a little:
// what zstd asks for if it is not told otherwise.
const (
	sharedMemory = 256 << 20
	ownMemory    = 8 << 20
)

// limits are those of one file.
func (c *captures) limits() capture.Options {
	o := capture.Options{Stop: c.stop.now, Memory: min(max(sharedMemory/max(len(c.files), 1), ownMemory), capture.MaxMemory)}
	if c.piped {
		o.Stop = c.stop.late
	}
	return o
}

// over takes the end that a signal has brought about for the end.
func (c *captures) over(err error) error {
	if !errors.Is(err, capture.Stopped) {
		return err
	}
	c.cut.Store(true)
	return io.EOF
}

// advance reads a file's next segment; false when there is none.
func (c *captures) advance(f *captureFile, ahead bool) bool {
	var err error
	switch {
	case !ahead:
		f.next, err = f.r.Next()
	case len(f.few) == 0 && f.then == nil:
		if f.room == nil {
			f.room = make([]tcp.Segment, 256)
		}
		var n int
		if n, err = f.r.Segments(f.room); n > 0 {
			err = nil // it sticks: the next call returns it again
		}
		f.few = f.room[:n]
		if e, ok := f.r.ICMP(); ok {
			f.then = &e
		}
	}
	if err == nil {
		switch {
		case !ahead:
		case len(f.few) > 0:
			f.next.Segment, f.next.ICMP, f.few = f.few[0], nil, f.few[1:]
		default:
			f.next, f.then = *f.then, nil
		}
		f.next.File = f.label
		return true
	}
	if err = c.over(err); err != io.EOF {
		c.failed(f, err)
	}
	c.done = c.done.Plus(f.r.Stats())
	f.r, f.room, f.then = nil, nil, nil // with all that they hold
	return false
}

// ended reports whether a signal has ended the reading. A pipe may have ended by
// itself, a moment later.
func (c *captures) ended() bool {
	if c.piped {
		return c.cut.Load()
	}
	select {
	case <-c.stop.now:
		return true
	default:
		return false
	}
}

func (c *captures) failed(f *captureFile, err error) {
	if err == io.EOF {
		return
	}
	if len(c.files) > 1 {
		err = named(f.name, err)
	}
	if c.wrong == nil {
		c.wrong = err
	}
}

// named says of a problem which file has it.
func named(name string, err error) error {
	p, ok := lang.AsProblem(err)
	if !ok {
		return fmt.Errorf("%s: %w", shown(name), err)
	}
	q := *p
	q.What = sayBoth(shown(name)+": %s", shown(name)+"：%s", p.What)
	return &q
}

// Stats counts what has been read so far.
func (c *captures) Stats() capture.Stats {
	all := c.done
	for _, f := range c.files {
		if f.r != nil {
			all = all.Plus(f.r.Stats())
		}
	}
	return all
}

// Warnings says what in the files could not be told.
func (c *captures) Warnings() []lang.Text { return slices.Concat(c.left, c.Stats().Warnings()) }

// Close closes all files.
func (c *captures) Close() {
	for _, f := range c.files {
		_ = f.in.Close()
	}
}

// counted counts the bytes that were read.
type counted struct {
	io.Reader
	n *atomic.Int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n.Add(int64(n))
	return n, err
}

// halting tells an ending that says whether a signal has brought it about.
type halting struct {
	lesson.Teller
	c *captures
}

// Tell marks the ending.
func (h halting) Tell(e lesson.Event) error {
	if end, ok := e.(*lesson.Ending); ok {
		end.Stopped = end.Stopped || h.c.ended()
	}
	return h.Teller.Tell(e)
}
