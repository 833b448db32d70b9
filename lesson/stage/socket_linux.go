package stage

import (
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

// socket is a TCP socket as the kernel numbers it. The lesson's calls are made
// on it directly: what is drawn is what was called, and nothing is added to it
// (no Multipath TCP, no keep-alive, no polling).
type socket int

// none is no socket.
const none socket = -1

// address is where a socket is or connects to.
type address = netip.AddrPort

func sockaddr(a address) (int, unix.Sockaddr) {
	if a.Addr().Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// open makes a socket bound to a; reuse lets it take the address of an earlier
// connection in TIME_WAIT, as servers do.
func open(a address, reuse bool) (socket, error) {
	family, sa := sockaddr(a)
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return none, err
	}
	if reuse {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	if err == nil {
		err = unix.Bind(fd, sa)
	}
	if err != nil {
		_ = unix.Close(fd)
		return none, err
	}
	return socket(fd), nil
}

// bound is the socket's own address.
func (s socket) bound() (address, error) {
	sa, err := unix.Getsockname(int(s))
	return addressOf(sa), err
}

func addressOf(sa unix.Sockaddr) address {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port))
	}
	return address{}
}

// backlog is room enough for strangers that connect to the same port.
const backlog = 128

func (s socket) listen() error { return unix.Listen(int(s), backlog) }

// accept waits for the connection from one peer. Strangers are sent away: they
// are no part of the lesson.
func (s socket) accept(peer address) (socket, error) {
	for {
		fd, sa, err := unix.Accept4(int(s), unix.SOCK_CLOEXEC)
		switch {
		case err == nil && addressOf(sa) == peer:
			return socket(fd), nil
		case err == nil:
			_ = socket(fd).abort()
		case !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.ECONNABORTED):
			return none, err
		}
	}
}

// connect waits until the connection is open, or for a signal.
func (s socket) connect(to address, interrupt signal) error {
	_, sa := sockaddr(to)
	if err := unix.SetNonblock(int(s), true); err != nil {
		return err
	}
	defer func() { _ = unix.SetNonblock(int(s), false) }()
	if err := unix.Connect(int(s), sa); !errors.Is(err, unix.EINPROGRESS) {
		return err
	}
	wait := []unix.PollFd{{Fd: int32(s), Events: unix.POLLOUT}, {Fd: int32(interrupt), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(wait, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		switch {
		case wait[1].Revents != 0:
			_, _ = unix.Read(int(interrupt), make([]byte, 8)) // for this call only
			return unix.EINTR
		case wait[0].Revents != 0:
			n, err := unix.GetsockoptInt(int(s), unix.SOL_SOCKET, unix.SO_ERROR)
			if err == nil && n != 0 {
				err = unix.Errno(n)
			}
			return err
		}
	}
}

// signal wakes whoever waits in connect().
type signal int

func newSignal() (signal, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	return signal(fd), err
}

func (s signal) send()  { _, _ = unix.Write(int(s), []byte{1, 0, 0, 0, 0, 0, 0, 1}) }
func (s signal) close() { _ = unix.Close(int(s)) }

func (s socket) send(b []byte) (int, error) {
	return unix.SendmsgN(int(s), b, nil, nil, unix.MSG_NOSIGNAL)
}

// most is how much one recv() asks for, as in the article.
const most = 1024

func (s socket) recv() (int, error) {
	var b [most]byte
	for {
		n, _, err := unix.Recvfrom(int(s), b[:], 0)
		if err == nil {
			return n, nil
		}
		if !errors.Is(err, unix.EINTR) {
			return 0, err
		}
	}
}

func (s socket) shutdownWrite() error { return unix.Shutdown(int(s), unix.SHUT_WR) }

func (s socket) close() error {
	if s == none {
		return nil
	}
	return unix.Close(int(s))
}

// unread is how many received bytes wait to be read.
func (s socket) unread() int {
	n, err := unix.IoctlGetInt(int(s), unix.SIOCINQ)
	if err != nil {
		return 0 // a socket that is listening or gone
	}
	return n
}

// shutdownBoth does what close() does on the wire, but keeps the socket.
func (s socket) shutdownBoth() error { return unix.Shutdown(int(s), unix.SHUT_RDWR) }

// abort closes with a RST and leaves nothing behind.
func (s socket) abort() error {
	if s == none {
		return nil
	}
	err := unix.SetsockoptLinger(int(s), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	return errors.Join(err, unix.Close(int(s)))
}

// wake makes a call that is blocked on the socket return.
func (s socket) wake() {
	if s != none {
		_ = s.shutdownBoth()
	}
}

// errno is the symbolic name of a system call's error: "ECONNREFUSED".
func errno(err error) string {
	var e unix.Errno
	if errors.As(err, &e) {
		return unix.ErrnoName(e)
	}
	return err.Error()
}

// The errors that are told apart.
const (
	errInUse       = unix.EADDRINUSE
	errNoRight     = unix.EACCES
	errNoAddress   = unix.EADDRNOTAVAIL
	errNoFamily    = unix.EAFNOSUPPORT
	errUnreachable = unix.ENETUNREACH
	errReset       = unix.ECONNRESET
	errRefused     = unix.ECONNREFUSED
	errPipe        = unix.EPIPE
	errTimedOut    = unix.ETIMEDOUT
)
