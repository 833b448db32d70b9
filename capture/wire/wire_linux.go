package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"lesson/capture"
	"lesson/lesson/tcp"
)

const (
	// longest is the longest frame a host can send, should its interface join
	// segments after all.
	longest = 1 << 17
	// queue is the room for frames that have not been read, in bytes.
	queue = 8 << 20
)

// Wire is what lies between the two hosts. Next and Poll may be called by one
// goroutine at a time; the other methods by any.
//
// What is not TCP, such as an ICMP error, is passed on at once by whichever
// Next or Poll comes upon it.
type Wire struct {
	options Options
	hosts   [2]*thread
	middle  *thread // the namespace of the interfaces' other ends
	ports   [2]int  // the indexes of those ends

	file    *os.File // the packet socket
	raw     syscall.RawConn
	buffer  []byte
	oob     []byte
	decoder capture.Decoder
	linux   tcp.Linux
	dropped atomic.Uint64
	closed  atomic.Bool
}

// New makes two hosts and the wire between them, in namespaces of their own:
// nothing in the calling thread's is touched. It needs CAP_NET_ADMIN and
// CAP_SYS_ADMIN over them, as in a process that private.Run has started. The
// error is a *lang.Problem.
func New(o Options) (*Wire, error) {
	w := &Wire{options: o, buffer: make([]byte, longest), oob: make([]byte, 256)}
	if err := w.build(); err != nil {
		_ = w.Close()
		return nil, problem(err)
	}
	return w, nil
}

func (w *Wire) build() (err error) {
	if w.middle, err = newThread(nil); err != nil {
		return err
	}
	if err := w.middle.do(func() error {
		set(noIPv6)
		set(small)
		return w.listen()
	}); err != nil {
		return err
	}
	for e := tcp.Client; e <= tcp.Server; e++ {
		if w.hosts[e], err = newThread(w.middle); err != nil {
			return err
		}
		if err := w.hosts[e].do(func() error { return prepare(w.options) }); err != nil {
			return err
		}
		if err := w.middle.do(func() error { return w.plug(e) }); err != nil {
			return err
		}
		if err := w.hosts[e].do(func() error { return w.connect(e) }); err != nil {
			return err
		}
		if err := w.middle.do(func() error { return settle(port(e)) }); err != nil {
			return err
		}
	}
	return w.probe()
}

// listen opens the packet socket. It is one for both hosts: what it receives
// stands in its queue in the order in which it was sent.
func (w *Wire) listen() error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening a packet socket: %w", err)
	}
	w.file = os.NewFile(uintptr(fd), "wire")
	if w.raw, err = w.file.SyscallConn(); err != nil {
		return err
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, queue) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, queue) // up to net.core.rmem_max
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return fmt.Errorf("time stamps: %w", err)
	}
	all := binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL})
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all}); err != nil {
		return fmt.Errorf("binding a packet socket: %w", err)
	}
	return nil
}

// port is the name of the wire's end of a cable.
func port(e tcp.End) string { return fmt.Sprintf("w%d", e) }

// plug makes the cable between a host's interface and the wire.
func (w *Wire) plug(e tcp.End) error {
	rt, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer rt.Close()
	cable := netlink.NewVeth(netlink.LinkAttrs{Name: port(e)})
	cable.PeerName, cable.PeerNamespace = device, netlink.NsFd(w.hosts[e].ns)
	cable.PeerHardwareAddr = hardware(e)
	if err := rt.LinkAdd(cable); err != nil {
		return fmt.Errorf("creating a veth pair: %w", err)
	}
	if err := rt.LinkSetUp(cable); err != nil {
		return fmt.Errorf("bringing the wire up: %w", err)
	}
	w.ports[e] = cable.Index
	return nil
}

// Enter moves the calling goroutine's thread into a host's network namespace,
// for good: the goroutine keeps the thread, and the thread ends with it. It
// needs the privileges that New needs.
func (w *Wire) Enter(e tcp.End) error {
	runtime.LockOSThread()
	if err := netns.Set(w.hosts[e].ns); err != nil {
		return problem(fmt.Errorf("entering a network namespace: %w", err))
	}
	return nil
}

// Do runs f on a thread of a host's network namespace and waits for it. It
// needs no privilege. What f opens stays of that namespace. One f runs at a
// time; after Close none does, and the error is os.ErrClosed.
func (w *Wire) Do(e tcp.End, f func() error) error { return w.hosts[e].do(f) }

// SetDeadline makes a Next that waits past t return os.ErrDeadlineExceeded;
// the zero time lets it wait for ever.
func (w *Wire) SetDeadline(t time.Time) error { return w.file.SetReadDeadline(t) }

// Next waits for the next TCP segment that either host has sent, in the order
// sent. It returns os.ErrDeadlineExceeded when the deadline has passed, and
// os.ErrClosed after Close.
func (w *Wire) Next() (Frame, error) {
	for {
		f, ok, err := w.receive(true)
		if err != nil || ok {
			return f, err
		}
	}
}

// Poll is Next without waiting: false where no host has sent anything.
func (w *Wire) Poll() (Frame, bool, error) {
	for {
		f, ok, err := w.receive(false)
		if errors.Is(err, unix.EAGAIN) {
			return Frame{}, false, nil
		}
		if err != nil || ok {
			return f, ok, err
		}
	}
}

// Wait blocks until a host has sent something, and leaves it on the wire. It
// may be called by a goroutine of its own. It returns os.ErrDeadlineExceeded
// when the deadline has passed, and os.ErrClosed after Close.
func (w *Wire) Wait() error {
	var err error
	err2 := w.raw.Read(func(fd uintptr) bool {
		ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		for {
			var n int
			if n, err = unix.Poll(ready, 0); err != unix.EINTR {
				return n > 0 || err != nil
			}
		}
	})
	switch {
	case errors.Is(err2, os.ErrDeadlineExceeded):
		return os.ErrDeadlineExceeded
	case err2 != nil && w.closed.Load():
		return os.ErrClosed
	case err2 != nil:
		return err2
	}
	return err
}

// receive takes one frame off the wire; false when it is not a TCP segment,
// and has been passed on.
func (w *Wire) receive(wait bool) (f Frame, ok bool, err error) {
	var n, oobn int
	var from unix.Sockaddr
	read := func(fd uintptr) bool {
		for {
			n, oobn, _, from, err = unix.Recvmsg(int(fd), w.buffer, w.oob, 0)
			if err != unix.EINTR {
				return err != unix.EAGAIN || !wait
			}
		}
	}
	access := w.raw.Read
	if !wait {
		access = func(f func(uintptr) bool) error { return w.raw.Control(func(fd uintptr) { f(fd) }) }
	}
	switch err2 := access(read); {
	case errors.Is(err2, os.ErrDeadlineExceeded):
		return f, false, os.ErrDeadlineExceeded
	case err2 != nil && w.closed.Load():
		return f, false, os.ErrClosed
	case err2 != nil:
		return f, false, err2
	case err != nil:
		return f, false, err
	}
	link, ok := from.(*unix.SockaddrLinklayer)
	if !ok || link.Pkttype == unix.PACKET_OUTGOING {
		return f, false, nil // our own
	}
	port := slices.Index(w.ports[:], link.Ifindex)
	if port < 0 {
		return f, false, nil
	}
	f.From = tcp.End(port)
	frame := slices.Clone(w.buffer[:n])
	if f.Captured, ok = w.decoder.Decode(capture.Stamp(w.oob[:oobn]), capture.LinkEthernet, frame); !ok {
		err = w.send(f.From.Peer(), frame)
	}
	return f, ok, err
}

// Deliver hands a segment to the host that did not send it. When it returns,
// that host's kernel has processed it.
func (w *Wire) Deliver(f *Frame) error { return w.send(f.From.Peer(), f.Raw) }

func (w *Wire) send(to tcp.End, frame []byte) (err error) {
	address := &unix.SockaddrLinklayer{Ifindex: w.ports[to]}
	err2 := w.raw.Control(func(fd uintptr) {
		for {
			if err = unix.Sendto(int(fd), frame, 0, address); err != unix.EINTR {
				return
			}
		}
	})
	switch {
	case err2 != nil && w.closed.Load():
		return os.ErrClosed
	case err2 != nil:
		return err2
	case err != nil:
		return fmt.Errorf("putting a frame on the wire: %w", err)
	}
	return nil
}

// Dropped is how many frames were lost between the hosts and this process
// because they were not read in time: more than a host's window holds would
// have to be on the wire. It may be asked after Close too.
func (w *Wire) Dropped() uint64 {
	_ = w.raw.Control(func(fd uintptr) {
		// Reading the statistics sets them to zero.
		if s, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			w.dropped.Add(uint64(s.Drops))
		}
	})
	return w.dropped.Load()
}

// Close takes wire and hosts apart, and wakes a Next that waits. A host lives
// on as long as threads, programs or sockets of its own do, without a wire.
func (w *Wire) Close() error {
	if w.closed.Swap(true) {
		return nil
	}
	var err error
	if w.raw != nil {
		w.Dropped() // the last chance to ask
		release := func() {}
		_ = w.raw.Control(func(fd uintptr) { release = capture.LeaveToKernel(int(fd)) })
		err = w.file.Close()
		release()
	}
	for _, t := range []*thread{w.hosts[tcp.Client], w.hosts[tcp.Server], w.middle} {
		t.close()
	}
	return err
}
