package lesson

import (
	"fmt"
	"net/netip"
	"time"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// ICMP is an ICMP error that quotes a segment of a connection; in JSON, "icmp".
type ICMP struct {
	tcp.ICMPError
	Number  int    // the packet's number in its capture
	File    string // which capture that is, where there are several
	Stream  int
	Step    tcp.ICMPStep
	Since   time.Duration // since the story's first segment
	Explain []Explanation
	Peer    bool // its sender has the address of the other end
}

func (*ICMP) event() {}

// Sender is the address of who says so.
func (e *ICMP) Sender() netip.Addr { return netip.AddrFrom16(e.From).Unmap() }

// Bounces sums up the ICMP errors of a connection.
type Bounces struct {
	Count int
	Name  string     // of the one that has ended the attempt to connect, else of the latest; "" where there was none
	Text  lang.Text  // the same in words
	From  netip.Addr // who has sent that one
}

// bounces are the ICMP errors of all connections. Hardly any has one, so that
// nothing of them lies in the table.
type bounces struct {
	count   map[int]bounceCount // by stream
	unknown int                 // of connections that there are not
	late    int                 // of those that had been told
}

// bounceCount counts the errors of one connection, and keeps what names one.
type bounceCount struct {
	n          int32
	typ, code  uint8
	v6, aborts bool
	from       [16]byte
}

func (b *bounces) of(stream int) Bounces {
	c, ok := b.count[stream]
	if !ok {
		return Bounces{}
	}
	m := tcp.ICMPError{V6: c.v6, Type: c.typ, Code: c.code}
	return Bounces{Count: int(c.n), Name: m.Name(), Text: m.Text(), From: netip.AddrFrom16(c.from).Unmap()}
}

func (b *bounces) forget(stream int) { delete(b.count, stream) }

// add counts an error. The one that ended an attempt is named, or else the
// latest that was not without effect.
func (b *bounces) add(stream int, m *tcp.ICMPError, effect tcp.Effect) {
	if b.count == nil {
		b.count = map[int]bounceCount{}
	}
	c := b.count[stream]
	if c.n == 0 || effect == tcp.Aborts || !c.aborts && effect != tcp.NoEffect && effect != tcp.Discarded {
		c = bounceCount{n: c.n, typ: m.Type, code: m.Code, v6: m.V6, aborts: effect == tcp.Aborts, from: m.From}
	}
	c.n++
	b.count[stream] = c
}

// strangers says how many errors are of no connection that is known.
func (b *bounces) strangers() lang.Text {
	switch {
	case b.unknown == 1:
		return lang.Text{
			EN: "1 ICMP error quotes a segment of a connection that is not in this capture.",
			ZH: "有 1 个 ICMP 差错引用的报文段所属的连接不在这份抓包中。"}
	case b.unknown > 1:
		return lang.Text{
			EN: fmt.Sprintf("%d ICMP errors quote segments of connections that are not in this capture.", b.unknown),
			ZH: fmt.Sprintf("有 %d 个 ICMP 差错引用的报文段所属的连接不在这份抓包中。", b.unknown)}
	case b.late > 0:
		return lang.Text{
			EN: fmt.Sprintf("ICMP errors that came when their connection had been told already: %d.", b.late),
			ZH: fmt.Sprintf("在所属连接已经输出之后才出现的 ICMP 差错：%d 个。", b.late)}
	}
	return lang.Text{}
}

// bounced observes an ICMP error, and tells it if it is to be told.
func (x *explainer) bounced(c *tcp.Captured) {
	matches := x.opt.Match == nil || x.opt.Match(c)
	stream, step, ok := x.unreachable(c.ICMP, matches)
	x.fit()
	if !ok || x.opt.Detail == Table || !x.wants(stream) {
		return
	}
	if step.Since > 0 && !x.opt.Follow {
		x.rows.doubt(stream, &step)
	}
	if matches {
		x.rows.begin(c)
		e := &ICMP{ICMPError: *c.ICMP, Number: c.Number, File: c.File, Stream: stream, Step: step, Since: time.Duration(c.Time - x.rows.first)}
		e.Peer = e.From == c.Dst.IP
		s := x.rows.room()
		*s = Segment{Captured: tcp.Captured{Header: s.Header, Payload: s.Payload}, Stream: stream, icmp: e}
		x.rows.held = append(x.rows.held, s)
	}
	x.tell()
}

// unreachable shows an ICMP error to its connection; false where there is none.
// An error begins no connection.
func (x *explainer) unreachable(m *tcp.ICMPError, matches bool) (stream int, step tcp.ICMPStep, ok bool) {
	h := x.table.hash(&m.Src, &m.Dst)
	slot, ok := x.table.find(h, &m.Src, &m.Dst)
	if !ok {
		if _, told := x.past.find(h); told {
			x.icmp.late++
		} else {
			x.icmp.unknown++
		}
		return 0, step, false
	}
	number := x.table.number(slot)
	if matches {
		*number |= chosen
	}
	stream = int(*number &^ marks)
	step = x.table.conn(slot).ObserveICMP(x.opt.Vantage, m)
	x.icmp.add(stream, m, step.Effect)
	return stream, step, true
}

// doubt rewrites the rows from the one on of which an ICMP error says that it
// has not come, as far as they have not been told, and where the error comes.
func (r *rows) doubt(stream int, step *tcp.ICMPStep) {
	e := step.To.Peer()
	step.Before[e] = tcp.Unknown
	for i := len(r.held) - 1; i >= 0; i-- {
		row := r.held[i]
		switch {
		case row.Stream != stream:
			continue
		case row.icmp != nil:
			if other := &row.icmp.Step; other.N >= step.Since {
				other.Before[e], other.After[e], other.Inferred[e] = tcp.Unknown, tcp.Unknown, false
			}
			continue
		case row.Step.N < step.Since:
			return
		case row.Step.N > step.Since:
			row.Step.Before[e] = tcp.Unknown
		}
		row.Step.After[e], row.Step.Taken[e], row.Step.Inferred[e] = tcp.Unknown, tcp.Path{}, false
	}
}

// correct rewrites what a later segment proves wrong, as rows.correct does; also
// that an error has ended the attempt of an end, where that has gone on.
func (e *ICMP) correct(v tcp.Revision) {
	s, end := &e.Step, v.End
	if s.Effect == tcp.Aborts && s.To == end && v.State != tcp.Closed {
		s.Effect = tcp.Survived
	}
	switch {
	case s.N >= v.Since:
		s.Before[end], s.After[end] = v.State, v.State
	case s.GoesOn[end] != tcp.Unknown && v.State != tcp.Closed:
		s.After[end] = s.GoesOn[end]
		if s.Before[end] == tcp.Closed {
			s.Before[end] = s.GoesOn[end]
		}
	default:
		return
	}
	s.Taken[end], s.GoesOn[end], s.Inferred[end] = tcp.Path{}, tcp.Unknown, s.After[end] == tcp.Closed
}

// tell tells the error.
func (e *ICMP) tell(explain bool, t Teller) error {
	if explain {
		e.Explain = e.explanations()
	}
	return t.Tell(e)
}

// explanations say who says what, and what comes of it.
func (e *ICMP) explanations() []Explanation {
	out := []Explanation{e.says()}
	out = append(out, e.effect())
	if e.Step.Since > 0 {
		peer := e.Step.To.Peer().Text()
		out = append(out, Explanation{Text: lang.Text{
			EN: fmt.Sprintf("So it may never have reached the %s, whose state is unknown until it is heard.", peer.EN),
			ZH: fmt.Sprintf("因此它可能从未到达%[1]s：在看到%[1]s发出报文段之前，%[1]s的状态未知。", peer.ZH),
		}})
	}
	return out
}

// says is "192.0.2.9, which is not the server's address, says of the client's
// segment at 0: host unreachable."
func (e *ICMP) says() Explanation {
	to, peer := e.Step.To.Text(), e.Step.To.Peer().Text()
	whose := lang.Text{
		EN: fmt.Sprintf("not the %s's address: most likely a router or firewall on the way", peer.EN),
		ZH: fmt.Sprintf("不是%s的地址，多半是途中的路由器或防火墙", peer.ZH)}
	if e.Peer {
		whose = lang.Text{
			EN: fmt.Sprintf("the %s's own address", peer.EN),
			ZH: fmt.Sprintf("即%s自己的地址", peer.ZH)}
	}
	t := e.Text()
	what := lang.Text{EN: t.EN, ZH: t.ZH}
	if e.TooBig() && e.MTU > 0 {
		what.EN += fmt.Sprintf(", no more than %d bytes come through", e.MTU)
		what.ZH += fmt.Sprintf("，最多只能通过 %d 字节", e.MTU)
	}
	return Explanation{Text: lang.Text{
		EN: fmt.Sprintf("%v (%s) says that the %s's segment with seq %d did not come through: %s.", e.Sender(), whose.EN, to.EN, e.Step.Seq, what.EN),
		ZH: fmt.Sprintf("%v（%s）报告%s的 seq %d 报文段没有送达：%s。", e.Sender(), whose.ZH, to.ZH, e.Step.Seq, what.ZH),
	}, Ref: e.definition()}
}

// definition is where the error is defined.
func (e *ICMP) definition() string {
	if e.V6 {
		return "RFC 4443 §3"
	}
	return "RFC 792"
}

// effect says what the error does to the end it is sent to.
func (e *ICMP) effect() Explanation {
	to := e.Step.To.Text()
	say := func(ref, en, zh string) Explanation {
		return Explanation{Text: lang.Text{EN: fmt.Sprintf(en, to.EN), ZH: fmt.Sprintf(zh, to.ZH)}, Ref: ref}
	}
	switch e.Step.Effect {
	case tcp.Aborts:
		return e.abort()
	case tcp.MayAbort:
		return say("RFC 9293 §3.9.2.2", "Some systems forget the half-open connection now and listen on, others wait for the ACK: the %s's state is unknown until it is heard.",
			"有的系统此时放弃这个半连接、继续监听，有的仍等待 ACK：在看到%s发出报文段之前，它的状态未知。")
	case tcp.SmallerPackets:
		ref := "RFC 1191"
		if e.V6 {
			ref = "RFC 8201"
		}
		return say(ref, "The packet was too large for a link on its way. The %s sends again in smaller ones; no state changes.",
			"数据包对途中某段链路来说过大。%s会改用较小的数据包重发，状态不变。")
	case tcp.Survived:
		return say("RFC 9293 §3.9.2.2", "The %s did not give up: it went on later. To its system this was a soft error.",
			"%s没有放弃，后来仍在继续：对它的系统来说，这是软差错。")
	case tcp.Unproven:
		return say("", "Nothing shows that the error has reached the %s.", "没有迹象表明%s收到了这个差错。")
	case tcp.Discarded:
		return say("", "Its checksum is wrong: the %s discards it.", "它的校验和有误，%s会将其丢弃。")
	case tcp.SoftError:
		if e.hard() {
			return say("RFC 9293 §3.9.2.2, RFC 5461", "The connection stays as it is: RFC 9293 would have the %s end it here, but most systems, Linux among them, take every ICMP error in an open connection for a soft one, and send again what was lost.",
				"连接保持不变：按 RFC 9293，%s此时应当中止连接，但包括 Linux 在内的多数系统对已打开的连接一律视 ICMP 差错为软差错，只是重发丢失的内容。")
		}
		return say("RFC 9293 §3.9.2.2", "A soft error: the connection stays as it is, and the %s sends again what was lost.",
			"软差错：连接保持不变，%s会重发丢失的内容。")
	case tcp.NoEffect:
	}
	if e.Name() == "source-quench" {
		return say("RFC 6633 §3", "It changes nothing: the %s discards it, as every system has to.", "没有任何影响：%s会将其丢弃，所有系统都必须如此。")
	}
	return say("RFC 5927 §4.1", "It changes nothing: as far as the capture shows, the %s has nothing on its way that the error could be about. It may be late, or forged.",
		"没有任何影响：就抓包所见，%s此刻没有与之对应的在途报文段。它可能是迟到的，也可能是伪造的。")
}

// abort says how an attempt to connect ends.
func (e *ICMP) abort() Explanation {
	to := e.Step.To.Text()
	ends := lang.Text{
		EN: fmt.Sprintf("The %s gives up its attempt to connect, and no socket is left: on Linux connect() fails at once with %s.", to.EN, e.Errno()),
		ZH: fmt.Sprintf("%s放弃这次连接尝试，套接字不复存在：在 Linux 上，connect() 立刻失败，错误为 %s。", to.ZH, e.Errno()),
	}
	switch {
	case e.soft():
		ends.EN += " RFC 9293 counts this error among the soft ones, but many systems end an attempt all the same; one that does not sends its SYN again."
		ends.ZH += "RFC 9293 把它归为软差错，但许多系统在建立连接时照样放弃；不放弃的系统会重发 SYN。"
	case !e.hard():
		ends.EN += " RFC 9293 does not say what to do on this error; a system that goes on sends its SYN again."
		ends.ZH += "RFC 9293 没有规定如何处理这种差错；不放弃的系统会重发 SYN。"
	}
	return Explanation{Text: ends, Ref: "RFC 9293 §3.9.2.2"}
}

// hard reports whether RFC 9293 §3.9.2.2 counts the error among those on which a
// connection should be ended.
func (e *ICMP) hard() bool {
	if e.V6 {
		return e.Type == 1 && (e.Code == 1 || e.Code == 4)
	}
	return e.Type == 3 && e.Code >= 2 && e.Code <= 4
}

// soft reports whether RFC 9293 §3.9.2.2 counts the error among those on which a
// connection must not be ended. Of the rest it says nothing.
func (e *ICMP) soft() bool {
	if e.V6 {
		return e.Type == 1 && (e.Code == 0 || e.Code == 3) || e.Type == 3 || e.Type == 4
	}
	return e.Type == 3 && (e.Code == 0 || e.Code == 1 || e.Code == 5) || e.Type == 11 || e.Type == 12
}
