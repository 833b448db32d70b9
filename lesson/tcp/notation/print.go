package notation

import (
	"strconv"
	"time"
)

// printer builds a line with one space between its words.
type printer struct{ b []byte }

func (p *printer) space() {
	if len(p.b) > 0 {
		p.b = append(p.b, ' ')
	}
}

func (p *printer) num(n uint32) { p.b = strconv.AppendUint(p.b, uint64(n), 10) }

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
		d = 0
	}
	digits := 6
	frac := uint64(d % time.Second)
	if frac%1000 != 0 {
		digits = 9
	} else {
		frac /= 1000
	}
	p.b = strconv.AppendUint(p.b, uint64(d/time.Second), 10)
	p.b = append(p.b, '.')
	f := strconv.FormatUint(frac, 10)
	for range digits - len(f) {
		p.b = append(p.b, '0')
	}
	p.b = append(p.b, f...)
}
