package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"lesson/capture/sockets"
	"lesson/lesson"
	actor "lesson/lesson/hand"
	"lesson/lesson/lang"
	"lesson/lesson/render/ladder"
	"lesson/lesson/stage"
	"lesson/lesson/tcp"
)

// hand is the person at the keyboard, who decides what becomes of each segment.
type hand struct {
	app     *app
	screen  io.Writer
	drawn   *ladder.Ladder
	keys    *keyboard
	diag    [2]*sockets.Diag
	flight  *lesson.Flight // the segment that is held
	planned lesson.Verb    // what the lesson would do with it
	aside   func() error   // shows something else in its place; nil: the segment itself
	reading int            // the row that is read again
}

// choices are the keys that decide, and what they do.
var choices = []struct {
	key  byte
	verb lesson.Verb
	text lang.Text
}{
	{'d', lesson.Drop, say("drop", "丢弃")},
	{'2', lesson.Duplicate, say("twice", "重复")},
	{'r', lesson.Reorder, say("reorder", "乱序")},
	{'t', lesson.Delay, say("delay", "延迟")},
	{'c', lesson.Corrupt, say("corrupt", "损坏")},
}

// planned is what the space bar does: what the lesson would.
var planned = map[lesson.Verb]lang.Text{
	lesson.Deliver:   say("deliver", "送达"),
	lesson.Drop:      say("drop it, as the lesson does", "丢弃（本课的安排）"),
	lesson.Hold:      say("keep it on its way, as the lesson does", "留在途中（本课的安排）"),
	lesson.Duplicate: say("deliver it twice, as the lesson does", "送达两次（本课的安排）"),
	lesson.Reorder:   say("let the next overtake it, as the lesson does", "让下一个先到（本课的安排）"),
	lesson.Delay:     say("delay it, as the lesson does", "延迟（本课的安排）"),
	lesson.Corrupt:   say("corrupt it, as the lesson does", "损坏（本课的安排）"),
}

// line says what the keys do while a segment is held.
func (h *hand) line() lang.Text {
	t := sayBoth("space %s", "空格 %s", planned[h.planned])
	if h.planned != lesson.Deliver {
		t = join(t, say("n deliver", "n 送达"))
	}
	for _, c := range choices {
		if c.verb != h.planned {
			t = join(t, say(fmt.Sprintf("%c %s", c.key, c.text.EN), fmt.Sprintf("%c %s", c.key, c.text.ZH)))
		}
	}
	return join(t, say("b back · s states · q quit", "b 回看 · s 状态 · q 退出"))
}

func join(a, b lang.Text) lang.Text { return say(a.EN+" · "+b.EN, a.ZH+" · "+b.ZH) }

// Flight shows the segment that is held.
func (h *hand) Flight(f *lesson.Flight, planned lesson.Verb) error {
	if h.flight == nil || h.flight.Segment != f.Segment {
		h.aside = nil
	}
	h.flight, h.planned = f, planned
	return h.show()
}

func (h *hand) show() error {
	h.resize()
	if h.aside != nil {
		return h.aside()
	}
	return h.drawn.Flight(h.flight, h.line())
}

// resize draws with the terminal's width of now.
func (h *hand) resize() { h.drawn.Resize(h.app.size(h.screen)) }

// Idle shows that nothing is in flight, and what is waited for.
func (h *hand) Idle(kernel [2]lesson.Kernel) error {
	h.resize()
	t := say("nothing is in flight", "途中没有报文段")
	for e, k := range kernel {
		who := [2]lang.Text{say("the client", "客户端"), say("the server", "服务器")}[e]
		left := k.Remaining.Seconds()
		switch {
		case k.Timer == "retransmit" && left > 0:
			t = join(t, say(fmt.Sprintf("%s sends again in %.1f s", who.EN, left), fmt.Sprintf("%s %.1f 秒后重传", who.ZH, left)))
		case k.Timer == "timewait" && k.State == tcp.TimeWait:
			t = join(t, say(fmt.Sprintf("%s: TIME_WAIT for %.0f s", who.EN, left), fmt.Sprintf("%s：TIME_WAIT 还有 %.0f 秒", who.ZH, left)))
		}
	}
	return h.drawn.Keys(join(t, say("q quit", "q 退出")))
}

// Keys yields the keys that are pressed.
func (h *hand) Keys() <-chan byte { return h.keys.pressed() }

// Key does what a key asks for.
func (h *hand) Key(key byte, held bool) (*actor.Choice, error) {
	h.resize() // what comes next is drawn for the terminal as it is now
	switch {
	case quits(key):
		return nil, errors.Join(h.drawn.Keys(lang.Text{}), errQuit)
	case key == resumed:
		h.drawn.Forget()
	case !held:
		return nil, nil
	case key == 'b':
		h.back()
	case key == 's':
		h.aside = h.sockets
	case h.aside != nil:
		h.aside, h.reading = nil, 0
		return nil, nil // any other key returns to the segment, and no more
	case goesOn(key):
		return &actor.Choice{Planned: true}, nil
	case key == 'n':
		return &actor.Choice{Verb: lesson.Deliver}, nil
	}
	for _, c := range choices {
		if key == c.key {
			return &actor.Choice{Verb: c.verb}, nil
		}
	}
	return nil, nil
}

// back shows the row before the one that is read, or the latest.
func (h *hand) back() {
	if h.reading == 0 {
		h.reading = h.drawn.Told() + 1
	}
	h.reading = max(h.reading-1, 1)
	h.aside = func() error {
		return h.drawn.Again(h.reading, furtherBack)
	}
}

var furtherBack = say("b further back · any other key returns · q quit", "b 继续往前 · 其他键返回 · q 退出")

// sockets shows what both kernels say in full.
func (h *hand) sockets() error {
	var now [2]lesson.SocketDetail
	for e := range now {
		local, remote := h.flight.Segment.Src, h.flight.Segment.Dst
		if tcp.End(e) != h.flight.Segment.Step.From {
			local, remote = remote, local
		}
		s, err := h.diag[e].Ask(local.AddrPort(), remote.AddrPort())
		if err != nil {
			continue // it is shown as not known
		}
		if s.State == tcp.Listen {
			s.ReceiveQueue, s.SendQueue = 0, 0 // connections, not bytes
		}
		now[e] = lesson.SocketDetail{
			Kernel:      kernel(s),
			Retransmits: s.Retransmits, ReceiveQueue: s.ReceiveQueue, SendQueue: s.SendQueue,
		}
	}
	return h.drawn.Sockets(now, say("any other key returns · q quit", "其他键返回 · q 退出"))
}

// pause waits for a key between two calls.
func (h *hand) pause(ctx context.Context, p stage.Pause) error {
	h.resize()
	next := p.Next
	if next.IsZero() {
		next = say("go on", "继续")
	}
	show := func() error { return h.drawn.Keys(sayBoth("space: %s · q quit", "空格：%s · q 退出", next)) }
	if err := show(); err != nil {
		return err
	}
	err := h.keys.next(ctx, func() error { h.drawn.Forget(); return show() })
	h.resize() // the terminal may have got another width while it waited
	return errors.Join(err, h.drawn.Keys(lang.Text{}))
}
