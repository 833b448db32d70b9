// Package stage plays a lesson: it makes two real sockets do what the script
// says, reads from the wire what their kernel sends, asks the kernel for both
// states wherever the connection rests, and tells it all in order.
//
//	stage.go    what a run is made of: Options, Play, the sockets
//	director.go the one goroutine that follows the script
//	wire.go     what becomes of each segment where this process is the wire
//	repeats.go  what kernels send again because a segment is on its way
//	hand.go     a person who decides that, key by key
//	wait.go     waiting for states, and what to say when it is in vain
//	story.go    the order in which calls, segments and states are told
//	promise.go  the run compared with what the lesson promised
//	program.go  one end: a thread that makes its socket calls in order
//	socket_*.go the calls themselves
//	watch.go    the connection's segments, out of everything captured; on the
//	            wire, a sentry that says when there is one
//	words.go    calls as they stand at a lifeline, in both languages
package stage

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"lesson/lesson"
	"lesson/lesson/hand"
	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// Wire is where the kernel's segments are captured. Next blocks until there is
// one, or until the deadline, when it returns os.ErrDeadlineExceeded.
type Wire interface {
	Next() (tcp.Captured, error)
	SetDeadline(time.Time) error
	Dropped() uint64 // frames the kernel could not hand over, so far
}

// Hosts are two hosts with nothing between them but this process. A segment
// that one has sent arrives when it is delivered, or never.
type Hosts interface {
	Wire
	// Poll yields the next segment that a host has sent, if there is one.
	Poll() (tcp.Captured, bool, error)
	// Wait blocks until there is one, and leaves it there. It may be called
	// beside the other methods.
	Wait() error
	// Addr is a host's address.
	Addr(tcp.End) netip.Addr
	// Enter moves the calling goroutine, and the thread it is then locked
	// to, to a host for good: sockets it opens are that host's.
	Enter(tcp.End) error
	// Deliver hands a segment to the other host, and returns when its
	// kernel has dealt with it.
	Deliver(tcp.End, *tcp.Captured) error
	// Corrupt returns the segment with a bit turned over.
	Corrupt(*tcp.Captured) tcp.Captured
	// Altered returns a segment like this one, without payload, with other
	// fields and a right checksum.
	Altered(*tcp.Captured, func(*tcp.Segment)) tcp.Captured
	// Blank returns a bare SYN from one end's port to the other's.
	Blank(from tcp.End, fromPort, toPort uint16) tcp.Captured
	// DelayAcks lets a host's kernel delay its acknowledgements, as it does
	// by default; else it acknowledges at once.
	DelayAcks(tcp.End) error
}

// Options says how a lesson is to be played.
type Options struct {
	Place     lesson.Place
	Interface string          // the loopback interface's name, for the opening
	IPv6      bool            // on loopback: ::1 at both ends instead of 127.0.0.1 and 127.0.0.2
	Port      uint16          // the server's
	Message   string          // what {message} stands for: 1 to 1024 bytes
	Set       map[string]bool // the lesson's own options that are on
	Wire      Wire            // a loopback interface, or Hosts
	Linux     tcp.Linux       // what the Hosts' kernel does otherwise than the newest one
	// Ask asks an end's kernel for the state of its socket; nil: never asked.
	Ask func(e tcp.End, local, remote netip.AddrPort) (lesson.Kernel, error)
	// Opened, unless nil, is called once everything that needs privilege is
	// open.
	Opened func() error
	// Pause, unless nil, is called at each pause of the script, both sockets
	// being at rest, and returns when the lesson may go on. Its error ends
	// the lesson.
	Pause func(context.Context, Pause) error
	// Hand, unless nil, decides what becomes of each segment. It needs Hosts.
	Hand     hand.Hand
	Patience time.Duration // for each wait; 0: 5 s
	Settle   time.Duration // for the kernel to agree at rest; 0: 200 ms
}

// Pause is a point at which a stepping lesson waits.
type Pause struct {
	Next  lang.Text    // what happens next: "the client calls close()"
	State [2]tcp.State // by end
}

// Play plays a lesson and tells its story, from the Opening to the Ending,
// which is told however the run ends. The error is a *lang.Problem; its Code
// is lang.ExitDiffers when the run was not what the lesson promises. A
// cancelled ctx ends the run at once with the context's cause.
func Play(ctx context.Context, l *lesson.Lesson, o Options, t lesson.Teller) error {
	if o.Patience == 0 {
		o.Patience = 5 * time.Second
	}
	if o.Settle == 0 {
		o.Settle = 200 * time.Millisecond
	}
	if err := check(l, &o); err != nil {
		return err
	}
	d := &director{ctx: ctx, lesson: l, o: o, teller: t, moved: true}
	d.hosts, _ = o.Wire.(Hosts)
	if d.hosts == nil && l.NeedsWire() {
		return &lang.Problem{Code: lang.ExitUsage, What: lang.Text{
			EN: fmt.Sprintf("the lesson %s decides over segments in flight; on the loopback interface there is no way to", l.Name),
			ZH: fmt.Sprintf("课程 %s 要决定途中报文段的命运，在环回接口上做不到", l.Name),
		}, Hint: lang.Text{EN: "leave out --host", ZH: "去掉 --host"}}
	}
	defer func() {
		for _, p := range d.programs {
			if p != nil {
				p.stop()
			}
		}
	}()
	if err := d.openSockets(); err != nil {
		return err
	}
	if o.Opened != nil {
		if err := o.Opened(); err != nil {
			return err
		}
	}
	d.narrator = lesson.NewNarrator(d.ends[tcp.Client], d.ends[tcp.Server])
	d.narrator.Linux = o.Linux
	if d.hosts != nil {
		sentry := startSentry(d.hosts)
		d.way.ready = sentry.ready
		defer sentry.stop()
	} else {
		d.watch = startWatch(o.Wire, d.narrator.Owns)
		defer d.watch.stop()
	}
	return d.play()
}

func check(l *lesson.Lesson, o *Options) error {
	for name := range o.Set {
		if _, ok := l.Option(name); !ok {
			return &lang.Problem{Code: lang.ExitUsage, What: lang.Text{
				EN: fmt.Sprintf("the lesson %s has no option %s", l.Name, name),
				ZH: fmt.Sprintf("课程 %s 没有选项 %s", l.Name, name),
			}}
		}
	}
	if n := len(o.Message); n == 0 || n > most {
		return &lang.Problem{Code: lang.ExitUsage, What: lang.Text{
			EN: fmt.Sprintf("the message has %d bytes; one recv() of the server takes 1 to %d", n, most),
			ZH: fmt.Sprintf("消息长 %d 字节；服务器一次 recv() 可接收 1 到 %d 字节", n, most),
		}, Hint: lang.Text{EN: "choose another: --message TEXT", ZH: "换一条消息：--message 文字"}}
	}
	return nil
}

// openSockets opens both ends' sockets, bound but idle, so that both addresses
// are known before the first segment, and starts their programs.
func (d *director) openSockets() error {
	ip := [2]netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}
	if d.o.IPv6 {
		ip = [2]netip.Addr{netip.IPv6Loopback(), netip.IPv6Loopback()}
	}
	for e := range d.programs {
		p := &program{end: tcp.End(e), socket: none, listen: none, held: none, hold: d.o.Pause != nil}
		if d.hosts != nil {
			ip[e] = d.hosts.Addr(p.end)
			p.enter = d.hosts.Enter
		}
		if err := p.start(); err != nil {
			return err
		}
		d.programs[e] = p
	}
	client, server := d.programs[tcp.Client], d.programs[tcp.Server]
	server.local = netip.AddrPortFrom(ip[tcp.Server], d.o.Port)
	var err error
	if server.run(func() { server.listen, err = open(server.local, true) }); err != nil {
		return d.refused(server.local, err)
	}
	client.local = netip.AddrPortFrom(ip[tcp.Client], 0)
	if client.run(func() { err = d.openClient(client, server.local) }); err != nil {
		return d.refused(client.local, err)
	}
	client.peer, server.peer = server.local, client.local
	d.ends = [2]netip.AddrPort{client.local, server.local}
	return d.delayAcks()
}

// openClient opens the client's socket on a port of its own. An earlier lesson
// may have left the very same two addresses and ports in TIME_WAIT at the
// server's end: then another port is taken.
func (d *director) openClient(p *program, server address) (err error) {
	for tries := 8; ; tries-- {
		p.local = netip.AddrPortFrom(p.local.Addr(), 0)
		if p.socket, err = open(p.local, false); err != nil {
			return err
		}
		if p.local, err = p.socket.bound(); err != nil || d.o.Ask == nil || tries == 0 {
			return err
		}
		if k, err := d.o.Ask(tcp.Server, server, p.local); err != nil || k.Agrees(tcp.Closed) {
			return nil // that it cannot be asked is told later
		}
		_ = p.socket.close()
	}
}

// refused says in a person's words why a socket could not be had.
func (d *director) refused(a netip.AddrPort, err error) error {
	p := &lang.Problem{Err: err, What: lang.Text{
		EN: fmt.Sprintf("cannot open a socket on %s", a), ZH: fmt.Sprintf("无法在 %s 上打开套接字", a),
	}}
	switch {
	case errors.Is(err, errInUse):
		p.What = lang.Text{EN: fmt.Sprintf("port %d is in use by another program", a.Port()), ZH: fmt.Sprintf("端口 %d 已被其他程序占用", a.Port())}
		p.Hint = lang.Text{
			EN: fmt.Sprintf("see which one: sudo ss -ltnp 'sport = :%d'   or choose another port: --port N", a.Port()),
			ZH: fmt.Sprintf("查看是哪个程序：sudo ss -ltnp 'sport = :%d'   或换一个端口：--port N", a.Port()),
		}
	case errors.Is(err, errNoRight):
		p.What = lang.Text{EN: fmt.Sprintf("no permission to use port %d: ports below 1024 are reserved for root", a.Port()), ZH: fmt.Sprintf("没有使用端口 %d 的权限：1024 以下的端口只有 root 可以使用", a.Port())}
		p.Hint = lang.Text{EN: "choose a port from 1024 up: --port 2023   or run it with sudo", ZH: "选用 1024 及以上的端口：--port 2023   或用 sudo 运行"}
	case errors.Is(err, errNoFamily), errors.Is(err, errNoAddress) && a.Addr().Is6():
		p.What = lang.Text{EN: "this machine has no IPv6 on its loopback interface", ZH: "这台机器的环回接口没有启用 IPv6"}
		p.Hint = lang.Text{EN: "leave out --ipv6   or: sudo sysctl net.ipv6.conf.lo.disable_ipv6=0", ZH: "去掉 --ipv6   或：sudo sysctl net.ipv6.conf.lo.disable_ipv6=0"}
	case errors.Is(err, errNoAddress), errors.Is(err, errUnreachable):
		p.What = lang.Text{EN: fmt.Sprintf("the loopback interface is down: %s cannot be used", a.Addr()), ZH: fmt.Sprintf("环回接口没有启用，%s 不可用", a.Addr())}
		p.Hint = lang.Text{EN: "sudo ip link set lo up", ZH: "sudo ip link set lo up"}
	}
	return p
}
