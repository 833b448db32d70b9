package stage

import (
	"fmt"

	"lesson/lesson"
	"lesson/lesson/lang"
)

// callText is a call as it stands at its end's lifeline.
func callText(c *call, phase lesson.Phase) lang.Text {
	name := c.Verb.String() + "()"
	switch c.Verb {
	case lesson.Shutdown:
		name = "shutdown(SHUT_WR)"
	case lesson.Cancel:
		name = "close()"
	case lesson.Abort:
		name = "close(), SO_LINGER 0"
	}
	if c.Verb == lesson.Crash {
		return lang.Text{EN: "loses power", ZH: "断电"}
	}
	same := func(s string) lang.Text { return lang.Text{EN: s, ZH: s} }
	if phase == lesson.Entered {
		return lang.Text{EN: name + " waits", ZH: name + " 阻塞"}
	}
	if c.err != nil {
		return same(name + " = -1 " + errno(c.err))
	}
	switch c.Verb {
	case lesson.Connect:
		return same("connect() = 0")
	case lesson.Accept:
		return lang.Text{EN: "accept() returns", ZH: "accept() 返回"}
	case lesson.Send:
		return lang.Text{EN: fmt.Sprintf("send() = %d bytes", c.n), ZH: fmt.Sprintf("send() = %d 字节", c.n)}
	case lesson.Recv:
		if c.n == 0 {
			return same("recv() = 0 (EOF)")
		}
		return lang.Text{EN: fmt.Sprintf("recv() = %d bytes", c.n), ZH: fmt.Sprintf("recv() = %d 字节", c.n)}
	}
	return same(name)
}

func dropsText(n uint64) lang.Text {
	return lang.Text{
		EN: fmt.Sprintf("the capture lost %d frames; segments of this connection may be among them.", n),
		ZH: fmt.Sprintf("抓包丢失了 %d 帧，其中可能有本连接的报文段。", n),
	}
}
