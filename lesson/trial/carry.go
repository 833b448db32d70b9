package trial

import (
	"errors"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"time"

	"lesson/lesson"
	"lesson/lesson/hand"
	"lesson/lesson/tcp"
)

// passage is a segment's way over the wire.
type passage struct {
	tcp.Captured
	from     tcp.End
	inFlight [2]lesson.Kernel // by end, when it had left
	repeats  []time.Duration  // when its sender repeated it while it was held
	provoked []time.Duration  // when its receiver meanwhile repeated a segment
	owner    *connection      // found when it departs
	row      *lesson.Segment  // its departure, and its arrival too unless told is set
	told     bool             // its departure has been told by itself
}

// landing is what becomes of a segment. What the kernels said after it may be
// read once done is closed.
type landing struct {
	*passage
	what   tcp.Captured // as it arrives
	fate   lesson.Fate
	before lesson.Kernel // what its receiver's said
	// listener is what that says of a socket that could take a SYN from
	// TIME_WAIT: it is in LISTEN, or CLOSED where there is none.
	listener lesson.Kernel
	after    [2]lesson.Kernel // by end
	err      error            // why a kernel could not be asked
	done     chan struct{}
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

// next waits for a segment to be sent. One that nothing overtakes arrives
// after a while.
func (x *trial) next(sent *flight) error {
	if i := slices.IndexFunc(x.kept, func(k kept) bool { return k.verb == lesson.Reorder }); i >= 0 {
		x.deadline(x.kept[i].since.Add(hand.Overtaken))
		defer x.deadline(time.Time{})
		if time.Since(x.kept[i].since) > hand.Overtaken {
			return x.release(i, sent)
		}
	}
	c, from, err := x.o.Wire.Next()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
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

// pass lets a segment have its fate.
func (x *trial) pass(p *passage, sent *flight) error {
	verb := lesson.Deliver
	if x.o.Hand != nil {
		var ok bool
		if verb, ok = x.verdict(p, sent); !ok {
			return nil
		}
	}
	switch verb {
	case lesson.Drop:
		x.stays(p, lesson.Lost)
		return nil
	case lesson.Reorder, lesson.Delay:
		x.kept = append(x.kept, kept{p, verb, time.Now()})
		x.stays(p, lesson.Delayed)
		return nil
	}
	fate, what := lesson.Delivered, p.Captured
	if verb == lesson.Corrupt {
		fate, what = lesson.Corrupted, x.o.Wire.Corrupt(&p.Captured)
	}
	if err := x.land(p, what, fate, sent); err != nil {
		return err
	}
	if verb == lesson.Duplicate {
		if err := x.land(p, p.Captured, lesson.Copied, sent); err != nil {
			return err
		}
	}
	return x.overtakes(p, sent)
}

// land delivers a segment and asks both kernels what that did.
func (x *trial) land(p *passage, what tcp.Captured, fate lesson.Fate, sent *flight) error {
	l := &landing{passage: p, what: what, fate: fate, done: make(chan struct{})}
	defer close(l.done)
	if err := x.deliver(l, sent); err != nil {
		return err
	}
	for _, e := range [2]tcp.End{p.from.Peer(), p.from} {
		if l.after[e], l.err = x.ask(p, e); l.err != nil {
			break
		}
	}
	return nil
}

// deliver delivers a segment, and takes down in which order it arrived and
// others were sent. Nothing else is taken down meanwhile.
func (x *trial) deliver(l *landing, sent *flight) error {
	x.order.Lock()
	defer x.order.Unlock()
	to := l.from.Peer()
	x.drain(to, nothing)
	l.before, _ = x.ask(l.passage, to) // if that fails, so does asking later
	if l.before.State == tcp.TimeWait && l.what.Flags&(tcp.SYN|tcp.ACK) == tcp.SYN {
		l.listener, _ = x.listener(l.passage, to)
	}
	start := time.Now().UnixNano()
	if err := x.o.Wire.Deliver(to, &l.what); err != nil {
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
		if q.Time < start || q.ignores(l.passage) {
			x.departed(q)
		} else {
			after = append(after, q)
		}
	}
	x.happens(item{arrived: l})
	for _, q := range after {
		x.departed(q)
	}
	return nil
}

// ignores reports whether a segment was sent before its sender had received p:
// it waits for a byte that p brings.
func (q *passage) ignores(p *passage) bool {
	return q.Src == p.Dst && q.Dst == p.Src && q.Flags.Has(tcp.ACK) && p.Seq.LessEq(q.Ack) && q.Ack.Less(p.End())
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
	p := &passage{Captured: c, from: from}
	for e := range p.inFlight {
		p.inFlight[e], _ = x.ask(p, tcp.End(e)) // if that fails, so does asking later
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
func (x *trial) ask(p *passage, e tcp.End) (lesson.Kernel, error) {
	ends := p.ends()
	return x.o.Ask(e, ends[e], ends[e.Peer()])
}

// listener asks an end's kernel for the socket that would take a connection from
// another port than the segment's: none has the number 0.
func (x *trial) listener(p *passage, e tcp.End) (lesson.Kernel, error) {
	ends := p.ends()
	return x.o.Ask(e, ends[e], netip.AddrPortFrom(ends[e.Peer()].Addr(), 0))
}

// ends are the addresses of the connection, by host.
func (p *passage) ends() (ends [2]netip.AddrPort) {
	ends[p.from], ends[p.from.Peer()] = p.Src.AddrPort(), p.Dst.AddrPort()
	return ends
}
