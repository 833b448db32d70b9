package main

import (
	"fmt"
	"os"
	"path/filepath"
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
// is in flight: no process remains, with which its networks go, and the
// terminal is as it was found.
func TestNothingLeft(t *testing.T) {
	times := 50
	if testing.Short() {
		times = 3
	}
	for _, e := range ends {
		t.Run(e.name, func(t *testing.T) {
			for range times {
				s := watch(t, "teardown", "--private", "--quiet")
				s.until("❶", 1)
				program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", s.child()))
				check(t, err)
				e.end(t, s)
				s.code()
				for late := time.Now().Add(patience); len(running(t, program)) > 0; {
					if time.Now().After(late) {
						t.Fatalf("processes are left: %v", running(t, program))
					}
				}
				if e.name != "terminal closed" {
					s.restored()
				}
			}
		})
	}
}

// running lists the processes that run a program; others may run others.
func running(t *testing.T, program string) (list []string) {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	check(t, err)
	for _, link := range links {
		if is, err := os.Readlink(link); err == nil && is == program {
			list = append(list, link)
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
