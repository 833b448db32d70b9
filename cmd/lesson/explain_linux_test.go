package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"lesson/capture"
	"lesson/capture/capturetest"
)

// Rows come as the pipe gives their packets. Where a later packet shows that a
// row was wrong, it says so, since the row has been seen.
func TestPipeIsFollowed(t *testing.T) {
	// Both ends close at once: only the second FIN shows that the first had
	// not arrived yet.
	segments, err := capturetest.Net{}.Segments("client S win 512\nserver S. win 512\nclient . win 512\nclient F. 1:1(0) ack 1 win 512\nserver F. 1:1(0) ack 1 win 512\nclient . 2:2(0) ack 2 win 512\nserver . 2:2(0) ack 2 win 512")
	check(t, err)
	for _, args := range [][]string{{"explain", "--json", "-"}, {"explain", "--json", "--stream", "0", "-"}} {
		cmd := exec.Command("lesson", args...)
		in, err := cmd.StdinPipe()
		check(t, err)
		out, err := cmd.StdoutPipe()
		check(t, err)
		check(t, cmd.Start())
		lines := bufio.NewScanner(out)
		write := func(b []byte) {
			t.Helper()
			_, err := in.Write(b)
			check(t, err)
		}
		next := func() (o struct {
			Event   string
			N       int
			Server  struct{ After string }
			Revised struct {
				End   string
				Since int
				State string
			}
		}) {
			t.Helper()
			if !lines.Scan() {
				t.Fatal("no further row", lines.Err())
			}
			if err := json.Unmarshal(lines.Bytes(), &o); o.Event == "segment" {
				check(t, err)
			}
			return o
		}
		write(capturetest.Header(capture.LinkEthernet))
		for i := range segments {
			write(capturetest.Record(nil, int64(i), capturetest.Net{}.Frame(&segments[i])))
			if i == 0 {
				if o := next(); o.Event != "lesson" {
					t.Errorf("first comes %v", o)
				}
			}
			o := next() // before the next packet is written
			if o.Event != "segment" || o.N != i+1 {
				t.Errorf("segment %d: %+v", i+1, o)
			}
			if i == 3 && o.Server.After != "CLOSE_WAIT" {
				t.Errorf("the first FIN: %+v", o)
			}
			if r := o.Revised; i == 4 && (r.End != "server" || r.Since != 4 || r.State != "ESTABLISHED") {
				t.Errorf("the second FIN: %+v", o)
			}
		}
		check(t, in.Close())
		if o := next(); o.Event != "connection" {
			t.Errorf("at the end: %+v", o)
		}
		check(t, cmd.Wait())
	}
}

// A pipe on which nothing comes says so on the terminal after a while, and
// Ctrl-C shows what has come.
func TestPipeProgress(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	check(t, syscall.Mkfifo(fifo, 0o600))
	s := onTerminal(t, nil, "explain", "--plain", fifo)
	w, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	check(t, err)
	defer w.Close()
	file, err := capturetest.Net{}.Pcap("client S\nserver S.\nclient .")
	check(t, err)
	_, err = w.Write(file)
	check(t, err)
	s.until("B read · Ctrl-C shows what is known so far\x1b[K", 1)
	if strings.Contains(s.text(), "SYN") {
		t.Errorf("told too early: %s", s.text())
	}
	s.typed("\x03")
	s.until("3 segments", 1)
	if code := s.code(); code != 130 || !strings.Contains(s.text(), "\r\x1b[KWhat the capture shows") {
		t.Errorf("ended with %d: %q", code, s.text())
	}
}

// What is longer than the screen goes through the pager; what is not does not.
func TestPager(t *testing.T) {
	const kernel = "../../lesson/testdata/kernel"
	pager := []string{"PAGER=sed s/^/paged:/"}
	s := onTerminal(t, pager, "explain", kernel)
	s.until("690 segments", 1)
	if code := s.code(); code != 0 || strings.Count(s.text(), "\n") != strings.Count(s.text(), "paged:") {
		t.Errorf("ended with %d: %q", code, s.text())
	}
	for _, args := range [][]string{
		{"explain", "--opened", "refused", kernel},
		{"explain", "--no-pager", kernel},
	} {
		s := onTerminal(t, pager, args...)
		s.until(" segments", 1)
		if code := s.code(); code != 0 || strings.Contains(s.text(), "paged:") {
			t.Errorf("%v ended with %d: %q", args, code, s.text())
		}
	}
	// One that is not there is done without.
	s = onTerminal(t, []string{"PAGER=nosuchpager -x"}, "explain", kernel)
	s.until("690 segments", 1)
	if code := s.code(); code != 0 || strings.Contains(s.text(), "not found") {
		t.Errorf("ended with %d: %q", code, s.text())
	}
	// A pager that is left early ends the program without a complaint.
	s = onTerminal(t, []string{"PAGER=head -n 2"}, "explain", kernel)
	if code := s.code(); code != 0 || strings.Contains(s.text(), "lesson:") || strings.Contains(s.text(), "690") {
		t.Errorf("ended with %d: %q", code, s.text())
	}
}

// Reading a capture takes no privilege, whoever reads it.
func TestExplainGivesUpPrivileges(t *testing.T) {
	need(t, os.Geteuid() == 0, "only root has privileges to give up")
	fifo := filepath.Join(t.TempDir(), "fifo")
	check(t, syscall.Mkfifo(fifo, 0o600))
	cmd := exec.Command("lesson", "explain", "--json", fifo)
	cmd.Env = append(os.Environ(), "SUDO_UID=54321", "SUDO_GID=54322")
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	w, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	check(t, err)
	file, err := capturetest.Net{}.Pcap("client S")
	check(t, err)
	_, err = w.Write(file)
	check(t, err)
	if !bufio.NewScanner(out).Scan() { // it has begun to read
		t.Fatal("nothing was told")
	}
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "status"))
	check(t, err)
	for _, want := range []string{"CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "Uid:\t54321\t54321\t54321\t54321", "NoNewPrivs:\t1"} {
		if !bytes.Contains(status, []byte(want+"\n")) {
			t.Errorf("no %q in\n%s", want, status)
		}
	}
	check(t, w.Close())
	_ = cmd.Wait() // the rest of its output is not read
}

// Nothing of a directory is read before the privileges are given up: its files
// are opened, and no more.
func TestDirectoryIsOnlyOpened(t *testing.T) {
	dir := t.TempDir()
	file, err := capturetest.Net{}.Pcap("client S")
	check(t, err)
	for _, name := range []string{"a.pcap", "b.pcap", "c.txt"} {
		check(t, os.WriteFile(filepath.Join(dir, name), file, 0o600))
	}
	check(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	check(t, err)
	defer unix.Close(fd)
	_, err = unix.InotifyAddWatch(fd, dir, unix.IN_ACCESS)
	check(t, err)
	// The directory itself is read too, which is no file's event.
	wasRead := func() bool {
		var b [4096]byte
		n, err := unix.Read(fd, b[:])
		return err == nil && bytes.Contains(b[:n], []byte(".pcap"))
	}
	c, err := (&app{}).openCaptures([]string{dir})
	check(t, err)
	defer c.Close()
	if wasRead() {
		t.Error("files are read while they are opened")
	}
	check(t, c.order())
	if !wasRead() || len(c.files) != 3 {
		t.Errorf("%d files are read afterwards", len(c.files))
	}
}
