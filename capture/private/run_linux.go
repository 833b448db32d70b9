package private

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"

	"lesson/lesson/lang"
)

// variable tells a process that it is the child, and where: on the host, in a
// network of its own, or there with processes of its own besides.
const (
	variable = "LESSON_CHILD"
	host     = "host"
	own      = "own"
	alone    = "alone"
)

// lifeline is the child's end of a pipe whose other end only its parent holds.
// First its place comes out of it, and then the numbers of signals which the
// parent had no right to send.
const lifeline = 3

// Run runs this program again and waits for its end. The exit code is the
// child's own. Run returns a *lang.Problem when the machine refuses the
// namespaces, and when the child was killed as by kill -9; the exit code is
// then the Problem's.
//
// A signal that would end this process is passed on to the child, which
// decides. Ctrl-C reaches the child twice, by the terminal and by its parent:
// it must take the second for the first.
func Run(o Options) (code int, err error) {
	if claim != place { // a child that does not believe it is one would go on for ever
		return refuse(stranger())
	}
	read, write, err := os.Pipe()
	if err != nil {
		return lang.ExitFailure, err
	}
	defer write.Close() // and not before: this is what keeps the child alive
	defer read.Close()

	files := []*os.File{o.Stdin, o.Stdout, o.Stderr, read}
	for i, standard := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		if files[i] == nil {
			files[i] = standard
		}
	}
	where, sys := own, namespaces()
	switch {
	case o.Host:
		where, sys = host, nil
	case o.Processes:
		where = alone
		sys.Cloneflags |= unix.CLONE_NEWPID | unix.CLONE_NEWNS
	}
	if _, err := write.WriteString(where); err != nil {
		return lang.ExitFailure, err
	}
	attr := &os.ProcAttr{Files: files, Env: append(os.Environ(), variable+"="+where), Sys: sys}

	modes := terminalModes(files[0])
	signals := make(chan os.Signal, 8)
	notify(signals)
	defer signal.Stop(signals)
	child, err := os.StartProcess("/proc/self/exe", append([]string{os.Args[0]}, o.Args...), attr)
	if err != nil {
		m := thisMachine(o.Args)
		m.filtered = filtered()
		return refuse(notStarted(err, m))
	}
	if o.Started != nil {
		if err := o.Started(); err != nil {
			_ = child.Kill()
			_, _ = child.Wait()
			return lang.ExitFailure, err
		}
	}
	ended := make(chan result, 1)
	go func() {
		state, err := child.Wait()
		ended <- result{state, err}
	}()
	for {
		select {
		case s := <-signals:
			if err := child.Signal(s); errors.Is(err, unix.EPERM) { // it has kept more rights than this process
				_, _ = write.Write([]byte{byte(s.(syscall.Signal))})
			} // a child that is gone needs none
		case r := <-ended:
			code, err := r.code()
			if modes.ours() {
				modes.restore()
				if err != nil {
					modes.reset()
				}
			}
			return code, err
		}
	}
}

type result struct {
	state *os.ProcessState
	err   error
}

// code is the exit code that tells of a child's end as a shell would. Only an
// end that nobody can have meant is a problem.
func (r result) code() (int, error) {
	if r.err != nil {
		return lang.ExitFailure, r.err
	}
	status := r.state.Sys().(syscall.WaitStatus)
	if !status.Signaled() {
		return status.ExitStatus(), nil
	}
	if !slices.Contains(ending, os.Signal(status.Signal())) {
		return refuse(killed(status.Signal()))
	}
	return 128 + int(status.Signal()), nil
}

func refuse(p *lang.Problem) (int, error) { return p.Code, p }

// namespaces are a user and a network namespace. The user stays the same
// inside, with four capabilities more, which are good for nothing outside.
// Whoever can do without the user namespace does: it is what machines refuse.
func namespaces() *syscall.SysProcAttr {
	if ok, err := cap.GetProc().GetFlag(cap.Effective, cap.SYS_ADMIN); err == nil && ok {
		return &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	}
	self := func(id int) []syscall.SysProcIDMap {
		return []syscall.SysProcIDMap{{ContainerID: id, HostID: id, Size: 1}}
	}
	return &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: self(os.Geteuid()),
		GidMappings: self(os.Getegid()),
		AmbientCaps: []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_NET_RAW, unix.CAP_NET_BIND_SERVICE},
	}
}

// ending are the signals by which a person or a terminal ends a program.
var ending = []os.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT}

// notify catches them, but for those that this process was started to ignore,
// as by nohup.
func notify(c chan<- os.Signal) {
	for _, s := range ending {
		if !signal.Ignored(s) {
			signal.Notify(c, s)
		}
	}
}

func stranger() *lang.Problem {
	return &lang.Problem{
		What: lang.Text{
			EN: "the variable " + variable + " is set, and not by this program",
			ZH: "环境变量 " + variable + " 已被设置，但不是由本程序设置的",
		},
		Hint: lang.Text{EN: "unset " + variable, ZH: "unset " + variable},
		Code: lang.ExitFailure,
	}
}

func killed(s syscall.Signal) *lang.Problem {
	name := unix.SignalName(s)
	return &lang.Problem{
		What: lang.Text{
			EN: fmt.Sprintf("the process that played the lesson was killed by %s", name),
			ZH: fmt.Sprintf("演示课程的进程被信号 %s 杀死", name),
		},
		Hint: lang.Text{
			EN: "if nobody did that on purpose, memory may have run out: sudo dmesg | tail",
			ZH: "如果不是有人手动操作，可能是内存不足：sudo dmesg | tail",
		},
		Code: 128 + int(s),
	}
}
