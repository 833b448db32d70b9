package wire

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"lesson/lesson/tcp"
)

var everywhere = &net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)}

// anyAddress makes the hosts such that every IPv4 address is the server's, but
// for the client's own. That includes 127.0.0.1, by which programs mean the
// machine they run on: for the client's that is no longer its own.
func (w *Wire) anyAddress(e tcp.End, rt *netlink.Handle, link netlink.Link) error {
	set([]string{"net.ipv4.conf." + device + ".route_localnet=1"})
	if e == tcp.Server {
		return w.allMine(rt, link)
	}
	lo, err := rt.LinkByName("lo")
	if err != nil {
		return err
	}
	loopback := &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(127, 0, 0, 1), Mask: net.CIDRMask(8, 32)}}
	if err := rt.AddrDel(lo, loopback); err != nil {
		return fmt.Errorf("taking 127.0.0.1 off lo: %w", err)
	}
	route := &netlink.Route{
		LinkIndex: link.Attrs().Index, Dst: everywhere, QuickACK: 1,
		Gw: w.Addr(tcp.Server).AsSlice(), Src: w.Addr(tcp.Client).AsSlice(),
	}
	if err := rt.RouteAdd(route); err != nil {
		return fmt.Errorf("setting the route to everywhere: %w", err)
	}
	return nil
}

// allMine makes every address a local one of the server's host. A program may
// only bind to what the local table says is local, and that table comes first:
// so the way to the client has to stand in it too.
func (w *Wire) allMine(rt *netlink.Handle, link netlink.Link) error {
	routes := []*netlink.Route{
		{
			LinkIndex: link.Attrs().Index, Scope: netlink.SCOPE_LINK, Table: unix.RT_TABLE_LOCAL, QuickACK: 1,
			Dst: single(w.Addr(tcp.Client)), Src: w.Addr(tcp.Server).AsSlice(),
		},
		{LinkIndex: 1, Scope: netlink.SCOPE_HOST, Table: unix.RT_TABLE_LOCAL, Type: unix.RTN_LOCAL, Dst: everywhere},
	}
	for _, r := range routes {
		if err := rt.RouteAdd(r); err != nil {
			return fmt.Errorf("making every address local: %w", err)
		}
	}
	return nil
}
