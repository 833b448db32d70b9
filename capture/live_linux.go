package capture

import (
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

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
	tap
	frame []byte
	oob   []byte
	count counter

	mu      sync.Mutex
	dropped uint64
}

// Live starts to capture on an interface the TCP segments from or to a port,
// over IPv4 and IPv6. From its return on, nothing is missed. On a loopback
// interface each segment is taken once, where it arrives; on others the sent
// ones are taken too. It needs CAP_NET_RAW, at this moment only. What stands
// in the way is a *lang.Problem.
func Live(name string, port uint16) (*LiveSource, error) {
	l := &LiveSource{frame: make([]byte, liveFrame), oob: make([]byte, 256)}
	if err := l.open(name, []uint16{port}, whole, liveRoom); err != nil {
		return nil, err
	}
	return l, nil
}

// liveRoom is the kernel's room for frames that are not read yet.
func liveRoom(fd int) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, liveQueue) != nil {
		// Without CAP_NET_ADMIN over the whole machine, so in a user namespace
		// too, no more than net.core.rmem_max. Losses are counted.
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, liveQueue)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return fmt.Errorf("time stamps: %w", err)
	}
	return nil
}

// Next waits for the next segment. It returns os.ErrDeadlineExceeded when the
// deadline passes, os.ErrClosed after Close, and a *lang.Problem when the
// interface goes down. The slices in the segment are valid until the next call.
func (l *LiveSource) Next() (c tcp.Captured, err error) {
	for {
		p, err := l.receive()
		if err != nil {
			return tcp.Captured{}, l.failed(err)
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
	return l.tap.close()
}
