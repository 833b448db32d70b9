package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// ends are the ways in which a stepped lesson can end before its time.
var ends = []struct {
	name string
	end  func(t *testing.T, s *screen)
}{
	{"Ctrl-C", func(_ *testing.T, s *screen) { s.typed("\x03") }},
	{"quit", func(_ *testing.T, s *screen) { s.typed("q") }},
	{"SIGTERM", func(t *testing.T, s *screen) { check(t, s.cmd.Process.Signal(syscall.SIGTERM)) }},
	{"SIGHUP", func(t *testing.T, s *screen) { check(t, s.cmd.Process.Signal(syscall.SIGHUP)) }},
	{"parent killed", func(t *testing.T, s *screen) { check(t, s.cmd.Process.Kill()) }},
	{"child killed", func(t *testing.T, s *screen) { check(t, syscall.Kill(s.child(), syscall.SIGKILL)) }},
	{"terminal closed", func(t *testing.T, s *screen) { check(t, s.keys.Close()) }},
}

// TestNothingLeft ends a lesson in every way, again and again, while a segment
// is in flight: no process and no network namespace remains, and the terminal
// is as it was found.
func TestNothingLeft(t *testing.T) {
	times := 50
	if testing.Short() {
		times = 3
	}
	for _, e := range ends {
		t.Run(e.name, func(t *testing.T) {
			var own []string
			for range times {
				s := watch(t, "teardown", "--private", "--quiet")
				s.until("❶", 1)
				child := s.child()
				own = append(own, networks(t, strconv.Itoa(child))...)
				e.end(t, s)
				s.code()
				gone(t, child)
				if e.name != "terminal closed" {
					s.restored()
				}
			}
			// A namespace goes some moments after its last process.
			for end := time.Now().Add(patience); ; {
				left := slices.DeleteFunc(networks(t, "[0-9]*"), func(n string) bool { return !slices.Contains(own, n) })
				if len(left) == 0 {
					return
				}
				if time.Now().After(end) {
					t.Fatalf("network namespaces are left: %v", left)
				}
			}
		})
	}
}

// networks are the network namespaces in which a thread of a process is.
func networks(t *testing.T, process string) (list []string) {
	t.Helper()
	links, err := filepath.Glob("/proc/" + process + "/task/[0-9]*/ns/net")
	check(t, err)
	for _, link := range links {
		if n, err := os.Readlink(link); err == nil && !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	return list
}

// A full disk is told, and nothing else is lost.
func TestFullDisk(t *testing.T) {
	s := watch(t, "teardown", "--private", "--no-step", "-w", "/dev/full")
	if code := s.code(); code != 1 {
		t.Errorf("exit code %d\n%s", code, s.text())
	}
	s.until("no space left on the disk", 1)
	s.restored()
}

// BenchmarkKey is the time from a key to the next segment on the screen.
func BenchmarkKey(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		s := watch(b, "teardown", "--private", "--quiet")
		s.until("❶", 1)
		b.StartTimer()
		s.typed(" ")
		s.until("❷", 1)
		b.StopTimer()
		s.typed("q")
		s.code()
		b.StartTimer()
	}
}
