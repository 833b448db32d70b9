// Package filter reads tcpdump's filter language (pcap-filter(7)) as far as it
// speaks of TCP: addresses, networks, ports, lengths, and the bytes of the TCP
// header. docs/filters.md tells what is there and what is not.
//
// A filter looks at segments, not at frames: it finds them within VLAN tags and
// tunnels, over IPv4 and IPv6 alike, where tcpdump's compiler needs to be told
// of each wrapping.
package filter

import (
	"regexp"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// Filter says whether a segment is wanted. It allocates nothing, and serves one
// goroutine at a time.
type Filter struct {
	root node
	view view
}

// Match reports whether the filter selects s. As with tcpdump, a segment too
// short to hold a byte that the filter looks at is not selected.
func (f *Filter) Match(s *tcp.Captured) bool {
	f.view = view{s: s}
	return f.root(&f.view) && !f.view.short
}

// Parse reads an expression; what is wrong with it is an *Error. The empty
// expression selects everything, as tcpdump's does.
func Parse(text string) (*Filter, error) {
	p := &parser{text: text}
	if p.word(); p.rest() == "" {
		return &Filter{root: func(*view) bool { return true }}, nil
	}
	root, err := p.expression()
	if err == nil && p.at < len(text) {
		err = p.wrong(p.at, say("\"and\" or \"or\" is missing before %s", "%s 之前缺少 and 或 or"), say("and, or, not and parentheses join conditions", "用 and、or、not 和括号连接各个条件"))
	}
	if err == nil {
		return &Filter{root: root}, nil
	}
	e := p.furthest(err)
	if display, _ := regexp.MatchString(`\b(tcp|ip|ipv6|frame|eth)\.[a-z]`, text); display {
		e.Hint = say("this looks like a display filter of Wireshark's; here it is tcpdump's language: host 192.0.2.1 and port 80",
			"这像是 Wireshark 的显示过滤器；这里用的是 tcpdump 的语言：host 192.0.2.1 and port 80")
	}
	return nil, e
}

// Error says what in an expression is not understood.
type Error struct {
	What     lang.Text
	Hint     lang.Text
	From, To int    // the bytes of the expression that it is about
	Word     string // those bytes
}

func (e *Error) Error() string { return e.What.EN }

// Words are the words of the language that stand for themselves.
func Words() []string {
	return []string{"host", "net", "mask", "port", "portrange", "src", "dst", "ip", "ip6", "tcp", "proto", "and", "or", "not",
		"less", "greater", "len", "tcpflags", "tcp-fin", "tcp-syn", "tcp-rst", "tcp-push", "tcp-ack", "tcp-urg", "tcp-ece", "tcp-cwr"}
}

// view is one segment being looked at. It turns short when the filter asks for
// a byte that is not there, or divides by zero.
type view struct {
	s     *tcp.Captured
	short bool
}

// node is a condition, and sum a number.
type (
	node func(*view) bool
	sum  func(*view) uint32
)

// address is of for a condition about addresses: that of who has sent an ICMP
// error counts too.
func (d direction) address(is func(*tcp.Endpoint) bool) node {
	ends := d.of(is)
	if d != either {
		return ends
	}
	return func(v *view) bool {
		return ends(v) || v.s.ICMP != nil && is(&tcp.Endpoint{IP: v.s.ICMP.From})
	}
}

// bytes is the number that size bytes of the TCP header or payload make.
func (v *view) bytes(at, size uint32) (n uint32) {
	header, payload := v.s.Header, v.s.Payload
	if v.s.ICMP != nil {
		header = nil // it has none: what it quotes is nobody's
	}
	for i := uint64(at); i < uint64(at)+uint64(size); i++ {
		switch {
		case i < uint64(len(header)):
			n = n<<8 | uint32(header[i])
		case i-uint64(len(header)) < uint64(len(payload)):
			n = n<<8 | uint32(payload[i-uint64(len(header))])
		default:
			v.short = true
			return 0
		}
	}
	return n
}

// direction is which of a segment's two ends a condition is about.
type direction uint8

const (
	either direction = iota // src or dst
	source
	destination
	both // src and dst
)

func (d direction) of(is func(*tcp.Endpoint) bool) node {
	switch d {
	case source:
		return func(v *view) bool { return is(&v.s.Src) }
	case destination:
		return func(v *view) bool { return is(&v.s.Dst) }
	case both:
		return func(v *view) bool { return is(&v.s.Src) && is(&v.s.Dst) }
	}
	return func(v *view) bool { return is(&v.s.Src) || is(&v.s.Dst) }
}

// overIPv4 reports whether the segment came over IPv4, whose addresses an
// Endpoint keeps in their mapped form.
func overIPv4(v *view) bool { return v.s.Src.AddrPort().Addr().Is4() }
