package sockets

import (
	"errors"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lesson/lesson/tcp"
)

// loopback is a listener and the means to connect to it, in one family, by
// plain system calls: Go's own sockets are too helpful to rest in every state.
type loopback struct {
	*testing.T
	diag   *Diag
	host   netip.Addr
	listen int
	server netip.AddrPort // where the listener listens
}

// families runs test once over IPv4 and once over IPv6, each with a listener
// that was set up by listen.
func families(t *testing.T, listen func(t *testing.T, fd int), test func(l *loopback)) {
	for name, host := range map[string]string{"IPv4": "127.0.0.1", "IPv6": "::1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			diag, err := Open()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { diag.Close() })
			l := &loopback{T: t, diag: diag, host: netip.MustParseAddr(host)}
			l.listen = l.socket()
			if err := unix.Bind(l.listen, sockaddr(netip.AddrPortFrom(l.host, 0))); err != nil {
				if errors.Is(err, unix.EADDRNOTAVAIL) && os.Getenv("CI") == "" {
					t.Skip("this machine has no address " + host)
				}
				t.Fatal(err)
			}
			l.server = l.name(unix.Getsockname(l.listen))
			listen(t, l.listen)
			test(l)
		})
	}
}

func backlog(n int) func(*testing.T, int) {
	return func(t *testing.T, fd int) {
		if err := unix.Listen(fd, n); err != nil {
			t.Fatal(err)
		}
	}
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

func (l *loopback) name(sa unix.Sockaddr, err error) netip.AddrPort {
	l.Helper()
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port))
	}
	l.Fatalf("a socket without a name: %v", err)
	return netip.AddrPort{}
}

// socket makes a non-blocking socket that is closed with the test.
func (l *loopback) socket() int {
	l.Helper()
	family := unix.AF_INET
	if l.host.Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { unix.Close(fd) })
	return fd
}

// connect begins a connection and returns its socket and address.
func (l *loopback) connect() (fd int, client netip.AddrPort) {
	l.Helper()
	fd = l.socket()
	if err := unix.Connect(fd, sockaddr(l.server)); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		l.Fatal(err)
	}
	return fd, l.name(unix.Getsockname(fd))
}

// pair is an accepted connection.
func (l *loopback) pair() (client, server int, at netip.AddrPort) {
	l.Helper()
	client, at = l.connect()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); runtime.Gosched() {
		server, _, err := unix.Accept4(l.listen, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err == nil {
			return client, l.own(server), at
		}
	}
	l.Fatal("the connection was never accepted")
	return 0, 0, at
}

func (l *loopback) own(fd int) int {
	l.Cleanup(func() { unix.Close(fd) })
	return fd
}

// close closes a socket whose number may be used again before the test ends,
// without losing its number to the test's end.
func (l *loopback) close(fd int) {
	l.Helper()
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		l.Fatal(err)
	}
	defer unix.Close(null)
	if err := unix.Dup3(null, fd, unix.O_CLOEXEC); err != nil {
		l.Fatal(err)
	}
}

func (l *loopback) shutdown(fd int) {
	l.Helper()
	if err := unix.Shutdown(fd, unix.SHUT_WR); err != nil {
		l.Fatal(err)
	}
}

// fill writes until neither side's buffers take any more.
func (l *loopback) fill(fd int) {
	l.Helper()
	for block := make([]byte, 1<<20); ; {
		if _, err := unix.Write(fd, block); errors.Is(err, unix.EAGAIN) {
			return
		} else if err != nil {
			l.Fatal(err)
		}
	}
}

// want asks until the kernel says state: an acknowledgement may be delayed.
func (l *loopback) want(local, remote netip.AddrPort, state tcp.State) Socket {
	l.Helper()
	var got Socket
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); runtime.Gosched() {
		var err error
		if got, err = l.diag.Ask(local, remote); err != nil {
			l.Fatal(err)
		}
		if got.State == state {
			return got
		}
	}
	l.Fatalf("the socket from %v to %v is %v, want %v", local, remote, got.State, state)
	return got
}

func (l *loopback) timer(s Socket, name string, least, most time.Duration) {
	l.Helper()
	if s.Timer != name || s.Remaining < least || s.Remaining > most {
		l.Errorf("timer of %v is %q with %v left, want %q with %v to %v",
			s.State, s.Timer, s.Remaining, name, least, most)
	}
}

func TestListen(t *testing.T) {
	families(t, backlog(1), func(l *loopback) {
		nobody := netip.AddrPortFrom(l.host, 1)
		s := l.want(l.server, nobody, tcp.Listen)
		l.timer(s, "", 0, 0)
	})
}

func TestClosed(t *testing.T) {
	families(t, backlog(1), func(l *loopback) {
		nobody := netip.AddrPortFrom(l.host, 1)
		l.close(l.listen)
		s := l.want(l.server, nobody, tcp.Closed)
		l.timer(s, "", 0, 0)
	})
}

// A socket that is bound and neither listens nor connects is CLOSED.
func TestBound(t *testing.T) {
	families(t, func(*testing.T, int) {}, func(l *loopback) {
		l.want(l.server, netip.AddrPortFrom(l.host, 1), tcp.Closed)
	})
}

func TestSynSent(t *testing.T) {
	families(t, backlog(0), func(l *loopback) {
		l.connect() // fills the accept queue: the next SYN is dropped
		_, client := l.connect()
		s := l.want(client, l.server, tcp.SynSent)
		l.timer(s, "retransmit", 0, 2*time.Second)
		l.want(l.server, client, tcp.Listen)
	})
}

func TestSynRecv(t *testing.T) {
	deferred := func(t *testing.T, fd int) {
		// The handshake's last ACK does not count until data has come.
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 30); err != nil {
			t.Fatal(err)
		}
		backlog(1)(t, fd)
	}
	families(t, deferred, func(l *loopback) {
		_, client := l.connect()
		s := l.want(l.server, client, tcp.SynRecv)
		l.timer(s, "retransmit", 0, 2*time.Second)
		l.want(client, l.server, tcp.Established)
	})
}

func TestEstablished(t *testing.T) {
	families(t, backlog(1), func(l *loopback) {
		_, _, client := l.pair()
		s := l.want(client, l.server, tcp.Established)
		l.timer(s, "", 0, 0)
		l.want(l.server, client, tcp.Established)
	})
}

func TestKeepalive(t *testing.T) {
	families(t, backlog(1), func(l *loopback) {
		fd, _, client := l.pair()
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 100); err != nil {
			l.Fatal(err)
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1); err != nil {
			l.Fatal(err)
		}
		l.timer(l.want(client, l.server, tcp.Established), "keepalive", 90*time.Second, 101*time.Second)
	})
}

// A FIN behind data that nobody reads waits: the window is closed.
func TestFinWait1(t *testing.T) {
	families(t, backlog(1), func(l *loopback) {
		fd, _, client := l.pair()
		l.fill(fd)
		l.shutdown(fd)
		l.want(client, l.server, tcp.FinWait1)
		l.want(l.server, client, tcp.Established)
	})
}

func TestFinWait2AndCloseWait(t *testing.T) {
	families(t, backlog(1), func(l *loopback) {
		fd, _, client := l.pair()
		l.shutdown(fd)
		l.timer(l.want(client, l.server, tcp.FinWait2), "", 0, 0)
		l.timer(l.want(l.server, client, tcp.CloseWait), "", 0, 0)
	})
}

// After close() the kernel waits for the peer's FIN by itself, and not for ever.
func TestAbandonedFinWait2(t *testing.T) {
	families(t, backlog(1), func(l *loopback) {
		fd, _, client := l.pair()
		l.close(fd)
		s := l.want(client, l.server, tcp.FinWait2)
		for end := time.Now().Add(5 * time.Second); s.Timer == "" && time.Now().Before(end); {
			s = l.want(client, l.server, tcp.FinWait2) // close() is about to set it
		}
		l.timer(s, "timewait", 50*time.Second, 61*time.Second)
	})
}

func TestLastAck(t *testing.T) {
	families(t, backlog(1), func(l *loopback) {
		fd, peer, client := l.pair()
		l.shutdown(fd)
		l.want(l.server, client, tcp.CloseWait)
		l.fill(peer)
		l.close(peer)
		l.want(l.server, client, tcp.LastAck)
		l.want(client, l.server, tcp.FinWait2)
	})
}

func TestTimeWait(t *testing.T) {
	families(t, backlog(1), func(l *loopback) {
		fd, peer, client := l.pair()
		l.shutdown(fd)
		l.want(l.server, client, tcp.CloseWait)
		l.close(peer)
		l.timer(l.want(client, l.server, tcp.TimeWait), "timewait", 55*time.Second, 61*time.Second)
		l.want(l.server, client, tcp.Listen) // the connection is gone, its listener is not
		l.close(l.listen)
		l.want(l.server, client, tcp.Closed)
	})
}

// The look-up is exact: other connections between the same ports do not count.
func TestExact(t *testing.T) {
	families(t, backlog(1), func(l *loopback) {
		fd, _, client := l.pair()
		if l.host.Is4() {
			elsewhere := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.77"), client.Port())
			l.want(elsewhere, l.server, tcp.Closed)
			mapped := func(a netip.AddrPort) netip.AddrPort {
				return netip.AddrPortFrom(netip.AddrFrom16(a.Addr().As16()), a.Port())
			}
			l.want(mapped(client), mapped(l.server), tcp.Established)
		}
		l.close(fd)
	})
}

// A kernel newer than this program is not misunderstood.
func TestParse(t *testing.T) {
	message := make([]byte, 72)
	for state, want := range map[byte]string{0: "state 0", 1: "", 13: "", 14: "state 14"} {
		message[1] = state
		_, err := parse(message)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("state %d: %v", state, err)
		}
	}
	message[1], message[2] = 1, 9
	if s, err := parse(message); err != nil || s.Timer != "" {
		t.Errorf("timer 9 is %q, %v", s.Timer, err)
	}
	if _, err := parse(message[:20]); err == nil {
		t.Error("a message of 20 bytes has no error")
	}
}

func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		d, err := Open()
		if err != nil {
			b.Fatal(err)
		}
		d.Close()
	}
}

func BenchmarkAsk(b *testing.B) {
	d, err := Open()
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	local, remote := netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.2:1")
	for b.Loop() {
		if _, err := d.Ask(local, remote); err != nil {
			b.Fatal(err)
		}
	}
}
