package rendertest

import (
	"net/netip"
	"time"

	"lesson/lesson"
	"lesson/lesson/tcp"
)

// Waiting is a server's end whose program does not close it.
func Waiting() *lesson.Socket {
	return &lesson.Socket{
		Stream: 3, End: tcp.Server,
		Ends:  [2]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:43210"), netip.MustParseAddrPort("127.0.0.1:8080")},
		State: tcp.CloseWait, Kernel: lesson.Kernel{State: tcp.CloseWait},
		Process: lesson.Process{PID: 4242, Name: "python3"},
		Waits:   true, For: 12 * time.Second,
		Text: text("peer closed 12 s ago, python3 (4242) has not called close()", "对端已于 12 秒前关闭，python3 (4242) 尚未调用 close()"),
		Time: 15 * time.Second,
	}
}
