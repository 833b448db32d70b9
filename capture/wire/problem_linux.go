package wire

import (
	"errors"

	"golang.org/x/sys/unix"

	"lesson/lesson/lang"
)

// problem explains why there are no two hosts.
func problem(err error) *lang.Problem {
	p := &lang.Problem{
		What: lang.Text{
			EN: "this machine does not let two private hosts be made",
			ZH: "本机不允许创建两台私有主机",
		},
		Hint: lang.Text{
			EN: "captures can still be read: lesson explain FILE",
			ZH: "仍然可以读取抓包文件：lesson explain 文件",
		},
		Code: lang.ExitRefused,
		Err:  err,
	}
	switch {
	case errors.Is(err, unix.EOPNOTSUPP):
		p.What = lang.Text{
			EN: "this kernel has no veth interfaces, which the two private hosts are joined by",
			ZH: "本机内核没有 veth 接口，无法连接两台私有主机",
		}
		p.Hint = lang.Text{EN: "load them: sudo modprobe veth", ZH: "请加载：sudo modprobe veth"}
	case errors.Is(err, unix.EAFNOSUPPORT):
		p.What = lang.Text{
			EN: "this kernel has no packet sockets, which capturing needs",
			ZH: "本机内核不支持抓包所需的分组套接字（packet socket）",
		}
		p.Hint = lang.Text{EN: "load them: sudo modprobe af_packet", ZH: "请加载：sudo modprobe af_packet"}
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EUSERS):
		p.What = lang.Text{
			EN: "no more network namespaces: as many are in use as user.max_net_namespaces allows",
			ZH: "网络命名空间已用尽：数量已达 user.max_net_namespaces 的上限",
		}
		p.Hint = lang.Text{
			EN: "allow more: sudo sysctl -w user.max_net_namespaces=15000",
			ZH: "请放开限制：sudo sysctl -w user.max_net_namespaces=15000",
		}
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		p.What = lang.Text{
			EN: "this program may not set two private hosts up: the capabilities NET_ADMIN and SYS_ADMIN are missing",
			ZH: "本程序无权建立两台私有主机：缺少 NET_ADMIN 和 SYS_ADMIN 权能",
		}
	}
	return p
}
