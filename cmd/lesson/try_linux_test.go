package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// marks tell one test's processes from all others: each is a number of seconds
// that nobody else sleeps.
var marks atomic.Int64

// alive lists the processes that have a mark on their command line.
func alive(t testing.TB, mark string) (pids []int) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	check(t, err)
	for _, name := range all {
		b, err := os.ReadFile(name)
		if err != nil || !bytes.Contains(b, []byte(mark)) {
			continue // gone meanwhile, or not ours
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		check(t, err)
		pids = append(pids, pid)
	}
	return pids
}

// sign is the process whose command line begins as given.
func sign(t testing.TB, mark, begins string) int {
	t.Helper()
	for _, pid := range alive(t, mark) {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if bytes.HasPrefix(b, []byte(begins)) {
			return pid
		}
	}
	t.Fatalf("no process %s %s", begins, mark)
	return 0
}

// However a trial ends, nothing stays: no program, nothing that a program has
// put into the background, no second process of our own. Namespaces go with
// their last process.
func TestTrialLeavesNothing(t *testing.T) {
	times := 50
	if testing.Short() {
		times = 3
	}
	tests := []struct {
		name string
		act  func(s *screen, mark string)
		code int
	}{
		{"Ctrl-C", func(s *screen, _ string) { s.typed("\x03") }, 130},
		{"SIGTERM", func(s *screen, _ string) { check(s.t, s.cmd.Process.Signal(syscall.SIGTERM)) }, 143},
		{"SIGHUP", func(s *screen, _ string) { check(s.t, s.cmd.Process.Signal(syscall.SIGHUP)) }, 129},
		{"SIGTERM to the child", func(s *screen, _ string) { check(s.t, syscall.Kill(s.child(), syscall.SIGTERM)) }, 143},
		{"kill -9", func(s *screen, _ string) { check(s.t, s.cmd.Process.Kill()) }, 137},
		{"kill -9 of the child", func(s *screen, _ string) { check(s.t, syscall.Kill(s.child(), syscall.SIGKILL)) }, 137},
		{"kill -9 of the server", func(s *screen, mark string) {
			check(s.t, syscall.Kill(sign(s.t, mark, "peer\x00serve"), syscall.SIGKILL))
		}, 0},
		{"kill -9 of the client", func(s *screen, mark string) {
			check(s.t, syscall.Kill(sign(s.t, mark, "peer\x00dial"), syscall.SIGKILL))
		}, 0},
		{"closed terminal", func(s *screen, _ string) { check(s.t, s.tty.Close()); check(s.t, s.keys.Close()) }, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for range times {
				mark := fmt.Sprintf("1%d.%d7", os.Getpid(), marks.Add(1))
				// What is left in the background holds no terminal, and has
				// a session of its own or not.
				background := "sleep " + mark + " </dev/null >/dev/null 2>&1 &"
				s := watch(t, "try", "-q",
					"--server", background+" setsid "+background+" exec peer serve :7 "+mark,
					"--client", "setsid "+background+" exec peer dial 10.1.2.3:7 "+mark)
				s.until("ready", 1)
				if n := len(alive(t, mark)); n < 6 { // and the two of lesson
					t.Fatalf("%d processes are there", n)
				}
				tt.act(s, mark)
				if code := s.code(); tt.code >= 0 && code != tt.code {
					t.Fatalf("exit code %d, want %d\n%s", code, tt.code, s.text())
				}
				for late := time.Now().Add(patience); len(alive(t, mark)) > 0; {
					if time.Now().After(late) {
						t.Fatalf("processes stay: %v", alive(t, mark))
					}
				}
				if tt.code >= 0 {
					s.restored()
				}
			}
		})
	}
}
