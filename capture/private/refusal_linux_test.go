package private

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"

	"lesson/lesson/lang"
)

// files makes a root directory from "name=content" words.
func files(words ...string) fstest.MapFS {
	fs := fstest.MapFS{}
	for _, w := range words {
		name, content, _ := strings.Cut(w, "=")
		fs[name] = &fstest.MapFile{Data: []byte(content + "\n")}
	}
	return fs
}

const (
	self   = "proc/self/status=Name: lesson"
	mounts = "proc/self/mountinfo=22 1 254:0 / / rw - ext4 /dev/vda rw"
	inside = "proc/self/mountinfo=23 22 0:21 / /proc rw - proc proc rw"
)

func TestNotStarted(t *testing.T) {
	tests := []struct {
		name     string
		err      error
		files    fstest.MapFS
		filtered bool
		root     bool
		what     string
		hint     string
	}{
		{name: "no proc", err: unix.ENOENT, files: files(),
			what: "/proc is not mounted", hint: "sudo mount -t proc proc /proc"},
		{name: "user namespaces", err: unix.ENOSPC, files: files(self, sysctl(maxUser)+"=0", sysctl(maxNet)+"=5"),
			what: "the sysctl user.max_user_namespaces is 0", hint: "sudo sysctl -w user.max_user_namespaces=15000\n"},
		{name: "network namespaces", err: unix.ENOSPC, files: files(self, sysctl(maxUser)+"=5", sysctl(maxNet)+"=0"),
			what: "the sysctl user.max_net_namespaces is 0", hint: "sudo sysctl -w user.max_net_namespaces=15000\n"},
		{name: "process namespaces", err: unix.ENOSPC, files: files(self, sysctl(maxUser)+"=5", sysctl(maxNet)+"=5", sysctl("user.max_pid_namespaces")+"=0"),
			what: "the sysctl user.max_pid_namespaces is 0", hint: "sudo sysctl -w user.max_pid_namespaces=15000\n"},
		{name: "mount namespaces", err: unix.ENOSPC, files: files(self, sysctl("user.max_mnt_namespaces")+"=0"),
			what: "the sysctl user.max_mnt_namespaces is 0", hint: "sudo sysctl -w user.max_mnt_namespaces=15000\n"},
		{name: "used up", err: unix.ENOSPC, files: files(self, sysctl(maxUser)+"=5", sysctl(maxNet)+"=5"),
			what: "no more namespaces", hint: "sudo sysctl -w user.max_user_namespaces=100000 user.max_net_namespaces=100000\n"},
		{name: "nested too deep", err: unix.EUSERS, files: files(self),
			what: "no more namespaces", hint: "sudo lesson teardown"},
		{name: "sysctl of Debian", err: unix.EPERM, files: files(self, sysctl(cloneUser)+"=0", mounts),
			what: "the sysctl kernel.unprivileged_userns_clone is 0", hint: "sudo sysctl -w kernel.unprivileged_userns_clone=1"},
		{name: "AppArmor", err: unix.EACCES, files: files(self, sysctl(cloneUser)+"=1", sysctl(appArmor)+"=1", mounts),
			what: "AppArmor forbids", hint: "profile lesson \"/usr/local/bin/lesson\" flags=(unconfined) {\n  userns,\n}\n"},
		{name: "AppArmor allows", err: unix.EPERM, files: files(self, sysctl(appArmor)+"=0", mounts),
			what: "does not say why", hint: "sudo lesson teardown"},
		{name: "seccomp", err: unix.EPERM, files: files(self, sysctl(appArmor)+"=1", mounts), filtered: true,
			what: "a seccomp filter", hint: "docker run --user 0 --cap-add NET_RAW … lesson teardown --port 80 --host"},
		{name: "seccomp that denies the call exists", err: unix.ENOSYS, files: files(self), filtered: true,
			what: "a seccomp filter", hint: "seccomp=unconfined"},
		{name: "chroot", err: unix.EPERM, files: files(self, inside),
			what: "inside a chroot", hint: "run it outside the chroot, or capture on the host's loopback interface: sudo lesson teardown --port 80"},
		{name: "SELinux", err: unix.EACCES, files: files(self, mounts, "sys/fs/selinux/enforce=1"),
			what: "SELinux", hint: "sudo ausearch"},
		{name: "as root", err: unix.EPERM, files: files(self, mounts), root: true,
			what: "does not say why", hint: ": lesson teardown --port 80"},
		{name: "an old kernel", err: unix.EINVAL, files: files(self),
			what: "CONFIG_USER_NS", hint: "sudo lesson teardown"},
		{name: "something else", err: unix.EAGAIN, files: files(self),
			what: "could not run itself", hint: "sudo lesson teardown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := machine{files: tt.files, filtered: tt.filtered, root: tt.root, program: "lesson", path: "/usr/local/bin/lesson",
				args: []string{"teardown", "--private", "--port", "80"}}
			p := notStarted(fmt.Errorf("fork/exec /proc/self/exe: %w", tt.err), m)
			check(t, p, tt.err, tt.what, tt.hint)
		})
	}
}

// check holds that a problem says what it must, in both languages.
func check(t *testing.T, err, cause error, what, hint string) {
	t.Helper()
	p, ok := lang.AsProblem(err)
	if !ok {
		t.Fatalf("%v is no Problem", err)
	}
	if !strings.Contains(p.What.EN, what) {
		t.Errorf("what: %q, want %q", p.What.EN, what)
	}
	if !strings.Contains(p.Hint.EN, hint) {
		t.Errorf("hint: %q, want %q", p.Hint.EN, hint)
	}
	if p.What.ZH == "" || p.Hint.ZH == "" || p.What.ZH == p.What.EN || p.Hint.ZH == p.Hint.EN {
		t.Errorf("not both languages: %q, %q", p.What, p.Hint)
	}
	// The commands are the same in both.
	for _, command := range []string{"sudo ", "docker run", "userns,", " --private"} {
		if strings.Count(p.Hint.EN, command) != strings.Count(p.Hint.ZH, command) {
			t.Errorf("hints differ in %q: %q", command, p.Hint)
		}
	}
	if p.Code != lang.ExitRefused || !errors.Is(p, cause) {
		t.Errorf("code %d, cause %v", p.Code, p.Err)
	}
}

func TestPowerless(t *testing.T) {
	for name, tt := range map[string]struct {
		files fstest.MapFS
		what  string
	}{
		"by sysctl":  {files(self, sysctl(appArmor)+"=1"), "AppArmor"},
		"by profile": {files(self, "proc/self/attr/current=unprivileged_userns (enforce)"), "AppArmor"},
		"by others":  {files(self, sysctl(appArmor)+"=0"), "no power over it"},
	} {
		t.Run(name, func(t *testing.T) {
			p := powerless(unix.EPERM, machine{files: tt.files, program: "lesson", path: "/usr/bin/lesson"})
			check(t, p, unix.EPERM, tt.what, "sudo lesson")
		})
	}
}

func TestNotCaptured(t *testing.T) {
	tests := []struct {
		name          string
		err           error
		private, root bool
		what, hint    string
	}{
		{"no root", unix.EPERM, false, false, "only root may capture",
			"run it as root: sudo lesson teardown --port 80\nor, without root, on a loopback interface of its own: lesson teardown --port 80 --private"},
		{"root without the capability", unix.EPERM, false, true, "lacks the capability NET_RAW", "docker run --cap-add NET_RAW"},
		{"private", unix.EACCES, true, false, "no power over it", "sudo lesson teardown --port 80"},
		{"private, where everybody is root", unix.EPERM, true, true, "no power over it", "lesson teardown --port 80"},
		{"no such sockets", unix.EAFNOSUPPORT, false, true, "no packet sockets", ": modprobe af_packet"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := machine{files: files(self), root: tt.root, program: "lesson", path: "/usr/bin/lesson",
				args: []string{"teardown", "--host", "--port", "80"}}
			check(t, notCaptured(fmt.Errorf("opening a capture: %w", tt.err), tt.private, m), tt.err, tt.what, tt.hint)
		})
	}
	// The flag stands before a command, whose own flags are left alone.
	m := machine{files: files(self), root: true, program: "lesson", path: "/usr/bin/lesson", args: []string{"watch", "--host", "--", "prog", "--host"}}
	check(t, notCaptured(unix.EPERM, false, m), unix.EPERM, "lacks the capability NET_RAW", "lesson watch --private -- prog --host")
	if err := notCaptured(unix.ENODEV, false, machine{}); !errors.Is(err, unix.ENODEV) || isProblem(err) {
		t.Errorf("an error that is no refusal became %v", err)
	}
	if err := Refused(nil, nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}

func isProblem(err error) bool {
	_, ok := lang.AsProblem(err)
	return ok
}

// What is printed can be pasted into a shell, which finds the program.
func TestCommand(t *testing.T) {
	for _, tt := range []struct {
		program, path string
		args          []string
		want          string
	}{
		{"lesson", "/usr/local/bin/lesson", []string{"handshake"}, "lesson handshake"},
		{"lesson", "/opt/go/bin/lesson", []string{"handshake"}, "/opt/go/bin/lesson handshake"},
		{"bin/lesson", "/srv/lesson/bin/lesson", nil, "bin/lesson"},
		{"lesson", "/opt/a b/lesson", []string{"--message", "it's 你好 world", "", "--host", "a\nb"},
			`'/opt/a b/lesson' --message 'it'\''s 你好 world' '' ` + "'a\nb'"},
	} {
		m := machine{program: tt.program, path: tt.path, args: tt.args}
		if got := m.command(""); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
