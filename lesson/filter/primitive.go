package filter

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// qualifiers stand before an address or a port: "tcp dst port".
type qualifiers struct {
	proto string
	dir   direction
	kind  string // "", host, net, port, portrange, proto
	set   bool
}

// elsewhere are words of tcpdump's language about what is not TCP: no segment
// matches them, and of all other packets only ICMP errors are looked at.
var elsewhere = []string{"udp", "icmp", "icmp6", "sctp", "arp", "rarp", "igmp", "igrp", "pim", "ah", "esp", "vrrp", "carp", "stp", "atalk", "ipx", "iso"}

// wrapping are words of tcpdump's language about what lies around IP, or in its header.
var wrapping = []string{"ether", "vlan", "mpls", "pppoes", "pppoed", "geneve", "vxlan", "link", "wlan", "gateway", "broadcast", "multicast", "ifname", "on",
	"inbound", "outbound", "protochain", "fddi", "tr", "ppp", "slip", "radio", "decnet", "llc", "type", "subtype", "dir"}

var hintPrimitive = say("a condition is: host ADDRESS, net NETWORK/BITS, port NUMBER, portrange FROM-TO, each with src or dst before it, or tcp[tcpflags] & tcp-rst != 0",
	"条件可以是：host 地址、net 网络/位数、port 端口、portrange 起-止（前面都可以加 src 或 dst），或 tcp[tcpflags] & tcp-rst != 0")

// primitive is qualifiers and what they qualify.
func (p *parser) primitive() (node, error) {
	p.space()
	start, q := p.at, qualifiers{}
	switch w := p.word(); {
	case w == "less" || w == "greater":
		p.at += len(w)
		return p.length(w == "less")
	case w == "tcp" || w == "ip" || w == "ip6" || slices.Contains(elsewhere, w):
		p.at += len(w)
		q.proto, q.set = w, true
		if strings.HasPrefix(p.rest(), "[") {
			return nil, p.wrong(start, say("only the TCP header can be looked into, not %s", "只能查看 TCP 首部，不能查看 %s"), say("tcp[tcpflags] & tcp-rst != 0", "tcp[tcpflags] & tcp-rst != 0"))
		}
	case slices.Contains(wrapping, w):
		return nil, p.wrong(start, say("%s is about what lies around a segment, which is not looked at here", "%s 针对报文段外层的封装，这里不看这些内容"),
			say("segments are found within VLAN tags and tunnels without it: leave it out", "无须它也能找到 VLAN 标签和隧道里的报文段：去掉即可"))
	}
	p.qualify(&q)
	if q.proto != "" && q.kind == "" && q.dir == either && p.endsHere() {
		p.last = q
		return of(q.proto), nil
	}
	if !q.set {
		q = p.last // "port 80 or 443"
	}
	n, err := p.operand(q, start)
	if err != nil {
		return nil, err
	}
	p.last = q
	if q.proto == "" {
		return n, nil
	}
	proto := of(q.proto)
	return func(v *view) bool { return proto(v) && n(v) }, nil
}

// of is the condition that a segment is one of a protocol.
func of(proto string) node {
	switch proto {
	case "ip":
		return overIPv4
	case "ip6":
		return func(v *view) bool { return !overIPv4(v) }
	}
	return func(v *view) bool { return proto == protocol(v.s) }
}

// protocol is that of the packet that v looks at.
func protocol(s *tcp.Captured) string {
	switch {
	case s.ICMP == nil:
		return "tcp"
	case s.ICMP.V6:
		return "icmp6"
	}
	return "icmp"
}

// qualify reads a direction and a kind.
func (p *parser) qualify(q *qualifiers) {
	if w := p.word(); w == "src" || w == "dst" {
		p.at += len(w)
		q.set = true
		other := "dst"
		if q.dir = source; w == "dst" {
			q.dir, other = destination, "src"
		}
		before := p.at
		joint := p.word()
		p.at += len(joint)
		switch {
		case joint == "or" && p.takeWord(other):
			q.dir = either
		case joint == "and" && p.takeWord(other):
			q.dir = both
		default:
			p.at = before
		}
	}
	switch w := p.word(); w {
	case "host", "net", "port", "portrange", "proto":
		p.at += len(w)
		q.set, q.kind = true, w
	}
}

// endsHere reports whether nothing that could be an operand follows.
func (p *parser) endsHere() bool {
	switch p.word() {
	case "and", "or":
		return true
	}
	s := p.rest()
	return s == "" || s[0] == ')' || strings.HasPrefix(s, "&&") || strings.HasPrefix(s, "||")
}

// value is the address, port or name that comes next.
func (p *parser) value() string {
	p.space()
	n := 0
	for s := p.rest(); n < len(s) && !strings.ContainsRune(" \t\r\n()[]&|!=<>", rune(s[n])); n++ {
	}
	p.at += n
	return p.text[p.at-n : p.at]
}

// operand is what qualifiers qualify: one value, or several in parentheses.
func (p *parser) operand(q qualifiers, start int) (node, error) {
	if p.depth++; p.depth > deepest {
		return nil, p.wrong(p.at, say("too many parentheses", "括号嵌套太深"), lang.Text{})
	}
	defer func() { p.depth-- }()
	if q.set && p.take("(") {
		return p.enclosed(func() (node, error) {
			return p.joined(func() (node, error) { return p.operand(q, start) })
		})
	}
	p.space()
	at := p.at
	if p.endsHere() || p.word() == "not" {
		switch {
		case !q.set && at == start:
			return nil, p.wrong(at, say("a condition is missing before %s", "%s 之前缺少条件"), hintPrimitive)
		case q.kind == "port" || q.kind == "portrange":
			return nil, p.wrong(at, say("a port is missing before %s", "%s 之前缺少端口"), say("port 443", "port 443"))
		}
		return nil, p.wrong(at, say("an address is missing before %s", "%s 之前缺少地址"), say("host 192.0.2.1", "host 192.0.2.1"))
	}
	v := p.value()
	if v == "" {
		p.at++
		return nil, p.wrong(at, say("%s makes no sense here", "%s 在这里没有意义"), hintPrimitive)
	}
	switch q.kind {
	case "port":
		lo, err := p.port(v, at)
		return q.dir.of(func(e *tcp.Endpoint) bool { return e.Port == lo }), err
	case "portrange":
		from, to, ok := strings.Cut(v, "-")
		if !ok {
			return nil, p.wrong(at, say("%s is not a range of ports", "%s 不是端口范围"), say("portrange 8000-8999", "portrange 8000-8999"))
		}
		lo, err := p.port(from, at)
		if err != nil {
			return nil, err
		}
		hi, err := p.port(to, at)
		if hi < lo {
			lo, hi = hi, lo
		}
		return q.dir.of(func(e *tcp.Endpoint) bool { return lo <= e.Port && e.Port <= hi }), err
	case "net":
		return p.network(q, v, at)
	case "proto":
		is := v == "tcp" || v == `\tcp` || v == "6"
		return func(v *view) bool { return is && v.s.ICMP == nil }, nil
	}
	return p.host(q, v, at)
}

func (p *parser) port(v string, at int) (uint16, error) {
	if n, err := strconv.ParseUint(v, 0, 16); err == nil {
		return uint16(n), nil
	}
	// Only well-known names: a number too large is not looked up.
	if letters(v) == v {
		if n, err := net.LookupPort("tcp", v); err == nil {
			return uint16(n), nil
		}
	}
	return 0, p.wrong(at, say("%s is not a port", "%s 不是端口"), say("a number from 0 to 65535, or a name from /etc/services", "端口是 0 到 65535 的数，或 /etc/services 中的名称"))
}

// excludes reports whether no address of this version can be meant.
func (q qualifiers) excludes(a netip.Addr) bool {
	return q.proto == "ip" && a.Is6() || q.proto == "ip6" && a.Is4()
}

func (p *parser) otherVersion(q qualifiers, at int) error {
	return p.wrong(at, say("%s is of the other IP version than "+q.proto, "%s 与 "+q.proto+" 的 IP 版本不同"),
		say("leave "+q.proto+" out", "去掉 "+q.proto))
}

func (p *parser) host(q qualifiers, v string, at int) (node, error) {
	addr, err := netip.ParseAddr(v)
	if err != nil && q.kind == "" && strings.Count(v, "/") == 1 {
		return p.network(q, v, at) // tcpdump takes "src 10.0.0.0/8"
	}
	if err == nil && addr.Zone() == "" {
		if q.excludes(addr) {
			return nil, p.otherVersion(q, at)
		}
		want := addr.As16()
		return q.dir.address(func(e *tcp.Endpoint) bool { return e.IP == want }), nil
	}
	if q.set && q.kind == "host" || strings.ContainsAny(v, ".:") {
		return nil, p.wrong(at, say("%s is not an address", "%s 不是地址"), say("names are not looked up; write the address: host 192.0.2.1, host 2001:db8::1", "这里不查询域名，请写地址：host 192.0.2.1、host 2001:db8::1"))
	}
	return nil, p.wrong(at, say("%s is not understood", "无法理解 %s"), hintPrimitive)
}

// network is "10.0.0.0/8", "10" and "192.168.1" for what they begin, "10.0.0.0 mask 255.0.0.0".
func (p *parser) network(q qualifiers, v string, at int) (node, error) {
	base, bits, sized := strings.Cut(v, "/")
	hint := say("net 192.0.2.0/24, net 192.0.2, net 2001:db8::/32", "net 192.0.2.0/24、net 192.0.2、net 2001:db8::/32")
	bad := func() (node, error) { return nil, p.wrong(at, say("%s is not a network", "%s 不是网络"), hint) }
	parts := 4
	if !strings.Contains(base, ":") {
		if parts = strings.Count(base, ".") + 1; parts > 4 {
			return bad()
		}
		base += strings.Repeat(".0", 4-parts)
	}
	addr, err := netip.ParseAddr(base)
	if err != nil || addr.Zone() != "" {
		return bad()
	}
	if q.excludes(addr) {
		return nil, p.otherVersion(q, at)
	}
	n := addr.BitLen()
	if addr.Is4() {
		n = 8 * parts
	}
	var mask [16]byte
	if sized {
		if n, err = strconv.Atoi(bits); err != nil || n < 0 || n > addr.BitLen() {
			return bad()
		}
	} else if addr.Is4() && p.takeWord("mask") {
		p.space()
		maskAt := p.at
		m, err := netip.ParseAddr(p.value())
		if err != nil || !m.Is4() {
			return nil, p.wrong(maskAt, say("%s is not a mask", "%s 不是掩码"), say("net 10.0.0.0 mask 255.0.0.0", "net 10.0.0.0 mask 255.0.0.0"))
		}
		mask = m.As16()
		n = 0
	}
	n += 128 - addr.BitLen()
	for i := range mask {
		switch full := n / 8; {
		case i < full || addr.Is4() && i < 12:
			mask[i] = 0xff
		case i == full:
			mask[i] |= ^byte(0xff >> (n % 8))
		}
	}
	want := addr.As16()
	for i := range want {
		if want[i]&^mask[i] != 0 {
			return nil, p.wrong(at, say("%s has bits beyond its mask", "%s 在掩码之外还有置位"), hint)
		}
	}
	return q.dir.address(func(e *tcp.Endpoint) bool {
		if addr.Is6() && e.AddrPort().Addr().Is4() {
			return false
		}
		for i, b := range e.IP {
			if b&mask[i] != want[i] {
				return false
			}
		}
		return true
	}), nil
}

// length is "less 100" and "greater 100", both of which include 100.
func (p *parser) length(less bool) (node, error) {
	p.space()
	at := p.at
	n, err := strconv.ParseUint(p.value(), 0, 32)
	if err != nil {
		return nil, p.wrong(at, say("%s is not a length", "%s 不是长度"), say("greater 1000", "greater 1000"))
	}
	if less {
		return func(v *view) bool { return uint64(v.s.RawLen) <= n }, nil
	}
	return func(v *view) bool { return uint64(v.s.RawLen) >= n }, nil
}
