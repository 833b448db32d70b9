package trial_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// reusers is where this program is told to be one of the two that connect again
// and again from one port, and how: words of TestPortReuse.
const reusers = "LESSON_TRIAL_REUSE"

// again is how often it connects.
const again = 8

// reuse is either of the two. The server closes first, and so waits in TIME_WAIT.
func reuse(side, how string) {
	if strings.Contains(how, "stamped") { // the wire's hosts do without
		if err := os.WriteFile("/proc/sys/net/ipv4/tcp_timestamps", []byte("1"), 0); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	if err := map[string]func(string) error{"client": reconnects, "server": closesFirst}[side](how); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func closesFirst(how string) error {
	l, err := net.Listen("tcp", ":2023")
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		_, _ = c.Read(make([]byte, 10))
		if strings.Contains(how, "deserted") {
			if err := l.Close(); err != nil {
				return err
			}
		}
		if err := c.Close(); err != nil {
			return err
		}
	}
}

func reconnects(how string) error {
	for i := 0; i < again; {
		d := net.Dialer{LocalAddr: &net.TCPAddr{Port: 45678}, Control: func(_, _ string, raw syscall.RawConn) (err error) {
			if !strings.Contains(how, "older") {
				return nil
			}
			return errors.Join(raw.Control(func(fd uintptr) { err = begins(int(fd), 1<<31-1000*i) }), err)
		}}
		c, err := d.Dial("tcp4", "127.0.0.1:2023")
		if errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.EADDRINUSE) {
			continue // it is in LAST_ACK still
		}
		if errors.Is(err, unix.ECONNREFUSED) && strings.Contains(how, "deserted") {
			return nil
		}
		if err != nil {
			return err
		}
		if strings.Contains(how, "aborted") && i%2 == 1 {
			if err := c.(*net.TCPConn).SetLinger(0); err != nil {
				return err
			}
		} else if _, err := c.Write([]byte("x")); err != nil {
			return err
		} else if _, err := io.Copy(io.Discard, c); err != nil {
			return err
		}
		if err := c.Close(); err != nil {
			return err
		}
		i++
	}
	return nil
}

// begins gives a socket its initial sequence number.
func begins(fd, iss int) error {
	return errors.Join(
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, 1),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR_QUEUE, 2), // TCP_SEND_QUEUE
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_QUEUE_SEQ, iss),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, 0),
	)
}

// TestPortReuse connects from the port of a connection that its server still
// guards in TIME_WAIT: the next one begins there where its SYN is newer and
// somebody listens, and else is answered from there (RFC 9293 §3.6.1).
func TestPortReuse(t *testing.T) {
	const opens, stays = "TIME_WAIT] -> [SYN_SENT SYN_RECV]", "TIME_WAIT] -> [SYN_SENT TIME_WAIT]"
	needsHosts(t)
	runs := 20
	if testing.Short() {
		runs = 3
	}
	tests := []struct {
		how         string
		connections int
		shown       string // where no time-out has sent anything again meanwhile
	}{
		{"newer", again, opens},
		{"newer-stamped", again, opens},
		{"older", again, stays},
		{"older-stamped", again, opens}, // if the clock has gone on
		{"newer-aborted", again, opens},
		{"newer-deserted", 2, stays},
	}
	for _, tt := range tests {
		t.Run(tt.how, func(t *testing.T) {
			var shown atomic.Int64
			t.Run("runs", func(t *testing.T) {
				for range runs {
					t.Run("", func(t *testing.T) {
						t.Parallel()
						r := run(t, reusers, tt.how, nil)
						shown.Add(int64(strings.Count(r.String(), tt.shown)))
						if r.ending.Connections != tt.connections {
							t.Errorf("%d connections, want %d\n%s", r.ending.Connections, tt.connections, r.String())
						}
					})
				}
			})
			if shown.Load() == 0 && !t.Failed() {
				t.Errorf("%q is never told", tt.shown)
			}
		})
	}
}
