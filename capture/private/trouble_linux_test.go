package private

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// bring brings this process into the situation that the tests are about.
func bring(what string) error {
	kind, value, _ := strings.Cut(what, "=")
	switch kind {
	case "", "host", "alone":
		return nil
	case "sysctl": // of the user namespace this process is root in
		if err := os.WriteFile("/"+sysctl(value), []byte("0\n"), 0); err != nil {
			return err
		}
	case "seccomp":
		return docker()
	case "powerless":
		return filter(unix.SYS_IOCTL, 1, unix.SIOCSIFFLAGS)
	case "noproc":
		return unix.Mount("none", "/proc", "tmpfs", 0, "")
	case "chroot":
		if err := os.Mkdir(filepath.Join(value, "proc"), 0o755); err != nil {
			return err
		}
		if err := unix.Mount("/proc", filepath.Join(value, "proc"), "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return err
		}
		if err := unix.Chroot(value); err != nil {
			return err
		}
	case "one": // network namespace at a time
		if err := os.WriteFile("/"+sysctl(maxNet), []byte("1\n"), 0); err != nil {
			return err
		}
		fallthrough
	case "container": // its root may do little, but this it may
		few := cap.NewSet()
		if err := errors.Join(few.SetFlag(cap.Permitted, true, cap.SETFCAP), few.SetFlag(cap.Effective, true, cap.SETFCAP)); err != nil {
			return err
		}
		return few.SetProc()
	default:
		return errors.New("unknown: " + what)
	}
	return cap.NewSet().SetProc() // an ordinary user from here on
}

// docker forbids what the default seccomp profile of Docker forbids to those
// without CAP_SYS_ADMIN.
func docker() error {
	const namespaces = 0x7e020000
	if err := filter(unix.SYS_UNSHARE, 0, namespaces); err != nil {
		return err
	}
	return filter(unix.SYS_CLONE, 0, namespaces)
}

// filter makes a system call fail with EPERM for all threads when the given
// argument has one of bits set.
func filter(call uint32, argument int, bits uint32) error {
	offset := uint32(16 + 8*argument) // in struct seccomp_data
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		offset += 4
	}
	program, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: 0, Size: 4}, // the call's number
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: call, SkipTrue: 3},
		bpf.LoadAbsolute{Off: offset, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: bits, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW},
	})
	if err != nil {
		return err
	}
	raw := make([]unix.SockFilter, len(program))
	for i, p := range program {
		raw[i] = unix.SockFilter{Code: p.Op, Jt: p.Jt, Jf: p.Jf, K: p.K}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if _, err := cap.Prctlw(unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		return err
	}
	fprog := unix.SockFprog{Len: uint16(len(raw)), Filter: &raw[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		return errno
	}
	return nil
}

// Every refusal, by the real thing. Nothing on the host is changed: sysctls
// and mounts are those of the test's own namespaces.
func TestRefused(t *testing.T) {
	needNamespaces(t)
	tests := []struct {
		name, trouble string
		master        bool
		en, zh, hint  string
	}{
		{
			name: "no user namespaces", trouble: "sysctl=" + maxUser, master: true,
			en: "the sysctl user.max_user_namespaces is 0", zh: "内核参数 user.max_user_namespaces 为 0",
			hint: "sysctl -w user.max_user_namespaces=15000\n",
		}, {
			name: "no network namespaces", trouble: "sysctl=" + maxNet, master: true,
			en: "the sysctl user.max_net_namespaces is 0", zh: "内核参数 user.max_net_namespaces 为 0",
			hint: "sysctl -w user.max_net_namespaces=15000\n",
		}, {
			name: "seccomp", trouble: "seccomp",
			en: "a seccomp filter", zh: "seccomp 过滤器",
			hint: "docker run --security-opt seccomp=unconfined",
		}, {
			name: "no proc", trouble: "noproc", master: true,
			en: "/proc is not mounted", zh: "没有挂载 /proc",
			hint: "mount -t proc proc /proc",
		}, {
			name: "chroot", trouble: "chroot=" + t.TempDir(), master: true,
			en: "inside a chroot", zh: "chroot 环境",
			hint: "run it outside the chroot",
		}, {
			name: "powerless", trouble: "powerless",
			en: "gives this program no power over it", zh: "安全模块",
			hint: "capture on the host's loopback interface",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := command(tt.trouble, "nothing", "--private", "你好 there")
			if tt.master {
				master(c)
			} else {
				ordinary(c)
			}
			code, out := finish(t, c)
			if code != 3 {
				t.Errorf("exit code %d, want 3", code)
			}
			for _, want := range []string{tt.en, tt.zh, tt.hint} {
				if !strings.Contains(out, want) {
					t.Errorf("output lacks %q", want)
				}
			}
			if t.Failed() {
				t.Log(out)
			}
		})
	}
}
