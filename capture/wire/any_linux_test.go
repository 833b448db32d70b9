package wire

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"lesson/lesson/tcp"
)

// Whatever address the client asks for is the server's, bound to it or to all.
func TestAnyAddress(t *testing.T) {
	for _, address := range []string{"192.168.0.193", "127.0.0.1", "127.0.1.1", "10.0.0.2", "10.0.0.77", "8.8.8.8", "172.17.0.1"} {
		for _, bound := range []string{address, "0.0.0.0"} {
			t.Run(address+" at "+bound, func(t *testing.T) {
				r := newRig(t, Options{AnyAddress: true})
				l := r.socket(server)
				defer unix.Close(l)
				r.must(unix.Bind(l, sockaddr(netip.AddrPortFrom(netip.MustParseAddr(bound), 2023))))
				r.must(unix.Listen(l, 1))
				r.at[server] = netip.AddrPortFrom(netip.MustParseAddr(address), 2023)
				c, syn := r.connect()
				if syn.Dst.AddrPort() != r.at[server] || syn.Src.AddrPort().Addr() != r.Addr(client) {
					t.Errorf("from %v to %v", syn.Src, syn.Dst)
				}
				r.deliver(syn)
				r.states(tcp.SynSent, tcp.SynRecv)
				r.deliver(r.poll(server, tcp.SYN|tcp.ACK))
				r.deliver(r.poll(client, tcp.ACK))
				r.states(tcp.Established, tcp.Established)
				s, _, err := unix.Accept(l)
				r.must(err)
				r.must(unix.Close(c))
				r.deliver(r.poll(client, tcp.FIN|tcp.ACK))
				r.deliver(r.poll(server, tcp.ACK)) // at once: quickack
				r.must(unix.Close(s))
				r.deliver(r.poll(server, tcp.FIN|tcp.ACK))
				r.deliver(r.poll(client, tcp.ACK))
				r.states(tcp.TimeWait, tcp.Listen)
			})
		}
	}
}

// There is no ::1, and that is said at once, so that programs try 127.0.0.1.
func TestNoIPv6(t *testing.T) {
	r := newRig(t, Options{AnyAddress: true})
	for e := client; e <= server; e++ {
		r.must(r.Do(e, func() error {
			fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM, 0)
			if errors.Is(err, unix.EAFNOSUPPORT) {
				return nil
			}
			defer unix.Close(fd)
			err = unix.Connect(fd, sockaddr(netip.MustParseAddrPort("[::1]:80")))
			if !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(err, unix.ENETUNREACH) {
				t.Errorf("connecting to ::1 on the %v: %v", e, err)
			}
			return nil
		}))
	}
}

// The server's host reaches the client's as well.
func TestBackwards(t *testing.T) {
	r := newRig(t, Options{AnyAddress: true})
	l := r.socket(client)
	defer unix.Close(l)
	r.must(unix.Bind(l, sockaddr(netip.AddrPortFrom(netip.IPv4Unspecified(), 20))))
	r.must(unix.Listen(l, 1))
	s := r.socket(server)
	defer unix.Close(s)
	if err := unix.Connect(s, sockaddr(netip.AddrPortFrom(r.Addr(client), 20))); !errors.Is(err, unix.EINPROGRESS) {
		t.Fatal(err)
	}
	r.deliver(r.poll(server, tcp.SYN))
	r.deliver(r.poll(client, tcp.SYN|tcp.ACK))
	r.deliver(r.poll(server, tcp.ACK))
	if _, _, err := unix.Accept(l); err != nil {
		t.Error(err)
	}
}
