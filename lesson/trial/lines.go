package trial

import (
	"bytes"

	"lesson/lesson/lang"
)

// longest is how much of a line is kept together, and most how many lines.
const (
	longest = 2000
	most    = 200
)

// lines are what a program has printed, as they would stand on its terminal.
type lines struct {
	whole []lang.Text
	part  []byte
}

// add takes in more.
func (l *lines) add(b []byte) {
	for len(b) > 0 {
		n := bytes.IndexByte(b, '\n')
		if n < 0 {
			l.part = append(l.part, b...)
			for len(l.part) > longest {
				l.line(l.part[:longest])
				l.part = l.part[longest:]
			}
			return
		}
		l.line(append(l.part, b[:n]...))
		l.part, b = nil, b[n+1:]
	}
}

// line ends a line. Of one that was written over by way of a carriage return,
// the last writing stays.
func (l *lines) line(b []byte) {
	b = bytes.TrimRight(b, "\r")
	s := string(b[bytes.LastIndexByte(b, '\r')+1:])
	l.whole = append(l.whole, lang.Text{EN: s, ZH: s})
}

// take returns the lines that are whole; with all, also one that is not.
func (l *lines) take(all bool) []lang.Text {
	if all && len(l.part) > 0 {
		l.line(l.part)
		l.part = nil
	}
	n := min(len(l.whole), most)
	out := l.whole[:n:n]
	l.whole = l.whole[n:]
	return out
}
