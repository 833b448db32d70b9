package rendertest

import (
	"time"

	"lesson/lesson"
	"lesson/lesson/tcp"
)

// The stories of this file are played between two private hosts: the program
// is the wire, and both kernels answer at every segment.

// wired is a story that knows what both ends' states are: there, nothing is
// concluded from segments alone.
type wired struct {
	*story
	state [2]tcp.State
	sent  map[int]*lesson.Segment // by number
}

func newWired(listening bool) *wired {
	s := newStory(false)
	s.live = true
	s.between("10.0.0.1:43210", "10.0.0.2:2023")
	w := &wired{story: s, sent: map[int]*lesson.Segment{}}
	w.state = [2]tcp.State{tcp.Closed, tcp.Listen}
	if !listening {
		w.state[tcp.Server] = tcp.Closed
	}
	return w
}

// leave sends a segment and says what becomes of it, and the states after that.
func (w *wired) leave(fate lesson.Fate, from tcp.End, flags tcp.Flags, seq, ack int64, payload string, client, server tcp.State, why ...lesson.Explanation) *lesson.Segment {
	e := w.segment(from, flags, seq, ack, payload, why...)
	e.Step.From, e.Step.Seq, e.Step.Ack = from, seq, ack
	e.Step.Findings, e.Step.Revised = 0, tcp.Revision{}
	e.Step.Taken = [2]tcp.Path{}
	w.sent[w.n] = e
	w.becomes(e, fate, client, server)
	return e
}

// arrive lets a segment that was told arrive, or arrive once more.
func (w *wired) arrive(fate lesson.Fate, n int, client, server tcp.State, why ...lesson.Explanation) *lesson.Segment {
	w.now += 12 * time.Microsecond
	e := *w.sent[n]
	e.Since, e.Explain, e.Repeats, e.Step.Findings = w.now, why, nil, 0
	w.tell(&e)
	w.becomes(&e, fate, client, server)
	return &e
}

func (w *wired) becomes(e *lesson.Segment, fate lesson.Fate, client, server tcp.State) {
	e.Fate = fate
	e.Step.Before, e.Step.After = w.state, [2]tcp.State{client, server}
	flight := w.state
	if fate.Departs() {
		flight[e.Step.From] = e.Step.After[e.Step.From]
	}
	e.Before, e.InFlight, e.Kernel = kernels(w.state), kernels(flight), kernels(e.Step.After)
	w.state = e.Step.After
}

// kernels that agree.
func kernels(state [2]tcp.State) (k [2]lesson.Kernel) {
	for e, s := range state {
		k[e].State = s
		if s == tcp.TimeWait {
			k[e] = lesson.Kernel{State: s, Timer: "timewait", Remaining: 59990 * time.Millisecond}
		}
	}
	return k
}

// open is a handshake without trouble.
func (w *wired) open() {
	const c, sv = tcp.Client, tcp.Server
	w.call(sv, "accept", lesson.Entered, same("accept()"))
	w.call(c, "connect", lesson.Entered, same("connect()"))
	w.leave(lesson.Delivered, c, syn, 0, 0, "", tcp.SynSent, tcp.SynRecv)
	w.leave(lesson.Delivered, sv, syn|ack, 0, 1, "", tcp.Established, tcp.SynRecv)
	w.call(c, "connect", lesson.Returned, same("connect() = 0"))
	w.leave(lesson.Delivered, c, ack, 1, 1, "", tcp.Established, tcp.Established)
	w.call(sv, "accept", lesson.Returned, same("accept() = 4"))
}

// finish sums the connection up.
func (w *wired) finish(opened lesson.Opened, closed lesson.Closed) []lesson.Event {
	w.tell(&lesson.Connection{Ends: w.ends, Opened: opened, Closed: closed, State: w.state, Segments: w.n, Start: began, Duration: w.now})
	w.tell(&lesson.Ending{Segments: w.n, Connections: 1, Kept: true, Duration: w.now})
	return w.events
}

func (w *wired) opened(name, en, zh, refs string) {
	w.opening(name, text(en, zh), refs)
	w.events[0].(*lesson.Opening).Interface = ""
}

// LostSyn is a connection whose first segment is lost, and whose second is
// damaged.
func LostSyn() []lesson.Event {
	const c, sv = tcp.Client, tcp.Server
	w := newWired(true)
	w.opened("lost-syn", "The SYN is lost", "SYN 丢失", "RFC 9293 §3.8.1")
	w.call(sv, "accept", lesson.Entered, same("accept()"))
	w.call(c, "connect", lesson.Entered, same("connect()"))
	w.leave(lesson.Lost, c, syn, 0, 0, "", tcp.SynSent, tcp.Listen, why("RFC 9293 §3.8.1",
		"The server never hears of it. The client's kernel starts a timer, and connect() waits.",
		"服务器对此一无所知。客户端的内核启动定时器，connect() 继续等待。"))
	w.now += 1020 * time.Millisecond
	w.leave(lesson.Corrupted, c, syn, 0, 0, "", tcp.SynSent, tcp.Listen, why("RFC 9293 §3.1",
		"One bit was turned over, so the checksum does not match: the server's kernel throws the segment away without a word.",
		"有一个比特被翻转，校验和不符：服务器的内核一声不响地将其丢弃。")).Step.Findings = tcp.Retransmission | tcp.BadChecksum
	w.now += 2040 * time.Millisecond
	w.leave(lesson.Delivered, c, syn, 0, 0, "", tcp.SynSent, tcp.SynRecv).Step.Findings = tcp.Retransmission
	w.leave(lesson.Delivered, sv, syn|ack, 0, 1, "", tcp.Established, tcp.SynRecv)
	w.leave(lesson.Lost, c, ack, 1, 1, "", tcp.Established, tcp.SynRecv, why("",
		"The client believes that the connection is open. The server does not.",
		"客户端认为连接已经建立，服务器却不这么认为。"))
	return w.finish(lesson.OpenedHalf, lesson.ClosedNot)
}

// Held is a FIN that was held for long, and one that a reset answers.
func Held() []lesson.Event {
	const c, sv = tcp.Client, tcp.Server
	w := newWired(true)
	w.opened("teardown", "The four-way close", "四次挥手", "RFC 9293 §3.6")
	w.open()
	w.call(c, "close", lesson.Done, same("close()"))
	e := w.leave(lesson.Delivered, c, fin|ack, 1, 1, "", tcp.FinWait1, tcp.CloseWait)
	const ms = time.Millisecond
	e.Repeats = []time.Duration{208 * ms, 624 * ms, 1488 * ms, 3152 * ms, 6544 * ms}
	w.leave(lesson.Delivered, sv, ack, 1, 2, "", tcp.FinWait2, tcp.CloseWait)
	w.call(sv, "close", lesson.Done, same("close()"))
	e = w.leave(lesson.Delayed, sv, fin|ack, 1, 2, "", tcp.FinWait2, tcp.LastAck)
	e.Repeats = []time.Duration{1020 * ms}
	w.arrive(lesson.Arrived, 6, tcp.TimeWait, tcp.LastAck)
	w.leave(lesson.Delivered, c, ack, 2, 2, "", tcp.TimeWait, tcp.Closed)
	w.arrive(lesson.Copied, 6, tcp.TimeWait, tcp.Closed, why("RFC 9293 §3.6.1",
		"TIME_WAIT is there for this: the client can still answer.", "TIME_WAIT 正是为此而设：客户端仍能应答。"))
	w.leave(lesson.Delivered, c, ack, 2, 2, "", tcp.TimeWait, tcp.Closed).Step.Findings = tcp.DuplicateAck
	w.leave(lesson.Lost, sv, rst, 2, 0, "", tcp.TimeWait, tcp.Closed)
	return w.finish(lesson.OpenedHandshake, lesson.ClosedFIN)
}

// Crossing is a simultaneous close: two FINs are on their way at once.
func Crossing() []lesson.Event {
	const c, sv = tcp.Client, tcp.Server
	w := newWired(true)
	w.opened("simultaneous-close", "Both close at once", "同时关闭", "RFC 9293 §3.6, Figure 13")
	w.open()
	w.call(c, "close", lesson.Done, same("close()"))
	w.leave(lesson.Delayed, c, fin|ack, 1, 1, "", tcp.FinWait1, tcp.Established)
	w.call(sv, "close", lesson.Done, same("close()"))
	w.leave(lesson.Delayed, sv, fin|ack, 1, 1, "", tcp.FinWait1, tcp.FinWait1).Step.Findings = tcp.Crossed
	w.arrive(lesson.Arrived, 4, tcp.FinWait1, tcp.Closing, why("RFC 9293 §3.6",
		"The server has sent a FIN of its own, which is not acknowledged yet: CLOSING.",
		"服务器自己的 FIN 尚未得到确认：进入 CLOSING。"))
	w.leave(lesson.Delayed, sv, ack, 2, 2, "", tcp.FinWait1, tcp.Closing)
	w.arrive(lesson.Arrived, 5, tcp.Closing, tcp.Closing)
	w.leave(lesson.Delivered, c, ack, 2, 2, "", tcp.Closing, tcp.TimeWait)
	w.arrive(lesson.Arrived, 6, tcp.TimeWait, tcp.TimeWait)
	return w.finish(lesson.OpenedHandshake, lesson.ClosedFIN)
}

// OldSyn is an old SYN that comes out of nowhere, a segment that overtakes
// another, and a kernel that disagrees while one is in flight.
func OldSyn() []lesson.Event {
	const c, sv = tcp.Client, tcp.Server
	w := newWired(true)
	w.opened("old-duplicate-syn", "An old SYN", "旧的重复 SYN", "RFC 9293 §3.5, Figure 8")
	w.leave(lesson.Injected, c, syn, -1000, 0, "", tcp.Closed, tcp.SynRecv, why("RFC 9293 §3.5",
		"The server cannot know that this SYN is an old one, and answers it.",
		"服务器无法知道这个 SYN 是旧的，于是作出应答。"))
	w.leave(lesson.Delivered, sv, syn|ack, 0, -999, "", tcp.Closed, tcp.SynRecv)
	w.leave(lesson.Delivered, c, rst, -999, 0, "", tcp.Closed, tcp.Listen)
	w.open()
	e := w.leave(lesson.Delayed, c, psh|ack, 1, 1, "你好，", tcp.Established, tcp.Established)
	e.InFlight[sv].State = tcp.SynRecv
	e = w.leave(lesson.Delivered, c, psh|ack, 10, 1, "世界！！！", tcp.Established, tcp.Established)
	e.Step.Findings = tcp.Gap
	w.leave(lesson.Delivered, sv, ack, 1, 1, "", tcp.Established, tcp.Established).Step.Findings = tcp.DuplicateAck
	w.arrive(lesson.Arrived, 7, tcp.Established, tcp.Established)
	e = w.leave(lesson.Delivered, sv, ack, 1, 25, "", tcp.Established, tcp.Established)
	e.Before[sv].State = tcp.CloseWait
	w.leave(lesson.Injected, c, rst, 7, 0, "", tcp.Established, tcp.Established).Step.Findings = tcp.ResetIgnored | tcp.Unacceptable
	return w.finish(lesson.OpenedHandshake, lesson.ClosedNot)
}

// Flights are held segments as a person sees them, one after the other, of the
// story Held: its events up to each are told before.
func Flights() []*lesson.Flight {
	const c, sv = tcp.Client, tcp.Server
	var out []*lesson.Flight
	fin := func() *lesson.Segment {
		for _, e := range Held() {
			if s, ok := e.(*lesson.Segment); ok && s.N == 4 {
				held := *s
				held.Step.After[sv], held.Repeats = tcp.Established, nil
				return &held
			}
		}
		panic("the story has no such segment")
	}
	f := &lesson.Flight{Segment: fin(), Now: kernels([2]tcp.State{tcp.FinWait1, tcp.Established})}
	f.Now[c] = lesson.Kernel{State: tcp.FinWait1, Timer: "retransmit", Remaining: 208 * time.Millisecond}
	out = append(out, f)
	later := *f
	later.Segment = fin()
	later.Segment.Repeats = []time.Duration{208 * time.Millisecond, 624 * time.Millisecond, 1488 * time.Millisecond}
	later.Held, later.Behind = 2900*time.Millisecond, 1
	later.Now[c].Remaining = 1800 * time.Millisecond
	out = append(out, &later)
	last := later
	last.Held, last.Behind = 15*time.Minute+3*time.Second, 2
	last.Now[c], last.Now[sv] = lesson.Kernel{State: tcp.Closed}, lesson.Kernel{State: tcp.SynRecv}
	last.Moved[c] = tcp.Closed
	return append(out, &last)
}

// Sockets are both ends' sockets in full, while that segment is held.
func Sockets() [2]lesson.SocketDetail {
	return [2]lesson.SocketDetail{
		{Kernel: lesson.Kernel{State: tcp.FinWait1, Timer: "retransmit", Remaining: 1800 * time.Millisecond}, Retransmits: 3, SendQueue: 1},
		{Kernel: lesson.Kernel{State: tcp.Established}, ReceiveQueue: 24},
	}
}
