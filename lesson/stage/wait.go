package stage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lesson/lesson"
	"lesson/lesson/hand"
	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// until reads the wire until all conditions are met.
func (d *director) until(all []lesson.Condition) error {
	for d.pending() || !d.met(all) {
		if d.over() {
			// Nothing more can come: there is no use in waiting.
			return d.late(conditions(all))
		}
		if err := d.oneMore(conditions(all)); err != nil {
			return err
		}
	}
	return nil
}

// oneMore waits for the next segment, or for a kernel to do something by
// itself, and takes it into the story. What it is waited for is said when it is
// in vain; a person who decides over the segments can wait as long as they like.
func (d *director) oneMore(what lang.Text) error {
	if len(d.way.sent) > 0 {
		return d.decide()
	}
	var (
		patience, again <-chan time.Time
		keys            <-chan byte
	)
	limit := time.NewTimer(d.o.Patience)
	defer limit.Stop()
	if patience = limit.C; d.o.Hand != nil {
		patience, keys = nil, d.o.Hand.Keys()
	}
	if d.hosts != nil {
		tick := time.NewTicker(heartbeat)
		defer tick.Stop()
		again = tick.C
	}
	connect := d.connecting()
	for {
		select {
		case c, ok := <-d.segments():
			if !ok {
				return d.blind()
			}
			return d.segment(c)
		case _, ok := <-d.way.ready:
			if !ok {
				return d.blind()
			}
			if err := d.read(); err != nil || len(d.way.sent) == 0 {
				return err
			}
			return d.decide()
		case <-connect.done:
			if !fromWire(connect.err) {
				return d.refused(d.ends[tcp.Server], connect.err)
			}
			connect = &call{}
		case key, ok := <-keys:
			if _, err := hand.Press(d.o.Hand, key, ok, false); err != nil {
				return err
			}
		case <-again:
			if moved, err := d.idle(); moved || err != nil {
				return err
			}
		case <-d.ctx.Done():
			return context.Cause(d.ctx)
		case <-patience:
			if d.timed() && d.kept() { // in a run that differs, that may never help
				limit.Reset(d.o.Patience)
				continue
			}
			return d.late(what)
		}
	}
}

// timed reports whether a kernel is going to do something by itself.
func (d *director) timed() bool {
	return d.hosts != nil && (d.way.truth[tcp.Client].Timer != "" || d.way.truth[tcp.Server].Timer != "")
}

// segments are those that loopback has shown; nil on the wire.
func (d *director) segments() <-chan tcp.Captured {
	if d.watch == nil {
		return nil
	}
	return d.watch.segments
}

// drain takes in the segments that are there, without waiting.
func (d *director) drain() error {
	if d.hosts != nil {
		err := d.read()
		for err == nil && len(d.way.sent) > 0 {
			err = d.decide()
		}
		return err
	}
	for {
		select {
		case c, ok := <-d.watch.segments:
			if !ok {
				return d.blind()
			}
			if err := d.segment(c); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// connecting is the call of connect() that the client is waiting in, if it is.
func (d *director) connecting() *call {
	if c := d.calls[tcp.Client]; len(c) > 0 && c[0].Verb == lesson.Connect {
		return c[0]
	}
	return &call{}
}

// fromWire reports whether a call's result is one that a segment brings, so
// that the wire will show it too.
func fromWire(err error) bool {
	return err == nil || errors.Is(err, errRefused) || errors.Is(err, errReset) || errors.Is(err, errPipe) || errors.Is(err, errTimedOut)
}

func (d *director) met(all []lesson.Condition) bool {
	for _, c := range all {
		if c.Acked && !d.conn().AllAcked() || !c.Acked && d.conn().State(c.End) != c.State {
			return false
		}
	}
	return true
}

// over reports whether the connection has been and is gone at both ends.
func (d *director) over() bool {
	for _, s := range d.state() {
		if s != tcp.Closed && s != tcp.Listen {
			return false
		}
	}
	return d.story.n > 0
}

// late is the problem of a wait that was in vain.
func (d *director) late(what lang.Text) error {
	s := d.state()
	p := &lang.Problem{Code: lang.ExitDiffers, What: lang.Text{
		EN: fmt.Sprintf("waited in vain for %s: the client is in %s, the server in %s", what.EN, s[tcp.Client], s[tcp.Server]),
		ZH: fmt.Sprintf("没有等到%s：客户端处于 %s，服务器处于 %s", what.ZH, s[tcp.Client], s[tcp.Server]),
	}}
	for e, calls := range d.calls {
		if len(calls) > 0 {
			p.What.EN += fmt.Sprintf("; the %s is still in %s()", tcp.End(e), calls[0].Verb)
			p.What.ZH += fmt.Sprintf("；%s仍阻塞在 %s() 中", tcp.End(e).Text().ZH, calls[0].Verb)
		}
	}
	if n := d.o.Wire.Dropped(); n > 0 {
		p.Hint = lang.Text{
			EN: fmt.Sprintf("the capture lost %d frames on a busy interface; a private one is quiet: --private", n),
			ZH: fmt.Sprintf("接口繁忙，抓包丢失了 %d 帧；私有网络里没有其他流量：--private", n),
		}
	} else if d.o.Place == lesson.Host {
		p.Hint = lang.Text{
			EN: "a firewall on this host may hold the segments back; a private network has none: --private",
			ZH: "可能是本机防火墙拦截了报文段；私有网络里没有防火墙：--private",
		}
	}
	return p
}

func conditions(all []lesson.Condition) lang.Text {
	var en, zh []string
	for _, c := range all {
		en, zh = append(en, c.Text().EN), append(zh, c.Text().ZH)
	}
	return lang.Text{EN: strings.Join(en, " and "), ZH: strings.Join(zh, "、")}
}

// pending reports whether the programs have done something that the wire has
// not shown yet. Until it has, no state is the one to wait for.
func (d *director) pending() bool {
	if d.opened[tcp.Client] || d.opened[tcp.Server] {
		return true
	}
	sent := d.conn().Summary().End
	for e, s := range d.state() {
		open := s == tcp.Established || s == tcp.CloseWait
		unsent := d.sent[e] > sent[e].Bytes
		if open && (d.closed[e] || unsent) {
			return true
		}
	}
	return false
}

// released reports whether the segments seen so far make a blocking call
// return.
func (d *director) released(c *call) bool {
	conn := d.conn()
	s := conn.State(c.End)
	idle := s == tcp.Closed || s == tcp.Listen
	switch c.Verb {
	case lesson.Connect:
		return d.interrupted[c.End] || s != tcp.SynSent && s != tcp.SynRecv && (!idle || d.began[c.End])
	case lesson.Accept:
		return s == tcp.Established || s == tcp.CloseWait
	default:
		return conn.Received(c.End) > d.got[c.End] || conn.FinReceived(c.End) || idle && d.story.n > 0
	}
}
