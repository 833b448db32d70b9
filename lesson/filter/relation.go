package filter

import (
	"strconv"
	"strings"

	"lesson/lesson/lang"
)

// constants are the names of tcpdump's language for numbers.
var constants = map[string]uint32{
	"tcpflags": 13, "tcp-fin": 1, "tcp-syn": 2, "tcp-rst": 4, "tcp-push": 8, "tcp-ack": 16, "tcp-urg": 32, "tcp-ece": 64, "tcp-cwr": 128,
}

// relation is a comparison of two numbers, if one stands here.
func (p *parser) relation() (node, bool) {
	start, far := p.at, p.far
	n, err := p.comparison()
	if err == nil {
		return n, true
	}
	p.at = start
	switch s := strings.TrimLeft(p.rest(), "( \t\r\n"); {
	case indexes(s), letters(s) == "len", constants[letters(s)] != 0: // nothing else can have been meant
	default:
		p.far = far
	}
	return nil, false
}

// indexes reports whether "tcp[" comes next.
func indexes(s string) bool {
	return letters(s) == "tcp" && strings.HasPrefix(strings.TrimLeft(s[len("tcp"):], " \t\r\n"), "[")
}

func (p *parser) comparison() (node, error) {
	left, err := p.sum(0)
	if err != nil {
		return nil, err
	}
	p.space()
	at := p.at
	var op string
	for _, o := range []string{">=", "<=", "==", "!=", ">", "<", "="} {
		if p.take(o) {
			op = o
			break
		}
	}
	if op == "" {
		return nil, p.wrong(at, say("a comparison is missing before %s", "%s 之前缺少比较"), say("tcp[tcpflags] & tcp-rst != 0", "tcp[tcpflags] & tcp-rst != 0"))
	}
	right, err := p.sum(0)
	if err != nil {
		return nil, err
	}
	return func(v *view) bool {
		a := left(v)
		if v.short {
			return false
		}
		b := right(v)
		if v.short {
			return false
		}
		switch op {
		case ">=":
			return a >= b
		case "<=":
			return a <= b
		case "!=":
			return a != b
		case ">":
			return a > b
		case "<":
			return a < b
		}
		return a == b
	}, nil
}

// operators in the order in which they bind. To two tcpdump's grammar gives no
// place: they take what is right before them, and all that comes behind.
var (
	operators = [][]string{{"|"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"*", "/"}}
	greedy    = []string{"^", "%"}
)

// sum reads a number made with operators that bind at least as tightly as a level.
func (p *parser) sum(level int) (sum, error) {
	if level == len(operators) {
		left, err := p.atom()
		op := p.operator(greedy)
		if err != nil || op == "" {
			return left, err
		}
		right, err := p.sum(0)
		return combine(op, left, right), err
	}
	left, err := p.sum(level + 1)
	for err == nil {
		op := p.operator(operators[level])
		if op == "" {
			return left, nil
		}
		var right sum
		if right, err = p.sum(level + 1); err == nil {
			left = combine(op, left, right)
		}
	}
	return nil, err
}

// operator passes over one of some operators, but not over "&&" and "||".
func (p *parser) operator(some []string) string {
	p.space()
	for _, o := range some {
		if s := p.rest(); strings.HasPrefix(s, o) && !strings.HasPrefix(s, "&&") && !strings.HasPrefix(s, "||") {
			p.at += len(o)
			return o
		}
	}
	return ""
}

func combine(op string, a, b sum) sum {
	return func(v *view) uint32 {
		x := a(v)
		y := b(v)
		switch op {
		case "|":
			return x | y
		case "&":
			return x & y
		case "^":
			return x ^ y
		case "<<":
			return x << y
		case ">>":
			return x >> y
		case "+":
			return x + y
		case "-":
			return x - y
		case "*":
			return x * y
		}
		switch {
		case y == 0:
			v.short = true
			return 0
		case op == "%":
			return x % y
		}
		return x / y
	}
}

// atom is a number, a name for one, bytes of the TCP header, or a sum in parentheses.
func (p *parser) atom() (sum, error) {
	if p.depth++; p.depth > deepest {
		return nil, p.wrong(p.at, say("too many parentheses", "括号嵌套太深"), lang.Text{})
	}
	defer func() { p.depth-- }()
	at := p.at
	switch w := p.word(); {
	case w == "len":
		p.at += len(w)
		return func(v *view) uint32 { return uint32(v.s.RawLen) }, nil
	case indexes(p.rest()):
		p.at += strings.IndexByte(p.rest(), '[') + 1
		return p.bytes()
	case w != "":
		n, ok := constants[w]
		if !ok {
			return nil, p.notNumber(at)
		}
		p.at += len(w)
		return func(*view) uint32 { return n }, nil
	}
	if p.take("(") {
		inner, err := p.sum(0)
		if err == nil && !p.take(")") {
			err = p.wrong(p.at, say("a ) is missing before %s", "%s 之前缺少 )"), lang.Text{})
		}
		return inner, err
	}
	if p.take("-") {
		inner, err := p.atom()
		if err != nil {
			return nil, err
		}
		return func(v *view) uint32 { return -inner(v) }, nil
	}
	n := 0
	for s := p.rest(); n < len(s) && (isDigit(s[n]) || isLetter(s[n])); n++ {
	}
	v, err := strconv.ParseUint(p.rest()[:n], 0, 32)
	if err != nil {
		return nil, p.notNumber(at)
	}
	p.at += n
	return func(*view) uint32 { return uint32(v) }, nil
}

func (p *parser) notNumber(at int) error {
	p.space()
	return p.wrong(max(at, p.at), say("%s is not a number", "%s 不是数字"), say("tcp[tcpflags], tcp[0:2], tcp-syn, 0x12", "tcp[tcpflags]、tcp[0:2]、tcp-syn、0x12"))
}

// bytes is what follows "tcp[": a place, and how many bytes from there.
func (p *parser) bytes() (sum, error) {
	at, err := p.sum(0)
	if err != nil {
		return nil, err
	}
	size := uint32(1)
	if p.take(":") {
		p.space()
		size = 0
		if p.rest() != "" {
			size = uint32(p.rest()[0] - '0')
		}
		if size != 1 && size != 2 && size != 4 {
			return nil, p.wrong(p.at, say("%s is not 1, 2 or 4 bytes", "字节数只能是 1、2 或 4，不能是 %s"), say("tcp[0:2]", "tcp[0:2]"))
		}
		p.at++
	}
	if !p.take("]") {
		return nil, p.wrong(p.at, say("a ] is missing before %s", "%s 之前缺少 ]"), say("tcp[tcpflags], tcp[0:2]", "tcp[tcpflags]、tcp[0:2]"))
	}
	return func(v *view) uint32 { return v.bytes(at(v), size) }, nil
}
