package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// descendants are the processes below one, by their number.
func descendants(t testing.TB, pid int) (list []int) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/status")
	check(t, err)
	below := map[int][]int{}
	for _, name := range all {
		n, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		check(t, err)
		parent, err := strconv.Atoi(strings.TrimSpace(status(n)["PPid"]))
		if err == nil { // else it is gone meanwhile
			below[parent] = append(below[parent], n)
		}
	}
	list = []int{pid}
	for i := 0; i < len(list); i++ {
		list = append(list, below[list[i]]...)
	}
	return list
}

// status is what the kernel says of a process, by name.
func status(pid int) map[string]string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	fields := map[string]string{}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields[name] = strings.TrimSpace(value)
	}
	return fields
}

// tooMuch says which process below one, itself included, of those that run this
// program, has a right that the person who called sudo has not. One may have two
// capabilities, to see what others have open: it says "owners" where it is told that.
func tooMuch(t testing.TB, pid int) (wrong string, ours int) {
	t.Helper()
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	check(t, err)
	for _, p := range descendants(t, pid) {
		exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", p))
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p))
		name, _, _ := strings.Cut(string(line), "\x00")
		if exe != program || filepath.Base(name) != "lesson" {
			continue
		}
		ours++
		environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p))
		capabilities := "0000000000000000"
		if bytes.Contains(environ, []byte("LESSON_OWNERS=")) {
			capabilities = "0000000000080004" // CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH
		}
		is := status(p)
		for name, want := range map[string]string{
			"Uid": "54321\t54321\t54321\t54321", "Gid": "54322\t54322\t54322\t54322", "Groups": "54322",
			"CapPrm": capabilities, "CapEff": capabilities, "CapInh": "0000000000000000", "CapAmb": "0000000000000000",
			"NoNewPrivs": "1",
		} {
			if is[name] != want {
				wrong += fmt.Sprintf("process %d (%q): %s is %q, not %q\n", p, line, name, is[name], want)
			}
		}
	}
	return wrong, ours
}

// TestRights holds that under sudo no process of ours has a right that its caller
// has not when it comes to the first byte that a stranger may have written: not one
// has come when it is asked, and it goes on when the answer is right.
func TestRights(t *testing.T) {
	asRoot(t)
	dir := t.TempDir()
	check(t, os.Chown(dir, 54321, 54322))
	check(t, os.Chmod(filepath.Dir(dir), 0o755)) //nolint:gosec // the caller reads there
	fifo := filepath.Join(dir, "fifo")
	check(t, syscall.Mkfifo(fifo, 0o600))
	check(t, os.Chown(fifo, 54321, 54322))
	waits := "read line <" + fifo
	for _, tt := range []struct {
		line string
		ours int // processes
	}{
		{"explain -", 1},
		{"explain " + fifo, 1},
		{"watch --port 1", 2},
		{"watch --json -i any --port 1", 2},
		{"watch --port 1 -w " + dir + "/one.pcapng", 2},
		{"watch --port 1 -- sh -c WAITS", 2},
		{"watch --private -- sh -c WAITS", 3},
		{"try --server WAITS --client WAITS", 2},
	} {
		t.Run(tt.line, func(t *testing.T) {
			args := strings.Fields(tt.line)
			for i, a := range args {
				args[i] = strings.ReplaceAll(a, "WAITS", waits)
			}
			cmd := exec.Command("lesson", args...)
			cmd.Env = append(os.Environ(), "SUDO_UID=54321", "SUDO_GID=54322")
			stdin, err := cmd.StdinPipe()
			check(t, err)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			check(t, cmd.Start())
			wrong, ours := tooMuch(t, cmd.Process.Pid)
			for late := time.Now().Add(patience); wrong != "" || ours < tt.ours; wrong, ours = tooMuch(t, cmd.Process.Pid) {
				if time.Now().After(late) {
					t.Errorf("%d processes of ours, want %d; %s", ours, tt.ours, wrong)
					break
				}
			}
			check(t, cmd.Process.Signal(syscall.SIGTERM))
			check(t, stdin.Close())
			_ = cmd.Wait() // by the signal, or with what could be told until then
		})
	}
	// A lesson makes its segments itself, so that nothing holds the first one back.
	for place, first := range map[string]string{"--host": "space: ", "--private": "❶"} {
		s := onTerminal(t, []string{"SUDO_UID=54321", "SUDO_GID=54322"}, "teardown", place, "--quiet", port())
		s.until(first, 1)
		if wrong, ours := tooMuch(t, s.cmd.Process.Pid); wrong != "" || ours != 2 {
			t.Errorf("%s: %d processes of ours; %s", place, ours, wrong)
		}
		s.typed("q")
		s.code()
	}
}
