package ladder

import (
	"fmt"
	"strconv"
	"strings"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
)

// plain says everything in sentences, one a line, each beginning with its
// segment's number. Lines are as long as they need to be.
type plain struct{ *Ladder }

func (p *plain) sentence(s string) {
	if s != "" {
		p.line(row{{none, s}})
	}
}

func (p *plain) opening(o *lesson.Opening) {
	title := p.say(o.Title)
	if o.Refs != "" {
		title += p.comma() + p.clean(o.Refs)
	}
	p.sentence(title + p.stop())
	p.sentence(sentence(p.source(o), p.o.Lang))
	for e, ap := range o.Ends {
		if a := endpoint(ap); a != "" {
			p.sentence(p.name(tcp.End(e)) + p.colon() + p.clean(a) + p.stop())
		}
	}
}

func (p *plain) call(c *lesson.Call) {
	if !c.Text.IsZero() {
		p.sentence(p.name(c.End) + p.colon() + p.say(c.Text) + p.stop())
	}
	for _, t := range c.Console {
		p.sentence(p.join(p.name(c.End), p.say(words.prints)) + p.colon() + p.printed(t))
	}
}

func (p *plain) segment(s *lesson.Segment) {
	n := fmt.Sprintf("%d. ", s.N)
	p.head(n, s, tripOf(s))
	var looks [2]look
	for e := range looks {
		looks[e] = p.see(tcp.End(e), s.Step.After[e], s.Step.Inferred[e], s.Kernel[e])
	}
	p.doubts(s, &looks)
	for e := range looks {
		p.sentence(n + p.change(tcp.End(e), s.Step.Before[e], looks[e]))
	}
	for _, q := range p.paragraphs(s, looks) {
		p.sentence(n + q.text)
	}
	if still := p.stillFlying(s); still != "" {
		p.sentence(n + still)
	}
	if p.o.Verbose && newHeader(s) {
		for _, f := range fields(s.Header) {
			at := fmt.Sprintf("%d: ", f.at)
			if len(f.bytes) > 0 {
				at += fmt.Sprintf("% x: ", f.bytes)
			}
			p.sentence(n + at + p.join2(p.say(f.name), p.clean(f.value)))
		}
	}
}

// head is "5. Client to server, FIN ACK, seq 25, ack 1, lost on the way."
func (p *plain) head(n string, s *lesson.Segment, t trip) {
	from := s.Step.From & 1
	parts := []string{
		p.say(lang.Text{
			EN: fmt.Sprintf("%s to %s", words.end[from].EN, words.end[from.Peer()].EN),
			ZH: fmt.Sprintf("%s发往%s", words.end[from].ZH, words.end[from.Peer()].ZH),
		}),
		s.Flags.String(), "seq " + strconv.FormatInt(s.Step.Seq, 10),
	}
	if s.Flags.Has(tcp.ACK) {
		parts = append(parts, "ack "+strconv.FormatInt(s.Step.Ack, 10))
	}
	if s.Len > 0 {
		data := fmt.Sprintf("len %d", s.Len)
		if q := text.Quote(s.Payload, 60, p.o.ASCII); q != "" {
			data += " " + q
		}
		parts = append(parts, data)
	}
	if !s.Live {
		parts = append(parts, p.clean(since(s.Since)), p.frame(s))
	}
	if t.held {
		parts = append(parts, p.say(words.inFlight))
	} else if said := p.say(fateWords[t.Fate]); said != "" {
		parts = append(parts, said)
	}
	if discarded(s) && t.Arrives() && !t.held {
		parts = append(parts, p.say(words.discards))
	}
	p.sentence(n + sentence(strings.Join(parts, p.comma()), p.o.Lang))
}

// change is "Client: ESTABLISHED to FIN_WAIT1, the kernel agrees."
func (p *plain) change(e tcp.End, before tcp.State, l look) string {
	s := p.name(e) + p.colon()
	if before != l.state {
		to := " to "
		if p.o.Lang == lang.Chinese {
			to = " 变为 "
		}
		s += p.state(before) + to
	}
	s += p.state(l.state)
	if l.inferred {
		s += " " + p.say(words.inferred)
	}
	if l.mark == agrees {
		s += p.comma() + p.say(words.kernelAgrees)
	}
	if l.extra != "" {
		s += p.comma() + l.extra
	}
	return s + p.stop()
}

func (p *plain) rest(r *lesson.Rest) {
	var looks [2]look
	for e := range looks {
		end := tcp.End(e)
		if was := p.shown[e]; p.news(end, r.State[e], r.Kernel[e]) {
			looks[e] = p.see(end, r.State[e], false, r.Kernel[e])
			if !was.told {
				was.state = r.State[e]
			}
			p.sentence(p.change(end, was.state, looks[e]))
		}
	}
	for _, q := range p.why(looks) {
		p.sentence(q.text)
	}
}

func (p *plain) note(n *lesson.Note) {
	if n.Kind == lesson.Remark && p.o.Quiet {
		return
	}
	p.sentence(p.noteText(n).text)
}

func (p *plain) connection(c *lesson.Connection) {
	p.sentence(sentence(p.say(p.life(c)), p.o.Lang))
	p.sentence(sentence(p.say(p.traffic(c)), p.o.Lang))
}

func (p *plain) ending(e *lesson.Ending) {
	if p.whole && uneventful(e) {
		return
	}
	p.sentence(sentence(p.say(p.verdict(e)), p.o.Lang))
}

func (p *plain) name(e tcp.End) string {
	s := p.say(words.end[e&1])
	if p.o.Lang == lang.English {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	return s
}

// The punctuation of each language.

func (p *pen) comma() string { return p.say(lang.Text{EN: ", ", ZH: "，"}) }
func (p *pen) also() string  { return p.say(lang.Text{EN: ", ", ZH: "、"}) } // in a list
func (p *pen) colon() string { return p.say(lang.Text{EN: ": ", ZH: "："}) }
func (p *pen) stop() string  { return p.say(lang.Text{EN: ".", ZH: "。"}) }
