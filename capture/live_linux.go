package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

const (
	// liveFrame holds the longest frame Linux builds: 8 times 65,535 bytes
	// and its headers. What is not used is never touched.
	liveFrame = 8*0xffff + 4096
	// liveQueue is the kernel's room for frames that wait for us: with the
	// usual 200 kB a 2 MB transfer loses most of them.
	liveQueue = 64 << 20
)

// LiveSource yields the TCP segments on an interface as the kernel sees them.
// One goroutine may call Next; the other methods may be called meanwhile.
type LiveSource struct {
	name  string
	link  LinkType
	file  *os.File
	raw   syscall.RawConn
	frame []byte
	oob   []byte
	count counter

	closed  atomic.Bool
	mu      sync.Mutex
	dropped uint64
}

// Live starts to capture on an interface the TCP segments from or to a port,
// over IPv4 and IPv6. From its return on, nothing is missed. On a loopback
// interface each segment is taken once, where it arrives; on others the sent
// ones are taken too. It needs CAP_NET_RAW, at this moment only. What stands
// in the way is a *lang.Problem.
//
// The order of the steps matters: a socket without a protocol receives
// nothing, so that no frame of another interface or port comes before the
// filter and the binding are in place. The protocol is ETH_P_ALL because such
// a socket sees a frame before the stack has answered it.
func Live(name string, port uint16) (*LiveSource, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return nil, noInterface(name, err)
	}
	if i.Flags&net.FlagUp == 0 {
		return nil, interfaceDown(name, nil)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EAFNOSUPPORT) {
			return nil, refused(name, err)
		}
		return nil, liveFailed(name, err)
	}
	l := &LiveSource{name: name, frame: make([]byte, liveFrame), oob: make([]byte, 256)}
	if err := l.start(fd, i, port); err != nil {
		_ = unix.Close(fd)
		return nil, liveFailed(name, err)
	}
	l.file = os.NewFile(uintptr(fd), "packets of "+name)
	if l.raw, err = l.file.SyscallConn(); err != nil {
		_ = l.file.Close()
		return nil, liveFailed(name, err)
	}
	return l, nil
}

func (l *LiveSource) start(fd int, i *net.Interface, port uint16) (err error) {
	loopback := i.Flags&net.FlagLoopback != 0
	if l.link, err = linkOf(fd, i.Name); err != nil {
		return err
	}
	filter, err := segmentFilter(port, loopback)
	if err != nil {
		return err
	}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, filter); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, liveQueue) != nil {
		// Without CAP_NET_ADMIN over the whole machine, so in a user namespace
		// too, no more than net.core.rmem_max. Losses are counted.
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, liveQueue)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return fmt.Errorf("time stamps: %w", err)
	}
	if loopback {
		// Saves the kernel the work; kernels before 4.20 leave it to the filter.
		_ = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	}
	all := binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL})
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: i.Index}); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	return nil
}

// linkOf asks what an interface's frames begin with.
func linkOf(fd int, name string) (LinkType, error) {
	req, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, req); err != nil {
		return 0, fmt.Errorf("hardware type: %w", err)
	}
	switch hardware := req.Uint16(); hardware {
	case unix.ARPHRD_ETHER, unix.ARPHRD_LOOPBACK:
		return LinkEthernet, nil
	case unix.ARPHRD_NONE, unix.ARPHRD_RAWIP, unix.ARPHRD_TUNNEL, unix.ARPHRD_TUNNEL6, unix.ARPHRD_SIT:
		return LinkRaw, nil
	default:
		return 0, fmt.Errorf("hardware type %d", hardware)
	}
}

func liveFailed(name string, err error) error {
	switch {
	case errors.Is(err, unix.ENETDOWN):
		return interfaceDown(name, err)
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return noInterface(name, err)
	case errors.Is(err, fs.ErrPermission):
		return refused(name, err)
	}
	return &lang.Problem{What: lang.Text{
		EN: fmt.Sprintf("capturing on %q failed", name),
		ZH: fmt.Sprintf("在接口 %q 上抓包失败", name),
	}, Err: err}
}

// LinkType says how the frames in Captured.Raw begin.
func (l *LiveSource) LinkType() LinkType { return l.link }

// Stats counts what has passed the filter so far. Call it where Next is called.
func (l *LiveSource) Stats() Stats { return l.count.stats }

// SetDeadline makes a Next that waits past t return os.ErrDeadlineExceeded;
// the zero time lets it wait for ever.
func (l *LiveSource) SetDeadline(t time.Time) error { return l.file.SetReadDeadline(t) }

// Next waits for the next segment. It returns os.ErrDeadlineExceeded when the
// deadline passes, os.ErrClosed after Close, and a *lang.Problem when the
// interface goes down. The slices in the segment are valid until the next call.
func (l *LiveSource) Next() (c tcp.Captured, err error) {
	for {
		p, err := l.receive()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return tcp.Captured{}, os.ErrDeadlineExceeded
		case err != nil && l.closed.Load():
			return tcp.Captured{}, os.ErrClosed
		case err != nil:
			return tcp.Captured{}, liveFailed(l.name, err)
		}
		if l.count.take(&p, &c) {
			return c, nil
		}
	}
}

func (l *LiveSource) receive() (p packet, err error) {
	var n, oobn int
	err2 := l.raw.Read(func(fd uintptr) bool {
		for {
			n, oobn, _, _, err = unix.Recvmsg(int(fd), l.frame, l.oob, unix.MSG_TRUNC)
			if err != unix.EINTR {
				return err != unix.EAGAIN
			}
		}
	})
	if err2 != nil {
		return p, err2
	}
	if err != nil {
		return p, err
	}
	return packet{
		time: Stamp(l.oob[:oobn]), link: l.link,
		data: l.frame[:min(n, len(l.frame))], wire: n,
	}, nil
}

// Stamp finds the kernel's time of arrival among the control messages of a packet
// socket with SO_TIMESTAMPNS, in ns since 1970; without one it is now.
func Stamp(oob []byte) int64 {
	for len(oob) >= unix.SizeofCmsghdr {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			break
		}
		if h.Level == unix.SOL_SOCKET && h.Type == unix.SCM_TIMESTAMPNS {
			switch len(data) { // a struct timespec of this architecture
			case 16:
				return int64(binary.NativeEndian.Uint64(data))*1e9 + int64(binary.NativeEndian.Uint64(data[8:]))
			case 8:
				return int64(int32(binary.NativeEndian.Uint32(data)))*1e9 + int64(binary.NativeEndian.Uint32(data[4:]))
			}
		}
		oob = rest
	}
	return time.Now().UnixNano()
}

// Dropped is how many frames the kernel has thrown away since Live because
// they were not read in time. It may be asked after Close too.
func (l *LiveSource) Dropped() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.raw.Control(func(fd uintptr) {
		// Reading the statistics sets them to zero.
		if s, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			l.dropped += uint64(s.Drops)
		}
	})
	return l.dropped
}

// Close ends the capture and wakes a Next that waits.
func (l *LiveSource) Close() error {
	l.Dropped() // the last chance to ask
	l.closed.Store(true)
	release := func() {}
	_ = l.raw.Control(func(fd uintptr) { release = LeaveToKernel(int(fd)) })
	defer release()
	return l.file.Close()
}

// LeaveToKernel makes the kernel's own worker end a packet socket. Whoever
// closes one last waits for all processors to have forgotten it, about 10 ms:
// more than all the rest of a lesson. So one more reference is put into the
// queue of a Unix socket that, after release, nobody holds but that queue
// itself; the kernel finds such rings and takes them apart at once. Should a
// step fail, or an old kernel do the work in our close, nothing is lost but
// those 10 ms. The socket has to be closed before release is called.
func LeaveToKernel(fd int) (release func()) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return func() {}
	}
	_ = unix.Sendmsg(pair[0], []byte{0}, unix.UnixRights(pair[1], fd), nil, unix.MSG_NOSIGNAL)
	return func() {
		_ = unix.Close(pair[1])
		_ = unix.Close(pair[0])
	}
}
