package trial

import (
	"net/netip"
	"runtime"
	"time"

	"lesson/lesson"
	"lesson/lesson/tcp"
)

// passage is a segment's way over the wire. What it did may be read once done
// is closed.
type passage struct {
	tcp.Captured
	from   tcp.End
	before lesson.Kernel    // of a SYN's receiver: does it listen?
	after  [2]lesson.Kernel // by end
	err    error            // why a kernel could not be asked
	done   chan struct{}
	owner  *connection     // found when it departs
	row    *lesson.Segment // its departure, and its arrival too unless told is set
	told   bool            // its departure has been told by itself
}

// carry passes segments on until the wire ends, each at once, so that what the
// programs do is as little late as can be: telling takes its time elsewhere.
func (x *trial) carry() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(x.carried)
	var sent flight
	for {
		select {
		case <-x.quit:
			return
		default:
		}
		var err error
		if p := sent.take(); p != nil {
			err = x.pass(p, &sent)
		} else {
			err = x.next(&sent)
		}
		if err != nil {
			x.broken = err
			return
		}
	}
}

// next waits for a segment to be sent.
func (x *trial) next(sent *flight) error {
	c, from, err := x.o.Wire.Next()
	if err != nil {
		return err
	}
	p := x.passage(c, from)
	sent.add(p)
	x.order.Lock()
	defer x.order.Unlock()
	x.departed(p)
	return nil
}

// pass delivers a segment and asks both kernels what that did.
func (x *trial) pass(p *passage, sent *flight) error {
	defer close(p.done)
	to := p.from.Peer()
	if err := x.deliver(p, sent); err != nil {
		return err
	}
	p.after[to] = x.ask(p, to)
	p.after[p.from] = x.ask(p, p.from)
	return nil
}

// deliver delivers a segment, and takes down in which order it arrived and
// others were sent. Nothing else is taken down meanwhile.
func (x *trial) deliver(p *passage, sent *flight) error {
	x.order.Lock()
	defer x.order.Unlock()
	x.drain(p.from.Peer(), nothing)
	start := time.Now().UnixNano()
	if err := x.o.Wire.Deliver(p.from.Peer(), &p.Captured); err != nil {
		return err
	}
	var after []*passage
	for {
		c, from, ok, err := x.o.Wire.Poll()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		q := x.passage(c, from)
		sent.add(q)
		if q.Time < start || q.ignores(p) {
			x.departed(q)
		} else {
			after = append(after, q)
		}
	}
	x.happens(item{arrived: p})
	for _, q := range after {
		x.departed(q)
	}
	return nil
}

// ignores reports whether a segment was sent before its sender had received p:
// it would acknowledge it.
func (q *passage) ignores(p *passage) bool {
	return q.Src == p.Dst && q.Dst == p.Src && q.Flags.Has(tcp.ACK) && p.SeqLen() > 0 && q.Ack.Less(p.End())
}

// departed takes down that a segment was sent. What its program has printed
// before stands before it; where a kernel has sent it by itself, that is not
// what its program prints now. It is called with order held.
func (x *trial) departed(p *passage) {
	if called(&p.Segment) {
		x.drain(p.from, nothing)
	}
	x.happens(item{sent: p})
}

// passage begins one. Whether anybody listens, only the kernel can say.
func (x *trial) passage(c tcp.Captured, from tcp.End) *passage {
	p := &passage{Captured: c, from: from, done: make(chan struct{})}
	if p.Flags&(tcp.SYN|tcp.ACK) == tcp.SYN {
		p.before = x.ask(p, from.Peer())
	}
	return p
}

// flight are segments that have been sent and not delivered, by sender, in the
// order in which they were sent.
type flight struct {
	from [2][]*passage
	last tcp.End // who received last
}

func (f *flight) add(p *passage) { f.from[p.from] = append(f.from[p.from], p) }

// take chooses the segment to deliver next: the kernel's own answer to the one
// that was delivered last, so that a fast sender's next segment does not cross
// it; else what was sent first. A sender's segments stay in order.
func (f *flight) take() (p *passage) {
	heads := [2]*passage{}
	for e, waiting := range f.from {
		if len(waiting) > 0 {
			heads[e] = waiting[0]
		}
	}
	own, other := heads[f.last], heads[f.last.Peer()]
	switch {
	case own == nil && other == nil:
		return nil
	case other == nil, own != nil && (!called(&own.Segment) || own.Number < other.Number):
		p = own
	default:
		p = other
	}
	f.from[p.from] = f.from[p.from][1:]
	f.last = p.from.Peer()
	return p
}

// called reports whether a program's call has made its kernel send a segment:
// connect(), send() or close(). Others answer what has arrived.
func called(s *tcp.Segment) bool {
	return s.Flags.Has(tcp.SYN) && !s.Flags.Has(tcp.ACK) || s.Flags.Has(tcp.FIN) || s.Len > 0
}

// ask asks one end's kernel about the segment's connection.
func (x *trial) ask(p *passage, e tcp.End) lesson.Kernel {
	ends := p.ends()
	k, err := x.o.Ask(e, ends[e], ends[e.Peer()])
	if err != nil {
		p.err = err
		return lesson.Kernel{}
	}
	return k
}

// ends are the addresses of the connection, by host.
func (p *passage) ends() (ends [2]netip.AddrPort) {
	ends[p.from], ends[p.from.Peer()] = p.Src.AddrPort(), p.Dst.AddrPort()
	return ends
}
