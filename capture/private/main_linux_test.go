package private

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
	"kernel.org/pub/linux/libs/security/libcap/cap"

	"lesson/lesson/lang"
)

// This test binary plays four parts: the tests; the program that calls Run,
// after bringing itself into trouble; the child that Run starts; and a shell.

// trouble, in the environment, makes the test binary the program that calls
// Run. Its value says what to do to this process first.
const trouble = "PRIVATE_TEST_TROUBLE"

func TestMain(m *testing.M) {
	if Child() {
		os.Exit(child(os.Args[1:]))
	}
	if os.Getenv(asShell) != "" {
		os.Exit(shell(os.Args[1:]))
	}
	if what, ok := os.LookupEnv(trouble); ok {
		os.Exit(parent(what, os.Args[1:]))
	}
	if signal.Ignored(syscall.SIGHUP) { // by nohup, and then by what is started here, too
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	os.Exit(m.Run())
}

func parent(what string, args []string) int {
	if err := bring(what); err != nil {
		fmt.Fprintln(os.Stderr, "cannot bring about:", err)
		return 99
	}
	if what == "one" {
		return again(args)
	}
	code, err := Run(Options{Args: args, Host: what == "host", Processes: what == "alone"})
	return told(code, err)
}

// again runs twenty times what only one can run at a time. The kernel takes a
// moment to count a namespace as gone.
func again(args []string) (code int) {
	for range 20 {
		for late := time.After(10 * time.Second); ; {
			var err error
			if code, err = Run(Options{Args: args}); !errors.Is(err, unix.ENOSPC) {
				if code != 0 {
					return told(code, err)
				}
				break
			}
			select {
			case <-late:
				return told(code, err)
			default:
			}
		}
	}
	return code
}

func told(code int, err error) int {
	if p, ok := lang.AsProblem(err); ok {
		fmt.Fprintf(os.Stderr, "%s\nhint: %s\n%s\n提示：%s\ncause: %v\n", p.What.EN, p.Hint.EN, p.What.ZH, p.Hint.ZH, p.Err)
		return p.Code
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "not a Problem:", err)
		return 98
	}
	return code
}

// report is what a child finds around itself.
type report struct {
	UID, GID   int
	Network    string // the network namespace
	Args       []string
	Variable   string
	LoopbackUp bool
	Captures   bool
	Caps       string
}

func child(args []string) int {
	if err := Enter(args); err != nil {
		return told(0, err)
	}
	switch args[0] {
	case "report":
		r := report{UID: os.Getuid(), GID: os.Getgid(), Args: os.Args, Variable: os.Getenv(variable), Caps: cap.GetProc().String()}
		r.Network, _ = os.Readlink("/proc/self/ns/net")
		r.LoopbackUp = loopbackUp()
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
		r.Captures = err == nil
		unix.Close(fd)
		if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
			return 1
		}
	case "exit":
		code, _ := strconv.Atoi(args[1])
		return code
	case "daemon": // leaves a process that nothing would end
		c := exec.Command("sleep", "1000")
		c.Stdout = os.Stdout
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := c.Start(); err != nil {
			return told(0, err)
		}
		if self, _ := os.Readlink("/proc/self"); self != strconv.Itoa(os.Getpid()) {
			fmt.Println("/proc is that of other processes")
		}
		if args[1] == "die" {
			unix.Kill(os.Getpid(), unix.SIGKILL)
			os.Exit(1) // the first process of a namespace cannot kill itself
		}
	case "nothing":
	case "die":
		unix.Kill(os.Getpid(), unix.SIGKILL)
		select {}
	case "raw", "cooked", "deaf": // changes the terminal and waits for a signal
		signals := make(chan os.Signal, 8)
		signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
		old, err := term.MakeRaw(0)
		if err == nil {
			defer term.Restore(0, old)
		}
		if args[0] == "cooked" { // all but the keys' meanings
			t, _ := unix.IoctlGetTermios(0, unix.TCGETS)
			t.Lflag |= unix.ISIG
			unix.IoctlSetTermios(0, unix.TCSETS, t)
		}
		fmt.Printf("child %d of %d ready\r\n", os.Getpid(), os.Getppid())
		if args[0] == "deaf" {
			select {}
		}
		fmt.Printf("child got %v\r\n", <-signals)
		return 7
	}
	return 0
}

func loopbackUp() bool {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	r, _ := unix.NewIfreq("lo")
	return unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, r) == nil && r.Uint16()&unix.IFF_UP != 0
}

// need ends the test where the machine cannot show what it is about: that is
// no failure on a user's machine, and one where the tests are the purpose.
func need(t testing.TB, ok bool, why string) {
	t.Helper()
	switch {
	case ok:
	case os.Getenv("CI") != "":
		t.Fatal(why)
	default:
		t.Skip(why)
	}
}

// needNamespaces ends the test where an ordinary user may not make namespaces.
func needNamespaces(t testing.TB) {
	t.Helper()
	c := ordinary(command("", "nothing"))
	out, err := c.CombinedOutput()
	need(t, err == nil, "no namespaces on this machine: "+string(out))
}

// command is the program that calls Run.
func command(what string, args ...string) *exec.Cmd {
	c := exec.Command("/proc/self/exe", args...)
	c.Args[0] = "lesson"
	c.Env = append(os.Environ(), trouble+"="+what, "GORACE=atexit_sleep_ms=0")
	c.SysProcAttr = &syscall.SysProcAttr{}
	return c
}

// ordinary lets an ordinary user call it, if there is one besides root.
func ordinary(c *exec.Cmd) *exec.Cmd {
	c.Dir = "/"
	others, err := os.ReadFile("/proc/self/setgroups")
	if os.Geteuid() == 0 && err == nil && string(others) == "allow\n" {
		c.SysProcAttr.Credential = &syscall.Credential{Uid: 54321, Gid: 54322}
	}
	return c
}

// master gives the command a user namespace in which it is root, whoever runs
// the tests. What it does to its sysctls and mounts is its own affair.
func master(c *exec.Cmd) *exec.Cmd {
	c.Dir = "/"
	a := c.SysProcAttr
	a.Cloneflags |= unix.CLONE_NEWUSER | unix.CLONE_NEWNS
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	return c
}

// finish runs a command and returns its exit code and what it said.
func finish(t testing.TB, c *exec.Cmd) (code int, out string) {
	t.Helper()
	b, err := c.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if c.ProcessState.ExitCode() == 99 {
		need(t, false, strings.TrimSpace(string(b)))
	}
	return c.ProcessState.ExitCode(), string(b)
}

// eventually asks again until ok says so.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("not in 10 s: " + what)
		}
	}
}

// alive is false for what only waits for its new parent to take note.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && !strings.Contains(string(b), "\nState:\tZ")
}
