package privilege

import (
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// GiveUp makes this process, all threads of it, an ordinary one for the rest
// of its life. Under sudo it becomes the caller's; otherwise it stays whose it
// is, root's too, without a single capability. Sockets and files that are
// already open stay usable. Giving up twice does no harm.
func GiveUp() error {
	if who, ok := caller(); ok {
		if err := who.become(); err != nil {
			return fmt.Errorf("becoming user %d, who called sudo: %w", who.uid, err)
		}
	}
	return keepOnly(cap.NewSet())
}

// Shield gives privileges up as GiveUp does, and keeps the other processes of the
// same user from this one: they cannot trace it, nor reach its memory and the
// files that it has open through /proc.
func Shield() error {
	if err := GiveUp(); err != nil {
		return err
	}
	return hide()
}

func hide() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("shielding this process: %w", err)
	}
	return nil
}

// keepOnly gives all capabilities up but these.
func keepOnly(these *cap.Set) error {
	if err := these.SetProc(); err != nil {
		return fmt.Errorf("giving capabilities up: %w", err)
	}
	// No program run from here on can bring a privilege back.
	if _, err := cap.Prctlw(unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		return fmt.Errorf("giving new privileges up: %w", err)
	}
	return nil
}

// Create creates or empties a file as os.Create does, but with the rights of
// the person who called sudo: the file is theirs, and no path, through
// whatever symbolic link, leads to one that they could not have written.
func Create(name string) (*os.File, error) {
	who, ok := caller()
	if !ok {
		return os.Create(name)
	}
	type result struct {
		file *os.File
		err  error
	}
	done := make(chan result)
	go func() {
		// The kernel keeps these rights by thread. This one is not unlocked,
		// so it ends with the goroutine and nothing else runs on it.
		runtime.LockOSThread()
		if err := who.actAs(); err != nil {
			done <- result{nil, fmt.Errorf("acting for user %d, who called sudo: %w", who.uid, err)}
			return
		}
		file, err := os.Create(name)
		done <- result{file, err}
	}()
	r := <-done
	return r.file, r.err
}

// person is somebody this process can act for.
type person struct {
	uid, gid int
	groups   []int
}

// caller finds who called sudo; ok is false when this process is not root's,
// or nobody else asked for it.
func caller() (p person, ok bool) {
	if os.Geteuid() != 0 {
		return p, false
	}
	uid, err1 := strconv.ParseUint(os.Getenv("SUDO_UID"), 10, 31)
	gid, err2 := strconv.ParseUint(os.Getenv("SUDO_GID"), 10, 31)
	if err1 != nil || err2 != nil || uid == 0 {
		return p, false
	}
	p = person{uid: int(uid), gid: int(gid), groups: []int{int(gid)}}
	if u, err := user.LookupId(strconv.Itoa(p.uid)); err == nil {
		ids, _ := u.GroupIds() // where they are not known, the one group must do
		for _, id := range ids {
			if n, err := strconv.Atoi(id); err == nil && n != p.gid {
				p.groups = append(p.groups, n)
			}
		}
	}
	return p, true
}

// become turns every thread of this process into p's, for good.
func (p person) become() error {
	if err := syscall.Setgroups(p.groups); err != nil {
		return err
	}
	if err := syscall.Setresgid(p.gid, p.gid, p.gid); err != nil {
		return err
	}
	return syscall.Setresuid(p.uid, p.uid, p.uid)
}

// actAs gives the calling thread alone p's rights over files.
func (p person) actAs() error {
	if err := unix.Setgroups(p.groups); err != nil {
		return err
	}
	// Whether these two did anything, only asking again tells.
	_, _ = unix.SetfsgidRetGid(p.gid)
	_, _ = unix.SetfsuidRetUid(p.uid)
	gid, _ := unix.SetfsgidRetGid(p.gid)
	uid, _ := unix.SetfsuidRetUid(p.uid)
	if gid != p.gid || uid != p.uid {
		return unix.EPERM
	}
	return nil
}
