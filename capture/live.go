package capture

import (
	"fmt"

	"lesson/lesson/lang"
)

// Snap is how many bytes of a frame a Ring takes when it is not told to take
// all: the headers, and as much of a payload as is ever shown.
const Snap = 320

// Any is the name of all interfaces together, as tcpdump has it. What passes
// several of them, as from a container, is taken at each.
const Any = "any"

// RingOptions choose what a Ring takes.
type RingOptions struct {
	Ports []uint16 // segments from or to one of them; none: all. At most MaxPorts.
	Whole bool     // whole frames, not their first Snap bytes
}

// MaxPorts is how many ports a filter can choose: a jump in it leads 255
// instructions ahead at most.
const MaxPorts = 100

// noInterface tells that an interface does not exist.
func noInterface(name string, err error) *lang.Problem {
	return &lang.Problem{
		What: lang.Text{
			EN: fmt.Sprintf("there is no network interface %q on this machine", name),
			ZH: fmt.Sprintf("本机没有名为 %q 的网络接口", name),
		},
		Hint: lang.Text{EN: "list those that exist: ip link", ZH: "查看现有的接口：ip link"},
		Err:  err,
	}
}

// interfaceDown tells that an interface is switched off, or was just now.
func interfaceDown(name string, err error) *lang.Problem {
	command := fmt.Sprintf("sudo ip link set %s up", name)
	return &lang.Problem{
		What: lang.Text{
			EN: fmt.Sprintf("the network interface %q is down", name),
			ZH: fmt.Sprintf("网络接口 %q 没有启用", name),
		},
		Hint: lang.Text{EN: "switch it on: " + command, ZH: "启用它：" + command},
		Err:  err,
	}
}

// refused tells that this process may not capture.
func refused(name string, err error) *lang.Problem {
	return &lang.Problem{
		What: lang.Text{
			EN: fmt.Sprintf("this user may not capture on %q", name),
			ZH: fmt.Sprintf("当前用户无权在接口 %q 上抓包", name),
		},
		Hint: lang.Text{
			EN: "run it with sudo, or with --private, which needs no privilege",
			ZH: "请用 sudo 运行，或者加上 --private（不需要任何特权）",
		},
		Code: lang.ExitRefused,
		Err:  err,
	}
}
