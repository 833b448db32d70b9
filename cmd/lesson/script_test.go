package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite goldens")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lesson": main, "peer": peer, "load": load, "leak": leak, "reach": reach})
}

// TestScripts runs testdata/script: the command line as a person types it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("LC_ALL", "C.UTF-8")
			e.Setenv("TERM", "xterm-256color")
			e.Setenv("COLUMNS", "80")
			if err := os.CopyFS(filepath.Join(e.WorkDir, "cases"), os.DirFS("../../lesson/testdata/cases")); err != nil {
				return err
			}
			// Captures whose states a kernel has told.
			return os.CopyFS(filepath.Join(e.WorkDir, "kernel"), os.DirFS("../../lesson/testdata/kernel"))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": code,
		},
		Condition: condition,
	})
}

// code runs a program that has to end with a certain exit code:
//
//	code 2 lesson hanshake
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N program args...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if e := (*exec.ExitError)(nil); errors.As(err, &e) {
		got = e.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s ended with %d, want %d\n%s", strings.Join(args[1:], " "), got, want, ts.ReadFile("stderr"))
	}
}

// condition adds [root]; [live], a machine on which lessons can be played; and
// [python3]. CI has to be such a machine.
func condition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Geteuid() == 0, nil
	case "python3":
		_, err := exec.LookPath("python3")
		return os.Getenv("CI") != "" || err == nil, nil
	case "live":
		return os.Getenv("CI") != "" || canPlay(), nil
	}
	return false, fmt.Errorf("unknown condition %s", name)
}

// canPlay tries whether this machine lets us make private networks.
var canPlay = sync.OnceValue(func() bool {
	exe, err := exec.LookPath("lesson") // testscript put it there
	if err != nil {
		return false
	}
	return exec.Command(exe, "handshake", "--private", "--json").Run() == nil
})

// peer is a program for lesson try: with serve it takes connections at an
// address and sends back what comes; with dial it connects, says "ready" and
// waits for the end; with send it sends its last argument besides and prints
// what comes back. With wait it says "ready" and waits for the end of its input.
func peer() {
	what, address := os.Args[1], os.Args[2]
	if what == "wait" {
		fmt.Println("ready")
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	if what == "serve" {
		l, err := net.Listen("tcp4", address)
		for err == nil {
			var c net.Conn
			if c, err = l.Accept(); err == nil {
				go func() {
					_, _ = io.Copy(c, c)
					_ = c.Close()
				}()
			}
		}
		fmt.Println(err)
		os.Exit(1)
	}
	c, err := net.Dial("tcp4", address)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	if what == "send" {
		_, _ = io.WriteString(c, os.Args[3])
		_ = c.(*net.TCPConn).CloseWrite()
	}
	b, _ := io.ReadAll(c)
	_ = c.Close()
	fmt.Printf("%s", b)
}

// reach is a program for lesson try that reaches for the process which runs it:
// for its memory, its environment and the files that it has open.
func reach() {
	own, err := os.Readlink("/proc/self/ns/pid")
	if err != nil || os.Getpid() > 100 {
		fmt.Println("not in a namespace of its own:", own, err)
	}
	paths := []string{"/proc/1/environ", "/proc/1/mem", "/proc/1/fd/1"}
	files, err := os.ReadDir("/proc/1/fd")
	for _, f := range files {
		paths = append(paths, "/proc/1/fd/"+f.Name())
	}
	fmt.Println("its files:", err)
	for _, path := range paths {
		how := os.O_RDONLY
		if strings.Contains(path, "/fd/") {
			how = os.O_WRONLY | os.O_TRUNC
		}
		if f, err := os.OpenFile(path, how, 0); err == nil {
			fmt.Println("reached", path)
			_ = f.Close()
		}
	}
	peer()
}

// need skips a test on a machine that cannot run it, and fails it in CI.
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
