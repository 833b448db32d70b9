package privilege

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// role, in the environment, makes the test binary a program that gives its
// privileges up and says what is left.
const role = "PRIVILEGE_TEST_ROLE"

const person1, person1Group = 54321, 54322

func TestMain(m *testing.M) {
	if os.Getenv(role) != "" {
		if err := giveUp(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// giveUp checks that nothing is left, on any thread, and nothing comes back.
func giveUp() error {
	threads := make(chan bool)
	for range 4 {
		go func() {
			runtime.LockOSThread()
			threads <- true
			select {}
		}()
		<-threads
	}
	uid := os.Getuid()
	sudo := os.Getenv("SUDO_UID") == fmt.Sprint(person1)
	if sudo {
		uid = person1
	}
	for range 2 { // the second time changes nothing
		if err := GiveUp(); err != nil {
			return err
		}
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	if len(tasks) < 5 {
		return fmt.Errorf("%d threads, want 5 and more", len(tasks))
	}
	for _, task := range tasks {
		b, err := os.ReadFile("/proc/self/task/" + task.Name() + "/status")
		if err != nil {
			return err
		}
		want := []string{
			fmt.Sprintf("Uid:\t%d\t%[1]d\t%[1]d\t%[1]d\n", uid),
			"CapInh:\t0000000000000000\n", "CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n",
			"CapAmb:\t0000000000000000\n", "NoNewPrivs:\t1\n",
		}
		if sudo {
			want = append(want, fmt.Sprintf("Gid:\t%d\t%[1]d\t%[1]d\t%[1]d\n", person1Group), fmt.Sprintf("Groups:\t%d ", person1Group))
		}
		for _, w := range want {
			if !strings.Contains(string(b), w) {
				return fmt.Errorf("status of thread %s lacks %q:\n%s", task.Name(), w, b)
			}
		}
	}
	if _, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0); !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("opening a packet socket: %v, want EPERM", err)
	}
	if uid != 0 {
		if err := syscall.Setuid(0); err == nil {
			return errors.New("could become root again")
		}
	}
	return nil
}

// need ends the test where the machine cannot show what it is about: that is
// no failure on a user's machine, and one where the tests are the purpose.
func need(t *testing.T, ok bool, why string) {
	t.Helper()
	switch {
	case ok:
	case os.Getenv("CI") != "":
		t.Fatal(why)
	default:
		t.Skip(why)
	}
}

// needRoot ends the test where there are no others to become.
func needRoot(t *testing.T) {
	t.Helper()
	need(t, os.Geteuid() == 0, "only root can show this")
	b, err := os.ReadFile("/proc/self/setgroups")
	need(t, err == nil && string(b) == "allow\n", "this root may not act for others")
}

func TestGiveUp(t *testing.T) {
	sudo := []string{fmt.Sprint("SUDO_UID=", person1), fmt.Sprint("SUDO_GID=", person1Group)}
	tests := []struct {
		name string
		root bool // must be
		env  []string
		attr *syscall.SysProcAttr
	}{
		{"root", true, nil, nil},
		{"root by sudo", true, sudo, nil},
		{"root by sudo of root", true, []string{"SUDO_UID=0", "SUDO_GID=0"}, nil},
		{"ordinary user", true, nil, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 777, Gid: 777}}},
		{"as the tests", false, nil, nil},
		{"in a user namespace", false, nil, &syscall.SysProcAttr{
			Cloneflags:  unix.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 12, HostID: os.Geteuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 12, HostID: os.Getegid(), Size: 1}},
			AmbientCaps: []uintptr{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.root {
				needRoot(t)
			}
			c := exec.Command("/proc/self/exe")
			c.Env = append(tt.env, role+"=give up", "GORACE=atexit_sleep_ms=0")
			c.SysProcAttr = tt.attr
			out, err := c.CombinedOutput()
			if errors.Is(err, fs.ErrPermission) {
				need(t, false, err.Error())
			}
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

func TestCreate(t *testing.T) {
	needRoot(t)
	t.Setenv("SUDO_UID", fmt.Sprint(person1))
	t.Setenv("SUDO_GID", fmt.Sprint(person1Group))
	dir, err := os.MkdirTemp("", "privilege") // t.TempDir's parent is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	at := func(name string) string { return filepath.Join(dir, name) }
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(os.Chmod(dir, 0o755))
	for _, name := range []string{"hers", "roots"} {
		ok(os.Mkdir(at(name), 0o755))
		ok(os.WriteFile(at(name+"/old"), []byte("old"), 0o644))
	}
	ok(os.WriteFile(at("hers/roots"), []byte("old"), 0o644))
	ok(os.Symlink(at("roots/old"), at("hers/link")))
	ok(os.Symlink(at("roots/new"), at("hers/dangling")))
	ok(os.Chown(at("hers"), person1, person1Group))
	ok(os.Chown(at("hers/old"), person1, person1Group))

	for _, name := range []string{"hers/new", "hers/old"} {
		f, err := Create(at(name))
		ok(err)
		_, err = f.WriteString("new")
		ok(err)
		ok(f.Close())
		info, err := os.Stat(at(name))
		ok(err)
		if s := info.Sys().(*syscall.Stat_t); s.Uid != person1 || s.Gid != person1Group || info.Size() != 3 {
			t.Errorf("%s belongs to %d:%d and has %d bytes", name, s.Uid, s.Gid, info.Size())
		}
	}
	for _, name := range []string{"hers/roots", "hers/link", "hers/dangling", "roots/old", "roots/new"} {
		f, err := Create(at(name))
		if err == nil {
			f.Close()
		}
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("creating %s: %v, want permission denied", name, err)
		}
	}
	for _, name := range []string{"hers/roots", "roots/old"} {
		if b, err := os.ReadFile(at(name)); err != nil || string(b) != "old" {
			t.Errorf("%s is %q, %v", name, b, err)
		}
	}
	if _, err := os.Stat(at("roots/new")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("roots/new: %v", err)
	}
	ok(os.WriteFile(at("roots/new"), nil, 0o600)) // this process is still root's

	// Where nobody called sudo, it is os.Create.
	os.Unsetenv("SUDO_UID")
	f, err := Create(at("roots/plain"))
	ok(err)
	ok(f.Close())
}

func BenchmarkGiveUp(b *testing.B) {
	// In a process of its own: the tests need what is given up.
	for b.Loop() {
		c := exec.Command("/proc/self/exe")
		c.Env = []string{role + "=give up"}
		if out, err := c.CombinedOutput(); err != nil {
			b.Fatal(string(out))
		}
	}
}
