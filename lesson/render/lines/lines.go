// Package lines writes a story as text, one line a segment, in the notation of
// packetdrill and tcpdump (package notation), which reads them back:
//
//	0.000012 client > server: S 0:0(0) win 65495 | SYN_SENT SYN_RECV # 3 10.0.0.1:43210 > 10.0.0.2:80
//
// Numbers are relative to each end's first, the states are those of client and
// server after the segment. Behind the # stand the connection's number, the
// addresses of sender and receiver, and the names of what is notable. What is no
// segment begins with #, an ICMP error too:
//
//	# 0.000200 10.0.0.9 > client: ICMP host-unreachable, quotes seq 0 | CLOSED Unknown # 3 10.0.0.1:43210 > 10.0.0.2:80
package lines

import (
	"fmt"
	"io"
	"strconv"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
	"lesson/lesson/tcp/notation"
)

// Writer is a lesson.Teller that writes every segment as one line and a note as
// a comment, in one Write each; of live connections also who waits for whom, and
// what was lost. A segment costs no allocation. With many of them, give it
// something that buffers.
type Writer struct {
	w    io.Writer
	lang lang.Lang // of the comments
	live bool
	buf  []byte
	// Verbose adds, after the addresses, what in the IP header tells of who
	// sent it, as tcpdump does: (ttl 64, id 7222), in IPv6 (hlim 64).
	Verbose bool
}

// New returns a Writer that writes to w.
func New(w io.Writer, l lang.Lang) *Writer { return &Writer{w: w, lang: l} }

// Tell writes one event. The error is the writer's.
func (w *Writer) Tell(e lesson.Event) error {
	b := w.buf[:0]
	switch e := e.(type) {
	case *lesson.Segment:
		b = w.appendSegment(b, e)
	case *lesson.ICMP:
		b = appendICMP(b, e)
	case *lesson.Note:
		b = w.comment(b, e.Text)
	case *lesson.Opening:
		if w.live = e.Place != lesson.File; !w.live {
			return nil
		}
		b = w.comment(b, e.Title)
	case *lesson.Socket:
		if !e.Waits {
			return nil
		}
		b = appendSocket(b, e)
		b = append(b, text.Clean(e.Text.In(w.lang))...)
	case *lesson.Ending:
		if !w.live {
			return nil
		}
		b = w.comment(b, lang.Text{
			EN: fmt.Sprintf("%s, %s, %s lost", count(e.Segments, "segment"), count(e.Connections, "connection"), count(int(e.Dropped), "frame")),
			ZH: fmt.Sprintf("%d 个报文段，%d 个连接，丢失 %d 帧", e.Segments, e.Connections, e.Dropped),
		})
	default:
		return nil
	}
	w.buf = append(b, '\n')
	_, err := w.w.Write(w.buf)
	return err
}

func (w *Writer) comment(b []byte, t lang.Text) []byte {
	return append(append(b, "# "...), text.Clean(t.In(w.lang))...)
}

func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// appendSocket is the beginning of the line of a socket that somebody waits for.
func appendSocket(b []byte, e *lesson.Socket) []byte {
	state := e.State
	if state == tcp.Unknown {
		state = e.Kernel.State
	}
	own, peer := e.Ends[e.End&1], e.Ends[e.End.Peer()&1]
	return fmt.Appendf(b, "# %d %v < %v: %v: ", e.Stream, own, peer, state)
}

// appendSegment is a segment's line without its end.
func (w *Writer) appendSegment(b []byte, s *lesson.Segment) []byte {
	step := &s.Step
	var first [2]tcp.Seq // what is told as 0
	from, to := step.From&1, step.From.Peer()&1
	first[from], first[to] = s.Seq-tcp.Seq(step.Seq), s.Ack-tcp.Seq(step.Ack)
	l := notation.Of(&s.Segment, from, first)
	l.Signed[from], l.Signed[to] = step.Seq < 0, step.Ack < 0
	l.Time, l.HasTime, l.State, l.HasState = s.Since, true, step.After, true
	for i := range min(int(l.Options.SACKBlocks), len(l.Options.SACK)) {
		block := &s.Options.SACK[i]
		l.Signed[to] = l.Signed[to] || step.SACK(&s.Segment, block.Left) < 0 || step.SACK(&s.Segment, block.Right) < 0
	}
	b = l.Append(b)
	b = append(b, " # "...)
	b = strconv.AppendInt(b, int64(s.Stream), 10)
	b = s.Src.AddrPort().AppendTo(append(b, ' '))
	b = s.Dst.AddrPort().AppendTo(append(b, " > "...))
	if w.Verbose {
		b = appendPacket(b, &s.Captured)
	}
	return step.Findings.AppendNames(b)
}

// appendPacket is the hop limit, and in IPv4 the identification.
func appendPacket(b []byte, c *tcp.Captured) []byte {
	if !c.IPv4() {
		return append(strconv.AppendUint(append(b, " (hlim "...), uint64(c.Hops), 10), ')')
	}
	b = strconv.AppendUint(append(b, " (ttl "...), uint64(c.Hops), 10)
	return append(strconv.AppendUint(append(b, ", id "...), uint64(c.ID), 10), ')')
}

// appendICMP is an ICMP error's line without its end: who says what to which
// end, the states after it, and the connection of the segment it quotes.
func appendICMP(b []byte, e *lesson.ICMP) []byte {
	b = fmt.Appendf(b, "# %.6f %v > %v: %s %s", e.Since.Seconds(), e.Sender(), e.Step.To, e.Protocol(), e.Name())
	if e.TooBig() && e.MTU > 0 {
		b = fmt.Appendf(b, " mtu %d", e.MTU)
	}
	return fmt.Appendf(b, ", quotes seq %d | %v %v # %d %v > %v %v", e.Step.Seq, e.Step.After[tcp.Client], e.Step.After[tcp.Server],
		e.Stream, e.Src, e.Dst, e.Step.Effect)
}
