package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"lesson/capture"
	"lesson/capture/owners"
	"lesson/capture/sockets"
	"lesson/lesson"
	"lesson/lesson/follow"
	"lesson/lesson/tcp"
)

// list takes down the connections that were there before the watching began,
// as far as they use the interface.
func (w *watcher) list() error {
	ours, err := addresses(w.iface)
	if err != nil {
		return err
	}
	if w.here, err = addresses(capture.Any); err != nil {
		return err
	}
	listeners, err := w.diag.List(tcp.Listen)
	if err != nil {
		return err
	}
	serves := map[uint16]bool{}
	for _, l := range listeners {
		serves[l.Local.Port()] = true
	}
	open, err := w.diag.List(tcp.SynSent, tcp.SynRecv, tcp.Established, tcp.FinWait1, tcp.FinWait2, tcp.CloseWait, tcp.Closing, tcp.LastAck)
	if err != nil {
		return err
	}
	states := map[tcp.State]int{}
	for _, l := range open {
		if len(w.ports) > 0 && !slices.Contains(w.ports, l.Local.Port()) && !slices.Contains(w.ports, l.Remote.Port()) {
			continue
		}
		if !w.passes(&l, ours) {
			continue
		}
		w.listed(&l, serves)
		states[l.State]++
	}
	w.known = w.table.Connections()
	if len(states) > 0 && !w.all {
		text := ""
		for _, s := range tcp.States() {
			if states[s] > 0 {
				text += fmt.Sprintf(", %d %v", states[s], s)
			}
		}
		return w.tell.Tell(&lesson.Note{Explanation: lesson.Explanation{Text: sayf(
			"already there, as the kernel says: %s", "内核显示已经存在：%s", text[2:])}})
	}
	return nil
}

func (w *watcher) listed(l *sockets.Listed, serves map[uint16]bool) {
	local, remote := l.Local.Port(), l.Remote.Port()
	client := !serves[local] && (serves[remote] || local > remote)
	since := time.Now()
	if l.State == tcp.CloseWait || l.State == tcp.FinWait2 {
		since = since.Add(-l.Quiet)
	}
	f := w.table.Know(tcp.EndpointFrom(l.Local), tcp.EndpointFrom(l.Remote), client, l.State, since.UnixNano())
	if !w.all {
		return
	}
	s := &lesson.Socket{Stream: f.Stream, End: tcp.Client, Kernel: kernel(l.Socket)}
	if f.Conn.Endpoint(tcp.Client) != tcp.EndpointFrom(l.Local) {
		s.End = tcp.Server
	}
	for e := range s.Ends {
		s.Ends[e] = f.Conn.Endpoint(tcp.End(e)).AddrPort()
	}
	if p, ok := w.who.Of(l.Inode); ok {
		s.Process = lesson.Process{PID: p.PID, Name: p.Name}
	}
	w.say(w.tell.Tell(s))
}

// passes reports whether a connection uses the interface, which has these
// addresses. What this machine says to itself uses lo.
func (w *watcher) passes(l *sockets.Listed, ours []netip.Addr) bool {
	toSelf := w.isHere(l.Remote.Addr())
	switch w.iface {
	case capture.Any:
		return true
	case loopback:
		return toSelf
	}
	return !toSelf && slices.Contains(ours, l.Local.Addr())
}

// addresses are those of one interface, or of all.
func addresses(name string) (out []netip.Addr, err error) {
	from := net.InterfaceAddrs
	if name != capture.Any {
		i, err := net.InterfaceByName(name)
		if err != nil {
			return nil, err
		}
		from = i.Addrs
	}
	list, err := from()
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p.Addr().Unmap())
		}
	}
	return out, err
}

// isHere reports whether an address is this machine's.
func (w *watcher) isHere(a netip.Addr) bool {
	return a.IsLoopback() || slices.Contains(w.here, a.Unmap().WithZone(""))
}

// holder finds who holds the socket of one end, or listens for it. accepted is
// false where the program has not called accept() yet.
func (w *watcher) holder(own, peer netip.AddrPort) (l sockets.Listed, p owners.Process, accepted bool) {
	l, ok, err := w.diag.Find(own, peer)
	if err != nil || !ok {
		return l, p, true
	}
	if l.Inode != 0 {
		p, _ = w.who.Of(l.Inode)
		return l, p, l.State != tcp.Listen
	}
	anybody := netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	if own.Addr().Unmap().Is4() {
		anybody = netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	}
	if listener, ok, err := w.diag.Find(own, anybody); err == nil && ok && listener.State == tcp.Listen {
		p, _ = w.who.Of(listener.Inode)
		return l, p, false
	}
	return l, p, true
}

// name tells who is at the ends of a connection that appears.
func (w *watcher) name(f *follow.Flow) {
	for e := tcp.Client; e <= tcp.Server; e++ {
		own, peer := f.Conn.Endpoint(e).AddrPort(), f.Conn.Endpoint(e.Peer()).AddrPort()
		if !w.isHere(own.Addr()) {
			continue
		}
		if _, p, _ := w.holder(own, peer); p.PID != 0 {
			w.say(w.tell.Tell(&lesson.Socket{Stream: f.Stream, End: e, Process: lesson.Process{PID: p.PID, Name: p.Name}}))
		}
	}
}

// waiting visits the ends that wait and are wanted, as far as their kernels,
// where they can be asked, say the same.
func (w *watcher) waiting(now time.Time, wanted func(*follow.Wait) bool, visit func(*follow.Wait, *lesson.Socket)) {
	for _, x := range w.table.Waiting(now.UnixNano(), waitLeast, waitMost, wanted) {
		s := &lesson.Socket{
			Stream: x.Stream, End: x.End, State: x.State, Waits: true, For: x.For, AtLeast: x.AtLeast,
			Ends: [2]netip.AddrPort{x.Ends[0].AddrPort(), x.Ends[1].AddrPort()},
		}
		if w.told > 0 {
			s.Time = time.Duration(now.UnixNano() - w.first)
		}
		if x.FromKernel {
			s.State = tcp.Unknown
		}
		who := ""
		if own := s.Ends[x.End]; w.isHere(own.Addr()) {
			l, p, accepted := w.holder(own, s.Ends[x.End.Peer()])
			if l.State != x.State {
				continue // it is over, or just going on
			}
			s.Kernel = kernel(l.Socket)
			if p.PID != 0 {
				s.Process = lesson.Process{PID: p.PID, Name: p.Name}
				who = fmt.Sprintf("%s (%d)", p.Name, p.PID)
			}
			x.NotAccepted = !accepted
		}
		s.Text = x.Text(who)
		visit(&x, s)
	}
}

// levels are the times at which a wait is told again.
var levels = [...]time.Duration{2 * time.Second, 10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour}

// warning is a wait that has been told, and how many levels it had come to.
type warning struct {
	end   tcp.End
	why   follow.Reason
	level int
}

// warningOf is what is to be told of a wait.
func warningOf(x *follow.Wait) warning {
	n := warning{x.End, x.Reason, 0}
	for n.level < len(levels) && x.For >= levels[n.level] {
		n.level++
	}
	return n
}

// warn tells of those who wait, each when it has waited for the next level.
func (w *watcher) warn(now time.Time) {
	news := func(x *follow.Wait) bool {
		next, told := warningOf(x), w.warned[x.Stream]
		return next.level > 0 && (next.level > told.level || next.end != told.end || next.why != told.why)
	}
	w.waiting(now, news, func(x *follow.Wait, s *lesson.Socket) {
		w.warned[x.Stream] = warningOf(x)
		w.say(w.tell.Tell(s))
	})
}
