// Package wire joins two private hosts: this process is the wire between them.
//
// New makes three network namespaces. Two are the hosts, each with a kernel's
// full TCP and one Ethernet interface. The interfaces' other ends lie in the
// third, where nothing runs but a packet socket: what a host sends arrives
// there and goes no further until Deliver hands it to the other host. Dropping
// a segment is not to deliver it; duplicating it is to deliver it twice.
//
// Delivery is synchronous. When Deliver returns, the receiving kernel has
// changed its state, and its answer, unless a timer or a program has to come
// first, is there for Poll.
package wire

import (
	"net"
	"net/netip"

	"lesson/capture"
	"lesson/lesson/tcp"
)

// Options say what the two hosts are like.
type Options struct {
	// IPv6 gives the hosts IPv6 addresses instead of IPv4 ones.
	IPv6 bool
	// AnyAddress makes every IPv4 address an address of the server's host, for
	// programs that were written for other addresses than ours.
	AnyAddress bool
}

// addresses are the hosts' addresses by end, first IPv4, then IPv6.
var addresses = [2][2]netip.Addr{
	{netip.AddrFrom4([4]byte{10, 0, 0, 1}), netip.AddrFrom4([4]byte{10, 0, 0, 2})},
	{netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::2")},
}

func (o Options) addr(e tcp.End) netip.Addr {
	if o.IPv6 {
		return addresses[1][e]
	}
	return addresses[0][e]
}

// Addr is the address of one end's host.
func (w *Wire) Addr(e tcp.End) netip.Addr { return w.options.addr(e) }

// LinkType says how the frames in Captured.Raw begin.
func (w *Wire) LinkType() capture.LinkType { return capture.LinkEthernet }

// hardware is the Ethernet address of a host's interface.
func hardware(e tcp.End) net.HardwareAddr {
	return net.HardwareAddr{2, 0, 0, 0, 0, byte(e) + 1}
}
