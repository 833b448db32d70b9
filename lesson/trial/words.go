package trial

import (
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"time"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

func opening(w Wire) *lesson.Opening {
	o := &lesson.Opening{
		Name: "try", Title: lang.Text{EN: "Your own programs", ZH: "您自己的程序"},
		Place: lesson.Private, Checked: true,
	}
	for e := range o.Ends {
		o.Ends[e] = netip.AddrPortFrom(w.Addr(tcp.End(e)), 0)
	}
	return o
}

func same(s string) lang.Text { return lang.Text{EN: s, ZH: s} }

// started is the command line, as a shell shows it.
func started(command string) lang.Text { return same("$ " + command) }

// exitCode is a program's, as a shell gives it: 128 and the signal's number
// where a signal has ended it.
func exitCode(s *os.ProcessState) *int {
	code := s.ExitCode()
	if signal := s.Sys().(syscall.WaitStatus); signal.Signaled() {
		code = 128 + int(signal.Signal())
	}
	return &code
}

func ending(s *os.ProcessState, asked bool) lang.Text {
	signal := s.Sys().(syscall.WaitStatus)
	switch {
	case asked:
		return lang.Text{EN: "is stopped: it was still serving", ZH: "被停止：它仍在提供服务"}
	case signal.Signaled():
		name := signal.Signal().String()
		return lang.Text{EN: fmt.Sprintf("killed: %s (signal %d)", name, signal.Signal()), ZH: fmt.Sprintf("被信号 %d 终止（%s）", signal.Signal(), name)}
	}
	return lang.Text{EN: fmt.Sprintf("exits, code %d", s.ExitCode()), ZH: fmt.Sprintf("退出，退出码 %d", s.ExitCode())}
}

// introduced says which connection is told from here on, and when what comes
// has happened during what was told before.
func introduced(c *connection, meanwhile bool) lang.Text {
	from, to := c.ends[c.opener], c.ends[c.opener.Peer()]
	t := lang.Text{
		EN: fmt.Sprintf("connection %d: port %d to %s, port %d", c.stream+1, from.Port(), to.Addr(), to.Port()),
		ZH: fmt.Sprintf("连接 %d：本地端口 %d，连到 %s 端口 %d", c.stream+1, from.Port(), to.Addr(), to.Port()),
	}
	if c.begun {
		t = lang.Text{EN: fmt.Sprintf("connection %d again", c.stream+1), ZH: fmt.Sprintf("再看连接 %d", c.stream+1)}
	}
	if meanwhile {
		t.EN, t.ZH = "meanwhile "+t.EN, "与此同时，"+t.ZH
	}
	return t
}

func stillOpen(c *connection) lang.Text {
	conn := c.narrator.Conn()
	for e := tcp.Client; e <= tcp.Server; e++ {
		if conn.State(e) == tcp.CloseWait {
			return lang.Text{
				EN: fmt.Sprintf("Connection %d is not closed: the %s is in CLOSE_WAIT, its program has not called close().", c.stream+1, e),
				ZH: fmt.Sprintf("连接 %d 没有关闭：%s处于 CLOSE_WAIT，它的程序没有调用 close()。", c.stream+1, e.Text().ZH),
			}
		}
	}
	return lang.Text{
		EN: fmt.Sprintf("Connection %d is not closed: the client is in %s, the server in %s.", c.stream+1, conn.State(tcp.Client), conn.State(tcp.Server)),
		ZH: fmt.Sprintf("连接 %d 没有关闭：客户端处于 %s，服务器处于 %s。", c.stream+1, conn.State(tcp.Client), conn.State(tcp.Server)),
	}
}

func notListening(d time.Duration) lang.Text {
	return lang.Text{
		EN: fmt.Sprintf("The client waits for the server to call listen(), for %.3g s at most.", d.Seconds()),
		ZH: fmt.Sprintf("客户端要等服务器调用 listen() 之后才启动，最多等 %.3g 秒。", d.Seconds()),
	}
}

func neverListened(d time.Duration) lang.Text {
	return lang.Text{
		EN: fmt.Sprintf("The server has not called listen() in %.3g s; the client is started all the same.", d.Seconds()),
		ZH: fmt.Sprintf("服务器在 %.3g 秒内没有调用 listen()；仍然启动客户端。", d.Seconds()),
	}
}

func nothingLeft() lang.Text {
	return lang.Text{
		EN: "The server's command has ended, and nothing listens; what it leaves running with & usually ends with it. The client is started all the same.",
		ZH: "服务器的命令已经结束，没有程序在监听；它用 & 留在后台的程序通常也随之结束。仍然启动客户端。",
	}
}

func noConnection() lang.Text {
	return lang.Text{
		EN: "The programs have made no TCP connection. What they may have sent by other protocols, such as UDP, is not drawn.",
		ZH: "两个程序没有建立 TCP 连接。用其他协议（如 UDP）发送的内容不会画出来。",
	}
}

func deaf(err error) lang.Text {
	return lang.Text{
		EN: "The kernel could not be asked for its states: " + err.Error(),
		ZH: "无法向内核查询套接字状态：" + err.Error(),
	}
}

func lost(n uint64) lang.Text {
	return lang.Text{
		EN: fmt.Sprintf("the wire lost %d frames; segments of these connections may be among them.", n),
		ZH: fmt.Sprintf("线路丢失了 %d 帧，其中可能有这些连接的报文段。", n),
	}
}

func notStarted(e tcp.End, command string, err error) *lang.Problem {
	return &lang.Problem{
		What: lang.Text{
			EN: fmt.Sprintf("the %s could not be started: %s", e, command),
			ZH: fmt.Sprintf("无法启动%s：%s", e.Text().ZH, command),
		},
		Err: err,
	}
}

// neverRan is why a shell that was to run the client exits with such a code.
func neverRan(code int) *lang.Problem {
	return &lang.Problem{
		What: lang.Text{
			EN: fmt.Sprintf("the client's command cannot be run: the shell exits with code %d", code),
			ZH: fmt.Sprintf("无法运行客户端的命令：shell 以退出码 %d 结束", code),
		},
		Hint: lang.Text{EN: "give it as you would type it: --client 'python3 Client.py'", ZH: "请像平时输入命令那样写：--client 'python3 Client.py'"},
	}
}

func endedEarly(s *os.ProcessState) *lang.Problem {
	return &lang.Problem{
		What: lang.Text{
			EN: "the server ended before it listened, so the client was not started",
			ZH: "服务器还没有开始监听就结束了，因此没有启动客户端",
		},
		Hint: lang.Text{
			EN: "what it printed stands above; try it by itself first",
			ZH: "它的输出见上文；请先单独运行它试试",
		},
		Code: lang.ExitFailure,
		Err:  fmt.Errorf("%v", s),
	}
}

// finWaits says that a program has closed, though no FIN shows it yet.
func finWaits(e tcp.End) lesson.Explanation {
	return lesson.Explanation{
		Text: lang.Text{
			EN: e.String() + ": its program has closed; the FIN waits until the data before it may leave.",
			ZH: e.Text().ZH + "：程序已经关闭连接；FIN 要等前面的数据可以发出后才离开。",
		},
		Ref: "RFC 9293 §3.10.4",
	}
}
