package main

import (
	"net/netip"

	"lesson/capture"
	"lesson/capture/private"
	"lesson/capture/sockets"
	"lesson/capture/wire"
	"lesson/lesson"
	"lesson/lesson/stage"
	"lesson/lesson/tcp"
)

// ground is where a lesson is played: the wire, and a line to each end's kernel.
type ground struct {
	source stage.Wire
	name   string     // the loopback interface's
	wire   *wire.Wire // between two private hosts; nil on loopback
	link   capture.LinkType
	diag   [2]*sockets.Diag
	close  func()
}

// ask asks an end's kernel for the state of its socket.
func (g *ground) ask(e tcp.End, local, remote netip.AddrPort) (lesson.Kernel, error) {
	s, err := g.diag[e].Ask(local, remote)
	return kernel(s), err
}

// kernel is what a story tells of a socket.
func kernel(s sockets.Socket) lesson.Kernel {
	return lesson.Kernel{State: s.State, Timer: s.Timer, Remaining: s.Remaining}
}

// onHost captures on the host's loopback interface.
func (a *app) onHost(port uint16) (*ground, error) {
	source, err := capture.Live(loopback, port)
	if err != nil {
		return nil, private.Refused(err, a.args)
	}
	diag, err := sockets.Open()
	if err != nil {
		_ = source.Close()
		return nil, err
	}
	return &ground{
		source: source, name: loopback, link: source.LinkType(), diag: [2]*sockets.Diag{diag, diag},
		close: func() { _, _ = diag.Close(), source.Close() },
	}, nil
}

// onWire makes two hosts and the wire between them.
func (a *app) onWire(o wire.Options) (*ground, error) {
	w, err := wire.New(o)
	if err != nil {
		return nil, private.Refused(err, a.args)
	}
	g := &ground{source: w.Segments(), wire: w, link: w.LinkType()}
	g.close = func() {
		for _, d := range g.diag {
			if d != nil {
				_ = d.Close()
			}
		}
		_ = w.Close()
	}
	for e := range g.diag {
		if err := w.Do(tcp.End(e), func() (err error) { g.diag[e], err = sockets.Open(); return err }); err != nil {
			g.close()
			return nil, err
		}
	}
	return g, nil
}
