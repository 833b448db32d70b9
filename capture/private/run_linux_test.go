package private

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestPrivate(t *testing.T) {
	needNamespaces(t)
	here, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	both := map[string]func(*exec.Cmd) *exec.Cmd{
		"ordinary user": ordinary,
		"whoever":       func(c *exec.Cmd) *exec.Cmd { return c },
		"container's root": func(c *exec.Cmd) *exec.Cmd {
			c.Env = append(c.Env, trouble+"=container")
			return master(c)
		},
	}
	for name, as := range both {
		t.Run(name, func(t *testing.T) {
			c := as(command("", "report", "b c"))
			code, out := finish(t, c)
			if code != 0 {
				t.Fatalf("exit code %d: %s", code, out)
			}
			var r report
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			uid := os.Geteuid()
			if cred := c.SysProcAttr.Credential; cred != nil {
				uid = int(cred.Uid)
			} else if c.SysProcAttr.UidMappings != nil {
				uid = 0
			}
			if r.UID != uid {
				t.Errorf("uid %d, want %d as before", r.UID, uid)
			}
			if r.Network == here || r.Network == "" {
				t.Errorf("network namespace %q", r.Network)
			}
			if !r.LoopbackUp || !r.Captures {
				t.Errorf("lo up %v, captures %v", r.LoopbackUp, r.Captures)
			}
			if want := []string{"lesson", "report", "b c"}; !slices.Equal(r.Args, want) {
				t.Errorf("arguments %q, want %q", r.Args, want)
			}
			if r.Variable != "" {
				t.Errorf("%s is handed on to grandchildren", variable)
			}
			if uid != 0 && !strings.HasSuffix(r.Caps, "cap_net_admin,cap_net_raw,cap_sys_admin=eip") {
				t.Errorf("capabilities %q", r.Caps)
			}
		})
	}
}

func TestHost(t *testing.T) {
	here, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	code, out := finish(t, command("host", "report"))
	var r report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v: %s", code, err, out)
	}
	if r.Network != here {
		t.Errorf("network namespace %s, want %s", r.Network, here)
	}
}

func TestExitCode(t *testing.T) {
	for _, want := range []int{0, 1, 4, 130} {
		c := command("host", "exit", map[int]string{0: "0", 1: "1", 4: "4", 130: "130"}[want])
		if code, out := finish(t, c); code != want || out != "" {
			t.Errorf("exit code %d, want %d: %q", code, want, out)
		}
	}
}

// A namespace that stayed behind would use up the only one allowed.
func TestNothingLeft(t *testing.T) {
	needNamespaces(t)
	if code, out := finish(t, master(command("one", "nothing"))); code != 0 {
		t.Errorf("exit code %d: %s", code, out)
	}
}

// With processes of its own, a child takes all that it has started along: else
// the output would stay open.
func TestProcesses(t *testing.T) {
	needNamespaces(t)
	for _, end := range []string{"return", "die"} {
		for name, as := range map[string]func(*exec.Cmd) *exec.Cmd{"ordinary": ordinary, "whoever": func(c *exec.Cmd) *exec.Cmd { return c }} {
			code, out := finish(t, as(command("alone", "daemon", end)))
			if want := map[string]int{"return": 0, "die": 1}[end]; code != want || out != "" {
				t.Errorf("%s, %s: exit code %d, want %d: %s", name, end, code, want, out)
			}
		}
	}
}

func BenchmarkRun(b *testing.B) {
	for name, what := range map[string]string{"private": "", "host": "host"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if out, err := ordinary(command(what, "nothing")).CombinedOutput(); err != nil {
					b.Fatal(string(out))
				}
			}
		})
	}
}

// The variable alone makes nobody a child.
func TestVariableIsNotBelieved(t *testing.T) {
	for _, stuff := range []string{"", "own", "host", "al"} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := write.WriteString(stuff); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestPlace$", "-test.v")
		cmd.Env = append(os.Environ(), variable+"="+alone, "PRIVATE_TEST_PLACE=1")
		cmd.ExtraFiles = []*os.File{read}
		if stuff == "" {
			cmd.ExtraFiles = nil
		}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "place: \"\"") {
			t.Errorf("with %q in the pipe: %v\n%s", stuff, err, out)
		}
		_, _ = read.Close(), write.Close()
	}
}

// TestPlace says where this process is believed to be.
func TestPlace(t *testing.T) {
	if os.Getenv("PRIVATE_TEST_PLACE") == "" {
		t.Skip("TestVariableIsNotBelieved runs this")
	}
	t.Logf("place: %q", place)
}
