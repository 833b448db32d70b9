package ladder

import (
	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
)

// Sockets shows below the drawing what both kernels say of their sockets, in
// full. Where the output is not a terminal, nothing is shown.
func (l *Ladder) Sockets(now [2]lesson.SocketDetail, keys lang.Text) error {
	return l.show(func() {
		l.heading(l.say(words.sockets))
		if l.o.Plain || l.width < lifelines {
			l.socketLines(now)
		} else {
			l.socketTable(now)
		}
	}, keys)
}

// facts are the rows of what is known of a socket.
func (l *Ladder) facts(s *lesson.SocketDetail) [][2]string {
	if !s.Asked() {
		return [][2]string{{l.say(words.stateIs), l.say(words.unknown)}}
	}
	timer := l.say(words.none)
	if s.Timer != "" {
		timer = l.timer(s.Kernel)
	}
	return [][2]string{
		{l.say(words.stateIs), l.state(s.State)},
		{l.say(words.timerIs), timer},
		{l.say(words.retransmitsAre), itoa(s.Retransmits)},
		{l.say(words.toRead), l.say(octets(s.ReceiveQueue))},
		{l.say(words.toAck), l.say(octets(s.SendQueue))},
	}
}

func octets(n int) lang.Text {
	return lang.Text{EN: count(uint64(max(n, 0)), "byte"), ZH: itoa(n) + " 字节"}
}

// socketTable puts both ends side by side.
func (l *Ladder) socketTable(now [2]lesson.SocketDetail) {
	var facts [2][][2]string
	names := 0
	for e := range now {
		facts[e] = l.facts(&now[e])
		for _, f := range facts[e] {
			names = max(names, text.Width(f[0]))
		}
	}
	column := (min(l.width, 100) - names - 5) / 2
	l.line(row{{none, text.Pad("", names+4)}, {clientBold, text.Pad(l.say(words.end[tcp.Client]), column)}, {serverBold, l.say(words.end[tcp.Server])}})
	for i := range max(len(facts[0]), len(facts[1])) {
		r := row{{none, "  "}}
		for e := range facts {
			f := [2]string{}
			if i < len(facts[e]) {
				f = facts[e][i]
			}
			if e == 0 {
				name := f[0]
				if name == "" {
					name = facts[1][i][0]
				}
				r = append(r, span{faintInk, text.Pad(name, names+2)})
			}
			r = append(r, span{none, text.Pad(text.Cut(f[1], column-1), column)})
		}
		l.line(r)
	}
}

// socketLines tells one end after the other.
func (l *Ladder) socketLines(now [2]lesson.SocketDetail) {
	for e := range now {
		end := l.say(words.end[e])
		if !l.o.Plain {
			l.line(row{{ofBold(tcp.End(e)), end}})
		}
		for _, f := range l.facts(&now[e]) {
			s := f[0] + l.colon() + f[1]
			if l.o.Plain {
				l.line(row{{none, end + l.comma() + s + l.stop()}})
			} else {
				l.wrapped(2, paragraph{none, "", s})
			}
		}
	}
}
