package stage

import (
	"fmt"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/tcp"
	"lesson/lesson/tcp/notation"
)

// promises follows a run along the segments that the lesson promised.
type promises struct {
	left    []lesson.Promise
	differs lang.Text // the first difference: what was promised, what came, why
}

func promisesOf(l *lesson.Lesson, set map[string]bool) promises {
	var p promises
	for _, e := range l.Expect {
		if e.Holds(set) {
			p.left = append(p.left, e)
		}
	}
	return p
}

// kept reports whether nothing has differed so far.
func (p *promises) kept() bool { return p.differs.IsZero() }

// compare takes the next segment of the run. It returns what to tell when this
// is the first one that differs; what follows from a difference is not another.
func (p *promises) compare(s *lesson.Segment) (differs lang.Text) {
	if !p.kept() {
		return lang.Text{}
	}
	got := notation.Line{From: s.Step.From, Flags: s.Flags, State: s.Step.After}
	if len(p.left) == 0 {
		p.differs = lang.Text{
			EN: fmt.Sprintf("segment %d was not promised: %s.", s.N, inEnglish(&got)),
			ZH: fmt.Sprintf("第 %d 个报文段不在预期之中：%s。", s.N, inChinese(&got)),
		}
	} else {
		want := p.left[0]
		p.left = p.left[1:]
		if want.Kept(s) {
			return lang.Text{}
		}
		p.differs = lang.Text{
			EN: fmt.Sprintf("segment %d differs. Promised: %s. Seen: %s.", s.N, inEnglish(&want.Segment), inEnglish(&got)),
			ZH: fmt.Sprintf("第 %d 个报文段与预期不同。预期：%s。实际：%s。", s.N, inChinese(&want.Segment), inChinese(&got)),
		}
		if w := why(&want.Segment, &got, s.Step.Findings); !w.IsZero() {
			p.differs.EN += " " + w.EN
			p.differs.ZH += w.ZH
		}
	}
	return p.differs
}

// end says what is missing when the script has come to its end.
func (p *promises) end() (differs lang.Text) {
	if !p.kept() || len(p.left) == 0 {
		return lang.Text{}
	}
	want := &p.left[0].Segment
	p.differs = lang.Text{
		EN: fmt.Sprintf("a promised segment did not come: %s.", inEnglish(want)),
		ZH: fmt.Sprintf("预期的报文段没有出现：%s。", inChinese(want)),
	}
	return p.differs
}

func inEnglish(p *notation.Line) string {
	return fmt.Sprintf("%s from the %s, then client %s, server %s", p.Flags, p.From, p.State[tcp.Client], p.State[tcp.Server])
}

func inChinese(p *notation.Line) string {
	return fmt.Sprintf("%s发出 %s，此后客户端 %s、服务器 %s", p.From.Text().ZH, p.Flags, p.State[tcp.Client], p.State[tcp.Server])
}

// why explains a difference where its cause is known.
func why(want, got *notation.Line, f tcp.Findings) lang.Text {
	const ack, finAck = tcp.ACK, tcp.FIN | tcp.ACK
	switch {
	case f.Has(tcp.Retransmission):
		return lang.Text{
			EN: "It is a retransmission: its sender got no acknowledgement in time.",
			ZH: "这是一次重传：发送方没有及时收到确认。",
		}
	case got.Flags.Has(tcp.RST):
		return lang.Text{
			EN: "A RST ends the connection at once. Its sender aborted, closed with data unread or has no such connection, or a firewall refused.",
			ZH: "RST 会立即终止连接：发送方中止了连接、关闭时有数据未读，或没有这个连接；也可能是防火墙拒绝。",
		}
	case want.From == got.From && want.Flags == finAck && got.Flags == ack:
		return lang.Text{
			EN: "close() came too late: the kernel had already sent the ACK by itself, so the FIN needs a segment of its own.",
			ZH: "close() 来得太晚：内核已先单独发出 ACK，FIN 只能另用一个报文段。",
		}
	case want.From == got.From && want.Flags == ack && got.Flags == finAck:
		return lang.Text{
			EN: "close() came while the kernel was still delaying its ACK, so ACK and FIN travel together.",
			ZH: "调用 close() 时内核还在延迟确认，于是 ACK 和 FIN 合并在一个报文段里发出。",
		}
	}
	return lang.Text{}
}
