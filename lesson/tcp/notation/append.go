package notation

import (
	"strconv"
	"time"

	"lesson/lesson/tcp"
)

// Append adds to b the line of a segment that has been observed, and returns
// the longer b, without the end of the line:
//
//	0.000012 [3] 127.0.0.1:43210 > 127.0.0.1:8080: S 0:0(0) win 65495 <mss 65495,sackOK> | SYN_SENT SYN_RECV  # retransmission
//
// It is a Line as String prints it, with the connection's number and with
// addresses instead of roles; the states are the client's and the server's,
// and the comment names the findings. Nothing is allocated but room in b.
func Append(b []byte, at time.Duration, stream int, s *tcp.Segment, step *tcp.Step) []byte {
	p := printer{b: b}
	p.seconds(at)
	p.b = append(p.b, " ["...)
	p.b = strconv.AppendInt(p.b, int64(stream), 10)
	p.b = append(p.b, "] "...)
	p.b = s.Src.AddrPort().AppendTo(p.b)
	p.b = append(p.b, " > "...)
	p.b = s.Dst.AddrPort().AppendTo(p.b)
	p.b = append(p.b, ": "...)
	p.flags(s.Flags)
	p.b = append(p.b, ' ')
	p.num(step.Seq)
	p.b = append(p.b, ':')
	p.num(step.Seq + s.Len)
	p.b = append(p.b, '(')
	p.num(s.Len)
	p.b = append(p.b, ')')
	if s.Flags.Has(tcp.ACK) {
		p.field("ack", step.Ack)
	}
	p.field("win", uint32(s.Window))
	if s.Flags.Has(tcp.URG) {
		p.field("urg", uint32(s.Urgent))
	}
	p.options(&s.Options, step.Ack-uint32(s.Ack))
	p.word("|", step.After[tcp.Client].String(), step.After[tcp.Server].String())
	for i, rest := 0, step.Findings; rest != 0; rest &= rest - 1 {
		if i == 0 {
			p.b = append(p.b, "  # "...)
		} else {
			p.b = append(p.b, ", "...)
		}
		p.b = append(p.b, (rest & -rest).Name()...)
		i++
	}
	return p.b
}

// seconds prints a time with six decimals.
func (p *printer) seconds(d time.Duration) {
	us := uint64(max(d, 0)) / 1000
	p.b = strconv.AppendUint(p.b, us/1e6, 10)
	p.b = append(p.b, '.')
	for digit, rest := uint64(1e5), us%1e6; digit > 0; digit /= 10 {
		p.b = append(p.b, '0'+byte(rest/digit))
		rest %= digit
	}
}

func (p *printer) flags(f tcp.Flags) {
	n := len(p.b)
	for _, l := range letters {
		if f.Has(l.f) {
			p.b = append(p.b, l.c)
		}
	}
	if len(p.b) == n {
		p.b = append(p.b, '-')
	}
}

// options prints what Options does, in brackets. SACK blocks are moved by
// shift, from absolute to relative numbers.
func (p *printer) options(o *tcp.Options, shift uint32) {
	n := len(p.b)
	next := func(name string) {
		sep := byte(',')
		if len(p.b) == n {
			p.b = append(p.b, ' ')
			sep = '<'
		}
		p.b = append(append(p.b, sep), name...)
	}
	if o.HasMSS {
		next("mss ")
		p.num(uint32(o.MSS))
	}
	if o.SACKPermitted {
		next("sackOK")
	}
	if o.HasTimestamps {
		next("TS val ")
		p.num(o.TSVal)
		p.b = append(p.b, " ecr "...)
		p.num(o.TSEcr)
	}
	if o.HasScale {
		next("wscale ")
		p.num(uint32(o.WindowScale))
	}
	if blocks := min(int(o.SACKBlocks), len(o.SACK)); blocks > 0 {
		next("sack")
		for _, s := range o.SACK[:blocks] {
			p.b = append(p.b, ' ')
			p.num(uint32(s.Left) + shift)
			p.b = append(p.b, ':')
			p.num(uint32(s.Right) + shift)
		}
	}
	if o.HasFastOpen {
		next("FO")
	}
	if len(p.b) > n {
		p.b = append(p.b, '>')
	}
}
