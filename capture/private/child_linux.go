package private

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long an orphaned child may take to end by itself.
const patience = 2 * time.Second

var (
	claim = os.Getenv(variable)
	// place is where Run put this process; empty when it was not started by Run.
	place = believed(claim)
)

// believed is what the environment says of the place, if the word of a parent
// waits in the lifeline: anybody can set a variable, and what a child does to the
// network around it must not happen to the host's.
func believed(said string) string {
	_ = os.Unsetenv(variable) // not for programs started from here
	var what unix.Stat_t
	if said == "" || unix.Fstat(lifeline, &what) != nil || what.Mode&unix.S_IFMT != unix.S_IFIFO {
		return ""
	}
	if n, err := unix.Poll([]unix.PollFd{{Fd: lifeline, Events: unix.POLLIN}}, 0); err != nil || n == 0 {
		return ""
	}
	word := make([]byte, len(said))
	if n, err := unix.Read(lifeline, word); err != nil || string(word[:n]) != said {
		return ""
	}
	return said
}

// Child reports whether this process was started by Run.
func Child() bool { return place != "" }

// Enter makes a process started by Run ready: from now on it ends when its
// parent does, by a SIGTERM to itself; and the network namespace, if it has
// one of its own, has its loopback interface up and lets it capture. An error
// is a *lang.Problem. args are the command line, as in Options.
func Enter(args []string) error {
	// Started from /proc/self/exe it would be called "exe" by ps and ss.
	_ = os.WriteFile("/proc/self/comm", []byte(filepath.Base(os.Args[0])), 0)
	endWithParent()
	if place == host {
		return nil
	}
	if place == alone {
		ownProcesses()
	}
	if err := up("lo"); err != nil {
		return powerless(err, thisMachine(args))
	}
	// Nobody else's ports are in this network, so programs started in it may
	// have the low ones too. Where /proc is not to be written, they may not.
	_ = os.WriteFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", []byte("0"), 0)
	// Capturing needs the same capability as a raw IP socket, which is gone
	// again at once; closing a packet socket takes the kernel 10 ms.
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return powerless(err, thisMachine(args))
	}
	return unix.Close(fd)
}

// ownProcesses lets /proc show this process's namespace, for itself and for
// what it starts. Where that is forbidden, as in a container that hides a part
// of /proc, they see the processes outside, which does no harm but confuses.
func ownProcesses() {
	if unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") == nil {
		_ = unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	}
}

// endWithParent waits in the background for the pipe's end, and gives this
// process the signals that come out of it meanwhile. The kernel's own
// parent-death signal would not do: giving privileges up cancels it, and it
// would leave no time for a second thought about a child that does not listen.
func endWithParent() {
	unix.CloseOnExec(lifeline)
	_ = unix.SetNonblock(lifeline, true) // then waiting takes no thread
	pipe := os.NewFile(lifeline, "lifeline")
	modes := terminalModes(os.Stdin)
	go func() {
		for s := []byte{0}; ; {
			if _, err := pipe.Read(s); err != nil {
				break
			}
			_ = unix.Kill(os.Getpid(), unix.Signal(s[0]))
		}
		// The shell has the terminal now. Touching it must not stop us.
		signal.Ignore(unix.SIGTTIN, unix.SIGTTOU)
		_ = unix.Kill(os.Getpid(), unix.SIGTERM)
		time.Sleep(patience) // if it listens, this process ends meanwhile; nothing would tell that it does not
		modes.restore()
		os.Exit(128 + int(unix.SIGTERM))
	}()
}

// up brings an interface up by ioctl: one question and one order.
func up(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, request); err != nil {
		return fmt.Errorf("reading the flags of %s: %w", name, err)
	}
	request.SetUint16(request.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("bringing %s up: %w", name, err)
	}
	return nil
}
