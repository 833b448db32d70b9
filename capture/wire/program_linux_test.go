package wire

import (
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"lesson/lesson/tcp"
)

// program is what runs at one end of a walk: its sockets, none being -1.
type program struct {
	listener, fd int
	shut         bool // it has ended its sending
	deserted     bool // its first listener is closed
}

func (v *walk) socket(e tcp.End) (fd int) {
	err := v.w.Do(e, func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		v.t.Fatal(err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if v.narrow {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4096)
	}
	local := v.sockaddr(e)
	if err := unix.Bind(fd, &local); err != nil {
		v.note("%v: bind: %v", e, err)
		unix.Close(fd)
		return -1
	}
	return fd
}

func (v *walk) sockaddr(e tcp.End) unix.SockaddrInet4 {
	return unix.SockaddrInet4{Port: int(v.port), Addr: v.w.Addr(e).As4()}
}

// setOut makes the first calls.
func (v *walk) setOut() {
	switch n := v.rnd.IntN(20); {
	case n < 15:
		v.listen(tcp.Server)
		v.connect(tcp.Client)
	case n < 19:
		v.connect(tcp.Client)
		v.connect(tcp.Server)
	default:
		v.connect(tcp.Client) // refused
	}
}

func (v *walk) listen(e tcp.End) {
	p := &v.prog[e]
	if p.listener = v.socket(e); p.listener < 0 {
		return
	}
	if err := unix.Listen(p.listener, 8); err != nil {
		v.note("%v: listen: %v", e, err)
		return
	}
	v.happens(e, "listen()", tcp.PassiveOpen, true)
}

func (v *walk) connect(e tcp.End) {
	p := &v.prog[e]
	if p.fd = v.socket(e); p.fd < 0 {
		return
	}
	p.shut = false
	to := v.sockaddr(e.Peer())
	v.note("%v: connect()", e)
	if err := unix.Connect(p.fd, &to); err != unix.EINPROGRESS {
		v.note("%v: connect: %v", e, err)
		unix.Close(p.fd)
		p.fd = -1
	}
	v.compare()
}

// alive reports whether a socket still is part of a connection. The end of an
// earlier one may be held for long after another has begun.
func alive(fd int) bool {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	return err == nil && info.State != 7
}

func (v *walk) happens(e tcp.End, name string, on tcp.Event, alive bool) {
	v.drain()
	if !alive {
		v.note("%v: %s of what is closed", e, name)
		v.compare()
		return
	}
	step := v.c.Happen(e, on)
	v.note("%v: %s -> %v %v", e, name, step.After[0], step.After[1])
	v.tell(name, step, nil)
	v.compare()
}

var scratch [1 << 16]byte

// call lets one of the programs do something; false when there is nothing to
// do.
func (v *walk) call() bool {
	e := tcp.End(v.rnd.IntN(2))
	p := &v.prog[e]
	if p.fd < 0 {
		switch {
		case p.listener >= 0 && v.rnd.IntN(2) == 0:
			fd, _, err := unix.Accept4(p.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
			if err != nil {
				return false
			}
			p.fd, p.shut = fd, false
			v.note("%v: accept()", e)
			return true
		case p.listener >= 0 && v.rnd.IntN(20) == 0:
			unix.Close(p.listener)
			p.listener, p.deserted = -1, true
			v.happens(e, "close() of the listener", tcp.StopListen, true)
			return true
		case p.listener < 0 && v.rnd.IntN(8) == 0:
			if e == tcp.Server && v.rnd.IntN(2) == 0 {
				v.listen(e)
			} else {
				v.connect(e)
			}
			return true
		}
		return false
	}
	if v.rnd.IntN(60) == 0 {
		v.crash(e)
		return true
	}
	alive := alive(p.fd)
	switch v.rnd.IntN(20) {
	case 0, 1, 2, 3, 4, 5, 6:
		n, err := unix.Write(p.fd, scratch[:1+v.rnd.IntN(3000)])
		v.note("%v: send() %d %v", e, n, err)
		v.compare()
		return err == nil
	case 7, 8, 9, 10, 11, 12:
		n, err := unix.Read(p.fd, scratch[:1+v.rnd.IntN(5000)])
		v.note("%v: recv() %d %v", e, n, err)
		v.compare()
		return err == nil
	case 13, 14:
		if p.shut {
			return false
		}
		p.shut = true
		err := unix.Shutdown(p.fd, unix.SHUT_WR)
		v.happens(e, "shutdown()", tcp.Shutdown, alive)
		return err == nil
	case 15, 16, 17:
		unix.Close(p.fd)
		p.fd = -1
		v.happens(e, "close()", tcp.Close, alive)
	case 18:
		_ = unix.SetsockoptLinger(p.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		unix.Close(p.fd)
		p.fd = -1
		v.happens(e, "abort", tcp.Abort, alive)
	default:
		return false
	}
	return true
}

// crash makes a host forget the connection without a word.
func (v *walk) crash(e tcp.End) {
	p := &v.prog[e]
	if !alive(p.fd) || p.listener >= 0 || unix.SetsockoptInt(p.fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, 1) != nil {
		return
	}
	unix.Close(p.fd)
	p.fd = -1
	v.drain()
	v.c.Crash(e)
	v.note("%v: crashes", e)
	v.compare()
}

// end tidies up: sockets are closed, and what the kernels still remember is
// destroyed.
func (v *walk) end() {
	delete(v.now, v.port)
	for e := range v.prog {
		end := tcp.End(e)
		for _, fd := range []int{v.prog[e].fd, v.prog[e].listener} {
			if fd >= 0 {
				_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
				unix.Close(fd)
			}
		}
		local, remote := net.TCPAddrFromAddrPort(v.addr(end, v.port)), net.TCPAddrFromAddrPort(v.addr(end.Peer(), v.port))
		switch v.c.State(end) {
		case tcp.Closed, tcp.Listen:
		default:
			_ = v.w.Do(end, func() error { return netlink.SocketDestroy(local, remote) })
		}
	}
	v.drain()
}
