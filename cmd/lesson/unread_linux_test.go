package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lesson/capture"
	"lesson/capture/capturetest"
)

// fullPipe is the end to write to of a pipe that holds no more.
func fullPipe(t *testing.T) *os.File {
	t.Helper()
	var fds [2]int
	check(t, unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK))
	r, w := os.NewFile(uintptr(fds[0]), "unread"), os.NewFile(uintptr(fds[1]), "full")
	t.Cleanup(func() { r.Close(); w.Close() })
	for _, n := range []int{4096, 1} {
		for err := error(nil); err == nil; {
			_, err = unix.Write(fds[1], make([]byte, n))
		}
	}
	check(t, unix.SetNonblock(fds[1], false))
	return w
}

// waits reports whether a process below one is in a system call for a file.
func waits(t *testing.T, pid, call, fd int) bool {
	t.Helper()
	for _, p := range descendants(t, pid) {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", p))
		for _, task := range tasks {
			if b, err := os.ReadFile(task); err == nil && strings.HasPrefix(string(b), fmt.Sprintf("%d 0x%x ", call, fd)) {
				return true
			}
		}
	}
	return false
}

// TestUnread holds that a signal ends every verb whose output nobody reads.
func TestUnread(t *testing.T) {
	asRoot(t) // others may not see where a process waits
	file := filepath.Join(t.TempDir(), "one.pcap")
	b, err := capturetest.Net{}.Pcap("client S\nserver S.\nclient .")
	check(t, err)
	check(t, os.WriteFile(file, b, 0o600))
	for _, line := range []string{
		"explain " + file, "explain --json " + file, "explain --format text " + file,
		"handshake -v --private", "handshake --json --host", "teardown --recorded",
		"try --server true --client true", "watch --private -- true", "watch --host -- true", "watch --json",
	} {
		for _, s := range []syscall.Signal{unix.SIGINT, unix.SIGTERM} {
			t.Run(fmt.Sprint(line, " ", s), func(t *testing.T) {
				t.Parallel()
				cmd := exec.Command("lesson", strings.Fields(line)...)
				cmd.Stdout = fullPipe(t)
				check(t, cmd.Start())
				pid := cmd.Process.Pid
				for late := time.Now().Add(patience); !waits(t, pid, unix.SYS_WRITE, 1); {
					if time.Now().After(late) {
						t.Error("it does not write")
						break
					}
				}
				check(t, cmd.Process.Signal(s))
				late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
				_ = cmd.Wait()
				if !late.Stop() {
					t.Fatal("it does not end")
				}
				end := cmd.ProcessState.Sys().(syscall.WaitStatus)
				if code := end.ExitStatus(); code != 128+int(s) && end.Signal() != s {
					t.Errorf("ends with code %d, %v", code, end)
				}
			})
		}
	}
}

// TestPipesStopped holds that a signal ends the reading of a pipe, whatever comes
// out of it, and that what it ends is not called damaged.
func TestPipesStopped(t *testing.T) {
	asRoot(t) // others may not see where a process waits
	frame := make([]byte, 60)
	frame[12], frame[13] = 0x88, 0xcc // LLDP
	header, record := capturetest.Header(capture.LinkEthernet), capturetest.Record(nil, 0, frame)
	for name, write := range map[string]func(w io.Writer) error{
		"nothing":      func(io.Writer) error { return nil },
		"gzip's magic": func(w io.Writer) error { _, err := w.Write([]byte("\x1f\x8b\x08")); return err },
		"half a record": func(w io.Writer) error {
			_, err := w.Write(append(bytes.Clone(header), record[:20]...))
			return err
		},
		"no TCP, for ever": func(w io.Writer) (err error) {
			for _, err = w.Write(header); err == nil; {
				_, err = w.Write(bytes.Repeat(record, 800))
			}
			return nil
		},
		"a bomb": func(w io.Writer) (err error) {
			z := gzip.NewWriter(w)
			for _, err = z.Write(header); err == nil; {
				_, err = z.Write(bytes.Repeat(record, 10_000))
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command("lesson", "explain", "--summary", "-")
			in, err := cmd.StdinPipe()
			check(t, err)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			check(t, cmd.Start())
			written := make(chan error, 1)
			go func() { written <- write(in) }()
			for late := time.Now().Add(patience); !waits(t, cmd.Process.Pid, unix.SYS_READ, 0); {
				if time.Now().After(late) {
					t.Fatal("it does not read")
				}
			}
			check(t, cmd.Process.Signal(unix.SIGTERM))
			late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
			_ = cmd.Wait()
			if !late.Stop() {
				t.Fatal("it does not end")
			}
			check(t, <-written)
			if code := cmd.ProcessState.ExitCode(); code != 143 || strings.Contains(out.String(), "lesson: ") {
				t.Errorf("exit code %d\n%s", code, out.String())
			}
		})
	}
}
