// Package lines writes one line of text for each segment, in the manner of
// tcpdump and with the states of both ends. What is no segment begins with #.
package lines

import (
	"fmt"
	"io"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
	"lesson/lesson/tcp/notation"
)

// Lines is a lesson.Teller. A segment costs no allocation. What is written
// waits in a buffer of room bytes until Flush.
type Lines struct {
	w   io.Writer
	l   lang.Lang
	buf []byte
}

const room = 32 << 10

// New returns a Lines that writes to w.
func New(w io.Writer, l lang.Lang) *Lines {
	return &Lines{w: w, l: l, buf: make([]byte, 0, room+4096)}
}

// Tell writes one event.
func (n *Lines) Tell(e lesson.Event) error {
	switch e := e.(type) {
	case *lesson.Segment:
		n.buf = append(notation.Append(n.buf, e.Since, e.Stream, &e.Segment, &e.Step), '\n')
	case *lesson.Opening:
		n.remark(e.Title)
	case *lesson.Note:
		n.remark(e.Text)
	case *lesson.Socket:
		if e.Waits {
			state := e.State
			if state == tcp.Unknown {
				state = e.Kernel.State
			}
			own, peer := e.Ends[e.End&1], e.Ends[e.End.Peer()&1]
			n.comment(fmt.Sprintf("[%d] %v < %v: %v: %s", e.Stream, own, peer, state, text.Clean(e.Text.In(n.l))))
		}
	case *lesson.Ending:
		n.remark(lang.Text{
			EN: fmt.Sprintf("%s, %s, %s lost", count(e.Segments, "segment"), count(e.Connections, "connection"), count(int(e.Dropped), "frame")),
			ZH: fmt.Sprintf("%d 个报文段，%d 个连接，丢失 %d 帧", e.Segments, e.Connections, e.Dropped),
		})
	case *lesson.Connection, *lesson.Call, *lesson.Rest:
	}
	if len(n.buf) >= room {
		return n.Flush()
	}
	return nil
}

func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

func (n *Lines) remark(t lang.Text) { n.comment(text.Clean(t.In(n.l))) }

func (n *Lines) comment(s string) { n.buf = append(append(append(n.buf, "# "...), s...), '\n') }

// Flush writes what waits. The error is the writer's.
func (n *Lines) Flush() error {
	if len(n.buf) == 0 {
		return nil
	}
	_, err := n.w.Write(n.buf)
	n.buf = n.buf[:0]
	return err
}
