package notation

import (
	"strconv"
	"time"

	"lesson/lesson/tcp"
)

// printer builds a line with one space between its words, behind what b held
// before.
type printer struct {
	b     []byte
	begin int
}

func (p *printer) space() {
	if len(p.b) > p.begin {
		p.b = append(p.b, ' ')
	}
}

func (p *printer) num(n uint32) { p.b = strconv.AppendUint(p.b, uint64(n), 10) }

// seq prints a sequence number: from 2^31 on as a negative one, if it is signed.
func (p *printer) seq(n tcp.Seq, signed bool) {
	if signed {
		p.b = strconv.AppendInt(p.b, int64(int32(n)), 10)
		return
	}
	p.num(uint32(n))
}

func (p *printer) word(words ...string) {
	for _, w := range words {
		p.space()
		p.b = append(p.b, w...)
	}
}

func (p *printer) field(name string, n uint32) {
	p.word(name)
	p.space()
	p.num(n)
}

// time prints seconds with six decimals, or nine where six would lose some.
func (p *printer) time(d time.Duration) {
	p.space()
	if d < 0 {
		p.b = append(p.b, '-')
	}
	digits, abs := 6, uint64(d.Abs())
	frac := abs % uint64(time.Second)
	if frac%1000 != 0 {
		digits = 9
	} else {
		frac /= 1000
	}
	p.b = strconv.AppendUint(p.b, abs/uint64(time.Second), 10)
	p.b = append(p.b, '.')
	at := len(p.b)
	p.b = append(p.b, "000000000"[:digits]...)
	for i := len(p.b) - 1; i >= at; i-- {
		p.b[i] += byte(frac % 10)
		frac /= 10
	}
}

// options prints TCP options, a comma before each but the first.
func (p *printer) options(o *tcp.Options, signed bool) {
	next := func() {
		if len(p.b) > p.begin {
			p.b = append(p.b, ',')
		}
		p.begin = len(p.b)
	}
	if o.HasMSS {
		next()
		p.field("mss", uint32(o.MSS))
	}
	if o.SACKPermitted {
		next()
		p.word("sackOK")
	}
	if o.HasTimestamps {
		next()
		p.word("TS")
		p.field("val", o.TSVal)
		p.field("ecr", o.TSEcr)
	}
	if o.HasScale {
		next()
		p.field("wscale", uint32(o.WindowScale))
	}
	if n := min(int(o.SACKBlocks), len(o.SACK)); n > 0 {
		next()
		p.word("sack")
		for _, s := range o.SACK[:n] {
			p.space()
			p.seq(s.Left, signed)
			p.b = append(p.b, ':')
			p.seq(s.Right, signed)
		}
	}
	if o.HasFastOpen {
		next()
		p.word("FO")
	}
}
