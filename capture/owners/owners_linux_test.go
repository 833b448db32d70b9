package owners

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if IsHelper() {
		Serve()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestOf(t *testing.T) { holds(t, &Finder{}) }

func TestHelper(t *testing.T) {
	h, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	pid := h.(*Helper).process.Pid
	holds(t, h)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(pid, 0); err == nil {
		t.Error("the helper is still there")
	}
	if p, ok := h.Of(1); ok {
		t.Errorf("a helper that has ended names %+v", p)
	}
}

// A variable that anybody may have set makes no helper of a program.
func TestNoHelper(t *testing.T) {
	t.Setenv(variable, "1")
	if IsHelper() {
		t.Error("it is believed without a word")
	}
}

// holds finds this process, which has a socket, and nobody for one that is closed.
func holds(t *testing.T, f Holders) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var s unix.Stat_t
	if err := raw.Control(func(fd uintptr) { _ = unix.Fstat(int(fd), &s) }); err != nil {
		t.Fatal(err)
	}
	p, ok := f.Of(uint32(s.Ino))
	// The kernel keeps 15 bytes of a name.
	if exe, _ := os.Executable(); !ok || p.PID != os.Getpid() || !strings.HasPrefix(filepath.Base(exe), p.Name) || p.Name == "" {
		t.Errorf("%+v, %v", p, ok)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if p, ok := f.Of(uint32(s.Ino)); ok {
		t.Errorf("a closed socket is held by %+v", p)
	}
	if p, ok := f.Of(0); ok {
		t.Errorf("no socket is held by %+v", p)
	}
}
