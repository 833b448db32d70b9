package wire

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"lesson/lesson/tcp"
)

const (
	// tried is the port at which both hosts meet for the probe.
	tried = 65535
	// promptly is how long a kernel is given for what takes it microseconds.
	promptly = 10 * time.Second
)

// Linux is what the hosts' kernel does otherwise than the newest one. Both
// hosts have the same: this machine's.
func (w *Wire) Linux() tcp.Linux { return w.linux }

// probe tries out what the kernel does otherwise than the newest one. Somebody
// listens on the server's host, and a SYN comes, and a RST with the next number
// that acknowledges something else than the SYN,ACK. Where it counts, the ACK of
// the handshake that comes last is refused with a RST; else it opens the
// connection.
func (w *Wire) probe() error {
	listener, err := w.listener(tried)
	if err != nil {
		return err
	}
	defer unix.Close(listener)
	defer func() { _ = w.SetDeadline(time.Time{}) }()

	syn := w.Blank(tcp.Client, tried, tried)
	if err := w.Deliver(&syn); err != nil {
		return err
	}
	answer, err := w.await(time.Now().Add(promptly), tcp.SYN|tcp.ACK)
	if err != nil {
		return fmt.Errorf("waiting for a SYN,ACK: %w", err)
	}
	for _, next := range []tcp.Segment{{Flags: tcp.RST | tcp.ACK, Ack: answer.Seq}, {Flags: tcp.ACK, Ack: answer.Seq.Add(1)}} {
		f := syn.Altered(func(s *tcp.Segment) { s.Flags, s.Seq, s.Ack = next.Flags, syn.End(), next.Ack })
		if err := w.Deliver(&f); err != nil {
			return err
		}
	}
	return w.heeds(listener)
}

// heeds finds out whether the RST of a probe was heeded, and leaves nothing of
// the connection behind if it was not.
func (w *Wire) heeds(listener int) error {
	for end := time.Now().Add(promptly); ; {
		if fd, _, err := unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC); err == nil {
			w.linux |= tcp.LooseResets
			_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
			_ = unix.Close(fd) // with a RST
		}
		_, err := w.await(time.Now().Add(10*time.Millisecond), tcp.RST)
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Now().After(end) {
			return err
		}
	}
}

// listener is a listening socket on the server's host. No call on it waits.
func (w *Wire) listener(port int) (fd int, err error) {
	var at unix.Sockaddr
	family, host := unix.AF_INET6, w.Addr(tcp.Server)
	if host.Is4() {
		family, at = unix.AF_INET, &unix.SockaddrInet4{Port: port, Addr: host.As4()}
	} else {
		at = &unix.SockaddrInet6{Port: port, Addr: host.As16()}
	}
	err = w.Do(tcp.Server, func() error {
		if fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		if err = unix.Bind(fd, at); err == nil {
			err = unix.Listen(fd, 1)
		}
		if err != nil {
			_ = unix.Close(fd)
		}
		return err
	})
	return fd, err
}

// await takes segments off the wire until there is one with these flags. What
// is there already is taken even when it is too late to wait.
func (w *Wire) await(until time.Time, flags tcp.Flags) (Frame, error) {
	if err := w.SetDeadline(until); err != nil {
		return Frame{}, err
	}
	for {
		f, ok, err := w.Poll()
		if err == nil && !ok {
			f, err = w.Next()
		}
		if err != nil || f.Flags.Has(flags) {
			return f, err
		}
	}
}
