package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"lesson/lesson/render/text"
)

// screen is a lesson running on a terminal of its own.
type screen struct {
	t        testing.TB
	cmd      *exec.Cmd
	keys     *os.File // the side a person sits at
	tty      *os.File // the side the lesson has; kept open to look at its modes
	was      *term.State
	ended    chan struct{}
	mu       sync.Mutex
	news     *sync.Cond
	shown    bytes.Buffer
	finished bool
}

// watch plays a lesson on a terminal.
func watch(t testing.TB, args ...string) *screen {
	t.Helper()
	need(t, canPlay(), "no lesson can be played on this machine: lesson handshake --private says why")
	return onTerminal(t, nil, args...)
}

// onTerminal starts the program on a terminal of 80 by 24.
func onTerminal(t testing.TB, env []string, args ...string) *screen {
	t.Helper()
	ptmx, tty, err := pty.Open()
	check(t, err)
	check(t, pty.Setsize(ptmx, &pty.Winsize{Rows: 24, Cols: 80}))
	// As a file of its own that can be closed while it is read from.
	fd, err := syscall.Dup(int(ptmx.Fd()))
	check(t, err)
	check(t, ptmx.Close())
	syscall.CloseOnExec(fd)
	check(t, syscall.SetNonblock(fd, true))
	keys := os.NewFile(uintptr(fd), "terminal")
	was, err := term.GetState(int(tty.Fd()))
	check(t, err)
	s := &screen{t: t, keys: keys, tty: tty, was: was, ended: make(chan struct{})}
	s.news = sync.NewCond(&s.mu)
	s.cmd = exec.Command("lesson", args...)
	s.cmd.Env = append(append(os.Environ(), "LC_ALL=C.UTF-8", "TERM=xterm-256color"), env...)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = tty, tty, tty
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	check(t, s.cmd.Start())
	go s.read()
	go func() {
		_ = s.cmd.Wait() // the code is asked of the process state
		close(s.ended)
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // if the test failed
		<-s.ended
		_ = keys.Close()
		_ = tty.Close()
	})
	return s
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *screen) read() {
	var b [4096]byte
	for {
		n, err := s.keys.Read(b[:])
		s.mu.Lock()
		s.shown.Write(b[:n])
		s.finished = err != nil
		s.news.Broadcast()
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// patience is how long a test waits for what has to happen at once.
const patience = 20 * time.Second

// until waits for the nth time that the screen shows what.
func (s *screen) until(what string, n int) {
	s.t.Helper()
	late := time.AfterFunc(patience, func() {
		s.mu.Lock()
		s.finished = true
		s.news.Broadcast()
		s.mu.Unlock()
	})
	defer late.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for strings.Count(s.shown.String(), what) < n {
		if s.finished {
			s.t.Fatalf("%q was not shown %d times:\n%s", what, n, s.shown.String())
		}
		s.news.Wait()
	}
}

func (s *screen) typed(keys string) {
	s.t.Helper()
	_, err := s.keys.WriteString(keys)
	check(s.t, err)
}

// text is what was shown so far.
func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.String()
}

// code waits for the end and returns the exit code, as a shell would see it.
func (s *screen) code() int {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.t.Fatalf("it does not end:\n%s", s.text())
	}
	st := s.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if st.Signaled() {
		return 128 + int(st.Signal())
	}
	return st.ExitStatus()
}

// restored fails the test unless the terminal is as it was found.
func (s *screen) restored() {
	s.t.Helper()
	is, err := term.GetState(int(s.tty.Fd()))
	check(s.t, err)
	if !reflect.DeepEqual(is, s.was) {
		s.t.Errorf("the terminal was left changed:\n%+v\n%+v", s.was, is)
	}
}

// child is the process that plays the lesson.
func (s *screen) child() int {
	s.t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	check(s.t, err)
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // gone meanwhile
		}
		pid, rest, _ := strings.Cut(string(b), " ")
		fields := strings.Fields(rest[strings.LastIndex(rest, ")")+1:])
		if len(fields) > 1 && fields[1] == strconv.Itoa(s.cmd.Process.Pid) {
			n, err := strconv.Atoi(pid)
			check(s.t, err)
			return n
		}
	}
	s.t.Fatal("there is no second process")
	return 0
}

// gone waits until a process is no more.
func gone(t testing.TB, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	check(t, err)
	defer unix.Close(fd)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(patience.Milliseconds()))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n != 1 {
			t.Fatalf("process %d is still there", pid)
		}
		return
	}
}

var nextPort = 24000 + os.Getpid()%8000

const prompt = "q quit"

// stops is where a stepped teardown waits for a key, by the place it is played
// in: at each segment in flight, and before each close().
var stops = map[string][]string{
	"--private": {
		"❶", "❷", "❸", "❹", "❺", "space: the client calls close()",
		"❻", "❼", "space: the server calls close()", "❽", "❾", "space: the lesson ends",
	},
	"--host":     {"space: the client calls close()", "space: the server calls close()", "space: the lesson ends"},
	"--recorded": {"space next segment", "❶", "❷", "❸", "❹", "❺", "❻", "❼", "❽"},
}

// at is a teardown in a place.
func at(place string) []string {
	if place == "--recorded" {
		return []string{"teardown", place}
	}
	return []string{"teardown", place, port()}
}

// onTerminals runs a test in every place a lesson can be played here, and on a
// recording.
func onTerminals(t *testing.T, f func(t *testing.T, place string)) {
	places := []string{"--private", "--recorded"}
	if os.Geteuid() == 0 {
		places = append(places, "--host")
	}
	for _, p := range places {
		t.Run(strings.TrimLeft(p, "-"), func(t *testing.T) { f(t, p) })
	}
}

// port is one that no other test uses.
func port() string {
	nextPort++
	return "--port=" + strconv.Itoa(nextPort)
}

func TestStepToTheEnd(t *testing.T) {
	onTerminals(t, func(t *testing.T, place string) {
		s := watch(t, at(place)...)
		for _, stop := range stops[place] {
			s.until(stop, 1)
			if is, err := term.GetState(int(s.tty.Fd())); err != nil || reflect.DeepEqual(is, s.was) {
				t.Errorf("while it waits for a key the terminal still waits for lines (%v)", err)
			}
			s.typed("x ") // x means nothing
		}
		if code := s.code(); code != 0 {
			t.Errorf("exit code %d\n%s", code, s.text())
		}
		s.restored()
	})
}

func TestQuit(t *testing.T) {
	onTerminals(t, func(t *testing.T, place string) {
		s := watch(t, at(place)...)
		s.until(prompt, 1)
		s.typed("q")
		if code := s.code(); code != 0 {
			t.Errorf("exit code %d\n%s", code, s.text())
		}
		s.restored()
	})
}

func TestCtrlC(t *testing.T) {
	onTerminals(t, func(t *testing.T, place string) {
		s := watch(t, at(place)...)
		s.until(stops[place][0], 1)
		s.typed(" ")
		s.until(stops[place][1], 1)
		s.typed("\x03")
		if code := s.code(); code != 130 {
			t.Errorf("exit code %d\n%s", code, s.text())
		}
		s.restored()
	})
}

func TestSignals(t *testing.T) {
	onTerminals(t, func(t *testing.T, place string) {
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
			s := watch(t, at(place)...)
			s.until(prompt, 1)
			check(t, s.cmd.Process.Signal(sig))
			if code := s.code(); code != 128+int(sig) {
				t.Errorf("%v: exit code %d\n%s", sig, code, s.text())
			}
			s.restored()
		}
	})
}

// A shell that stopped the lesson has set the terminal its own way.
func TestContinued(t *testing.T) {
	s := watch(t, "teardown", "--private")
	s.until(prompt, 1)
	check(t, term.Restore(int(s.tty.Fd()), s.was))
	check(t, syscall.Kill(s.child(), syscall.SIGCONT))
	s.until("❶", 2) // shown again, below what the shell has printed
	s.upToCalls()   // and no enter
	check(t, syscall.Kill(s.child(), syscall.SIGCONT))
	s.until("space: ", 2)
	s.typed("q")
	s.code()
	s.restored()
}

// upToCalls goes on to where it is waited between two calls.
func (s *screen) upToCalls() {
	s.t.Helper()
	for _, stop := range stops["--private"][:5] {
		s.until(stop, 1)
		s.typed(" ")
	}
	s.until("space: ", 1)
}

// A terminal that was made narrower during a pause gets rows that fit it.
func TestResized(t *testing.T) {
	s := watch(t, "teardown", "--private", "--quiet")
	s.until(prompt, 1)
	before := len(s.text())
	check(t, pty.Setsize(s.tty, &pty.Winsize{Rows: 24, Cols: 60}))
	s.typed(" ")
	s.until("❷", 1)
	s.typed("q")
	s.code()
	if row, w := widestRow(s.text()[before:]); w > 60 {
		t.Errorf("%d columns on a terminal of 60: %q", w, row)
	}
}

// widestRow is the row that takes the most columns.
func widestRow(shown string) (row string, columns int) {
	shown = escapes.ReplaceAllStringFunc(shown, func(e string) string {
		if strings.HasSuffix(e, "m") {
			return ""
		}
		return "\n" // the cursor went elsewhere
	})
	for r := range strings.SplitSeq(shown, "\n") {
		r = strings.TrimRight(r, "\r ")
		if w := text.Width(r); w > columns {
			row, columns = r, w
		}
	}
	return row, columns
}

// What the keys do was on one row between two calls, and is on two once the
// terminal is narrower: both are taken away.
func TestResizedBetweenCalls(t *testing.T) {
	s := watch(t, "teardown", "--private")
	const twoRows = "\r\x1b[1A\x1b[J"
	s.upToCalls()
	check(t, pty.Setsize(s.tty, &pty.Winsize{Rows: 24, Cols: 60}))
	s.typed(" ")
	s.until(twoRows, 1)
	s.typed("q")
	s.code()
}

// escapes are what a terminal obeys and does not show.
var escapes = regexp.MustCompile("(\r(\x1b\\[\\d*A)?)?\x1b\\[[0-9;?]*[A-Za-z]")

func TestChildKilled(t *testing.T) {
	onTerminals(t, func(t *testing.T, place string) {
		s := watch(t, at(place)...)
		s.until(prompt, 1)
		check(t, syscall.Kill(s.child(), syscall.SIGKILL))
		if code := s.code(); code != 128+9 {
			t.Errorf("exit code %d\n%s", code, s.text())
		}
		s.until("SIGKILL", 1)
		s.restored()
	})
}

func TestParentKilled(t *testing.T) {
	onTerminals(t, func(t *testing.T, place string) {
		s := watch(t, at(place)...)
		s.until(prompt, 1)
		child := s.child()
		check(t, s.cmd.Process.Kill())
		s.code()
		gone(t, child)
		s.restored()
	})
}

func TestTerminalClosed(t *testing.T) {
	s := watch(t, "teardown", "--private")
	s.until(prompt, 1)
	child := s.child()
	check(t, s.tty.Close())
	check(t, s.keys.Close())
	s.code()
	gone(t, child)
}

func TestNoStep(t *testing.T) {
	s := watch(t, "teardown", "--private", "--no-step")
	if code := s.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if strings.Contains(s.text(), prompt) {
		t.Error("it waited for a key")
	}
	s.restored()
}

func TestStepOnDemand(t *testing.T) {
	s := watch(t, "handshake", "--private", "--step", "--lang=zh")
	for _, stop := range []string{"空格：客户端调用 connect()", "❶", "❷", "❸", "空格：本课结束"} {
		s.until(stop, 1)
		s.typed("\r")
	}
	if code := s.code(); code != 0 {
		t.Errorf("exit code %d\n%s", code, s.text())
	}
	s.restored()
}

// dropLastAck is what nobody has to explain: the last ACK is dropped, the
// server in LAST_ACK sends its FIN again, and TIME_WAIT answers.
func TestDropLastAck(t *testing.T) {
	s := watch(t, "teardown", "--private", "--quiet")
	s.dropLastAck()
	if code := s.code(); code != 0 {
		t.Errorf("exit code %d\n%s", code, s.text())
	}
	for _, want := range []string{"╳ lost", "retransmission", "CLOSED ✓"} {
		if !strings.Contains(escapes.ReplaceAllString(s.text(), ""), want) {
			t.Errorf("%q was not shown", want)
		}
	}
	s.restored()
}

// Everything else a person can do with a segment, and look at while it is held.
func TestEveryKey(t *testing.T) {
	s := watch(t, "teardown", "--private", "--quiet")
	s.until("❶", 1)
	s.typed("s")
	s.until("SYN_SENT", 2)
	s.typed("d2") // back to the segment, and no more; twice
	s.until("arrives again", 1)
	s.until("in flight", 2)
	s.typed("b")
	s.until("any other key returns", 1)
	s.typed(" c")
	s.until("corrupted", 1)
	s.typed("q")
	if code := s.code(); code != 0 || strings.Contains(s.text(), "╳") {
		t.Errorf("exit code %d, and a segment may be lost\n%s", code, s.text())
	}
	s.restored()
}

// The same with two programs of one's own: whose kernel sends again is theirs
// no more, and how they have ended is told.
func TestTrialDropLastAck(t *testing.T) {
	s := watch(t, "try", "--step", "--quiet",
		"--server", "peer serve :2023", "--client", "peer send 192.168.0.193:2023 hello")
	s.dropLastAck()
	if code := s.code(); code != 0 {
		t.Errorf("exit code %d\n%s", code, s.text())
	}
	for _, want := range []string{"lost", "retransmission", "hello", "exits, code 0", "is stopped"} {
		if !strings.Contains(escapes.ReplaceAllString(s.text(), ""), want) {
			t.Errorf("%q was not shown:\n%s", want, s.text())
		}
	}
	s.restored()
}

var (
	numbered = regexp.MustCompile(`^(?:[❶-❿]|\(\d+\)) `)
	lastAck  = regexp.MustCompile(`(?s)^[^ ]+ ACK .*in flight.*TIME_WAIT.*LAST_ACK`)
)

// dropLastAck drops the last ACK of the close, and lets all else arrive.
func (s *screen) dropLastAck() {
	s.t.Helper()
	dropped := false
	s.decide(func(held string) string {
		if !dropped && lastAck.MatchString(held) {
			dropped = true
			return "d"
		}
		return " "
	})
}

// decide presses the key for each segment that is held, and goes on between two
// calls, until the end.
func (s *screen) decide(key func(held string) string) {
	s.t.Helper()
	late := time.AfterFunc(2*patience, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	go func() {
		<-s.ended
		s.mu.Lock()
		defer s.mu.Unlock()
		s.news.Broadcast()
	}()
	decided, paused := map[string]bool{}, 0
	s.mu.Lock()
	defer s.mu.Unlock()
	for ; !s.finished; s.news.Wait() {
		select {
		case <-s.ended:
			return
		default:
		}
		shown := escapes.ReplaceAllString(s.shown.String(), "")
		for ; paused < strings.Count(shown, "space: "); paused++ {
			_, err := s.keys.WriteString(" ")
			check(s.t, err)
		}
		parts := strings.Split(shown, "┃ ")
		for i := len(parts) - 2; i >= 0; i-- {
			n := numbered.FindString(parts[i])
			if n == "" {
				continue
			}
			held := strings.Join(parts[i:], "")
			if !decided[n] && strings.Contains(held, "in flight") && strings.Contains(held, prompt) {
				decided[n] = true
				_, err := s.keys.WriteString(key(held))
				check(s.t, err)
			}
			break
		}
	}
}

// Ctrl-C and q end both programs while a segment is held.
func TestTrialQuit(t *testing.T) {
	for key, code := range map[string]int{"q": 0, "\x03": 130} {
		mark := strconv.Itoa(os.Getpid()) + "." + strconv.FormatInt(marks.Add(1), 10) + "8"
		s := watch(t, "try", "--step", "--server", "exec peer serve :7 "+mark, "--client", "exec peer dial 10.1.2.3:7 "+mark)
		s.until("❶", 1)
		s.until(prompt, 1)
		s.typed(key)
		if got := s.code(); got != code {
			t.Errorf("%q: exit code %d, want %d\n%s", key, got, code, s.text())
		}
		for late := time.Now().Add(patience); len(alive(t, mark)) > 0; {
			if time.Now().After(late) {
				t.Fatalf("processes stay: %v", alive(t, mark))
			}
		}
		s.restored()
	}
}
