package trial

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"lesson/lesson/tcp"
)

// program is one end's program, on a terminal and in a session of its own.
type program struct {
	pid      int
	terminal *os.File // the side of whoever looks at it
	raw      syscall.RawConn
	cmd      *exec.Cmd
	printed  lines            // and not told yet
	state    *os.ProcessState // once it has ended
}

// startProgram starts a program on its host.
func startProgram(o Options, e tcp.End) (*program, error) {
	terminal, far, err := openTerminal(o.Width)
	if err != nil {
		return nil, err
	}
	defer far.Close()
	c := exec.Command("/bin/sh", "-c", o.Commands[e])
	c.Stdin, c.Stdout, c.Stderr = far, far, far
	c.Env = plainly(os.Environ(), o.Width)
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	p := &program{terminal: terminal, cmd: c}
	if p.raw, err = terminal.SyscallConn(); err == nil {
		err = o.Wire.Do(e, c.Start)
	}
	if err != nil {
		_ = terminal.Close()
		return nil, err
	}
	p.pid = c.Process.Pid
	return p, nil
}

// wait waits for its end.
func (p *program) wait() *os.ProcessState {
	_ = p.cmd.Wait() // what there is to say stands in the state
	return p.cmd.ProcessState
}

// openTerminal opens a pseudo-terminal that is waited for without a thread,
// and that can be closed while it is.
func openTerminal(width int) (near, far *os.File, err error) {
	ptmx, far, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	defer ptmx.Close()
	if err := pty.Setsize(ptmx, &pty.Winsize{Rows: 24, Cols: uint16(width)}); err != nil {
		return nil, nil, errors.Join(err, far.Close())
	}
	fd, err := unix.FcntlInt(ptmx.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, nil, errors.Join(err, far.Close())
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, nil, errors.Join(err, unix.Close(fd), far.Close())
	}
	return os.NewFile(uintptr(fd), "terminal"), far, nil
}

// plainly is an environment in which programs print nothing but text.
func plainly(env []string, width int) []string {
	env = slices.DeleteFunc(env, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"TERM", "COLUMNS", "LINES", "COLORTERM", "FORCE_COLOR"}, name)
	})
	return append(env, "TERM=dumb", "NO_COLOR=1", "COLUMNS="+strconv.Itoa(width), "LINES=24")
}

// readable waits until there is something to read; false when no program has
// the terminal any more.
func (p *program) readable() bool {
	var events int16
	err := p.raw.Read(func(fd uintptr) bool {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(poll, 0)
		events = poll[0].Revents
		return n > 0 || err != nil && !errors.Is(err, unix.EINTR)
	})
	return err == nil && events&unix.POLLIN != 0
}

// read reads what has been printed so far, to a limit. The attempt is enough
// to make the kernel hand over all that was written to the terminal before.
func (p *program) read() (out []byte) {
	var b [4096]byte
	_ = p.raw.Control(func(fd uintptr) {
		for len(out) < 64<<10 {
			n, err := unix.Read(int(fd), b[:])
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if n <= 0 {
				return
			}
			out = append(out, b[:n]...)
		}
	})
	return out
}

// signal sends a signal to a program and what it has started, but for what has
// left its process group.
func (p *program) signal(s syscall.Signal) {
	if p.state == nil {
		_ = unix.Kill(-p.pid, s) // gone is as good
	}
}

func (p *program) close() { _ = p.terminal.Close() }

// endAll ends every other process of this one's namespace, if that is its own.
func endAll() {
	if os.Getpid() == 1 {
		_ = unix.Kill(-1, unix.SIGKILL)
	}
}
