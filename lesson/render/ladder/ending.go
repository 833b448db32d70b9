package ladder

import (
	"fmt"

	"lesson/lesson"
	"lesson/lesson/lang"
)

// sumUp puts how a connection went, and how large it was.
func (l *Ladder) sumUp(indent int, c *lesson.Connection) {
	l.line(nil)
	l.wrapped(indent, paragraph{boldInk, "", sentence(l.say(l.life(c)), l.o.Lang)})
	l.wrapped(indent, paragraph{none, "", sentence(l.say(l.traffic(c)), l.o.Lang)})
}

// close puts the last sentence, if it adds anything.
func (l *Ladder) close(indent int, e *lesson.Ending) {
	if l.whole && uneventful(e) {
		return
	}
	l.line(nil)
	l.wrapped(indent, paragraph{boldInk, "", sentence(l.say(l.verdict(e)), l.o.Lang)})
}

// life is how a connection went, with its number where there are several.
func (l *Ladder) life(c *lesson.Connection) lang.Text {
	t := life(c)
	if len(l.streams) > 1 {
		t.EN = fmt.Sprintf("connection %d: %s", c.Stream+1, t.EN)
		t.ZH = fmt.Sprintf("连接 %d：%s", c.Stream+1, t.ZH)
	}
	return t
}

// traffic is a connection's size, and what did not simply arrive.
func (l *Ladder) traffic(c *lesson.Connection) lang.Text { return and(traffic(c), l.tally(c.Stream)) }

// verdict is a story's last sentence. Where the program itself was the wire,
// what it lost is told instead of what the capture lost.
func (l *Ladder) verdict(e *lesson.Ending) lang.Text {
	if l.whole {
		return verdict(e, l.asked, false) // the connections' summaries have told it
	}
	lost := l.tally(0)
	return and(verdict(e, l.asked, l.live && lost.IsZero()), lost)
}

// tally counts what of a connection did not simply arrive: "1 lost, 2 still on
// the way".
func (l *Ladder) tally(stream int) (t lang.Text) {
	for f, word := range tallies {
		if n := l.streams[stream][lesson.Fate(f)]; n > 0 && !word.IsZero() {
			t = and(t, lang.Text{EN: itoa(n) + " " + word.EN, ZH: word.ZH + " " + itoa(n) + " 个"})
		}
	}
	n := 0
	for _, f := range l.air {
		if f.stream == stream {
			n++
		}
	}
	if n > 0 {
		t = and(t, lang.Text{EN: itoa(n) + " still on the way", ZH: "仍在途中 " + itoa(n) + " 个"})
	}
	return t
}

// and puts a comma between two phrases.
func and(a, b lang.Text) lang.Text {
	if a.IsZero() || b.IsZero() {
		return lang.Text{EN: a.EN + b.EN, ZH: a.ZH + b.ZH}
	}
	return lang.Text{EN: a.EN + ", " + b.EN, ZH: a.ZH + "，" + b.ZH}
}

var tallies = [...]lang.Text{
	lesson.Lost:      {EN: "lost", ZH: "丢失"},
	lesson.Corrupted: {EN: "corrupted", ZH: "损坏"},
	lesson.Copied:    {EN: "arrived twice", ZH: "重复到达"},
	lesson.Injected:  {EN: "injected", ZH: "注入"},
}
