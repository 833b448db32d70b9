package wire

import (
	"net"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"lesson/lesson/tcp"
)

// program is what runs at one end of a walk: its sockets, none being -1.
type program struct {
	listener, fd int
	deserted     bool      // a listener of its was closed
	timedOut     bool      // a call has failed with ETIMEDOUT
	closed       time.Time // when it closed a connection
}

// impatience is how long a hasty program's sockets try.
const impatience = 600 * time.Millisecond

func (v *walk) socket(e tcp.End) (fd int) {
	family := unix.AF_INET
	if v.w.Addr(e).Is6() {
		family = unix.AF_INET6
	}
	if err := v.w.Do(e, func() (err error) {
		fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		return err
	}); err != nil {
		v.t.Fatal(err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if v.narrow {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4096)
	}
	if v.hasty {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(impatience/time.Millisecond))
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_LINGER2, 1) // s
	}
	if err := unix.Bind(fd, v.sockaddr(e)); err != nil {
		v.note("%v: bind: %v", e, err)
		unix.Close(fd)
		return -1
	}
	return fd
}

func (v *walk) sockaddr(e tcp.End) unix.Sockaddr {
	a := v.w.Addr(e)
	if a.Is6() {
		return &unix.SockaddrInet6{Port: int(v.port), Addr: a.As16()}
	}
	return &unix.SockaddrInet4{Port: int(v.port), Addr: a.As4()}
}

func (v *walk) listen(e tcp.End) {
	p := &v.programs[e]
	if p.listener = v.socket(e); p.listener < 0 {
		return
	}
	if err := unix.Listen(p.listener, 8); err != nil {
		v.note("%v: listen: %v", e, err)
		unix.Close(p.listener)
		p.listener = -1
		return
	}
	v.happens(e, tcp.PassiveOpen)
}

func (v *walk) stopListening(e tcp.End) {
	p := &v.programs[e]
	unix.Close(p.listener)
	p.listener, p.deserted = -1, true
	v.happens(e, tcp.StopListen)
}

func (v *walk) accept(e tcp.End) bool {
	fd, _, err := unix.Accept4(v.programs[e].listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil {
		return false
	}
	v.note("%v: accept()", e)
	v.programs[e].fd, v.programs[e].timedOut = fd, false
	return true
}

func (v *walk) connect(e tcp.End) {
	p := &v.programs[e]
	if p.fd = v.socket(e); p.fd < 0 {
		return
	}
	p.timedOut = false
	v.note("%v: connect()", e)
	if err := unix.Connect(p.fd, v.sockaddr(e.Peer())); err != unix.EINPROGRESS {
		v.note("%v: connect: %v", e, err)
		unix.Close(p.fd)
		p.fd = -1
	}
	v.compare()
}

var scratch [1 << 16]byte

func (v *walk) send(e tcp.End, n int) bool {
	n, err := unix.Write(v.programs[e].fd, scratch[:n])
	v.note("%v: send() = %d, %v", e, n, err)
	v.programs[e].timedOut = v.programs[e].timedOut || err == unix.ETIMEDOUT
	v.compare()
	return err == nil
}

func (v *walk) recv(e tcp.End, n int) bool {
	n, err := unix.Read(v.programs[e].fd, scratch[:n])
	v.note("%v: recv() = %d, %v", e, n, err)
	v.programs[e].timedOut = v.programs[e].timedOut || err == unix.ETIMEDOUT
	v.compare()
	return err == nil
}

// shutdown ends a direction: on is Shutdown or StopReading.
func (v *walk) shutdown(e tcp.End, on tcp.Event) bool {
	how := unix.SHUT_WR
	if on == tcp.StopReading {
		how = unix.SHUT_RD
	}
	p := &v.programs[e]
	alive := alive(p.fd)
	if unix.Shutdown(p.fd, how) != nil || !alive {
		return false
	}
	v.happens(e, on)
	return true
}

func (v *walk) close(e tcp.End) {
	p := &v.programs[e]
	v.release(e, &p.fd, tcp.Close)
}

func (v *walk) abort(e tcp.End) {
	p := &v.programs[e]
	_ = unix.SetsockoptLinger(p.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	v.release(e, &p.fd, tcp.Abort)
}

func (v *walk) release(e tcp.End, fd *int, on tcp.Event) {
	alive := alive(*fd)
	v.failed(e)
	unix.Close(*fd)
	*fd = -1
	if !alive {
		v.note("%v: %v of what is closed", e, on)
		return
	}
	v.programs[e].closed = time.Now()
	v.happens(e, on)
}

// crash makes a host forget the connection without a word.
func (v *walk) crash(e tcp.End) {
	p := &v.programs[e]
	if !alive(p.fd) || p.listener >= 0 || unix.SetsockoptInt(p.fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, 1) != nil {
		return
	}
	unix.Close(p.fd)
	p.fd = -1
	v.drain()
	v.note("%v: crashes", e)
	v.c.Crash(e)
	v.compare()
}

// alive reports whether a socket is part of a connection. That of one that is
// over may be held for long after another has begun between the same ports.
func alive(fd int) bool {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	return err == nil && info.State != unix.BPF_TCP_CLOSE
}

// failed reports whether a socket call has said, or would say, that a kernel
// has given up.
func (v *walk) failed(e tcp.End) bool {
	p := &v.programs[e]
	if p.fd >= 0 && !p.timedOut {
		n, err := unix.GetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		p.timedOut = err == nil && unix.Errno(n) == unix.ETIMEDOUT
	}
	return p.timedOut
}

// gaveUp reports whether a kernel has a reason to have forgotten a connection
// that no segment shows.
func (v *walk) gaveUp(e tcp.End) bool {
	p := &v.programs[e]
	switch {
	case v.c.State(e) == tcp.SynRecv && !v.c.Summary().End[e].Answered && p.listener >= 0:
		return false // it has yet to look at the SYN
	case p.deserted && v.c.State(e) == tcp.SynRecv:
		return true // its timer has found nobody who listens
	case !v.hasty:
		return false
	case p.fd >= 0 || p.timedOut:
		return v.failed(e)
	default:
		return time.Since(p.closed) > impatience/2 // nobody can be asked
	}
}

// end tidies up: sockets are closed, and what the kernels still remember is
// destroyed.
func (v *walk) end() {
	delete(v.now, v.port)
	for e, p := range v.programs {
		for _, fd := range []int{p.fd, p.listener} {
			if fd >= 0 {
				_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
				unix.Close(fd)
			}
		}
		if e := tcp.End(e); !idle(v.c.State(e)) {
			local, remote := net.TCPAddrFromAddrPort(v.addr(e, v.port)), net.TCPAddrFromAddrPort(v.addr(e.Peer(), v.port))
			_ = v.w.Do(e, func() error { return netlink.SocketDestroy(local, remote) })
		}
	}
	v.drain()
}
