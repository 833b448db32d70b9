package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
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

// However a trial ends, or a command that is watched in a private network, nothing
// stays: no program, nothing that a program has put into the background, no second
// process of our own. Namespaces go with their last process.
func TestTrialLeavesNothing(t *testing.T) {
	times := 15
	if testing.Short() {
		times = 3
	}
	type way struct {
		name string
		act  func(s *screen, mark string)
		code int
	}
	common := []way{
		{"Ctrl-C", func(s *screen, _ string) { s.typed("\x03") }, 130},
		{"SIGTERM", func(s *screen, _ string) { check(s.t, s.cmd.Process.Signal(syscall.SIGTERM)) }, 143},
		{"SIGHUP", func(s *screen, _ string) { check(s.t, s.cmd.Process.Signal(syscall.SIGHUP)) }, 129},
		{"SIGTERM to the child", func(s *screen, _ string) { check(s.t, syscall.Kill(s.child(), syscall.SIGTERM)) }, 143},
		{"kill -9", func(s *screen, _ string) { check(s.t, s.cmd.Process.Kill()) }, 137},
		{"kill -9 of the child", func(s *screen, _ string) { check(s.t, syscall.Kill(s.child(), syscall.SIGKILL)) }, 137},
		{"closed terminal", func(s *screen, _ string) { check(s.t, s.tty.Close()); check(s.t, s.keys.Close()) }, -1},
	}
	killed := func(begins string, code int) way {
		return way{"kill -9 of " + strings.ReplaceAll(begins, "\x00", " "), func(s *screen, mark string) {
			check(s.t, syscall.Kill(sign(s.t, mark, begins), syscall.SIGKILL))
		}, code}
	}
	// What is left in the background holds no terminal, and has a session of its
	// own or not.
	background := "sleep MARK </dev/null >/dev/null 2>&1 &"
	verbs := map[string]struct {
		args []string
		ways []way
	}{
		"try": {
			[]string{
				"try", "-q", "--server", background + " setsid " + background + " exec peer serve :7 MARK",
				"--client", "setsid " + background + " exec peer dial 10.1.2.3:7 MARK",
			},
			append([]way{killed("peer\x00serve", 0), killed("peer\x00dial", 0)}, common...),
		},
		"watch": {
			[]string{"watch", "--private", "--", "sh", "-c", background + " setsid " + background + " (" + background + "); exec peer wait MARK"},
			append([]way{killed("peer\x00wait", 137), {"its own end", func(s *screen, _ string) { s.typed("\x04") }, 0}}, common...),
		},
	}
	for verb, v := range verbs {
		for _, tt := range v.ways {
			t.Run(verb+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				leavesNothing(t, times, v.args, tt.act, tt.code)
			})
		}
	}
}

// leavesNothing runs a command line many times, with a mark of its own in place of
// MARK, and ends it.
func leavesNothing(t *testing.T, times int, line []string, act func(s *screen, mark string), want int) {
	for range times {
		mark := fmt.Sprintf("1%d.%d7", os.Getpid(), marks.Add(1))
		var args []string
		for _, a := range line {
			args = append(args, strings.ReplaceAll(a, "MARK", mark))
		}
		s := watch(t, args...)
		s.until("ready", 1)
		if n := len(alive(t, mark)); n < 6 { // and the two of lesson
			t.Fatalf("%d processes are there", n)
		}
		act(s, mark)
		if code := s.code(); want >= 0 && code != want {
			t.Fatalf("exit code %d, want %d\n%s", code, want, s.text())
		}
		for late := time.Now().Add(patience); len(alive(t, mark)) > 0; {
			if time.Now().After(late) {
				t.Fatalf("processes stay: %v", alive(t, mark))
			}
		}
		if want >= 0 {
			s.restored()
		}
	}
}
