package text

import (
	"strconv"
	"time"
)

// AppendSeconds appends a time to b exactly, in seconds: 0, 0.000012, -61.95. All
// that is written for programs counts so; what lies before a story's first segment
// is negative.
func AppendSeconds(b []byte, d time.Duration) []byte {
	if d < 0 {
		b = append(b, '-')
	}
	u := uint64(d.Abs())
	b = strconv.AppendUint(b, u/1e9, 10)
	frac := u % 1e9
	if frac == 0 {
		return b
	}
	b = append(b, '.')
	for digit := uint64(1e8); frac > 0; digit /= 10 {
		b = append(b, '0'+byte(frac/digit))
		frac %= digit
	}
	return b
}
