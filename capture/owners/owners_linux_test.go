package owners

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOf(t *testing.T) {
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
	var f Finder
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
