package wire

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/safchain/ethtool"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"lesson/lesson/tcp"
)

// device is the name of a host's interface.
const device = "eth0"

// small makes the tables of sockets that a child namespace gets as small as
// they can be with room enough, so that a listing of all takes 20 µs and not
// 800. With 256, the least, the kernel would keep 128 sockets in TIME_WAIT and
// skip that state for further ones.
var small = []string{"net.ipv4.tcp_child_ehash_entries=4096"}

// settings make a host's TCP what lessons are about. The kernel's defaults
// are made for machines that nobody watches.
var settings = []string{
	// A segment may be held for ten minutes before a kernel gives up. A held
	// segment must not inflate the measured round trip, and with it the time
	// between retransmissions, as the echo in a timestamp would.
	"net.ipv4.tcp_timestamps=0",
	"net.ipv4.tcp_syn_retries=20",
	"net.ipv4.tcp_synack_retries=12",
	"net.ipv4.tcp_retries2=30",
	"net.ipv4.tcp_orphan_retries=20",
	// What is lost is sent again when RFC 6298's timer says so, and not after
	// 10 ms already as a probe for the loss of a tail (RFC 8985).
	"net.ipv4.tcp_early_retrans=0",
	// The textbook's congestion control, and no memory of earlier connections.
	"net.ipv4.tcp_congestion_control=reno",
	"net.ipv4.tcp_no_metrics_save=1",
	// No more on the wire at once than its packet socket has room for.
	"net.ipv4.tcp_rmem=4096 131072 131072",
	// Programs have no privileges here, and need none for port 80.
	"net.ipv4.ip_unprivileged_port_start=0",
}

// Without IPv6, or with no more of it than a static address: nothing is sent
// that no program has asked for.
var (
	noIPv6 = []string{
		"net.ipv6.conf.all.disable_ipv6=1",
		"net.ipv6.conf.default.disable_ipv6=1",
	}
	quietIPv6 = []string{
		"net.ipv6.conf.default.accept_ra=0",
		"net.ipv6.conf.default.accept_dad=0",
		"net.ipv6.conf.default.dad_transmits=0",
		"net.ipv6.conf.default.router_solicitations=0",
		"net.ipv6.conf.default.addr_gen_mode=1",
	}
)

// set sets sysctls of the calling thread's network namespace. Kernels differ
// in which they have, and a container may not let them be written; what a
// lesson cannot do without is checked by other means.
func set(sysctls []string) {
	for _, s := range sysctls {
		name, value, _ := strings.Cut(s, "=")
		_ = os.WriteFile("/proc/sys/"+strings.ReplaceAll(name, ".", "/"), []byte(value), 0)
	}
}

// prepare readies a new host for its interface.
func prepare(o Options) error {
	set(settings)
	if o.IPv6 {
		set(quietIPv6)
	} else {
		set(noIPv6)
	}
	return nil
}

// offloads are what makes a host's frames other than they would be on a real
// wire: unfinished checksums, segments larger than the MTU.
var offloads = map[string]bool{
	"tx-checksum-ip-generic":       false,
	"tx-generic-segmentation":      false,
	"tx-tcp-segmentation":          false,
	"tx-tcp6-segmentation":         false,
	"tx-tcp-ecn-segmentation":      false,
	"tx-tcp-mangleid-segmentation": false,
	"rx-gro":                       false,
}

// connect gives a host its address on its interface, and everything that it
// would otherwise have to ask the network for.
func (w *Wire) connect(e tcp.End) error {
	return onDevice(func(rt *netlink.Handle, link netlink.Link) error { return w.attach(e, rt, link) })
}

func (w *Wire) attach(e tcp.End, rt *netlink.Handle, link netlink.Link) error {
	features, err := ethtool.NewEthtool()
	if err != nil {
		return err
	}
	defer features.Close()
	if err := features.Change(device, offloads); err != nil {
		return fmt.Errorf("turning offloads off: %w", err)
	}
	if err := rt.LinkSetARPOff(link); err != nil {
		return fmt.Errorf("turning ARP off: %w", err)
	}
	if err := rt.LinkSetUp(link); err != nil {
		return fmt.Errorf("bringing %s up: %w", device, err)
	}
	if err := settle(device); err != nil {
		return err
	}
	if err := rt.LinkSetUp(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: 1, Name: "lo"}}); err != nil {
		return fmt.Errorf("bringing lo up: %w", err)
	}

	self, peer := w.Addr(e), w.Addr(e.Peer())
	if err := rt.AddrAdd(link, &netlink.Addr{IPNet: single(self), Flags: unix.IFA_F_NODAD | unix.IFA_F_NOPREFIXROUTE}); err != nil {
		return fmt.Errorf("setting the address %v: %w", self, err)
	}
	if w.options.IPv6 {
		// An IPv6 address works only once the kernel has taken it through
		// duplicate address detection, although there is none, in its own time;
		// but what a route says is local is so at once.
		local := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: single(self), Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL}
		if err := rt.RouteReplace(local); err != nil {
			return fmt.Errorf("setting the local route to %v: %w", self, err)
		}
	}
	neighbour := &netlink.Neigh{
		LinkIndex: link.Attrs().Index, State: netlink.NUD_PERMANENT,
		IP: peer.AsSlice(), HardwareAddr: hardware(e.Peer()),
	}
	if err := rt.NeighSet(neighbour); err != nil {
		return fmt.Errorf("setting the neighbour %v: %w", peer, err)
	}
	if err := rt.RouteAdd(w.route(e, link, 1)); err != nil {
		return fmt.Errorf("setting the route to %v: %w", peer, err)
	}
	if w.options.AnyAddress {
		return w.anyAddress(e, rt, link)
	}
	return nil
}

// settle waits until an interface that is up is ready to send. By itself it
// gets ready some time after its peer has come up, and swallows frames until
// then. Asked whether it has a link, Linux since 6.8 first does what is due;
// before, it is done in its own time. What is called its operational state
// (RFC 2863) tells when.
func settle(name string) error {
	e, err := ethtool.NewEthtool()
	if err != nil {
		return err
	}
	defer e.Close()
	up, err := e.LinkState(name)
	switch {
	case err != nil:
		return fmt.Errorf("asking %s for its link: %w", name, err)
	case up != 1:
		return fmt.Errorf("%s has no link", name)
	}
	changes, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK)
	if err != nil {
		return fmt.Errorf("listening for changes of %s: %w", name, err)
	}
	defer changes.Close()
	wait := unix.NsecToTimeval(int64(promptly))
	_ = changes.SetReceiveTimeout(&wait)
	rt, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer rt.Close()
	for {
		link, err := rt.LinkByName(name)
		if err != nil {
			return fmt.Errorf("asking %s for its state: %w", name, err)
		}
		if link.Attrs().OperState == netlink.OperUp {
			return nil
		}
		if _, _, err := changes.Receive(); err != nil {
			return fmt.Errorf("%s is %v: %w", name, link.Attrs().OperState, err)
		}
	}
}

// single is the network of one address.
func single(a netip.Addr) *net.IPNet {
	return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen(), a.BitLen())}
}

// DelayAcks lets a host's kernel delay its acknowledgements, as it does on a
// route that asks for nothing else. It needs the privileges that New needs.
func (w *Wire) DelayAcks(e tcp.End) error {
	return w.Do(e, func() error {
		return onDevice(func(rt *netlink.Handle, link netlink.Link) error {
			if err := rt.RouteReplace(w.route(e, link, 0)); err != nil {
				return fmt.Errorf("setting the route of the %s: %w", e, err)
			}
			return nil
		})
	})
}

// onDevice does something with the interface of the calling thread's host.
func onDevice(f func(*netlink.Handle, netlink.Link) error) error {
	rt, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer rt.Close()
	link, err := rt.LinkByName(device)
	if err != nil {
		return err
	}
	return f(rt, link)
}

// route leads to the peer. With quickAck, a FIN is acknowledged at once; by
// default the ACK waits up to 40 ms for a FIN of the other side to travel with.
func (w *Wire) route(e tcp.End, link netlink.Link, quickAck int) *netlink.Route {
	return &netlink.Route{
		LinkIndex: link.Attrs().Index, Scope: netlink.SCOPE_LINK,
		Dst: single(w.Addr(e.Peer())), Src: w.Addr(e).AsSlice(), QuickACK: quickAck,
	}
}
