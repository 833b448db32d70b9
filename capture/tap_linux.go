package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"lesson/lesson/lang"
)

// tap is a packet socket on one interface, or on Any.
type tap struct {
	name   string
	link   LinkType
	file   *os.File
	raw    syscall.RawConn
	closed atomic.Bool
}

// open takes segments from or to the ports, and of each frame the first snap
// bytes; room makes the kernel's room for them. An error is a *lang.Problem.
//
// The order of the steps matters: a socket without a protocol receives
// nothing, so that no frame of another interface or port comes before the
// filter and the binding are in place. The protocol is ETH_P_ALL because such
// a socket sees a frame before the stack has answered it.
func (t *tap) open(name string, ports []uint16, snap uint32, room func(fd int) error) error {
	t.name = name
	// All interfaces together have the index 0, and frames without a link header.
	i, kind := &net.Interface{}, unix.SOCK_DGRAM
	if name != Any {
		var err error
		if i, err = net.InterfaceByName(name); err != nil {
			return noInterface(name, err)
		}
		if i.Flags&net.FlagUp == 0 {
			return interfaceDown(name, nil)
		}
		kind = unix.SOCK_RAW
	}
	fd, err := unix.Socket(unix.AF_PACKET, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		if errors.Is(err, unix.EAFNOSUPPORT) {
			return refused(name, err)
		}
		return liveFailed(name, err)
	}
	if err := t.start(fd, i, ports, snap, room); err != nil {
		_ = unix.Close(fd)
		return liveFailed(name, err)
	}
	t.file = os.NewFile(uintptr(fd), "packets of "+name)
	if t.raw, err = t.file.SyscallConn(); err != nil {
		_ = t.file.Close()
		return liveFailed(name, err)
	}
	return nil
}

func (t *tap) start(fd int, i *net.Interface, ports []uint16, snap uint32, room func(fd int) error) (err error) {
	t.link = LinkSLL2 // as Ring.cook makes it
	if t.name != Any {
		if t.link, err = linkOf(fd, t.name); err != nil {
			return err
		}
	}
	filter, err := segmentFilter(ports, snap)
	if err != nil {
		return err
	}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, filter); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	if err := room(fd); err != nil {
		return err
	}
	if i.Flags&net.FlagLoopback != 0 {
		// Saves the kernel the work; kernels before 4.20 leave it to the filter.
		_ = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	}
	all := binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL})
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: i.Index}); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	return nil
}

// LinkType says how the frames in Captured.Raw begin.
func (t *tap) LinkType() LinkType { return t.link }

// SetDeadline makes a call that waits past when return os.ErrDeadlineExceeded;
// the zero time lets it wait for ever.
func (t *tap) SetDeadline(when time.Time) error { return t.file.SetReadDeadline(when) }

// failed words the error that ended a wait.
func (t *tap) failed(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return os.ErrDeadlineExceeded
	case t.closed.Load():
		return os.ErrClosed
	}
	return liveFailed(t.name, err)
}

func (t *tap) close() error {
	t.closed.Store(true)
	release := func() {}
	_ = t.raw.Control(func(fd uintptr) { release = LeaveToKernel(int(fd)) })
	defer release()
	return t.file.Close()
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
