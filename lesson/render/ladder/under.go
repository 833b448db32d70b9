package ladder

import (
	"fmt"
	"slices"
	"strings"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// paragraphs are what to say under a segment: findings first, then what they
// revise, why the kernel differs, the explanations.
func (l *Ladder) paragraphs(s *lesson.Segment, looks [2]look) []paragraph {
	out := l.meets(s)
	findings := s.Step.Findings &^ tcp.Corrected
	if len(out) > 0 {
		findings &^= tcp.Crossed // said already, and of whom
	}
	out = append(out, l.repetitions(s)...)
	out = append(out, l.findings(s, findings)...)
	if s.Step.Findings.Has(tcp.Corrected) {
		out = append(out, paragraph{boldInk, l.sign.alert + " ", l.revision(s.Step.Revised)})
	}
	out = append(out, l.why(looks)...)
	if !l.o.Quiet {
		for _, x := range l.explanations(s) {
			out = append(out, paragraph{faintInk, "", l.explanation(x)})
		}
	}
	if l.o.Verbose {
		out = append(append(out, l.rules(&s.Step)...), l.answers(s)...)
		out = append(out, l.packet(s)...)
	}
	return out
}

// explanations are those of a segment that are not said elsewhere: findings
// are, and so are the rules where every rule is told. What the lesson itself
// has to say takes the place of the rules' general words.
func (l *Ladder) explanations(s *lesson.Segment) (own []lesson.Explanation) {
	var general []lesson.Explanation
	said := s.Sentences()
	for _, x := range s.Explain {
		switch {
		case slices.Contains(said, x.Text):
		case byRule(&s.Step, x.Text):
			general = append(general, x)
		default:
			own = append(own, x)
		}
	}
	if len(own) == 0 && !l.o.Verbose {
		return general
	}
	return own
}

// byRule reports whether a sentence is that of a rule which one end followed.
func byRule(s *tcp.Step, t lang.Text) bool {
	for e := range s.Taken {
		for _, r := range s.Taken[e].Rules() {
			if strings.HasSuffix(t.EN, r.Why.EN) {
				return true
			}
		}
	}
	return false
}

// paragraph is a text to be wrapped; its first line begins with a sign.
type paragraph struct {
	ink  ink
	lead string
	text string
}

// why says why the kernel calls an end's state something else, if it does.
func (l *Ladder) why(looks [2]look) (out []paragraph) {
	for end, look := range looks {
		if look.mark == differs {
			out = append(out, paragraph{boldInk, l.sign.no + " ", l.say(whyDiffers(tcp.End(end), look.doubted, look.says))})
		}
	}
	return out
}

// moment is when the kernels were asked about a segment.
type moment struct {
	name    lang.Text
	story   [2]tcp.State // what the story says of both ends then
	kernel  *[2]lesson.Kernel
	earlier bool // than what stands at the lifelines
}

// moments are the three at which the kernels may have been asked.
func moments(s *lesson.Segment) [3]moment {
	flying := s.Step.Before
	if from := s.Step.From & 1; s.Fate.Departs() {
		flying[from] = s.Step.After[from]
	}
	return [3]moment{
		{words.beforeIt, s.Step.Before, &s.Before, true},
		{words.inFlight, flying, &s.InFlight, true},
		{words.afterIt, s.Step.After, &s.Kernel, false},
	}
}

// doubts marks the ends of which the kernel said something else before the
// segment left or while it was in flight. What it says now is known already.
func (l *Ladder) doubts(s *lesson.Segment, looks *[2]look) {
	for _, m := range moments(s) {
		for e := range looks {
			k := m.kernel[e]
			if !m.earlier || !k.Asked() || k.Agrees(m.story[e]) || looks[e].mark == differs {
				continue
			}
			looks[e].mark, looks[e].doubted, looks[e].says = differs, m.story[e], k.State
			looks[e].extra = l.say(m.name) + l.comma() + l.join(l.say(words.kernelSays), l.state(k.State))
		}
	}
}

// answers tells what each kernel said before the segment left, while it was in
// flight, and after: in one word, where it said the same every time.
func (l *Ladder) answers(s *lesson.Segment) (out []paragraph) {
	for e := range s.Kernel {
		var when, said []string
		for _, m := range moments(s) {
			if k := m.kernel[e]; k.Asked() {
				when, said = append(when, l.say(m.name)), append(said, l.state(k.State))
			}
		}
		if len(said) > 0 {
			arrow := " " + l.sign.arrow + " "
			out = append(out, paragraph{faintInk, "", l.fill(words.kernelOf, l.say(words.end[e])) + l.comma() +
				strings.Join(when, arrow) + l.colon() + strings.Join(said, arrow)})
		}
	}
	return out
}

// packet tells what in the IP header says something of who sent the packet: its
// hop limit, and in IPv4 its identification.
func (p *pen) packet(s *lesson.Segment) []paragraph {
	if s.Hops == 0 || !newHeader(s) {
		return nil
	}
	said := fmt.Sprintf(p.say(words.hopLimit), s.Hops)
	if s.IPv4() {
		said = fmt.Sprintf(p.say(words.timeToLive), s.Hops, s.ID)
	}
	return []paragraph{{faintInk, "", said}}
}

// newHeader reports whether a segment's header has not been shown before.
func newHeader(s *lesson.Segment) bool { return s.Fate.Departs() || s.Fate == lesson.Injected }

// rules lists the arrows both ends took.
func (l *Ladder) rules(s *tcp.Step) (out []paragraph) {
	for _, end := range [2]tcp.End{s.From, s.From.Peer()} {
		for _, r := range s.Taken[end&1].Rules() {
			out = append(out, paragraph{faintInk, "", l.say(words.end[end&1]) + l.colon() + l.state(r.From) + " " + l.sign.arrow + " " + l.state(r.To) +
				l.comma() + l.say(r.On.Text()) + l.colon() + l.say(r.Why) + l.ref(r.Ref)})
		}
	}
	return out
}
