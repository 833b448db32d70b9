package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"lesson/capture"
	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// captures are the files of one explanation, read one after the other in the
// order of their first packets. It is a lesson.Source that a signal ends like
// the end of its last file, so that Ctrl-C shows what has been read so far.
type captures struct {
	files   []*captureFile
	piped   bool // what is read cannot be read again
	size    int64
	stopped <-chan struct{}
	idle    func() // called before a pipe is waited for

	read   atomic.Int64 // bytes
	began  atomic.Int64 // when, in ns since 1970
	at     int          // the file being read
	r      *capture.Reader
	before capture.Stats // of the files before it
	wrong  error         // what was wrong with the first damaged file
}

// captureFile is one file that is open.
type captureFile struct {
	name  string
	in    io.ReadCloser
	first int64 // ns since 1970
}

// openCaptures opens what the caller has named: files, the captures in a
// directory, or a pipe. Nothing is read of a file yet.
func (a *app) openCaptures(names []string) (*captures, error) {
	c := &captures{}
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
	info, err := os.Stat(name)
	if err != nil {
		return fileProblem(name, err)
	}
	if info.IsDir() {
		return c.addDirectory(name)
	}
	return c.addFile(name, info)
}

func (c *captures) addFile(name string, info os.FileInfo) error {
	f, err := os.Open(name)
	if err != nil {
		return fileProblem(name, err)
	}
	c.files = append(c.files, &captureFile{name: name, in: f})
	if info.Mode().IsRegular() {
		c.size += info.Size()
	} else {
		c.piped = true
	}
	return nil
}

// addDirectory adds the captures that lie in a directory, whatever they are
// called. Other files are passed over, and so is what lies deeper.
func (c *captures) addDirectory(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fileProblem(dir, err)
	}
	had := len(c.files)
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(dir, e.Name()))
		if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
			continue
		}
		name := filepath.Join(dir, e.Name())
		if err := c.addFile(name, info); err != nil {
			return err
		}
		last := c.files[len(c.files)-1]
		if _, err := capture.FirstTime(last.in); err != nil { // not a capture
			_ = last.in.Close()
			c.files, c.size = c.files[:len(c.files)-1], c.size-info.Size()
			continue
		}
		if err := rewind(last); err != nil {
			return err
		}
	}
	if len(c.files) == had {
		return &lang.Problem{
			What: sayf("there is no capture in the directory %s", "目录 %s 中没有抓包文件", shown(dir)),
			Hint: sayf("what lies deeper is not looked at: lesson explain %s/*/*.pcap", "不会查看更深的目录：lesson explain %s/*/*.pcap", filepath.Clean(shown(dir))),
		}
	}
	return nil
}

// order puts several files in the order of their first packets. What is no
// capture at all is found here, before anything is told.
func (c *captures) order() error {
	if len(c.files) == 1 {
		return c.open()
	}
	for _, f := range c.files {
		t, err := capture.FirstTime(f.in)
		if err != nil {
			return named(f.name, err)
		}
		f.first = t
		if err := rewind(f); err != nil {
			return err
		}
	}
	slices.SortStableFunc(c.files, func(a, b *captureFile) int { return cmp.Compare(a.first, b.first) })
	return nil
}

// again starts from the beginning.
func (c *captures) again() error {
	c.at, c.r, c.before, c.wrong = 0, nil, capture.Stats{}, nil
	c.read.Store(0)
	c.began.Store(time.Now().UnixNano())
	for _, f := range c.files {
		if err := rewind(f); err != nil {
			return err
		}
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

// Next returns the next segment of the file being read, or of the one after
// it. What is wrong with a file does not keep the next from being read.
func (c *captures) Next() (tcp.Captured, error) {
	for {
		if err := c.ready(); err != nil {
			return tcp.Captured{}, err
		}
		s, err := c.r.Next()
		if err == nil {
			s.Number += c.before.Packets
			return s, nil
		}
		c.close(err)
	}
}

// Segments reads the next segments alone, as many as fit into into.
func (c *captures) Segments(into []tcp.Segment) (int, error) {
	for {
		if err := c.ready(); err != nil {
			return 0, err
		}
		n, err := c.r.Segments(into)
		if err != nil {
			c.close(err)
		}
		if n > 0 {
			return n, nil
		}
	}
}

// ready opens the next file if none is open. At the end of the last it returns
// io.EOF, or what was wrong with one.
func (c *captures) ready() error {
	if c.ended() {
		return io.EOF
	}
	for c.r == nil {
		if c.at == len(c.files) {
			if c.wrong != nil {
				return c.wrong
			}
			return io.EOF
		}
		if err := c.open(); err != nil {
			c.failed(err)
			c.at++
		}
	}
	return nil
}

// close ends the reading of a file.
func (c *captures) close(err error) {
	if err != io.EOF {
		c.failed(err)
	}
	c.before = c.Stats()
	c.r = nil
	c.at++
}

// ended reports whether a signal has ended the reading. A pipe ends by itself,
// a moment later.
func (c *captures) ended() bool {
	if c.piped {
		return false
	}
	select {
	case <-c.stopped:
		return true
	default:
		return false
	}
}

func (c *captures) open() (err error) {
	var in io.Reader = &counted{c.files[c.at].in, &c.read}
	if c.piped {
		in = newPipe(in, c.stopped, func() { c.idle() })
	}
	c.r, err = capture.Open(in)
	return err
}

func (c *captures) failed(err error) {
	if len(c.files) > 1 {
		err = named(c.files[c.at].name, err)
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
	if c.r == nil {
		return c.before
	}
	return c.before.Plus(c.r.Stats())
}

// Warnings says what in the files could not be told.
func (c *captures) Warnings() []lang.Text { return c.Stats().Warnings() }

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
