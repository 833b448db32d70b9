package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"lesson/capture/privilege"
	"lesson/lesson/lang"
)

// command is a program that watch runs.
type command struct {
	process *os.Process
	begun   chan struct{} // closed once there is a process
	done    chan struct{}
	over    atomic.Bool
	asked   atomic.Bool // by a signal, to end
	code    int         // once done
	signals chan os.Signal
}

// newCommand is a command to be started. From now on it is asked first when a
// signal asks this process to end.
func newCommand() *command {
	c := &command{begun: make(chan struct{}), done: make(chan struct{}), signals: make(chan os.Signal, 8)}
	catch(c.signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	go c.passOn()
	return c
}

// start runs a program as the person who called sudo. It ends with this process,
// whatever ends that.
func (c *command) start(argv []string, stdin io.Reader, stdout, stderr io.Writer, private bool) error {
	path, err := exec.LookPath(argv[0])
	if err != nil && !errors.Is(err, exec.ErrDot) {
		return notRun(argv[0], err)
	}
	cmd := exec.Command(path, argv[1:]...)
	cmd.Args[0] = argv[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGTERM}
	if private {
		cmd.SysProcAttr.Pdeathsig = unix.SIGKILL
	}
	privilege.AsCaller(cmd)
	started := make(chan error)
	go func() {
		// The kernel ties the signal at our death to this thread.
		runtime.LockOSThread()
		if private {
			// The rights over this network are not for the command: whoever
			// has more than we will have may hide its open files from us.
			_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
		}
		err := cmd.Start()
		c.process = cmd.Process
		started <- err
		if err == nil {
			c.finished(cmd.Wait())
		}
	}()
	if err := <-started; err != nil {
		return notRun(argv[0], err)
	}
	close(c.begun)
	return nil
}

func (c *command) finished(err error) {
	if e := (*exec.ExitError)(nil); errors.As(err, &e) {
		c.code = e.ExitCode()
		if s := e.Sys().(syscall.WaitStatus); s.Signaled() {
			c.code = 128 + int(s.Signal())
		}
	} else if err != nil {
		c.code = lang.ExitFailure
	}
	c.over.Store(true)
	close(c.done)
}

// passOn passes on the signals that ask this process to end. A terminal sends
// its own to the command too, which must not get them twice. Before the command has
// begun, and when it has ended, they are for this process alone.
func (c *command) passOn() {
	var before time.Time
	runs, done := false, c.done
	for begun := c.begun; ; {
		select {
		case <-begun:
			runs, begun = done != nil, nil // it may have ended already
		case <-done:
			if runs, done = false, nil; c.asked.Load() {
				endsWith(c.code)
			}
		case s := <-c.signals:
			if c.asked.Store(true); !runs {
				endsWith(128 + int(s.(syscall.Signal)))
				continue
			}
			typed := s == unix.SIGINT || s == unix.SIGQUIT
			again := typed && !before.IsZero() && time.Since(before) > time.Second
			if before = time.Now(); typed && !again && foreground() {
				continue
			}
			_ = c.process.Signal(s)
			time.AfterFunc(time.Second, func() { _ = c.process.Kill() })
		}
	}
}

// foreground reports whether this process and the command have a terminal that
// sends signals to both.
func foreground() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// end ends the command, if it has not ended. In a private network, what it has left
// running ends with this process, the first of its namespace.
func (c *command) end() {
	if c.over.Load() || c.process.Signal(unix.SIGTERM) != nil {
		return // it has become another user's: its end is theirs
	}
	select {
	case <-c.done:
	case <-time.After(time.Second):
		if c.process.Kill() == nil {
			<-c.done
		}
	}
}

// notRun words why a command cannot be run, with the exit code of a shell.
func notRun(name string, err error) *lang.Problem {
	p := &lang.Problem{Err: err, Code: 126}
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		p.Code = 127
		p.What = sayf("there is no command %s", "没有命令 %s", shown(name))
		p.Hint = say("give its path, or install it", "请写出它的路径，或先安装它")
	case errors.Is(err, fs.ErrPermission):
		p.What = sayf("%s may not be executed", "%s 没有执行权限", shown(name))
		p.Hint = sayf("chmod +x %s, if it is a program", "如果它是程序：chmod +x %s", shown(name))
	default:
		p.What = sayf("%s cannot be run: %v", "无法运行 %s：%v", shown(name), err)
	}
	return p
}

// after says when a command and its connections are over: when it has ended
// and nothing that began meanwhile is open, or a second later; what it left
// running in a private network is ended then.
func (w *watcher) after(c *command) func() bool {
	var ended time.Time
	return func() bool {
		if !c.over.Load() {
			return false
		}
		if ended.IsZero() {
			ended = time.Now()
		}
		if since := time.Since(ended); since < drain || since < time.Second && !c.asked.Load() && w.table.OpenFrom(w.known) {
			return false
		}
		c.end()
		return true
	}
}
