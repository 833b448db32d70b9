package private

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// session is a program that has called Run, in the foreground of a shell on a
// terminal of its own.
type session struct {
	*testing.T
	shell    *exec.Cmd
	terminal *os.File // the side of the person
	far      *os.File // the side of the programs
	parent   int
	child    int
	found    unix.Termios // the terminal's modes before
	lines    chan string  // what is printed after "ready"
}

// asShell, in the environment, makes the test binary a shell with job control
// that runs one command, takes the terminal back and waits to be killed.
const asShell = "PRIVATE_TEST_SHELL"

func shell(args []string) int {
	c := exec.Command("/proc/self/exe", args...)
	c.Env = slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, asShell) })
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Foreground: true, Ctty: 0}
	if err := c.Start(); err != nil {
		fmt.Println(err)
		return 1
	}
	c.Wait()
	signal.Ignore(unix.SIGTTOU)
	unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, os.Getpid())
	fmt.Printf("shell saw %d\r\n", c.ProcessState.ExitCode())
	select {}
}

// start waits until the child has changed the terminal's modes.
func start(t *testing.T, what, role string) *session {
	t.Helper()
	s := &session{T: t, shell: ordinary(command(what, role)), lines: make(chan string, 100)}
	var err error
	if s.terminal, s.far, err = pty.Open(); err != nil {
		need(t, false, "no pseudo-terminal: "+err.Error())
	}
	s.found = s.modes()
	s.shell.Env = append(s.shell.Env, asShell+"=1")
	s.shell.Stdin, s.shell.Stdout, s.shell.Stderr = s.far, s.far, s.far
	s.shell.SysProcAttr.Setsid, s.shell.SysProcAttr.Setctty = true, true
	if err := s.shell.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.far.Close()
		s.shell.Process.Kill()
		s.shell.Wait()
		s.terminal.Close()
	})
	go func() {
		for in := bufio.NewScanner(s.terminal); in.Scan(); {
			s.lines <- strings.TrimRight(in.Text(), "\r")
		}
		close(s.lines)
	}()
	line := <-s.lines
	if _, err := fmt.Sscanf(line, "child %d of %d ready", &s.child, &s.parent); err != nil {
		t.Fatalf("the child said %q", line)
	}
	if s.modes() == s.found {
		t.Fatal("the child has not changed the terminal")
	}
	return s
}

func (s *session) modes() unix.Termios {
	s.Helper()
	m, err := unix.IoctlGetTermios(int(s.far.Fd()), unix.TCGETS)
	if err != nil {
		s.Fatal(err)
	}
	return *m
}

func (s *session) signal(pid int, sig unix.Signal) {
	s.Helper()
	if err := unix.Kill(pid, sig); err != nil {
		s.Fatal(err)
	}
}

// over waits until both processes are gone and checks what they leave.
func (s *session) over(code int, said string) {
	s.Helper()
	var saw string
	var before []string
	for saw = range s.lines {
		if strings.HasPrefix(saw, "shell saw ") {
			break
		}
		before = append(before, saw)
	}
	if want := fmt.Sprintf("shell saw %d", code); saw != want {
		s.Errorf("%s, want %s", saw, want)
	}
	eventually(s, "the child has ended", func() bool { return !alive(s.child) })
	if s.modes() != s.found {
		s.Error("the terminal is not as it was found")
	}
	// An orphan may speak after the shell.
	s.far.Close()
	s.shell.Process.Kill()
	for line := range s.lines {
		before = append(before, line)
	}
	if out := strings.Join(before, "\n"); !strings.Contains(out, said) {
		s.Errorf("output %q lacks %q", out, said)
	}
}

// Whatever signal ends it, by whatever way it comes, nothing stays behind.
func TestEnd(t *testing.T) {
	needNamespaces(t)
	tests := []struct {
		name string
		role string
		act  func(*session)
		code int // of the parent
		said string
	}{
		{"SIGTERM to the parent", "raw", func(s *session) { s.signal(s.parent, unix.SIGTERM) }, 7, "child got terminated"},
		{"SIGINT to the parent", "raw", func(s *session) { s.signal(s.parent, unix.SIGINT) }, 7, "child got interrupt"},
		{"SIGHUP to the parent", "raw", func(s *session) { s.signal(s.parent, unix.SIGHUP) }, 7, "child got hangup"},
		{"SIGINT to both", "raw", func(s *session) { s.signal(-s.parent, unix.SIGINT) }, 7, "child got interrupt"},
		{"SIGTERM to the child", "raw", func(s *session) { s.signal(s.child, unix.SIGTERM) }, 7, "child got terminated"},
		{"SIGQUIT to both", "raw", func(s *session) { s.signal(-s.parent, unix.SIGQUIT) }, 2, "SIGQUIT"},
		{"SIGKILL to the child", "raw", func(s *session) { s.signal(s.child, unix.SIGKILL) }, 137, "\x1b[0m\x1b[?25h\nthe process that played the lesson was killed by SIGKILL"},
		{"SIGKILL to the parent", "raw", func(s *session) { s.signal(s.parent, unix.SIGKILL) }, -1, "child got terminated"},
		{"SIGKILL to the parent of a deaf child", "deaf", func(s *session) { s.signal(s.parent, unix.SIGKILL) }, -1, ""},
	}
	for _, place := range []string{"", "host"} {
		for _, tt := range tests {
			t.Run(tt.name+" "+place, func(t *testing.T) {
				t.Parallel()
				s := start(t, place, tt.role)
				tt.act(s)
				s.over(tt.code, tt.said)
			})
		}
	}
}

// Ctrl-C is the terminal's way to say SIGINT.
func TestControlC(t *testing.T) {
	needNamespaces(t)
	s := start(t, "", "cooked")
	if _, err := s.terminal.Write([]byte{3}); err != nil {
		t.Fatal(err)
	}
	s.over(7, "child got interrupt")
}

// A terminal that is closed takes both with it.
func TestHangUp(t *testing.T) {
	needNamespaces(t)
	s := start(t, "", "raw")
	s.shell.Process.Kill() // who leads the session takes the terminal along
	eventually(t, "the child has ended", func() bool { return !alive(s.child) })
	eventually(t, "the parent has ended", func() bool { return !alive(s.parent) })
}
