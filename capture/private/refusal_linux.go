package private

import (
	"errors"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"lesson/lesson/lang"
)

const (
	maxUser    = "user.max_user_namespaces"
	maxNet     = "user.max_net_namespaces"
	cloneUser  = "kernel.unprivileged_userns_clone"
	appArmor   = "kernel.apparmor_restrict_unprivileged_userns"
	appArmored = "unprivileged_userns" // the profile that Ubuntu moves such processes to
)

type limit struct{ sysctl, en, zh string }

// limits are how many namespaces of each kind there may be.
var limits = []limit{
	{maxUser, "user", "用户"},
	{maxNet, "network", "网络"},
	{"user.max_pid_namespaces", "process", "进程"},
	{"user.max_mnt_namespaces", "mount", "挂载"},
}

func sysctl(name string) string { return "proc/sys/" + strings.ReplaceAll(name, ".", "/") }

// notStarted explains why the kernel did not run this program in namespaces of
// its own.
func notStarted(err error, m machine) *lang.Problem {
	is := func(errnos ...error) bool {
		for _, e := range errnos {
			if errors.Is(err, e) {
				return true
			}
		}
		return false
	}
	refused := is(unix.EPERM, unix.EACCES)
	zero := slices.IndexFunc(limits, func(l limit) bool { return m.says(sysctl(l.sysctl), "0") })
	var what, hint lang.Text
	switch {
	case !m.has("proc/self"):
		what = lang.Text{
			EN: "/proc is not mounted, and without it this program cannot run itself a second time",
			ZH: "没有挂载 /proc，本程序无法再次运行自身",
		}
		hint = m.first("mount -t proc proc /proc", "mount it", "请挂载")
	case is(unix.ENOSPC, unix.EUSERS) && zero >= 0:
		l := limits[zero]
		what = lang.Text{
			EN: "this machine allows no " + l.en + " namespaces: the sysctl " + l.sysctl + " is 0",
			ZH: "本机不允许创建" + l.zh + "命名空间：内核参数 " + l.sysctl + " 为 0",
		}
		hint = m.allow(l.sysctl, "15000")
	case is(unix.ENOSPC, unix.EUSERS):
		what = lang.Text{
			EN: "no more namespaces: as many are in use as " + maxUser + " or " + maxNet + " allows",
			ZH: "命名空间已用尽：数量已达 " + maxUser + " 或 " + maxNet + " 的上限",
		}
		hint = m.allow(maxUser, "100000", maxNet, "100000")
	case (refused || is(unix.ENOSYS)) && m.filtered:
		what = lang.Text{
			EN: "a seccomp filter, such as containers have, forbids creating namespaces",
			ZH: "seccomp 过滤器（容器通常带有）禁止创建命名空间",
		}
		hint = lang.Text{
			EN: "start the container with: docker run --security-opt seccomp=unconfined …\n" +
				"or capture on its own loopback interface: docker run --user 0 --cap-add NET_RAW … " + m.command("--host"),
			ZH: "请这样启动容器：docker run --security-opt seccomp=unconfined …\n" +
				"或者在容器自己的环回接口上抓包：docker run --user 0 --cap-add NET_RAW … " + m.command("--host"),
		}
	case refused && m.says(sysctl(cloneUser), "0"):
		what = lang.Text{
			EN: "ordinary users may not create user namespaces: the sysctl " + cloneUser + " is 0",
			ZH: "普通用户不能创建用户命名空间：内核参数 " + cloneUser + " 为 0",
		}
		hint = m.allow(cloneUser, "1")
	case refused && m.says(sysctl(appArmor), "1"):
		return m.appArmor(err)
	case refused && m.chrooted():
		what = lang.Text{
			EN: "the kernel creates no user namespace for a process inside a chroot",
			ZH: "内核不允许 chroot 环境中的进程创建用户命名空间",
		}
		hint = m.asRoot("run it outside the chroot, or", "请在 chroot 之外运行，或者")
	case refused && m.says("sys/fs/selinux/enforce", "1"):
		what = lang.Text{
			EN: "SELinux forbids this program to create user namespaces",
			ZH: "SELinux 禁止本程序创建用户命名空间",
		}
		hint = m.asRoot("see what it says with: sudo ausearch -m avc -ts recent\nor", "查看原因：sudo ausearch -m avc -ts recent\n或者")
	case refused:
		what = lang.Text{
			EN: "this machine refused to create a user and a network namespace, and does not say why",
			ZH: "创建用户和网络命名空间被拒绝，而且系统没有说明原因",
		}
		hint = m.asRoot("", "")
	case is(unix.EINVAL, unix.ENOSYS):
		what = lang.Text{
			EN: "this kernel was built without user or network namespaces (CONFIG_USER_NS, CONFIG_NET_NS)",
			ZH: "本机内核编译时未启用用户或网络命名空间（CONFIG_USER_NS、CONFIG_NET_NS）",
		}
		hint = m.asRoot("", "")
	default:
		what = lang.Text{
			EN: "this program could not run itself in namespaces of its own",
			ZH: "本程序无法在独立的命名空间中运行自身",
		}
		hint = m.asRoot("", "")
	}
	return &lang.Problem{What: what, Hint: hint, Code: lang.ExitRefused, Err: err}
}

// powerless explains a namespace that was made and in which this process may
// still do nothing: how AppArmor refuses on most machines.
func powerless(err error, m machine) *lang.Problem {
	if m.says(sysctl(appArmor), "1") || m.says("proc/self/attr/current", appArmored) {
		return m.appArmor(err)
	}
	return &lang.Problem{
		What: lang.Text{
			EN: "the network namespace was created, but a security module gives this program no power over it",
			ZH: "网络命名空间已创建，但安全模块不允许本程序管理它",
		},
		Hint: m.asRoot("", ""),
		Code: lang.ExitRefused,
		Err:  err,
	}
}

// Refused explains an error of opening a capture. On the host that is most
// often a lack of privilege, in a private namespace a security module. Other
// errors are returned as they are. args are the command line, as in Options.
func Refused(err error, args []string) error {
	return notCaptured(err, place == own || place == alone, thisMachine(args))
}

func notCaptured(err error, private bool, m machine) error {
	p := &lang.Problem{Code: lang.ExitRefused, Err: err}
	switch refused := errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES); {
	case errors.Is(err, unix.EAFNOSUPPORT):
		p.What = lang.Text{
			EN: "this kernel has no packet sockets, which capturing needs",
			ZH: "本机内核不支持抓包所需的分组套接字（packet socket）",
		}
		p.Hint = m.first("modprobe af_packet", "load them", "请加载")
	case !refused:
		return err
	case private: // in which everybody is root
		return powerless(err, m)
	case m.root:
		p.What = lang.Text{
			EN: "this container may not capture, not even as root: it lacks the capability NET_RAW",
			ZH: "此容器即使以 root 身份也不能抓包：缺少 NET_RAW 权能",
		}
		p.Hint = lang.Text{
			EN: "start it with: docker run --cap-add NET_RAW …\nor try a loopback interface of its own: " + m.as(m.program, "--private"),
			ZH: "请这样启动容器：docker run --cap-add NET_RAW …\n或者试试独立的环回接口：" + m.as(m.program, "--private"),
		}
	default:
		p.What = lang.Text{
			EN: "only root may capture on the host's interfaces",
			ZH: "只有 root 才能在主机的网络接口上抓包",
		}
		p.Hint = lang.Text{
			EN: "run it as root: sudo " + m.command("") +
				"\nor, without root, on a loopback interface of its own: " + m.as(m.program, "--private"),
			ZH: "以 root 身份运行：sudo " + m.command("") +
				"\n或者不用 root，在独立的环回接口上抓包：" + m.as(m.program, "--private"),
		}
	}
	return p
}

// appArmor explains the refusal of Ubuntu 24.04 and later.
func (m machine) appArmor(err error) *lang.Problem {
	profile := "sudo tee /etc/apparmor.d/lesson <<'END'\n" +
		"abi <abi/4.0>,\n" +
		"include <tunables/global>\n" +
		"profile lesson \"" + m.path + "\" flags=(unconfined) {\n" +
		"  userns,\n" +
		"}\n" +
		"END\n" +
		"sudo apparmor_parser -r /etc/apparmor.d/lesson"
	return &lang.Problem{
		What: lang.Text{
			EN: "AppArmor forbids this program to use user namespaces (" + appArmor + " is 1)",
			ZH: "AppArmor 禁止本程序使用用户命名空间（" + appArmor + " 为 1）",
		},
		Hint: lang.Text{
			EN: "capture on the host's loopback interface: sudo " + m.command("") + "\nor allow this program, once and for all:\n" + profile,
			ZH: "在主机的环回接口上抓包：sudo " + m.command("") + "\n或者一劳永逸地允许本程序：\n" + profile,
		},
		Code: lang.ExitRefused,
		Err:  err,
	}
}

// allow is the hint to set sysctls, or to do without them.
func (m machine) allow(settings ...string) lang.Text {
	command := "sysctl -w"
	for i := 0; i < len(settings); i += 2 {
		command += " " + settings[i] + "=" + settings[i+1]
	}
	h := m.first(command, "allow them", "请放开限制")
	other := m.asRoot("or", "或者")
	return lang.Text{EN: h.EN + "\n" + other.EN, ZH: h.ZH + "\n" + other.ZH}
}

// first is a hint of one command that needs root.
func (m machine) first(command, en, zh string) lang.Text {
	command = m.sudo() + command
	return lang.Text{EN: en + ": " + command, ZH: zh + "：" + command}
}

// asRoot is the hint to need no namespace: root captures on the host itself.
func (m machine) asRoot(en, zh string) lang.Text {
	if en != "" {
		en += " "
	}
	command := m.sudo() + m.command("")
	return lang.Text{
		EN: en + "capture on the host's loopback interface: " + command,
		ZH: zh + "在主机的环回接口上抓包：" + command,
	}
}
