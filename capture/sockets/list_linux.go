package sockets

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"lesson/lesson/tcp"
)

// diagInfo is INET_DIAG_INFO of linux/inet_diag.h: a struct tcp_info.
const diagInfo = 2

// List lists the TCP sockets, over IPv4 and IPv6, that are in one of the
// states and that this process's network namespace has.
func (d *Diag) List(in ...tcp.State) ([]Listed, error) {
	q := question{Protocol: unix.IPPROTO_TCP, Ext: 1 << (diagInfo - 1)}
	for _, s := range in {
		for number, state := range states {
			if state == s {
				q.States |= 1 << number
			}
		}
	}
	var out []Listed
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		q.Family = family
		messages, err := d.execute(unix.NLM_F_DUMP, q)
		if err != nil {
			return nil, fmt.Errorf("listing sockets: %w", err)
		}
		for _, m := range messages {
			l, err := parseListed(m)
			if err != nil {
				return nil, err
			}
			out = append(out, l)
		}
	}
	return out, nil
}

// Listening reports whether any TCP socket listens, over IPv4 or IPv6.
func (d *Diag) Listening() (bool, error) {
	all, err := d.List(tcp.Listen)
	return len(all) > 0, err
}

// Find is Ask with all that List tells; ok is false where there is no socket.
func (d *Diag) Find(local, remote netip.AddrPort) (l Listed, ok bool, err error) {
	m, err := d.ask(local, remote)
	if errors.Is(err, unix.ENOENT) {
		return l, false, nil
	}
	if err != nil {
		return l, false, fmt.Errorf("asking the kernel for %v: %w", local, err)
	}
	l, err = parseListed(m)
	return l, err == nil, err
}

func parseListed(message []byte) (l Listed, err error) {
	var a answer
	n, err := binary.Decode(message, binary.NativeEndian, &a)
	if err != nil {
		return l, fmt.Errorf("the kernel's answer has %d bytes: %w", len(message), err)
	}
	if l.Socket, err = a.socket(); err != nil {
		return l, err
	}
	l.Local, l.Remote, l.Inode = a.end(a.ID.Source, a.ID.SourcePort), a.end(a.ID.Destination, a.ID.DestinationPort), a.Inode
	for rest := message[n:]; len(rest) >= unix.SizeofRtAttr; {
		length, typ := binary.NativeEndian.Uint16(rest), binary.NativeEndian.Uint16(rest[2:])
		if int(length) < unix.SizeofRtAttr || int(length) > len(rest) {
			break
		}
		value := rest[unix.SizeofRtAttr:length]
		const at = unsafe.Offsetof(unix.TCPInfo{}.Last_ack_recv)
		if typ == diagInfo && len(value) >= int(at)+4 {
			l.Quiet = time.Duration(binary.NativeEndian.Uint32(value[at:])) * time.Millisecond
		}
		rest = rest[min((int(length)+3)&^3, len(rest)):]
	}
	return l, nil
}

func (a *answer) end(ip [16]byte, port [2]byte) netip.AddrPort {
	addr := netip.AddrFrom16(ip).Unmap()
	if a.Family == unix.AF_INET {
		addr = netip.AddrFrom4([4]byte(ip[:4]))
	}
	return netip.AddrPortFrom(addr, binary.BigEndian.Uint16(port[:]))
}
