package capture

import "io"

// FirstTime is the time of a capture's first packet, in nanoseconds since
// 1970; 0 where there is no packet, or none that can be read. The error is
// Open's.
func FirstTime(r io.Reader) (int64, error) {
	c, err := Open(r)
	if err != nil {
		return 0, err
	}
	for {
		if err := c.file.next(&c.frame); err != nil {
			return 0, nil
		}
		if !c.frame.record {
			return c.frame.time, nil
		}
	}
}
