package lesson

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// Arrow names a rule of the state machine: no two rules leave a state for the
// same event.
type Arrow struct {
	From tcp.State
	On   tcp.Event
}

// ArrowOf is a rule's name.
func ArrowOf(r *tcp.Rule) Arrow { return Arrow{r.From, r.On} }

func (a Arrow) String() string { return a.From.String() + ", " + a.On.String() }

// Walks says which lessons walk which arrows of the state machine, as kernels
// have done it: a Walker has seen them.
type Walks map[Arrow][]string

// Add notes that a lesson walks an arrow.
func (w Walks) Add(a Arrow, lesson string) {
	if !slices.Contains(w[a], lesson) {
		w[a] = append(w[a], lesson)
	}
}

// String is one line an arrow, in the order of tcp.Rules: "FIN_WAIT1, rcv FIN:
// simultaneous-close". An arrow that no lesson walks has a line too.
func (w Walks) String() string {
	var b strings.Builder
	for _, r := range tcp.Rules() {
		line := fmt.Sprintf("%s: %s", ArrowOf(&r), strings.Join(w[ArrowOf(&r)], " "))
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}

// ParseWalks reads what String writes.
func ParseWalks(data []byte) (Walks, error) {
	arrows := map[string]Arrow{}
	for _, r := range tcp.Rules() {
		arrows[ArrowOf(&r).String()] = ArrowOf(&r)
	}
	w := Walks{}
	n := 0
	for line := range bytes.Lines(data) {
		n++
		name, lessons, ok := strings.Cut(string(bytes.TrimSpace(line)), ":")
		a, known := arrows[name]
		if !ok || !known {
			return nil, fmt.Errorf("line %d: %q is not an arrow of the state machine", n, name)
		}
		for _, l := range strings.Fields(lessons) {
			w.Add(a, l)
		}
	}
	return w, nil
}

// Unwalked says why no lesson can walk an arrow on Linux; it is zero where one
// could.
func Unwalked(a Arrow) lang.Text { return unwalked[a] }

var unwalked = func() map[Arrow]lang.Text {
	m := map[Arrow]lang.Text{
		{tcp.Listen, tcp.SndSyn}: {
			EN: "Linux refuses it: connect() on a listening socket fails with EISCONN.",
			ZH: "Linux 不允许：对正在监听的套接字调用 connect() 会失败，错误为 EISCONN。"},
		{tcp.SynRecv, tcp.RcvFin}: {
			EN: "Not in Figure 5. The ACK that comes with the FIN counts first, so the end passes through ESTABLISHED.",
			ZH: "不在图 5 中。随 FIN 而来的 ACK 先生效，所以这一端会经过 ESTABLISHED。"},
	}
	for _, r := range tcp.Rules() {
		a := ArrowOf(&r)
		switch {
		case r.On == tcp.TimeoutUser:
			m[a] = lang.Text{
				EN: "Not in Figure 5. On the two private hosts it takes many minutes: hold a segment with --step and wait.",
				ZH: "不在图 5 中。在两台私有主机上要等很多分钟：用 --step 扣住一个报文段，等待即可。"}
			if r.From == tcp.FinWait2 {
				m[a] = lang.Text{
					EN: "Not in Figure 5. While a lesson waits, the program keeps its socket, so that this timer does not run.",
					ZH: "不在图 5 中。课程等待时程序仍持有套接字，这个定时器不会启动。"}
			}
		case r.On == tcp.RcvErr || r.On == tcp.RcvErrAtPassive:
			m[a] = lang.Text{
				EN: "Not in Figure 5. No lesson of its own; a test sends two kernels every ICMP error in every state.",
				ZH: "不在图 5 中。没有单独的课程；测试会在每个状态下向两个内核发送每一种 ICMP 差错。"}
		case beyond[a]:
			m[a] = lang.Text{
				EN: "Not in Figure 5. No lesson of its own; the random connections of the tests walk it.",
				ZH: "不在图 5 中。没有单独的课程；测试中的随机连接会走过它。"}
		}
	}
	return m
}()

// beyond are arrows that Figure 5 does not draw.
var beyond = map[Arrow]bool{
	{tcp.SynSent, tcp.Shutdown}: true, {tcp.SynSent, tcp.Abort}: true, {tcp.SynSent, tcp.StopReading}: true,
	{tcp.SynRecv, tcp.RcvNewSyn}: true,
	{tcp.TimeWait, tcp.SndRst}:   true,
}

// Walker is a Teller that notes the arrows which both ends of a story walk:
// those a segment shows, and those between two events that only a call or a
// timer can have caused. A story that a kernel disagreed with walks none.
type Walker struct {
	walked []Arrow
	state  [2]tcp.State
	known  [2]bool
	called [2]tcp.Event // by the end's latest call, which may have been the cause
}

// Arrows are the arrows walked so far, each once.
func (w *Walker) Arrows() []Arrow { return slices.Clone(w.walked) }

// Tell notes what an event shows.
func (w *Walker) Tell(e Event) error {
	switch e := e.(type) {
	case *Opening:
		*w = Walker{walked: w.walked, known: [2]bool{true, true}}
		w.state = [2]tcp.State{tcp.Closed, tcp.Closed}
	case *Call:
		w.calls(e)
	case *Segment:
		for end := range w.state {
			w.silently(tcp.End(end), e.Step.Before[end])
			for _, r := range e.Step.Taken[end].Rules() {
				w.walk(tcp.End(end), ArrowOf(r), r.To)
			}
			w.state[end], w.known[end] = e.Step.After[end], true
		}
	case *Rest:
		for end := range w.state {
			w.silently(tcp.End(end), e.State[end])
		}
	case *Ending:
		if e.Disagreed > 0 {
			w.walked = nil
		}
	case *Note, *Connection, *Socket, *ICMP:
	}
	return nil
}

// calls notes a call, which may be the cause of what comes.
func (w *Walker) calls(c *Call) {
	end := c.End & 1
	w.called[end] = caused[c.Name]
	switch c.Name {
	case Crash.String():
		w.state[end] = tcp.Closed // no arrow: the state is lost with the machine
	case Listen.String():
		if r, verdict := tcp.Answer(w.state[end], tcp.PassiveOpen); verdict == tcp.Moves {
			w.walk(end, ArrowOf(r), r.To)
		}
	}
}

func (w *Walker) walk(end tcp.End, a Arrow, to tcp.State) {
	if !slices.Contains(w.walked, a) {
		w.walked = append(w.walked, a)
	}
	w.state[end] = to
}

// caused are the events that calls are, by their names.
var caused = map[string]tcp.Event{
	Close.String(): tcp.Close, Cancel.String(): tcp.Close, Shutdown.String(): tcp.Shutdown, Abort.String(): tcp.Abort,
}

// silently finds the arrow an end took without a segment: the only one that
// leads where it is now, or the one that its latest call takes.
func (w *Walker) silently(end tcp.End, to tcp.State) {
	var found []*tcp.Rule
	for _, on := range tcp.Events() {
		if r, verdict := tcp.Answer(w.state[end], on); verdict == tcp.Moves && r.To == to && !onWire(on) {
			found = append(found, r)
		}
	}
	if len(found) > 1 {
		found = slices.DeleteFunc(found, func(r *tcp.Rule) bool { return r.On != w.called[end] })
	}
	if w.known[end] && w.state[end] != to && len(found) == 1 {
		w.walk(end, ArrowOf(found[0]), to)
	}
	w.state[end], w.known[end] = to, true
}

// onWire reports whether an event is a segment, sent or received.
func onWire(e tcp.Event) bool {
	return strings.HasPrefix(e.String(), "snd ") || strings.HasPrefix(e.String(), "rcv ")
}
