package privilege

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// AsCaller lets a command run as the person who called sudo; otherwise it runs
// as this process would run it.
func AsCaller(cmd *exec.Cmd) {
	who, ok := caller()
	if !ok {
		return
	}
	c := &syscall.Credential{Uid: uint32(who.uid), Gid: uint32(who.gid)}
	for _, g := range who.groups {
		c.Groups = append(c.Groups, uint32(g))
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Credential = c
	if u, err := user.LookupId(strconv.Itoa(who.uid)); err == nil {
		cmd.Env = slices.DeleteFunc(cmd.Environ(), func(v string) bool {
			return strings.HasPrefix(v, "HOME=") || strings.HasPrefix(v, "USER=") || strings.HasPrefix(v, "LOGNAME=")
		})
		cmd.Env = append(cmd.Env, "HOME="+u.HomeDir, "USER="+u.Username, "LOGNAME="+u.Username)
	}
}

// KeepSight makes a process of root's an ordinary one for the rest of its
// life, but for one right: to see which files the processes of this machine
// have open, and to end those it has started. Of another's process nothing is
// kept, as by GiveUp.
func KeepSight() error {
	if os.Geteuid() != 0 {
		return GiveUp()
	}
	have, err := cap.GetPID(0)
	if err != nil {
		return fmt.Errorf("reading capabilities: %w", err)
	}
	keep := cap.NewSet()
	for _, c := range []cap.Value{cap.SYS_PTRACE, cap.DAC_READ_SEARCH, cap.KILL} {
		if ok, err := have.GetFlag(cap.Permitted, c); err == nil && ok {
			if err := keep.SetFlag(cap.Permitted, true, c); err != nil {
				return err
			}
			if err := keep.SetFlag(cap.Effective, true, c); err != nil {
				return err
			}
		}
	}
	return keepOnly(keep)
}
