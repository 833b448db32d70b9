package ladder

import (
	"fmt"
	"slices"
	"strings"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
)

// icmp draws an ICMP error between the lifelines: a dotted arrow to the end
// whose segment it quotes, from the other end where that has sent it, and else
// from the middle.
func (w *wide) icmp(e *lesson.ICMP) {
	if w.begun && !w.o.Quiet {
		w.rows(nil, nil, nil, "", "")
	}
	w.before(&lesson.Segment{Step: tcp.Step{Before: e.Step.Before}})
	var right []row
	right = append(right, row{{faintInk, fmt.Sprintf(w.say(words.frame), e.Number)}})
	if e.File != "" {
		right = append(right, row{{faintInk, text.Cut(w.clean(e.File), w.gutter)}})
	}
	left := []row{{{faintInk, w.clean(duration(e.Since))}}}
	w.rows(left, w.between([]paragraph{{boldInk, "", w.error(e)}, {none, "", w.about(e)}}), right, "", "")
	w.dotted(e)
	looks := w.looks(e)
	w.states(looks, w.between(w.bounced(e)))
}

// dotted is the arrow of an ICMP error.
func (w *wide) dotted(e *lesson.ICMP) {
	to := e.Step.To & 1
	head := [2]string{w.sign.toLeft, w.sign.toRight}[to]
	if ignored(e) {
		head = w.sign.refused
	}
	shaft := string([]rune(w.sign.trail)[:1])
	n, gap, begin := w.inner-1, 0, ""
	var tail [2]string
	if e.Peer {
		tail[to.Peer()] = w.sign.tail[to.Peer()]
	} else {
		begin = w.sign.nowhere
		n = w.inner*3/5 - 1
		gap = w.inner - n - 1 - text.Width(begin)
	}
	parts := row{{boldInk, head}, {none, strings.Repeat(shaft, n)}, {boldInk, begin}, {none, strings.Repeat(" ", gap)}}
	if to == tcp.Server {
		slices.Reverse(parts)
	}
	w.rows(nil, []row{parts}, nil, tail[tcp.Client], tail[tcp.Server])
}

// icmp draws an ICMP error as a few short lines.
func (b *block) icmp(e *lesson.ICMP) {
	if b.begun {
		b.line(nil)
	}
	b.wrapped(0, paragraph{boldInk, "", b.sign.trail + b.sign.arrow + " " + b.say(words.end[e.Step.To&1]) + "  " + b.error(e)})
	const indent = 2
	b.wrapped(indent, paragraph{none, "", b.about(e)})
	b.wrapped(indent, paragraph{none, "", b.clean(duration(e.Since)) + "  " + b.quoted(e)})
	looks := b.looks(e)
	for end := range looks {
		looks[end].changed = e.Step.Before[end] != looks[end].state
		b.state2(tcp.End(end), e.Step.Before[end], looks[end])
	}
	for _, p := range b.bounced(e) {
		b.wrapped(indent, p)
	}
}

// icmp says in sentences what an ICMP error is; they begin with its name.
func (p *plain) icmp(e *lesson.ICMP) {
	lead := e.Protocol() + p.colon()
	p.sentence(lead + p.say(e.Text()) + p.comma() + p.about(e) + p.comma() +
		p.say(lang.Text{EN: "to the " + words.end[e.Step.To&1].EN, ZH: "发往" + words.end[e.Step.To&1].ZH}) + p.comma() +
		p.clean(duration(e.Since)) + p.comma() + p.quoted(e) + p.stop())
	looks := p.looks(e)
	for end := range looks {
		p.sentence(lead + p.change(tcp.End(end), e.Step.Before[end], looks[end]))
	}
	for _, q := range p.bounced(e) {
		p.sentence(lead + q.text)
	}
}

// error is "ICMP port unreachable".
func (p *pen) error(e *lesson.ICMP) string { return e.Protocol() + " " + p.say(e.Text()) }

// about is "from 192.0.2.9, about seq 0".
func (p *pen) about(e *lesson.ICMP) string {
	t := lang.Text{
		EN: fmt.Sprintf("from %v, about seq %d", e.Sender(), e.Step.Seq),
		ZH: fmt.Sprintf("来自 %v，关于 seq %d", e.Sender(), e.Step.Seq),
	}
	if e.TooBig() && e.MTU > 0 {
		t = and(t, lang.Text{EN: fmt.Sprintf("MTU %d", e.MTU), ZH: fmt.Sprintf("MTU %d", e.MTU)})
	}
	return p.say(t)
}

// quoted says which packet an ICMP error was.
func (p *pen) quoted(e *lesson.ICMP) string {
	return p.frame(&lesson.Segment{Captured: tcp.Captured{Number: e.Number, File: e.File}})
}

// ignored reports whether the end an error is sent to takes nothing from it.
func ignored(e *lesson.ICMP) bool {
	return e.Step.Effect == tcp.NoEffect || e.Step.Effect == tcp.Discarded
}

func (l *Ladder) looks(e *lesson.ICMP) (looks [2]look) {
	for end := range looks {
		looks[end] = l.see(tcp.End(end), e.Step.After[end], e.Step.Inferred[end], lesson.Kernel{})
	}
	return looks
}

// bounced is what there is to say under an ICMP error.
func (l *Ladder) bounced(e *lesson.ICMP) (out []paragraph) {
	if !l.o.Quiet {
		for _, x := range e.Explain {
			out = append(out, paragraph{faintInk, "", l.explanation(x)})
		}
	}
	if l.o.Verbose {
		out = append(out, l.rules(&tcp.Step{From: e.Step.To, Taken: e.Step.Taken})...)
	}
	return out
}

// bounces says how many ICMP errors a connection had, and one of them.
func bounces(c *lesson.Connection) lang.Text {
	b := &c.ICMP
	if b.Count == 0 {
		return lang.Text{}
	}
	one := lang.Text{
		EN: fmt.Sprintf("%s, from %v", b.Text.EN, b.From),
		ZH: fmt.Sprintf("%s，来自 %v", b.Text.ZH, b.From),
	}
	switch {
	case c.Opened == lesson.OpenedUnreached && b.Count > 1:
		return and(one, lang.Text{EN: fmt.Sprintf("%d ICMP errors in all", b.Count), ZH: fmt.Sprintf("ICMP 差错共 %d 个", b.Count)})
	case c.Opened == lesson.OpenedUnreached:
		return one
	case b.Count == 1:
		return lang.Text{EN: "1 ICMP error: " + one.EN, ZH: "1 个 ICMP 差错：" + one.ZH}
	}
	return lang.Text{
		EN: fmt.Sprintf("%d ICMP errors, one of them: %s", b.Count, one.EN),
		ZH: fmt.Sprintf("%d 个 ICMP 差错，其中一个：%s", b.Count, one.ZH),
	}
}

// bounces puts a line below a connection that had ICMP errors.
func (t *Table) bounces(c *lesson.Connection) {
	if s := bounces(c); !s.IsZero() {
		t.wrapped(t.columns[numberColumn]+1, paragraph{faintInk, "", t.say(s)})
	}
}
