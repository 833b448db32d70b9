package lesson

import (
	"fmt"
	"strconv"
	"strings"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// Says is the sentence of one finding about a segment, with the segment's own
// numbers where it has any.
func (s *Segment) Says(f tcp.Findings) lang.Text {
	switch {
	case f == tcp.HopLimitDiffers && s.UsualHops != 0:
		return lang.Text{
			EN: fmt.Sprintf("its hop limit is %d, its sender's others had %d. Another machine may have sent it (a firewall, a middlebox, a forger), or the route has changed; it proves neither, and some systems give a RST another initial value", s.Hops, s.UsualHops),
			ZH: fmt.Sprintf("跳数限制（TTL）为 %d，而同一发送方的其他报文段为 %d。可能由另一台机器发出（防火墙、中间设备或伪造者），也可能是路由变了；这不足以证明其中任何一种，有些系统发送 RST 时本来就用另一个初始值", s.Hops, s.UsualHops),
		}
	case f == tcp.Sack:
		r := s.Reports()
		return s.saysAhead(r.Ahead())
	case f == tcp.DuplicateSack:
		r := s.Reports()
		return s.saysTwice(r.Twice)
	}
	return f.Text()
}

// saysAhead says what a segment's sender still waits for, and what it has.
func (s *Segment) saysAhead(blocks []tcp.SACKBlock) lang.Text {
	var has []string
	for _, b := range blocks {
		has = append(has, s.numbers(b))
	}
	n := len(has) - 1
	if n < 0 {
		return tcp.Sack.Text()
	}
	en := has[n]
	if n > 0 {
		en = strings.Join(has[:n], ", ") + " and " + en
	}
	return lang.Text{
		EN: fmt.Sprintf("still waits for number %d, and already has %s (SACK, RFC 2018)", s.Step.Ack, en),
		ZH: fmt.Sprintf("仍在等待序号 %d，但已经收到 %s（SACK，RFC 2018）", s.Step.Ack, strings.Join(has, "、")),
	}
}

// saysTwice says what has arrived twice.
func (s *Segment) saysTwice(b tcp.SACKBlock) lang.Text {
	var en string
	switch b.Right.Sub(b.Left) {
	case 0:
		return tcp.DuplicateSack.Text()
	case 1:
		en = "number " + s.numbers(b) + " has"
	default:
		en = "numbers " + s.numbers(b) + " have"
	}
	return lang.Text{
		EN: en + " arrived twice (D-SACK, RFC 2883)",
		ZH: "序号 " + s.numbers(b) + " 收到了两次（D-SACK，RFC 2883）",
	}
}

// numbers are a SACK block as people write it, the last number included.
func (s *Segment) numbers(b tcp.SACKBlock) string {
	first, last := s.Step.SACK(&s.Segment, b.Left), s.Step.SACK(&s.Segment, b.Right-1)
	if first == last {
		return strconv.FormatInt(first, 10)
	}
	return fmt.Sprintf("%d–%d", first, last)
}

// Sentences are those of all findings about a segment.
func (s *Segment) Sentences() (out []lang.Text) {
	for f := s.Step.Findings; f != 0; f &= f - 1 {
		out = append(out, s.Says(f&-f))
	}
	return out
}
