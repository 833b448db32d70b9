package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// lessonOutput runs the program and returns what it wrote to stdout.
func lessonOutput(t *testing.T, env []string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("lesson", args...)
	cmd.Env = append(append(os.Environ(), "LC_ALL=C.UTF-8"), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("lesson %s: %v\n%s%s", strings.Join(args, " "), err, stderr.Bytes(), out)
	}
	return out
}

// TestJSON holds the names that programs rely on.
func TestJSON(t *testing.T) {
	need(t, canPlay(), "no lesson can be played on this machine: lesson handshake --private says why")
	file := filepath.Join(t.TempDir(), "kept.pcapng")
	both := []string{
		"event", "n", "time", "from", "src", "dst", "flags", "seq", "ack", "seq_abs", "ack_abs",
		"len", "win", "options", "client", "server", "findings",
	}
	live := objects(t, lessonOutput(t, nil, "teardown", "--private", "--json", "-w", file))
	if live[0]["event"] != "lesson" || live[len(live)-1]["event"] != "end" {
		t.Errorf("a story goes from lesson to end, not from %v to %v", live[0]["event"], live[len(live)-1]["event"])
	}
	if n := holds(t, live, "segment", both...); n != 9 {
		t.Errorf("%d segments live, want 9", n)
	}
	for _, o := range live {
		if o["event"] == "segment" && o["n"] == 9.0 {
			holds(t, []map[string]any{o["client"].(map[string]any)}, "", "before", "after", "inferred", "kernel")
		}
	}

	read := objects(t, lessonOutput(t, nil, "explain", "--json", file))
	if n := holds(t, read, "segment", append(both, "stream", "frame")...); n != 9 {
		t.Errorf("%d segments in the file, want 9", n)
	}
	connection := []string{
		"stream", "client", "server", "opened", "closed", "client_state", "server_state",
		"segments", "bytes", "duration", "complete", "completeness", "conn_state",
	}
	if n := holds(t, read, "connection", connection...); n != 1 {
		t.Errorf("%d connections in the file, want 1", n)
	}

	summary := objects(t, lessonOutput(t, nil, "explain", "--summary", "--json", file))
	holds(t, summary, "connection", connection...)
	if n := holds(t, summary, "segment"); n != 0 {
		t.Errorf("%d segments in a summary", n)
	}
}

// objects reads one JSON object a line.
func objects(t *testing.T, out []byte) (list []map[string]any) {
	t.Helper()
	for line := range bytes.Lines(out) {
		var o map[string]any
		if err := json.Unmarshal(line, &o); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		list = append(list, o)
	}
	if len(list) == 0 {
		t.Fatal("no output")
	}
	return list
}

// holds counts the events of a kind and wants each to have the names; an empty
// kind takes every object.
func holds(t *testing.T, list []map[string]any, kind string, names ...string) (n int) {
	t.Helper()
	for _, o := range list {
		if kind != "" && o["event"] != kind {
			continue
		}
		n++
		for _, name := range names {
			if _, ok := o[name]; !ok {
				t.Errorf("a %s has no %q: %v", kind, name, o)
			}
		}
	}
	return n
}

// varies is what differs from run to run: times, ports and sequence numbers.
var varies = regexp.MustCompile(`"(time|duration|remaining|start)":[^,}]*|"(seq|ack)_abs":\d+|(127\.0\.0\.1|10\.0\.0\.1|::1\])(:|', )\d+`)

// TestSameEveryTime runs a lesson a hundred times in a row.
func TestSameEveryTime(t *testing.T) {
	need(t, canPlay(), "no lesson can be played on this machine: lesson handshake --private says why")
	runs := 100
	if testing.Short() {
		runs = 5
	}
	var first string
	for n := range runs {
		out := varies.ReplaceAllString(string(lessonOutput(t, nil, "teardown", "--private", "--json")), "…")
		if n == 0 {
			first = out
		}
		if out != first {
			a, b := strings.Split(first, "\n"), strings.Split(out, "\n")
			for i := range min(len(a), len(b)) {
				if a[i] != b[i] {
					t.Fatalf("run %d differs in line %d:\n%s\n%s", n+1, i+1, a[i], b[i])
				}
			}
			t.Fatalf("run %d has %d lines, the first has %d", n+1, len(b), len(a))
		}
	}
}

// TestKilledFileIsWhole kills the program in the middle: what it had captured
// until then can be read.
func TestKilledFileIsWhole(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kept.pcapng")
	s := watch(t, "teardown", "--private", "-w", file)
	for _, stop := range stops["--private"][:7] {
		s.until(stop, 1)
		s.typed(" ")
	}
	s.until("❼", 1)
	if err := syscall.Kill(s.child(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.code()
	read := objects(t, lessonOutput(t, nil, "explain", "--json", file))
	if n := holds(t, read, "segment"); n < 5 {
		t.Errorf("the file has %d segments", n)
	}
}

// TestSudoFiles writes a file the way sudo would have it: it is the caller's.
func TestSudoFiles(t *testing.T) {
	need(t, os.Geteuid() == 0, "only root can do what sudo does")
	const caller = 54321
	dir := openDir(t)
	if err := os.Chown(dir, caller, caller); err != nil {
		t.Fatal(err)
	}
	sudo := []string{"SUDO_UID=" + strconv.Itoa(caller), "SUDO_GID=" + strconv.Itoa(caller)}
	for _, place := range []string{"--host", "--private"} {
		file := filepath.Join(dir, place+".pcapng")
		lessonOutput(t, sudo, "handshake", place, port(), "-w", file)
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if st := info.Sys().(*syscall.Stat_t); st.Uid != caller || st.Gid != caller {
			t.Errorf("%s: the file belongs to %d:%d, not to who called sudo", place, st.Uid, st.Gid)
		}
	}
}

// TestOrdinaryUser runs the built program as a user who is nobody.
func TestOrdinaryUser(t *testing.T) {
	need(t, os.Geteuid() == 0, "only root can become somebody else")
	dir := openDir(t)
	bin := filepath.Join(dir, "lesson")
	build := exec.Command("go", "build", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	const nobody = 65534
	as := func(args ...string) *exec.Cmd {
		cmd := exec.Command(bin, args...)
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LANG=C.UTF-8"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		return cmd
	}
	start := time.Now()
	out, err := as("teardown", "-w", "kept.pcapng").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("TIME_WAIT")) {
		t.Fatalf("teardown: %v\n%s", err, out)
	}
	t.Logf("teardown: %v", time.Since(start))
	if out, err = as("explain", "kept.pcapng").CombinedOutput(); err != nil || !bytes.Contains(out, []byte("TIME_WAIT")) {
		t.Errorf("explain: %v\n%s", err, out)
	}
	// One file of a directory that may not be read does not keep the others from it.
	secret := filepath.Join(dir, "captures", "secret.pcap")
	check(t, os.Mkdir(filepath.Dir(secret), 0o755))
	check(t, os.WriteFile(secret, []byte("not yours"), 0o600))
	kept, err := os.ReadFile(filepath.Join(dir, "kept.pcapng"))
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, "captures", "kept.pcapng"), kept, 0o644))
	if out, err = as("explain", "--plain", "captures").CombinedOutput(); err != nil || !bytes.Contains(out, []byte("TIME_WAIT")) ||
		!bytes.Contains(out, []byte("captures/secret.pcap was left out: permission denied.")) {
		t.Errorf("explain captures: %v\n%s", err, out)
	}
	out, err = as("handshake", "--host").CombinedOutput()
	if e, ok := err.(*exec.ExitError); !ok || e.ExitCode() != 3 || !bytes.Contains(out, []byte("sudo")) {
		t.Errorf("handshake --host: %v, want exit code 3 and the command that helps\n%s", err, out)
	}
	if out, err = as("handshake", "--port", "80").CombinedOutput(); err != nil {
		t.Logf("port 80: %v\n%s", err, out)
	}
}

// openDir is a directory that everybody can write to and enter.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lesson")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestHostTrouble provokes what can be wrong with the host.
func TestHostTrouble(t *testing.T) {
	need(t, os.Geteuid() == 0, "only root plays on the host")
	inUse, err := net.Listen("tcp", "127.0.0.2:0")
	check(t, err)
	defer inUse.Close()
	_, used, err := net.SplitHostPort(inUse.Addr().String())
	check(t, err)
	for _, c := range []struct {
		name string
		args []string
		env  []string
		attr *syscall.SysProcAttr
		code int
		says []string
	}{
		{name: "port in use", args: []string{"handshake", "--host", "--port", used},
			code: 1, says: []string{"port " + used, "hint: ", "--port", "ss -"}},
		{name: "port in use, in Chinese", args: []string{"handshake", "--host", "--lang=zh", "--port", used},
			code: 1, says: []string{"端口 " + used, "提示：", "--port"}},
		{name: "lo is down", args: []string{"handshake", "--host"}, attr: &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET},
			code: 1, says: []string{`"lo" is down`, "ip link set"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command("lesson", c.args...)
			cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
			cmd.SysProcAttr = c.attr
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			var e *exec.ExitError
			if !errors.As(err, &e) || e.ExitCode() != c.code {
				t.Fatalf("%v, want exit code %d\n%s", err, c.code, out)
			}
			for _, s := range c.says {
				if !strings.Contains(stderr.String(), s) {
					t.Errorf("no %q in:\n%s", s, stderr.String())
				}
			}
		})
	}
}
