package capture

import (
	"io"

	"lesson/lesson/lang"
)

// Stopped is the error with which a capture ends that is read until a channel is
// closed (see Options): it is no damage.
var Stopped = &lang.Problem{What: lang.Text{EN: "the reading was stopped", ZH: "读取已被中止"}}

// stoppable is a reader that ends when a channel is closed. Unpacked, a small file
// may go on for hours without holding a packet: that is looked at here too.
type stoppable struct {
	io.Reader
	stop <-chan struct{}
}

func (s stoppable) Read(b []byte) (int, error) {
	select {
	case <-s.stop:
		return 0, Stopped
	default:
		return s.Reader.Read(b)
	}
}
