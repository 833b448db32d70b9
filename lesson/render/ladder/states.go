package ladder

import (
	"fmt"
	"io"
	"strings"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
)

// States writes the state machine as this program knows it, for a terminal:
// every state in both spellings, every rule with its section, its reason, and
// the lessons that walk it.
func States(w io.Writer, o Options, walks lesson.Walks) error {
	p := newPen(w, o)
	if o.Plain {
		p.statesPlain(walks)
		return p.flush()
	}
	p.wrapped(1, paragraph{titleInk, "", p.say(statesWords.title) + " " + p.sign.dot + " " + p.clean("RFC 9293 §3.3.2")})
	p.wrapped(1, paragraph{faintInk, "", p.say(statesIntro())})
	for _, s := range tcp.States() {
		p.line(nil)
		name := row{{none, " "}, {clientBold, s.String()}}
		if s.RFC() != s.String() {
			name = append(name, span{faintInk, "  " + s.RFC()})
		}
		p.line(name)
		p.wrapped(3, paragraph{none, "", p.say(meaning[s])})
		for _, r := range from(s) {
			p.rule(r)
			if s := p.walkedIn(&r, walks); s != "" {
				p.wrapped(5, paragraph{none, "", s})
			}
		}
		if stays := p.stays(s); stays != "" {
			p.wrapped(3, paragraph{faintInk, "", p.say(statesWords.stays) + p.colon() + stays + p.stop()})
		}
	}
	return p.flush()
}

// rule is "receives SYN → SYN_RECV", its section, and why below it.
func (p *pen) rule(r tcp.Rule) {
	head := row{{none, "   " + p.say(r.On.Text()) + " " + p.sign.arrow + " "}, {serverBold, r.To.String()}}
	ref := p.clean(r.Ref)
	if room := p.width - head.width() - text.Width(ref); room >= 2 {
		p.line(append(head, span{faintInk, strings.Repeat(" ", room) + ref}))
	} else {
		p.wrapped(3, paragraph{none, "", p.say(r.On.Text()) + " " + p.sign.arrow + " " + r.To.String()})
		p.wrapped(5, paragraph{faintInk, "", ref})
	}
	p.wrapped(5, paragraph{faintInk, "", p.say(r.Why)})
}

// walkedIn names the lessons that walk an arrow, or says why Linux cannot.
func (p *pen) walkedIn(r *tcp.Rule, walks lesson.Walks) string {
	if names := first(walks[lesson.ArrowOf(r)]); len(names) > 0 {
		return p.say(statesWords.walked) + p.colon() + p.clean(strings.Join(names, p.also())) + p.stop()
	}
	return p.say(lesson.Unwalked(lesson.ArrowOf(r)))
}

// first are the first lessons of an arrow that many walk.
func first(names []string) []string { return names[:min(len(names), 3)] }

func (p *pen) statesPlain(walks lesson.Walks) {
	p.line(row{{none, p.say(statesWords.title) + p.stop()}})
	p.line(row{{none, p.say(statesIntro())}})
	for _, s := range tcp.States() {
		name := s.String()
		if s.RFC() != name {
			name += " (" + s.RFC() + ")"
		}
		p.line(row{{none, name + p.colon() + p.say(meaning[s])}})
		for _, r := range from(s) {
			p.line(row{{none, s.String() + p.colon() + p.say(r.On.Text()) + p.comma() +
				p.say(statesWords.becomes) + " " + r.To.String() + p.comma() + p.clean(r.Ref) + p.colon() + p.join(p.say(r.Why), p.walkedIn(&r, walks))}})
		}
		if stays := p.stays(s); stays != "" {
			p.line(row{{none, s.String() + p.colon() + p.say(statesWords.stays) + p.colon() + stays + p.stop()}})
		}
	}
}

// stays lists what can happen in a state without leaving it, by the short names
// of the RFC's figure.
func (p *pen) stays(s tcp.State) string {
	var out []string
	for _, e := range tcp.Events() {
		if _, v := tcp.Answer(s, e); v == tcp.Stays && !e.Call() {
			out = append(out, strings.ReplaceAll(e.String(), " ", "\u00a0"))
		}
	}
	return strings.Join(out, p.also())
}

func from(s tcp.State) (out []tcp.Rule) {
	for _, r := range tcp.Rules() {
		if r.From == s {
			out = append(out, r)
		}
	}
	return out
}

// StatesMarkdown writes the same as a Markdown document: docs/states.md and
// docs/states.zh.md are made by it.
func StatesMarkdown(w io.Writer, l lang.Lang, walks lesson.Walks) error {
	p := newPen(w, Options{Lang: l, Plain: true})
	f := func(format string, a ...any) { fmt.Fprintf(&p.buf, format+"\n", a...) }
	f("# %s", p.say(statesWords.title))
	f("")
	f("%s", p.say(statesWords.generated))
	f("")
	f("%s", p.say(statesIntro()))
	for _, s := range tcp.States() {
		name := s.String()
		if s.RFC() != name {
			name += " · " + s.RFC()
		}
		f("\n## %s\n\n%s", name, p.say(meaning[s]))
		if rules := from(s); len(rules) > 0 {
			f("\n%s\n|---|---|---|---|---|", p.say(statesWords.columns))
			for _, r := range rules {
				walked := p.say(lesson.Unwalked(lesson.ArrowOf(&r)))
				if names := first(walks[lesson.ArrowOf(&r)]); len(names) > 0 {
					walked = "`" + strings.Join(names, "` `") + "`"
				}
				f("| %s | %s | %s | %s | %s |", p.say(r.On.Text()), r.To, p.say(r.Why), r.Ref, walked)
			}
		}
		if stays := p.stays(s); stays != "" {
			f("\n%s%s%s%s", p.say(statesWords.stays), p.colon(), strings.ReplaceAll(stays, "\u00a0", " "), p.stop())
		}
	}
	return p.flush()
}

func statesIntro() lang.Text {
	n, r := len(tcp.States()), len(tcp.Rules())
	return lang.Text{
		EN: fmt.Sprintf("%d states and the %d rules that lead from one to another, with the lessons that walk them on real kernels. An event that a state lists neither as a rule nor as changing nothing cannot happen there; if a capture shows one all the same, a segment is missing from the capture.", n, r),
		ZH: fmt.Sprintf("%d 个状态，以及由一个状态到另一个状态的 %d 条规则，并列出在真实内核上走过这条规则的课程。某个状态下既没有列为规则、也没有列为“不改变状态”的事件，在该状态下不可能发生；如果抓包中仍然出现，说明抓包缺少了报文段。", n, r),
	}
}

var statesWords = struct{ title, generated, stays, becomes, columns, walked lang.Text }{
	title: lang.Text{EN: "The state machine of TCP", ZH: "TCP 状态机"},
	generated: lang.Text{
		EN: "Written by `go test ./lesson/render/ladder -update` from the rule table that decides every state the program shows; do not edit. [中文](states.zh.md)",
		ZH: "由 `go test ./lesson/render/ladder -update` 根据规则表生成，程序显示的每个状态都由这张表决定；请勿手工修改。[English](states.md)"},
	stays:   lang.Text{EN: "Changes nothing here", ZH: "不改变状态"},
	becomes: lang.Text{EN: "becomes", ZH: "变为"},
	columns: lang.Text{EN: "| event | new state | why | section | lesson |", ZH: "| 事件 | 新状态 | 原因 | 出处 | 课程 |"},
	walked:  lang.Text{EN: "Lesson", ZH: "课程"},
}

// meaning says what it is to be in a state (RFC 9293 §3.3.2).
var meaning = map[tcp.State]lang.Text{
	tcp.Closed: {
		EN: "No connection at all: the kernel has nothing to remember.",
		ZH: "没有连接，内核也不必保存任何信息。"},
	tcp.Listen: {
		EN: "Waiting for a connection request from any remote end.",
		ZH: "等待来自任意远端的连接请求。"},
	tcp.SynSent: {
		EN: "It has asked for a connection and waits for the peer's own request and for the acknowledgement of its SYN.",
		ZH: "已发出连接请求，等待对端的连接请求，以及对本端 SYN 的确认。"},
	tcp.SynRecv: {
		EN: "It has received a request and sent its own, and waits for the acknowledgement of its own. The connection is not open yet.",
		ZH: "已收到连接请求并发出自己的请求，等待对本端请求的确认。连接尚未建立。"},
	tcp.Established: {
		EN: "An open connection: data can flow in both directions.",
		ZH: "连接已建立：数据可以双向传送。"},
	tcp.FinWait1: {
		EN: "It has closed its direction before receiving the peer's FIN, and waits for the acknowledgement of its own FIN, or for the peer's.",
		ZH: "未收到对端的 FIN 就关闭了自己的发送方向，等待对本端 FIN 的确认，或对端的 FIN。"},
	tcp.FinWait2: {
		EN: "Its FIN is acknowledged; it waits for the peer's FIN and can still receive.",
		ZH: "本端的 FIN 已被确认；等待对端的 FIN，仍然可以接收数据。"},
	tcp.CloseWait: {
		EN: "The peer has closed its direction; this end waits for its own program to call close().",
		ZH: "对端已关闭它的发送方向；等待本端程序调用 close()。"},
	tcp.Closing: {
		EN: "Both ends have sent FIN, neither having seen the other's; this end waits for the acknowledgement of its own.",
		ZH: "双方在没有收到对方 FIN 的情况下各自发出了 FIN；等待对本端 FIN 的确认。"},
	tcp.LastAck: {
		EN: "It closed second, and waits for the acknowledgement of its FIN and nothing else.",
		ZH: "后关闭的一端；只等待对本端 FIN 的确认。"},
	tcp.TimeWait: {
		EN: "Both directions are closed. It stays for twice the maximum segment lifetime (2MSL), to repeat the last ACK if need be and to let old segments die out.",
		ZH: "两个方向都已关闭。再停留两倍的最大报文段生存时间（2MSL），以便必要时重发最后的 ACK，并让旧的报文段从网络中消失。"},
}

// Entry is one line of the catalogue of lessons.
type Entry struct {
	Name           string
	Title, Teaches lang.Text
	Refs           string
}

// Catalogue lists lessons: the name to type, the title, what it teaches.
func Catalogue(w io.Writer, o Options, entries []Entry) error {
	p := newPen(w, o)
	wide := 0
	for _, e := range entries {
		wide = max(wide, text.Width(e.Name))
	}
	for _, e := range entries {
		if o.Plain {
			p.line(row{{none, p.clean(e.Name) + p.colon() + p.say(e.Title) + p.comma() + p.say(e.Teaches) + p.ref(e.Refs) + p.stop()}})
			continue
		}
		name := " " + text.Pad(p.clean(e.Name), wide) + "  "
		indent := text.Width(name)
		if indent > p.width/2 {
			p.line(row{{clientBold, name}})
			name, indent = "   ", 3
		}
		for i, r := range p.wrap(paragraph{boldInk, "", p.say(e.Title)}, p.width-indent) {
			if i > 0 {
				name = strings.Repeat(" ", indent)
			}
			p.line(append(row{{clientBold, name}}, r...))
		}
		p.wrapped(indent, paragraph{none, "", p.say(e.Teaches) + p.ref(e.Refs)})
	}
	return p.flush()
}
