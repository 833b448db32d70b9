package tcp

import "lesson/lesson/lang"

// icmpName is what an error is called: a stable name for programs, and words.
type icmpName struct {
	name string
	text lang.Text
}

// Names that both versions of ICMP have.
var (
	portUnreachable  = icmpName{"port-unreachable", lang.Text{EN: "port unreachable", ZH: "端口不可达"}}
	adminProhibited  = icmpName{"admin-prohibited", lang.Text{EN: "administratively prohibited", ZH: "被管理策略禁止"}}
	timeExceeded     = icmpName{"time-exceeded", lang.Text{EN: "time exceeded in transit", ZH: "传输中超时"}}
	notReassembled   = icmpName{"reassembly-time-exceeded", lang.Text{EN: "fragment reassembly time exceeded", ZH: "分片重组超时"}}
	parameterProblem = icmpName{"parameter-problem", lang.Text{EN: "parameter problem", ZH: "参数问题"}}
	otherUnreachable = icmpName{"unreachable", lang.Text{EN: "destination unreachable", ZH: "目的不可达"}}
)

// unreachable4 are the codes of type 3 (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1).
var unreachable4 = [...]icmpName{
	{"net-unreachable", lang.Text{EN: "network unreachable", ZH: "网络不可达"}},
	{"host-unreachable", lang.Text{EN: "host unreachable", ZH: "主机不可达"}},
	{"protocol-unreachable", lang.Text{EN: "protocol unreachable", ZH: "协议不可达"}},
	portUnreachable,
	{"fragmentation-needed", lang.Text{EN: "fragmentation needed", ZH: "需要分片"}},
	{"source-route-failed", lang.Text{EN: "source route failed", ZH: "源路由失败"}},
	{"net-unknown", lang.Text{EN: "destination network unknown", ZH: "目的网络未知"}},
	{"host-unknown", lang.Text{EN: "destination host unknown", ZH: "目的主机未知"}},
	{"host-isolated", lang.Text{EN: "source host isolated", ZH: "源主机被隔离"}},
	{"net-prohibited", lang.Text{EN: "destination network prohibited", ZH: "禁止访问目的网络"}},
	{"host-prohibited", lang.Text{EN: "destination host prohibited", ZH: "禁止访问目的主机"}},
	{"net-tos-unreachable", lang.Text{EN: "network unreachable for this type of service", ZH: "此服务类型下网络不可达"}},
	{"host-tos-unreachable", lang.Text{EN: "host unreachable for this type of service", ZH: "此服务类型下主机不可达"}},
	adminProhibited,
	{"precedence-violation", lang.Text{EN: "host precedence violation", ZH: "主机优先级违规"}},
	{"precedence-cutoff", lang.Text{EN: "precedence cutoff in effect", ZH: "优先级低于下限"}},
}

// unreachable6 are the codes of type 1 (RFC 4443 §3.1, RFC 7084, RFC 8883).
var unreachable6 = [...]icmpName{
	{"no-route", lang.Text{EN: "no route to destination", ZH: "没有到达目的地的路由"}},
	adminProhibited,
	{"beyond-scope", lang.Text{EN: "beyond scope of source address", ZH: "超出源地址的作用域"}},
	{"address-unreachable", lang.Text{EN: "address unreachable", ZH: "地址不可达"}},
	portUnreachable,
	{"policy-failed", lang.Text{EN: "source address failed policy", ZH: "源地址不符合策略"}},
	{"reject-route", lang.Text{EN: "reject route to destination", ZH: "到达目的地的路由为拒绝"}},
	{"source-routing-error", lang.Text{EN: "error in source routing header", ZH: "源路由首部有误"}},
	{"headers-too-long", lang.Text{EN: "headers too long", ZH: "首部过长"}},
}

func (m *ICMPError) named() icmpName {
	at := func(list []icmpName) icmpName {
		if int(m.Code) < len(list) {
			return list[m.Code]
		}
		return otherUnreachable
	}
	switch {
	case m.V6 && m.Type == 1:
		return at(unreachable6[:])
	case m.V6 && m.Type == 2:
		return icmpName{"packet-too-big", lang.Text{EN: "packet too big", ZH: "数据包过大"}}
	case m.V6 && m.Type == 3, !m.V6 && m.Type == 11:
		if m.Code == 1 {
			return notReassembled
		}
		return timeExceeded
	case m.V6 && m.Type == 4, !m.V6 && m.Type == 12:
		return parameterProblem
	case !m.V6 && m.Type == 3:
		return at(unreachable4[:])
	case m.quench():
		return icmpName{"source-quench", lang.Text{EN: "source quench", ZH: "源抑制"}}
	}
	return icmpName{"error", lang.Text{EN: "error", ZH: "差错"}}
}

// Name is the stable name of the error: "port-unreachable".
func (m *ICMPError) Name() string { return m.named().name }

// Text is the error in words: "port unreachable".
func (m *ICMPError) Text() lang.Text { return m.named().text }

// Protocol is "ICMP" or "ICMPv6".
func (m *ICMPError) Protocol() string {
	if m.V6 {
		return "ICMPv6"
	}
	return "ICMP"
}

// errnos4 are the errors that connect() fails with on Linux, by the code of a
// destination unreachable over IPv4, and errnos6 over IPv6.
var (
	errnos4 = [...]string{"ENETUNREACH", "EHOSTUNREACH", "ENOPROTOOPT", "ECONNREFUSED", "EMSGSIZE", "EOPNOTSUPP", "ENETUNREACH", "EHOSTDOWN",
		"ENONET", "ENETUNREACH", "EHOSTUNREACH", "ENETUNREACH", "EHOSTUNREACH", "EHOSTUNREACH", "EHOSTUNREACH", "EHOSTUNREACH"}
	errnos6 = [...]string{"ENETUNREACH", "EACCES", "EHOSTUNREACH", "EHOSTUNREACH", "ECONNREFUSED", "EACCES", "EACCES"}
)

// Errno is the error that connect() fails with on Linux where m ends an attempt
// to connect: "ECONNREFUSED".
func (m *ICMPError) Errno() string {
	switch {
	case !m.V6 && m.Type == 3 && int(m.Code) < len(errnos4):
		return errnos4[m.Code]
	case m.V6 && m.Type == 1 && int(m.Code) < len(errnos6):
		return errnos6[m.Code]
	case m.V6 && m.Type == 3, !m.V6 && m.Type == 11:
		return "EHOSTUNREACH"
	}
	return "EPROTO"
}
