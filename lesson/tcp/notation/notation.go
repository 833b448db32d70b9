// Package notation writes a TCP segment as one line of text and reads it
// back, in the manner of packetdrill and tcpdump:
//
//	0.000012 client > server: S 0:0(0) win 65495 <mss 65495,sackOK,TS val 1 ecr 0,wscale 7>
//	server S. 0:0(0) ack 1 | SYN_SENT SYN_RECV
//	client F. 25:25(0) ack 1 win 512   # the client has nothing more to say
//
// A line names the sender and the flags; all the rest may be left out. Its
// parts, in order:
//
//	time         seconds, with up to nine decimals
//	sender       client or server, and if you like "> receiver:"
//	flags        S F R P . U E W e: SYN FIN RST PSH ACK URG ECE CWR AE; - for none
//	first:last(n)  sequence numbers of the n payload bytes; SYN and FIN are not counted
//	ack, win, urg  each with its number
//	<options>    mss N, sackOK, TS val N ecr N, wscale N, sack A:B …, FO, nop, eol
//	| C S        the states of client and server after the segment
//	# …          a comment
//
// Sequence numbers are relative to each end's first one, or absolute: the
// notation does not care. What lies before the first one may be written as a
// negative number: -24785 stands for 4294942511. Times may be negative too.
package notation

import (
	"time"

	"lesson/lesson/tcp"
)

// Line is one segment as text says it. A Has field tells whether its part was
// written; what was not written is zero, and means "not said".
type Line struct {
	Time    time.Duration // since a beginning of the writer's choice
	From    tcp.End
	Flags   tcp.Flags
	Seq     tcp.Seq
	Len     uint32 // payload bytes
	Ack     tcp.Seq
	Window  uint16 // as sent, before scaling
	Urgent  uint16
	Options tcp.Options
	State   [2]tcp.State // by tcp.End, after the segment
	// Signed says, by tcp.End, that the numbers in its stream from 2^31 on are
	// written as negative ones.
	Signed [2]bool

	HasTime, HasSeq, HasAck, HasWindow, HasUrgent, HasOptions, HasState bool
}

// Of describes a segment sent by from, its numbers relative to first, each
// end's first sequence number by tcp.End. The time and the states are left
// unsaid.
func Of(s *tcp.Segment, from tcp.End, first [2]tcp.Seq) Line {
	captured := s.Options
	captured.Cut = false
	l := Line{
		From: from, Flags: s.Flags,
		Seq: tcp.Seq(s.Seq.Sub(first[from])), Len: s.Len, HasSeq: true,
		Window: s.Window, HasWindow: s.HasWindow(),
		Options: s.Options, HasOptions: captured != tcp.Options{},
	}
	if s.Flags.Has(tcp.ACK) {
		l.Ack, l.HasAck = tcp.Seq(s.Ack.Sub(first[from.Peer()])), true
	}
	if s.Flags.Has(tcp.URG) && s.HasUrgent() {
		l.Urgent, l.HasUrgent = s.Urgent, true
	}
	moveSACK(&l.Options, -first[from.Peer()])
	return l
}

// moveSACK moves the SACK blocks: they lie in the stream that is acknowledged.
func moveSACK(o *tcp.Options, by tcp.Seq) {
	for i := range min(int(o.SACKBlocks), len(o.SACK)) {
		o.SACK[i].Left += by
		o.SACK[i].Right += by
	}
}

// Segment returns what the line says as a segment, its numbers moved by
// first, each end's first sequence number by tcp.End. Times count from 1970.
func (l *Line) Segment(ends [2]tcp.Endpoint, first [2]tcp.Seq) tcp.Segment {
	s := tcp.Segment{
		Time: int64(l.Time), Src: ends[l.From], Dst: ends[l.From.Peer()],
		Flags: l.Flags, Seq: l.Seq.Add(uint32(first[l.From])), Len: l.Len,
		Window: l.Window, Urgent: l.Urgent, Options: l.Options,
	}
	if l.HasAck {
		s.Ack = l.Ack.Add(uint32(first[l.From.Peer()]))
	}
	moveSACK(&s.Options, first[l.From.Peer()])
	return s
}

// Complete returns the lines with the numbers that were left unsaid: an end
// goes on where it stopped, and acknowledges all that its peer has sent. Each
// end begins at 0, with its SYN if there is one.
func Complete(lines []Line) []Line {
	out := append([]Line(nil), lines...)
	var next [2]tcp.Seq
	for i := range out {
		l := &out[i]
		if !l.HasSeq {
			l.Seq, l.HasSeq = next[l.From], true
		}
		if !l.HasAck && l.Flags.Has(tcp.ACK) {
			l.Ack, l.HasAck = next[l.From.Peer()], true
		}
		s := l.Segment([2]tcp.Endpoint{}, [2]tcp.Seq{})
		if end := s.End(); next[l.From].Less(end) {
			next[l.From] = end
		}
	}
	return out
}

// letters are the flags in the order they are printed.
var letters = [...]struct {
	c byte
	f tcp.Flags
}{
	{'S', tcp.SYN}, {'F', tcp.FIN}, {'R', tcp.RST}, {'P', tcp.PSH}, {'U', tcp.URG},
	{'E', tcp.ECE}, {'W', tcp.CWR}, {'e', tcp.AE}, {'.', tcp.ACK},
}

// flags prints control bits: "S.", "-" for none.
func (p *printer) flags(f tcp.Flags) {
	at := len(p.b)
	for _, l := range letters {
		if f.Has(l.f) {
			p.b = append(p.b, l.c)
		}
	}
	if len(p.b) == at {
		p.b = append(p.b, '-')
	}
}

// String prints the line; Parse reads it back to the same Line.
func (l Line) String() string { return string(l.Append(nil)) }

// Append appends what String prints to b.
func (l *Line) Append(b []byte) []byte {
	p := printer{b, len(b)}
	if l.HasTime {
		p.time(l.Time)
	}
	p.word(l.From.String(), ">", l.From.Peer().String())
	p.b = append(p.b, ": "...)
	p.flags(l.Flags)
	if l.HasSeq {
		p.space()
		p.seq(l.Seq, l.Signed[l.From&1])
		p.b = append(p.b, ':')
		p.seq(l.Seq.Add(l.Len), l.Signed[l.From&1])
		p.b = append(p.b, '(')
		p.num(l.Len)
		p.b = append(p.b, ')')
	}
	acked := l.Signed[l.From.Peer()&1]
	if l.HasAck {
		p.word("ack")
		p.space()
		p.seq(l.Ack, acked)
	}
	if l.HasWindow {
		p.field("win", uint32(l.Window))
	}
	if l.HasUrgent {
		p.field("urg", uint32(l.Urgent))
	}
	if l.HasOptions {
		p.b = append(p.b, " <"...)
		list := printer{p.b, len(p.b)}
		list.options(&l.Options, acked)
		p.b = append(list.b, '>')
	}
	if l.HasState {
		p.word("|", l.State[tcp.Client].String(), l.State[tcp.Server].String())
	}
	return p.b
}
