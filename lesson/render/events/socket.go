package events

import (
	"lesson/lesson"
	"lesson/lesson/tcp"
)

func (l *line) socket(s *lesson.Socket) {
	l.event("socket")
	l.seconds("time", s.Time)
	l.int("stream", int64(s.Stream))
	l.string("end", s.End.String())
	l.endpoint("client", s.Ends[tcp.Client])
	l.endpoint("server", s.Ends[tcp.Server])
	l.string("state", s.State.String())
	l.kernel(s.Kernel)
	if s.Process.PID == 0 {
		l.null("process")
	} else {
		l.key("process")
		l.open('{')
		l.int("pid", int64(s.Process.PID))
		l.string("name", s.Process.Name)
		l.close('}')
	}
	l.bool("waits", s.Waits)
	if s.For == 0 {
		l.null("for")
	} else {
		l.seconds("for", s.For)
	}
	l.bool("at_least", s.AtLeast)
	l.text("text", s.Text)
}
