package privilege

import (
	"fmt"
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

// KeepSight gives up what GiveUp does, but for one right: to see which files the
// processes of this machine have open. It is for a process that reads nothing that
// a stranger has written, and no other process of the same user reaches it.
func KeepSight() error {
	have, err := cap.GetPID(0)
	if err != nil {
		return fmt.Errorf("reading capabilities: %w", err)
	}
	if who, ok := caller(); ok {
		if err := cap.SetGroups(who.gid, who.groups...); err != nil {
			return fmt.Errorf("becoming user %d, who called sudo: %w", who.uid, err)
		}
		if err := cap.SetUID(who.uid); err != nil {
			return fmt.Errorf("becoming user %d, who called sudo: %w", who.uid, err)
		}
	}
	keep := cap.NewSet()
	for _, c := range []cap.Value{cap.SYS_PTRACE, cap.DAC_READ_SEARCH} {
		if ok, err := have.GetFlag(cap.Permitted, c); err == nil && ok {
			if err := keep.SetFlag(cap.Permitted, true, c); err != nil {
				return err
			}
			if err := keep.SetFlag(cap.Effective, true, c); err != nil {
				return err
			}
		}
	}
	if err := keepOnly(keep); err != nil {
		return err
	}
	return hide()
}
