package filter

import (
	"errors"
	"fmt"
	"strings"

	"lesson/lesson/lang"
)

// parser reads an expression from left to right.
type parser struct {
	text  string
	at    int
	depth int
	last  qualifiers // what a bare word means: "port 80 or 443"
	far   *Error     // the error furthest to the right, of all that was tried
}

// deepest is how far parentheses may nest.
const deepest = 100

func say(en, zh string) lang.Text { return lang.Text{EN: en, ZH: zh} }

// wrong is an error about the word at a place. What may hold one %s, the word.
func (p *parser) wrong(at int, what, hint lang.Text) *Error {
	to := at
	for to < len(p.text) && !strings.ContainsRune(" \t\r\n()", rune(p.text[to])) {
		to++
	}
	if to == at && at < len(p.text) {
		to++
	}
	word := p.text[at:to]
	shown := lang.Text{EN: fmt.Sprintf("%q", word), ZH: fmt.Sprintf("%q", word)}
	if word == "" {
		shown = say("the end", "末尾")
	}
	fill := func(s, word string) string { return strings.Replace(s, "%s", word, 1) }
	e := &Error{What: lang.Text{EN: fill(what.EN, shown.EN), ZH: fill(what.ZH, shown.ZH)}, Hint: hint, From: at, To: to, Word: word}
	if p.far == nil || at >= p.far.From {
		p.far = e
	}
	return e
}

// furthest is the error that tells most: where one way of reading came further
// than the last one tried, its error does.
func (p *parser) furthest(err error) *Error {
	var e *Error
	if errors.As(err, &e); p.far != nil && p.far.From > e.From {
		return p.far
	}
	return e
}

// space passes over white space.
func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

func (p *parser) rest() string { return p.text[p.at:] }

// word looks at the keyword that comes next; "" if none does.
func (p *parser) word() string {
	p.space()
	return letters(p.rest())
}

func letters(s string) string {
	n := 0
	for n < len(s) && (isLetter(s[n]) || n > 0 && (isDigit(s[n]) || s[n] == '-')) {
		n++
	}
	return s[:n]
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// takeWord passes over a keyword, if it is the next.
func (p *parser) takeWord(w string) bool {
	if p.word() != w {
		return false
	}
	p.at += len(w)
	return true
}

// take passes over a sign, if it comes next.
func (p *parser) take(sign string) bool {
	p.space()
	if !strings.HasPrefix(p.rest(), sign) {
		return false
	}
	p.at += len(sign)
	return true
}

// expression is terms joined by and and or.
func (p *parser) expression() (node, error) { return p.joined(p.term) }

// joined reads conditions joined by and and or, which bind alike, from the left.
func (p *parser) joined(term func() (node, error)) (node, error) {
	left, err := term()
	for err == nil {
		var right node
		l := left
		switch {
		case p.takeWord("and") || p.take("&&"):
			if right, err = term(); err == nil {
				left = func(v *view) bool { return l(v) && !v.short && right(v) }
			}
		case p.takeWord("or") || p.take("||"):
			if right, err = term(); err == nil {
				left = func(v *view) bool { return l(v) || !v.short && right(v) }
			}
		default:
			p.space()
			return left, nil
		}
	}
	return nil, err
}

// term is a condition, one in parentheses, or the opposite of one.
func (p *parser) term() (node, error) {
	if p.depth++; p.depth > deepest {
		return nil, p.wrong(p.at, say("too many parentheses", "括号嵌套太深"), lang.Text{})
	}
	defer func() { p.depth-- }()
	p.space()
	if p.takeWord("not") || !strings.HasPrefix(p.rest(), "!=") && p.take("!") {
		inner, err := p.term()
		if err != nil {
			return nil, err
		}
		return func(v *view) bool { return !inner(v) && !v.short }, nil
	}
	if n, ok := p.relation(); ok {
		return n, nil
	}
	if !p.take("(") {
		return p.primitive()
	}
	return p.enclosed(p.expression)
}

// enclosed reads what stands in the parentheses of which the first is taken.
func (p *parser) enclosed(read func() (node, error)) (node, error) {
	open := p.at - 1
	inner, err := read()
	if err != nil {
		return nil, err
	}
	if !p.take(")") {
		if p.at < len(p.text) {
			return nil, p.wrong(p.at, say("\"and\" or \"or\" is missing before %s", "%s 之前缺少 and 或 or"), lang.Text{})
		}
		return nil, p.wrong(open, say("this parenthesis is never closed", "这个括号没有闭合"), say("add a )", "补上 )"))
	}
	return inner, nil
}
