package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"lesson/lesson/lessons"
	"lesson/lesson/recorded"
)

// refused runs the program as an ordinary user of a machine without user
// namespaces: the sysctl that says so is that of the test's own.
func refused(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	need(t, canPlay(), "no lesson can be played on this machine: lesson handshake --private says why")
	cmd := exec.Command("sh", append([]string{"-c", `echo 0 > /proc/sys/user/max_user_namespaces && exec lesson "$@"`, "sh"}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getegid(), Size: 1}},
		AmbientCaps: []uintptr{unix.CAP_SYS_RESOURCE},
	}
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), problems.String()
}

// TestRefusedShowsRecording wants the reason first, then the recording, which
// says that it is one.
func TestRefusedShowsRecording(t *testing.T) {
	for _, tt := range []struct{ lang, refusal, announced, source string }{
		{"en", "the sysctl user.max_user_namespaces is 0", "What follows is a recording", "recording, Linux "},
		{"zh", "内核参数 user.max_user_namespaces 为 0", "以下是本课的录制演示", "录制的演示，Linux "},
	} {
		code, stdout, stderr := refused(t, "handshake", "--lang", tt.lang)
		if code != 0 {
			t.Errorf("exit code %d", code)
		}
		reason, recording := strings.Index(stderr, tt.refusal), strings.Index(stderr, tt.announced)
		if reason < 0 || recording < reason {
			t.Errorf("not the reason and then the recording: %s", stderr)
		}
		for _, want := range []string{tt.source, "SYN_SENT", "ESTABLISHED"} {
			if !strings.Contains(stdout, want) {
				t.Errorf("the drawing lacks %q:\n%s", want, stdout)
			}
		}
	}
}

// TestRefusedWishes wants what no recording has to be refused as ever.
func TestRefusedWishes(t *testing.T) {
	for _, wish := range [][]string{{"-w", "/dev/null"}, {"--port", "80"}, {"--private"}, {"--message", "x"}, {"--ipv6"}} {
		code, stdout, stderr := refused(t, append([]string{"teardown"}, wish...)...)
		if code != 3 || stdout != "" || !strings.Contains(stderr, "lesson teardown --recorded") {
			t.Errorf("%v: exit code %d, %q, %q", wish, code, stdout, stderr)
		}
	}
}

// TestEveryLessonIsRecorded draws each recording there must be.
func TestEveryLessonIsRecorded(t *testing.T) {
	for _, l := range lessons.All() {
		names := []string{""}
		for _, o := range l.Options {
			names = append(names, o.Name)
		}
		for _, option := range names {
			if !recorded.Has(l.Name, option) {
				t.Errorf("no recording of %s %s", l.Name, option)
				continue
			}
			args := []string{l.Name, "--recorded", "-v"}
			if option != "" {
				args = append(args, "--"+option)
			}
			var out, problems bytes.Buffer
			if code := run(args, strings.NewReader(""), &out, &problems, os.Getenv); code != 0 || problems.Len() > 0 {
				t.Errorf("%v: exit code %d, %s", args, code, problems.String())
			}
			if s := out.String(); strings.Contains(s, "Not as promised") || !strings.Contains(s, "Linux ") {
				t.Errorf("%v:\n%s", args, s)
			}
		}
	}
}
