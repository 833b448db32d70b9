package stage_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lesson/capture"
	"lesson/capture/sockets"
	"lesson/lesson"
	"lesson/lesson/lessons"
	"lesson/lesson/stage"
	"lesson/lesson/tcp"
)

// private is set in the environment of the run that TestPrivate makes in a
// network namespace of its own.
const private = "LESSON_STAGE_PRIVATE"

func TestMain(m *testing.M) {
	if os.Getenv(private) != "" {
		if err := loopbackUp(); err != nil {
			fmt.Fprintln(os.Stderr, "lo:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}

// need skips a test that this machine cannot run; in CI it must be able to.
func need(t *testing.T, ok bool, why string) {
	t.Helper()
	if ok {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// TestPrivate runs every live test once more in a network namespace.
func TestPrivate(t *testing.T) {
	if os.Getenv(private) != "" {
		t.Skip("this is the run in the namespace")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-test.run=^Test(Live|Wire)", "-test.timeout=5m", "-test.parallel=32"} // nearly all wait for kernels' timers
	if testing.Short() {
		args = append(args, "-test.short")
	}
	if testing.Verbose() {
		args = append(args, "-test.v")
	}
	if *update {
		args = append(args, "-update", "-test.parallel=1", "-test.run=^TestWireLessons$") // recordings keep the times
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), private+"=1", "CI=true")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	need(t, err == nil || errors.As(err, &exit), fmt.Sprintf("no user namespace here: %v", err))
	if testing.Verbose() || err != nil {
		t.Logf("in the namespace:\n%s", out)
	}
	if err != nil {
		t.Error(err)
	}
}

// network is a loopback interface to play on: a capture of one port of it, and
// the kernel's answers.
type network struct {
	stage.Options
	wire *capture.LiveSource
}

// live opens the loopback interface of the namespace this process is in.
func live(t *testing.T) *network {
	t.Helper()
	port := freePort(t)
	wire, err := capture.Live("lo", port)
	need(t, err == nil, fmt.Sprintf("cannot capture on lo: %v", err))
	t.Cleanup(func() { wire.Close() })
	diag, err := sockets.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { diag.Close() })
	return &network{wire: wire, Options: stage.Options{
		Place: place(), Interface: "lo", Port: port, Message: "你好，世界！！！", Wire: wire,
		Ask: func(_ tcp.End, local, remote netip.AddrPort) (lesson.Kernel, error) {
			s, err := diag.Ask(local, remote)
			return lesson.Kernel{State: s.State, Timer: s.Timer, Remaining: s.Remaining}, err
		},
	}}
}

// freePort finds a port that nobody uses on either of the server's addresses,
// not even a client of an earlier test in TIME_WAIT.
func freePort(t *testing.T) uint16 {
	t.Helper()
	for {
		l, err := net.Listen("tcp4", "127.0.0.2:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		l6, err := net.Listen("tcp6", fmt.Sprintf("[::1]:%d", port))
		l.Close()
		if err == nil || !errors.Is(err, unix.EADDRINUSE) {
			if err == nil {
				l6.Close()
			}
			return uint16(port)
		}
	}
}

// record is a Teller that keeps everything.
type record []lesson.Event

func (r *record) Tell(e lesson.Event) error {
	*r = append(*r, e)
	return nil
}

// lines writes events down without what may change from run to run: times,
// ports, initial sequence numbers, the packet's place in the capture.
func (r record) lines() []string {
	var out []string
	for _, e := range r {
		switch e := e.(type) {
		case *lesson.Opening:
			out = append(out, fmt.Sprintf("opening %s %s %s %s checked %v", e.Name, e.Refs, e.Place, e.Interface, e.Checked))
		case *lesson.Call:
			out = append(out, fmt.Sprintf("call %s %s %s: %s", e.End, e.Name, e.Phase, e.Text.EN))
			for range e.Console {
				out = append(out, "  console")
			}
		case *lesson.Segment:
			s := &e.Step
			out = append(out, fmt.Sprintf("segment %d %s %s %s seq %s ack %s len %d | %v -> %v kernel %v %v notes %d %v", e.N, e.Fate, s.From, e.Flags,
				near(s.Seq), near(s.Ack), e.Len, s.Before, s.After, e.Kernel[0].State, e.Kernel[1].State, len(e.Explain), s.Findings.Names()))
		case *lesson.Rest:
			out = append(out, fmt.Sprintf("rest after %d | %v kernel %v %v", e.After, e.State, e.Kernel[0].State, e.Kernel[1].State))
		case *lesson.Note:
			out = append(out, fmt.Sprintf("note %s %s", e.Kind, e.Text.EN))
		case *lesson.Ending:
			out = append(out, fmt.Sprintf("ending %d segments, dropped %d, kept %v, disagreed %d", e.Segments, e.Dropped, e.Kept, e.Disagreed))
		}
	}
	return out
}

// near is a sequence number of this connection, or a word for one of an earlier
// one: how far away that is changes from run to run.
func near(n int64) string {
	if n < 0 || n > 1<<16 {
		return "old"
	}
	return fmt.Sprint(n)
}

func (r record) String() string { return strings.Join(r.lines(), "\n") }

func find(t *testing.T, name string) *lesson.Lesson {
	t.Helper()
	l, ok := lessons.Find(name)
	if !ok {
		t.Fatalf("no lesson %s", name)
	}
	return l
}

func TestLiveHandshake(t *testing.T) {
	n := live(t)
	var r record
	if err := stage.Play(context.Background(), find(t, "handshake"), n.Options, &r); err != nil {
		t.Errorf("%v\n%s", err, r)
	}
	t.Log("\n" + r.String())
}

func TestLiveTeardown(t *testing.T) {
	n := live(t)
	for _, set := range []map[string]bool{nil, {"server-closes-at-once": true}} {
		for _, v6 := range []bool{false, true} {
			var r record
			n.Set, n.IPv6 = set, v6
			begin := time.Now()
			if err := stage.Play(context.Background(), find(t, "teardown"), n.Options, &r); err != nil {
				t.Errorf("%v %v: %v\n%s", set, v6, err, r)
			}
			t.Logf("%v %v\n%s", set, time.Since(begin), r)
		}
	}
}
