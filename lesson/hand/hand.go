// Package hand lets a person decide what becomes of each segment in flight.
package hand

import (
	"context"
	"time"

	"lesson/lesson"
	"lesson/lesson/tcp"
)

// Hand is a person who decides what becomes of each segment in flight.
type Hand interface {
	// Flight shows the segment that is held, and what the lesson would do
	// with it. It is called again whenever what it shows has changed.
	Flight(f *lesson.Flight, planned lesson.Verb) error
	// Idle shows that nothing is in flight, and which timers run.
	Idle([2]lesson.Kernel) error
	// Keys yields the keys that are pressed; closed, there is nobody left.
	Keys() <-chan byte
	// Key is told of a key while a segment is held, or while nothing is in
	// flight. The decision is nil where the key decides nothing. An error
	// ends the lesson.
	Key(key byte, held bool) (*Choice, error)
}

// Choice is a decision over a segment in flight: Deliver, Drop, Duplicate,
// Reorder, Delay or Corrupt, or, with Planned, what the lesson would do.
type Choice struct {
	Verb    lesson.Verb
	Planned bool
}

// Overtaken is how long a segment waits for one that overtakes it.
const Overtaken = time.Second

// Held is a segment over which a person decides, and the world meanwhile.
type Held struct {
	Flight  *lesson.Flight
	Planned lesson.Verb
	Behind  func() int            // how many are on their way after it
	Ready   <-chan struct{}       // there is something to read; closed when the wire is gone
	Read    func(open bool) error // reads it; not open: the wire is gone
	Ask     func() error          // brings Flight.Now and Moved up to date
	Beat    time.Duration         // how often to ask
}

// Hold shows a segment until the person has decided. The error is one of the
// functions', of a Key that ends it all, or the context's cause.
func Hold(ctx context.Context, by Hand, h Held) (lesson.Verb, error) {
	left := time.Now()
	tick := time.NewTicker(h.Beat)
	defer tick.Stop()
	for {
		h.Flight.Held, h.Flight.Behind = time.Since(left), h.Behind()
		if err := by.Flight(h.Flight, h.Planned); err != nil {
			return 0, err
		}
		var err error
		select {
		case key, ok := <-by.Keys():
			var c *Choice
			if c, err = Press(by, key, ok, true); c == nil {
				break
			}
			if c.Planned {
				return h.Planned, err
			}
			return c.Verb, err
		case _, open := <-h.Ready:
			err = h.Read(open)
		case <-tick.C:
			err = h.Ask()
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		if err != nil {
			return 0, err
		}
	}
}

// Press hands a key on; a keyboard that is gone is one where Ctrl-D was pressed.
func Press(by Hand, key byte, ok, held bool) (*Choice, error) {
	if !ok {
		key = 4
	}
	return by.Key(key, held)
}

// Repeats reports whether s is another sending of what t carries.
func Repeats(s, t *tcp.Segment) bool {
	const opens = tcp.SYN | tcp.ACK // a SYN,ACK is no repeated SYN
	return s.SeqLen() > 0 && s.Flags&opens == t.Flags&opens &&
		t.Seq.LessEq(s.Seq) && s.End().LessEq(t.End())
}

// Alone reports whether a kernel has let its end go by itself: the story has
// the end in state s.
func Alone(k lesson.Kernel, s tcp.State) bool {
	return k.Asked() && k.Agrees(tcp.Closed) && !k.Agrees(s) && s != tcp.Unknown
}

// LetGo takes into a connection that a kernel has let its end go because of a
// timer, and says why; nil where no rule does.
func LetGo(c *tcp.Conn, e tcp.End) *lesson.Note {
	on := tcp.TimeoutUser
	if c.State(e) == tcp.TimeWait {
		on = tcp.Timeout2MSL
	}
	rule, _ := tcp.Answer(c.State(e), on)
	c.Happen(e, on)
	if rule == nil {
		return nil
	}
	why := rule.Why
	if e == tcp.Client {
		why.EN, why.ZH = "The client's kernel lets the connection go. "+why.EN, "客户端的内核自行放弃了连接。"+why.ZH
	} else {
		why.EN, why.ZH = "The server's kernel lets the connection go. "+why.EN, "服务器的内核自行放弃了连接。"+why.ZH
	}
	return &lesson.Note{Kind: lesson.Remark, Explanation: lesson.Explanation{Text: why, Ref: rule.Ref}}
}
