package capture

import (
	"errors"
	"io"
)

// FirstTime is the time of a capture's first packet, in nanoseconds since
// 1970; 0 where there is no packet, or none that can be read. The error is
// OpenWith's.
func FirstTime(r io.Reader, o Options) (int64, error) {
	c, err := OpenWith(r, o)
	if err != nil {
		return 0, err
	}
	for {
		switch err := c.file.next(&c.frame); {
		case errors.Is(err, Stopped):
			return 0, err
		case err != nil:
			return 0, nil
		}
		if !c.frame.record {
			return c.frame.time, nil
		}
	}
}
