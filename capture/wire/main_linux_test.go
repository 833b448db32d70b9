package wire

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lesson/capture/private"
	"lesson/capture/sockets"
	"lesson/lesson/tcp"
)

// refusal is why the tests run without namespaces: not at all.
var refusal error

// TestMain runs the tests where the wire is used: in a child of private.Run.
func TestMain(m *testing.M) {
	if private.Child() {
		if refusal = private.Enter(os.Args[1:]); refusal == nil {
			os.Exit(m.Run())
		}
	}
	code, err := private.Run(private.Options{Args: os.Args[1:]})
	if err == nil {
		os.Exit(code)
	}
	refusal = err
	os.Exit(m.Run())
}

// need ends the test where the machine cannot show what it is about.
func need(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

// An ordinary user can have all of this too.
func TestOrdinaryUser(t *testing.T) {
	need(t, refusal)
	if os.Geteuid() != 0 {
		t.Skip("this is an ordinary user")
	}
	if others, err := os.ReadFile("/proc/self/setgroups"); err != nil || string(others) != "allow\n" {
		t.Skip("there are no other users in this user namespace")
	}
	c := exec.Command("/proc/self/exe", "-test.run", "^Test(Delivery|Held|Corrupt|Altered|IPv6|Close)$", "-test.short")
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 54321, Gid: 54322}}
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// rig is a wire with a line to each kernel and, once there is one, the two
// addresses of a connection.
type rig struct {
	testing.TB
	*Wire
	diag     [2]*sockets.Diag
	at       [2]netip.AddrPort
	listener int
	seen     []Frame // by poll and next
}

func newRig(t testing.TB, o Options) *rig {
	t.Helper()
	need(t, refusal)
	w, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{TB: t, Wire: w}
	t.Cleanup(func() {
		for _, d := range r.diag {
			d.Close()
		}
		w.Close()
		if n := w.Dropped(); n > 0 {
			t.Errorf("%d frames were lost", n)
		}
	})
	for e := range r.diag {
		r.must(w.Do(tcp.End(e), func() (err error) { r.diag[e], err = sockets.Open(); return err }))
	}
	r.at[tcp.Server] = netip.AddrPortFrom(w.Addr(tcp.Server), 80)
	r.listener = r.socket(tcp.Server)
	r.must(unix.SetsockoptInt(r.listener, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
	r.must(unix.Bind(r.listener, sockaddr(r.at[tcp.Server])))
	r.must(unix.Listen(r.listener, 128))
	t.Cleanup(func() { unix.Close(r.listener) })
	return r
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// socket makes a socket on one host; no call on it waits.
func (r *rig) socket(e tcp.End) (fd int) {
	r.Helper()
	r.must(r.Do(e, func() (err error) {
		family := unix.AF_INET
		if r.options.IPv6 {
			family = unix.AF_INET6
		}
		fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		return err
	}))
	return fd
}

// connect calls connect() and returns the SYN, which is still on the wire.
func (r *rig) connect() (fd int, syn Frame) {
	r.Helper()
	fd = r.socket(tcp.Client)
	if err := unix.Connect(fd, sockaddr(r.at[tcp.Server])); !errors.Is(err, unix.EINPROGRESS) {
		r.Fatal(err)
	}
	syn = r.poll(tcp.Client, tcp.SYN)
	r.at[tcp.Client] = syn.Src.AddrPort()
	return fd, syn
}

// accept is the server's accept(), when it must not have to wait.
func (r *rig) accept() int {
	r.Helper()
	fd, _, err := unix.Accept4(r.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	r.must(err)
	return fd
}

// open is a connection whose handshake has been delivered.
func (r *rig) open() (client, server int) {
	r.Helper()
	client, syn := r.connect()
	r.deliver(syn)
	r.deliver(r.poll(tcp.Server, tcp.SYN|tcp.ACK))
	r.deliver(r.poll(tcp.Client, tcp.ACK))
	return client, r.accept()
}

// reset ends a connection so that nothing is left of it.
func (r *rig) reset(client, server int) {
	r.Helper()
	r.must(unix.SetsockoptLinger(client, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
	unix.Close(client)
	for f, ok, err := r.Poll(); ok; f, ok, err = r.Poll() {
		r.must(err)
		r.deliver(f)
	}
	unix.Close(server)
}

func (r *rig) deliver(f Frame) {
	r.Helper()
	r.must(r.Deliver(&f))
}

// poll takes the segment that must be on the wire already.
func (r *rig) poll(from tcp.End, flags tcp.Flags) Frame {
	r.Helper()
	f, ok := r.fresh(func(f *Frame) bool { return f.From == from && f.Flags == flags })
	if !ok {
		r.Fatalf("no %v of the %v on the wire", flags, from)
	}
	r.is(f, from, flags)
	return f
}

// fresh takes what is on the wire. On a slow machine a kernel's timer may have
// sent something again: that is passed over, unless it is wanted.
func (r *rig) fresh(wanted func(*Frame) bool) (f Frame, ok bool) {
	r.Helper()
	for {
		f, ok, err := r.Poll()
		r.must(err)
		was := func(g Frame) bool {
			return g.From == f.From && g.Flags == f.Flags && g.Seq == f.Seq && g.Ack == f.Ack && g.Len == f.Len
		}
		if ok && !wanted(&f) && slices.ContainsFunc(r.seen, was) {
			continue
		}
		r.seen = append(r.seen, f)
		return f, ok
	}
}

// next waits for a segment.
func (r *rig) next(from tcp.End, flags tcp.Flags) Frame {
	r.Helper()
	r.must(r.SetDeadline(time.Now().Add(20 * time.Second)))
	f, err := r.Next()
	r.must(err)
	r.is(f, from, flags)
	r.seen = append(r.seen, f)
	return f
}

func (r *rig) is(f Frame, from tcp.End, flags tcp.Flags) {
	r.Helper()
	if f.From != from || f.Flags != flags || f.BadChecksum {
		r.Fatalf("%v of the %v (bad checksum: %v), want %v of the %v", f.Flags, f.From, f.BadChecksum, flags, from)
	}
}

func (r *rig) quiet() {
	r.Helper()
	if f, ok := r.fresh(func(*Frame) bool { return false }); ok {
		r.Fatalf("%v of the %v; want a quiet wire", f.Flags, f.From)
	}
}

// states asks both kernels, at once.
func (r *rig) states(client, server tcp.State) {
	r.Helper()
	for e, want := range [2]tcp.State{client, server} {
		s, err := r.diag[e].Ask(r.at[e], r.at[tcp.End(e).Peer()])
		r.must(err)
		if s.State != want {
			r.Fatalf("the %v is %v, want %v", tcp.End(e), s.State, want)
		}
	}
}

func (r *rig) write(fd int, text string) {
	r.Helper()
	if n, err := unix.Write(fd, []byte(text)); n != len(text) {
		r.Fatalf("write: %d, %v", n, err)
	}
}

func (r *rig) read(fd int) string {
	b := make([]byte, 1000)
	n, err := unix.Read(fd, b)
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(b[:n])
}
