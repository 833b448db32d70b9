package main

import (
	"bufio"
	"bytes"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// TestWatchLeak names a program that does not call close(), in every form, for
// each of many connections.
func TestWatchLeak(t *testing.T) {
	need(t, canPlay(), "no lesson can be played on this machine: lesson handshake --private says why")
	for flags, want := range map[string]string{
		"":          `^# \d+ 127\.0\.0\.1:2023 < 127\.0\.0\.1:\d+: CLOSE_WAIT: peer closed \d+(\.\d)? s ago, leak \(\d+\) has not called close\(\)$`,
		"--lang=zh": `CLOSE_WAIT: 对端已于 \d+(\.\d)? 秒前关闭，leak \(\d+\) 尚未调用 close\(\)$`,
		"--json":    `^{"event":"socket",.*"end":"server",.*"state":"CLOSE_WAIT","kernel":"CLOSE_WAIT","process":{"pid":\d+,"name":"leak"},"waits":true`,
	} {
		t.Run(flags, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command("lesson", slices.Concat([]string{"watch", "--private"}, strings.Fields(flags), []string{"--", "leak"})...)
			open, err := cmd.StdinPipe()
			check(t, err)
			out, err := cmd.StdoutPipe()
			check(t, err)
			check(t, cmd.Start())
			late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
			defer late.Stop()
			told := regexp.MustCompile(want)
			var seen strings.Builder
			found := 0
			for lines := bufio.NewScanner(out); lines.Scan(); {
				seen.WriteString(lines.Text() + "\n")
				if told.MatchString(lines.Text()) {
					if found++; found == leaks {
						check(t, open.Close())
					}
				}
			}
			if err := cmd.Wait(); err != nil || found < leaks {
				t.Errorf("%v; %d lines match %s:\n%s", err, found, want, seen.String())
			}
		})
	}
}

// TestWatchKeepsUp watches 5,000 connections a second, 50,000 segments a
// second, on processors shared with the load: each segment is a line, or one
// of the frames said to be lost; and no state is wrong.
func TestWatchKeepsUp(t *testing.T) {
	need(t, canPlay(), "no lesson can be played on this machine: lesson handshake --private says why")
	for _, rate := range []string{"5000", "0"} {
		cmd := exec.Command("lesson", "watch", "--private", "--", "load", "20000", rate)
		var out, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &stderr
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v\n%s", err, stderr.String())
		}
		sent := strings.Fields(stderr.String())[0]
		told, closed, lost := 0, 0, 0
		for line := range strings.Lines(out.String()) {
			if summary, ok := strings.CutPrefix(line, "# "); ok {
				if f := strings.Fields(summary); len(f) == 7 && strings.HasPrefix(f[6], "lost") {
					lost, _ = strconv.Atoi(f[4])
				}
				continue
			}
			told++
			flags := strings.Fields(line)[4]
			client, server, _ := strings.Cut(line[strings.LastIndex(line, "| ")+2:], " ")
			server = strings.Fields(server)[0]
			// What each of a connection's segments has to show, if anything.
			switch ok := map[string]string{"S": "SYN_SENT SYN_RECV", "F.": "FIN_WAIT1 CLOSE_WAIT|TIME_WAIT LAST_ACK"}[flags]; {
			case ok != "" && client != "Unknown" && server != "Unknown" && !strings.Contains(ok, client+" "+server):
				t.Errorf("rate %s: %s", rate, line)
			case client == "TIME_WAIT" && server == "CLOSED":
				closed++
			}
		}
		if n, err := strconv.Atoi(sent); err != nil || told+lost != n {
			t.Errorf("rate %s: %d segments told and %d lost of %s", rate, told, lost, sent)
		}
		if lost == 0 && closed != 20000 {
			t.Errorf("rate %s: %d connections closed", rate, closed)
		}
		t.Logf("rate %s: %d of %s lost", rate, lost, sent)
	}
}

// BenchmarkFirstLine measures the time from connect() to the line of its SYN,
// for lone connections.
func BenchmarkFirstLine(b *testing.B) {
	if !canPlay() {
		b.Skip("no lesson can be played on this machine")
	}
	cmd := exec.Command("lesson", "watch", "--private", "--", "load", strconv.Itoa(b.N), "100", "lone")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	var got []int64
	buf := make([]byte, 64<<10)
	for {
		n, err := stdout.Read(buf)
		now := time.Now().UnixNano()
		for range bytes.Count(buf[:n], []byte(": S 0:0(0) win")) {
			got = append(got, now)
		}
		if err != nil {
			break
		}
	}
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	var late []float64
	for i, s := range strings.Fields(stderr.String()) {
		sent, err := strconv.ParseInt(s, 10, 64)
		if err != nil || i >= len(got) {
			b.Fatalf("connection %d: %v", i, err)
		}
		late = append(late, float64(got[i]-sent)/1e6)
	}
	b.ReportMetric(median(late), "ms/median")
}

func median(v []float64) float64 {
	for i := range v {
		for j := i; j > 0 && v[j] < v[j-1]; j-- {
			v[j], v[j-1] = v[j-1], v[j]
		}
	}
	return v[len(v)/2]
}

func TestWatchRows(t *testing.T) {
	s := watch(t, "watch", "--private", "--", "load", "2", "0")
	if code := s.code(); code != 0 {
		t.Errorf("exit code %d\n%s", code, s.text())
	}
	s.until("20 segments, 2 connections", 1)
	for _, want := range []string{"[1] ", "SYN_SENT", "LAST_ACK", "closed by a FIN from each end"} {
		if !strings.Contains(s.text(), want) {
			t.Errorf("%q is not shown:\n%s", want, s.text())
		}
	}
	s.restored()
}

// asRoot skips a test that has to capture on the host's own lo.
func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may capture on the host's interfaces")
	}
}

// A connection that was stuck before is shown at once, with who holds it.
func TestWatchSummary(t *testing.T) {
	asRoot(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	check(t, err)
	accepted, err := l.Accept()
	check(t, err)
	defer accepted.Close()
	check(t, c.Close())
	if _, err := accepted.Read(make([]byte, 1)); err == nil { // the FIN has come
		t.Fatal("there is something to read")
	}
	at := "--port=" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	s := watch(t, "watch", "--top", at)
	s.until("has not called close()", 2) // drawn, and drawn again
	if who := "(" + strconv.Itoa(os.Getpid()) + ")"; !strings.Contains(s.text(), who) {
		t.Errorf("%s is not named:\n%s", who, s.text())
	}
	check(t, pty.Setsize(s.tty, &pty.Winsize{Rows: 12, Cols: 60}))
	for redrawn := 1; ; redrawn++ { // it may just be drawing for the terminal as it was
		s.until("q: quit", strings.Count(s.text(), "q: quit")+1)
		pictures := backToTop.Split(s.text(), -1)
		row, w := widestRow(pictures[len(pictures)-2])
		if w <= 60 {
			break
		}
		if redrawn == 5 {
			t.Fatalf("%d columns on a terminal of 60: %q", w, row)
		}
	}
	s.typed("q")
	if code := s.code(); code != 0 {
		t.Errorf("exit code %d\n%s", code, s.text())
	}
	s.restored()
}

// backToTop takes the cursor to where a picture is drawn again.
var backToTop = regexp.MustCompile("\r\x1b\\[\\d*A")

// helper is the process that knows who holds a socket.
func (s *screen) helper() int {
	s.t.Helper()
	all := descendants(s.t, s.cmd.Process.Pid)
	if len(all) != 3 {
		s.t.Fatalf("%d processes", len(all))
	}
	return all[2]
}

// Whoever gets the signal, all of it ends; under sudo the first process has given
// up more rights than the second.
func TestWatchEnds(t *testing.T) {
	asRoot(t)
	sudo := []string{"SUDO_UID=54321", "SUDO_GID=54322"}
	first := func(sig syscall.Signal) func(s *screen) {
		return func(s *screen) { check(t, s.cmd.Process.Signal(sig)) }
	}
	for _, end := range []struct {
		env  []string
		how  func(s *screen)
		code int
	}{
		{nil, func(s *screen) { s.typed("\x03") }, 130},
		{nil, first(syscall.SIGTERM), 143},
		{nil, func(s *screen) { check(t, syscall.Kill(s.child(), syscall.SIGKILL)) }, 137},
		{nil, first(syscall.SIGKILL), 137},
		{sudo, func(s *screen) { s.typed("\x03") }, 130},
		{sudo, first(syscall.SIGINT), 130},
		{sudo, first(syscall.SIGTERM), 143},
		{sudo, first(syscall.SIGHUP), 129},
		{sudo, first(syscall.SIGQUIT), 131},
		{sudo, func(s *screen) { check(t, syscall.Kill(s.child(), syscall.SIGTERM)) }, 143},
		{sudo, first(syscall.SIGKILL), 137},
		{nil, func(s *screen) { check(t, syscall.Kill(s.helper(), syscall.SIGTERM)) }, 143},
		{sudo, func(s *screen) { check(t, syscall.Kill(s.helper(), syscall.SIGHUP)) }, 129},
		{sudo, func(s *screen) { check(t, syscall.Kill(s.helper(), syscall.SIGKILL)) }, 143},
	} {
		s := onTerminal(t, end.env, "watch", "--top", "--port=1")
		s.until("q: quit", 1)
		child, helper := s.child(), s.helper()
		end.how(s)
		if code := s.code(); code != end.code {
			t.Errorf("exit code %d, want %d\n%s", code, end.code, s.text())
		}
		gone(t, child)
		gone(t, helper)
		s.restored()
	}
}

// Ctrl-C ends the command too, once, and its code is told.
func TestWatchCommandInterrupted(t *testing.T) {
	s := watch(t, "watch", "--private", "--", "sh", "-c", "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.05; done")
	s.until("ready", 1)
	s.typed("\x03")
	if code := s.code(); code != 9 {
		t.Errorf("exit code %d\n%s", code, s.text())
	}
	if n := strings.Count(s.text(), "caught"); n != 1 {
		t.Errorf("the command was interrupted %d times", n)
	}
	s.restored()
}
