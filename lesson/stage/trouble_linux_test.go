package stage_test

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/stage"
	"lesson/lesson/tcp"
)

// silent is a wire on which nothing is seen.
type silent struct {
	mu      sync.Mutex
	wake    chan struct{}
	dropped uint64
}

func (s *silent) deadline() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wake == nil {
		s.wake = make(chan struct{})
	}
	return s.wake
}

func (s *silent) Next() (tcp.Captured, error) {
	<-s.deadline()
	return tcp.Captured{}, os.ErrDeadlineExceeded
}

func (s *silent) SetDeadline(t time.Time) error {
	if !t.IsZero() {
		close(s.deadline())
	}
	return nil
}

func (s *silent) Dropped() uint64 { return s.dropped }

// broken is a wire that fails.
type broken struct{ silent }

var errBroken = errors.New("the wire is broken")

func (*broken) Next() (tcp.Captured, error) { return tcp.Captured{}, errBroken }

func problem(t *testing.T, err error, code int, words ...string) {
	t.Helper()
	p, ok := lang.AsProblem(err)
	if !ok {
		t.Fatalf("got %v, want a problem", err)
	}
	if p.Code != code {
		t.Errorf("code %d, want %d: %v", p.Code, code, err)
	}
	if p.What.ZH == "" || p.What.ZH == p.What.EN {
		t.Errorf("in Chinese: %q", p.What.ZH)
	}
	for _, w := range words {
		if !strings.Contains(p.What.EN+" "+p.Hint.EN, w) {
			t.Errorf("%q is not in %q, hint %q", w, p.What.EN, p.Hint.EN)
		}
	}
}

// ending is the story's last event, which must be an Ending.
func ending(t *testing.T, r record) *lesson.Ending {
	t.Helper()
	if len(r) == 0 {
		t.Fatal("nothing was told")
	}
	e, ok := r[len(r)-1].(*lesson.Ending)
	if !ok {
		t.Fatalf("the story does not end:\n%s", r)
	}
	last := 0
	for _, e := range r {
		if s, ok := e.(*lesson.Segment); ok {
			last = max(last, s.N)
		}
	}
	if e.Segments != last {
		t.Errorf("the end counts %d segments, and the last has the number %d", e.Segments, last)
	}
	return e
}

func options(t *testing.T, w stage.Wire) stage.Options {
	return stage.Options{Port: freePort(t), Message: "x", Wire: w, Patience: 50 * time.Millisecond}
}

func TestWaitInVain(t *testing.T) {
	for _, c := range []struct {
		wire  *silent
		place lesson.Place
		hint  string
	}{
		{&silent{dropped: 3}, lesson.Host, "the capture lost 3 frames"},
		{&silent{}, lesson.Host, "firewall"},
		{&silent{}, lesson.Private, ""},
	} {
		o := options(t, c.wire)
		o.Place = c.place
		var r record
		err := stage.Play(context.Background(), find(t, "handshake"), o, &r)
		problem(t, err, lang.ExitDiffers, "the client to be in ESTABLISHED and the server to be in ESTABLISHED",
			"the client is in CLOSED, the server in LISTEN", "the client is still in connect()", c.hint)
		if e := ending(t, r); e.Kept || e.Dropped != c.wire.dropped {
			t.Errorf("%+v", e)
		}
		if c.wire.dropped > 0 && !strings.Contains(r.String(), "note warning the capture lost 3 frames") {
			t.Errorf("drops are not told:\n%s", r)
		}
	}
}

func TestWireFails(t *testing.T) {
	var r record
	err := stage.Play(context.Background(), find(t, "handshake"), options(t, &broken{}), &r)
	if !errors.Is(err, errBroken) {
		t.Error(err)
	}
	ending(t, r)
}

// TestCancelled cancels a lesson while it waits for the wire, and while it
// waits for a person. It ends at once, tells an Ending and leaves no thread.
func TestCancelled(t *testing.T) {
	before := runtime.NumGoroutine()
	stop := errors.New("that will do")
	for _, where := range []string{"wire", "pause"} {
		ctx, cancel := context.WithCancelCause(context.Background())
		o := options(t, &silent{})
		o.Patience = time.Minute
		if where == "pause" {
			o.Pause = func(ctx context.Context, p stage.Pause) error {
				cancel(stop)
				<-ctx.Done()
				return context.Cause(ctx)
			}
		} else {
			time.AfterFunc(20*time.Millisecond, func() { cancel(stop) })
		}
		var r record
		begin := time.Now()
		if err := stage.Play(ctx, find(t, "handshake"), o, &r); !errors.Is(err, stop) {
			t.Errorf("%s: %v", where, err)
		}
		if d := time.Since(begin); d > 5*time.Second {
			t.Errorf("%s: took %v", where, d)
		}
		if e := ending(t, r); !e.Stopped {
			t.Errorf("%s: not told as stopped", where)
		}
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

// mute is a Teller that fails after some events.
type mute struct{ left int }

var errMute = errors.New("nobody listens")

func (m *mute) Tell(lesson.Event) error {
	if m.left--; m.left == -1 {
		return errMute
	}
	if m.left < -1 {
		panic("told on after an error")
	}
	return nil
}

func TestTellerFails(t *testing.T) {
	for n := range 5 {
		err := stage.Play(context.Background(), find(t, "handshake"), options(t, &silent{}), &mute{n})
		if n < 4 && !errors.Is(err, errMute) {
			t.Errorf("after %d events: %v", n, err)
		}
	}
}

func TestRefusedOptions(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*stage.Options)
		code int
		want string
	}{
		{"unknown option", func(o *stage.Options) { o.Set = map[string]bool{"later": true} }, lang.ExitUsage, "no option later"},
		{"no message", func(o *stage.Options) { o.Message = "" }, lang.ExitUsage, "--message"},
		{"long message", func(o *stage.Options) { o.Message = strings.Repeat("x", 1025) }, lang.ExitUsage, "1025 bytes"},
	} {
		o := options(t, &silent{})
		c.set(&o)
		var r record
		problem(t, stage.Play(context.Background(), find(t, "teardown"), o, &r), c.code, c.want)
		if len(r) > 0 {
			t.Errorf("%s: told\n%s", c.name, r)
		}
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := options(t, &silent{})
	o.Port = uint16(l.Addr().(*net.TCPAddr).Port)
	var r record
	problem(t, stage.Play(context.Background(), find(t, "handshake"), o, &r), 0, "in use by another program", "ss -ltnp 'sport = :", "--port")
}

func TestPortOfTheAdministrator(t *testing.T) {
	done := make(chan error)
	go func() {
		// The thread gives up every capability, and ends with the goroutine.
		runtime.LockOSThread()
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil {
			done <- err
			return
		}
		o := options(t, &silent{})
		o.Port = 81
		var r record
		done <- stage.Play(context.Background(), find(t, "handshake"), o, &r)
	}()
	problem(t, <-done, 0, "no permission to use port 81", "--port 2023")
}

// TestOpened: privileges can be given up once everything is open, and not be
// given up if that fails.
func TestOpened(t *testing.T) {
	o := options(t, &silent{})
	stop := errors.New("not now")
	o.Opened = func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(o.Port), Addr: [4]byte{127, 0, 0, 2}}); !errors.Is(err, unix.EADDRINUSE) {
			t.Errorf("the server's port is not taken yet: %v", err)
		}
		return stop
	}
	var r record
	if err := stage.Play(context.Background(), find(t, "handshake"), o, &r); !errors.Is(err, stop) || len(r) > 0 {
		t.Errorf("%v\n%s", err, r)
	}
}
