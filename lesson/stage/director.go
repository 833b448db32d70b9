package stage

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// director follows the script in one goroutine. Only it knows what has been
// told; the programs and the watch report to it.
type director struct {
	ctx      context.Context
	lesson   *lesson.Lesson
	o        Options
	ends     [2]netip.AddrPort
	programs [2]*program
	hosts    Hosts // nil on loopback
	way      way
	watch    *watch

	narrator    *lesson.Narrator
	promises    promises
	notes       []lesson.MomentNote // not told yet
	calls       [2][]*call          // by end: not finished yet, in order; the first is being made
	sent        [2]uint64           // bytes that send() has taken
	got         [2]uint64           // bytes that recv() has returned
	closed      [2]bool             // by close(), shutdown() or abort
	opened      [2]bool             // connect() was called, and its SYN has not been seen yet
	began       [2]bool             // the SYN of its last connect() was seen
	interrupted [2]bool             // its connect() was

	teller    lesson.Teller
	mute      bool // the teller has failed: nothing more is told
	story     story
	moved     bool // something was done or seen since the last rest, or there was none
	disagreed int
	deaf      bool // the kernel could not be asked, and it has been said
}

// play tells the whole story. Whatever ends the run, what was seen is told.
func (d *director) play() error {
	d.promises = promisesOf(d.lesson, d.o.Set)
	for _, n := range d.lesson.Notes {
		if n.Holds(d.o.Set) {
			d.notes = append(d.notes, n)
		}
	}
	d.conn().Know(tcp.Client, tcp.Closed)
	d.conn().Know(tcp.Server, tcp.Closed)
	err := d.tell(&lesson.Opening{
		Name: d.lesson.Name, Title: d.lesson.Title, Refs: d.lesson.Refs,
		Place: d.o.Place, Interface: d.o.Interface, Ends: d.ends, Checked: d.o.Ask != nil,
	})
	if err != nil {
		return err
	}
	failed := d.script()
	if d.mute {
		return failed
	}
	if err := d.end(failed); err != nil {
		return err
	}
	if failed == nil && !d.kept() {
		return &lang.Problem{Code: lang.ExitDiffers, What: lang.Text{
			EN: "this run was not what the lesson promises", ZH: "这次运行与课程的预期不同",
		}, Hint: lang.Text{
			EN: "the note above says what was different; on a busy machine, run it again",
			ZH: "不同之处见上面的说明；若机器繁忙，请再运行一次",
		}}
	}
	return failed
}

func (d *director) tell(e lesson.Event) error {
	err := d.teller.Tell(e)
	d.mute = err != nil
	return err
}

func (d *director) script() error {
	if err := d.moment(lesson.AtStart); err != nil {
		return err
	}
	var script []lesson.Action
	for _, a := range d.lesson.Script {
		if a.Holds(d.o.Set) {
			script = append(script, a)
		}
	}
	for i, a := range script {
		if err := d.act(a, script[i+1:]); err != nil {
			return err
		}
	}
	return d.rest()
}

// act does one action.
func (d *director) act(a lesson.Action, then []lesson.Action) error {
	switch a.Verb {
	case lesson.Wait:
		if err := d.until(a.For); err != nil {
			return err
		}
		return d.rest()
	case lesson.Pause:
		if d.o.Pause == nil {
			return nil
		}
		if err := d.rest(); err != nil {
			return err
		}
		if err := d.o.Pause(d.ctx, Pause{Next: next(then), State: d.state()}); err != nil {
			return err
		}
		return d.drain()
	case lesson.Hold, lesson.Drop, lesson.Duplicate, lesson.Reorder, lesson.Delay, lesson.Corrupt:
		d.way.faults = append(d.way.faults, a)
		return nil
	case lesson.Deliver:
		return d.letThrough(a)
	case lesson.Inject:
		return d.inject(a)
	case lesson.Latency:
		d.way.latency = a.Latency
		return nil
	case lesson.DelayAcks:
		return nil // from the beginning
	}
	if a.Verb == lesson.Connect && d.story.n == 0 {
		if err := d.rest(); err != nil { // what is now is gone when the call is told
			return err
		}
	}
	c := &call{Action: a, done: make(chan struct{}), queued: len(d.calls[a.End]) > 0}
	if a.Verb == lesson.Send {
		c.text = []byte(d.fill(a.Arg))
	}
	d.moved = true
	switch a.Verb {
	case lesson.Connect:
		d.opened[a.End], d.began[a.End], d.interrupted[a.End] = true, false, false
	case lesson.Cancel:
		d.interrupted[a.End] = true
		d.programs[a.End].interrupt()
	}
	d.calls[a.End] = append(d.calls[a.End], c)
	if d.hosts == nil {
		d.programs[a.End].ask(c) // which does it the moment it can
	} else if err := d.glance(); err != nil {
		return err
	}
	if err := d.proceed(a.End); err != nil || d.hosts == nil {
		return err
	}
	switch a.Verb {
	case lesson.Connect:
		return d.begins(a.End)
	case lesson.Crash:
		return d.rest()
	}
	return nil
}

// begins waits for the SYN of a connect(), so that of two ends that open at
// once each has sent its own when the script goes on.
func (d *director) begins(e tcp.End) error {
	what := lang.Text{EN: fmt.Sprintf("the SYN of the %s", e), ZH: e.Text().ZH + "的 SYN"}
	for !d.began[e] {
		if err := d.oneMore(what); err != nil {
			return err
		}
	}
	return nil
}

// next says what comes after a pause.
func next(then []lesson.Action) lang.Text {
	for _, a := range then {
		if t := a.Text(); !t.IsZero() && a.Verb != lesson.Print {
			return t
		}
	}
	return lang.Text{EN: "the lesson ends", ZH: "本课结束"}
}

func (d *director) conn() *tcp.Conn { return d.narrator.Conn() }

func (d *director) state() [2]tcp.State {
	return [2]tcp.State{d.conn().State(tcp.Client), d.conn().State(tcp.Server)}
}

// proceed takes an end's calls as far as they have come: those that are done
// are told, one that waits for the other end is told as waiting. A call that
// the wire shows to be released is waited for, so that its return always
// stands right after the segment that released it.
func (d *director) proceed(e tcp.End) error {
	for len(d.calls[e]) > 0 {
		c := d.calls[e][0]
		if !c.asked {
			// On the wire one call at a time, so that both kernels can be
			// asked before a program goes on.
			d.programs[e].ask(c)
		}
		if c.blocks() && !d.released(c) {
			if !c.told {
				c.told = true
				d.story.add(&lesson.Call{End: e, Name: c.Verb.String(), Phase: lesson.Entered, Text: callText(c, lesson.Entered)}, time.Now())
			}
			return nil
		}
		if err := d.finish(c); err != nil {
			return err
		}
		d.calls[e] = d.calls[e][1:]
		if c.Verb == lesson.Print {
			d.print(c)
			continue
		}
		phase := lesson.Done
		if c.told {
			phase = lesson.Returned
		}
		d.story.call(&lesson.Call{End: e, Name: c.Verb.String(), Phase: phase, Text: callText(c, phase)}, c)
		if d.hosts == nil {
			continue
		}
		if err := d.read(); err != nil {
			return err
		}
		if err := d.happened(c); err != nil {
			return err
		}
	}
	return nil
}

// happened tells the connection of a call that is done, for what it does
// without a segment. What it has sent was told before.
func (d *director) happened(c *call) error {
	on := map[lesson.Verb][]tcp.Event{
		lesson.Listen: {tcp.PassiveOpen}, lesson.Shutdown: {tcp.Shutdown}, lesson.Abort: {tcp.Abort},
		lesson.Close: {tcp.Close}, lesson.Cancel: {tcp.Close},
	}[c.Verb]
	switch {
	case c.err != nil:
		on = nil
	case c.listener:
		on = []tcp.Event{tcp.StopListen}
	case c.held:
		on = []tcp.Event{tcp.Shutdown, tcp.StopReading}
	}
	for _, e := range on {
		d.conn().Happen(c.End, e)
	}
	_, err := d.truth()
	return err
}

// finish waits for a call to return, and takes note of what it did.
func (d *director) finish(c *call) error {
	patience := time.NewTimer(d.o.Patience)
	defer patience.Stop()
	select {
	case <-c.done:
	case <-d.ctx.Done():
		return context.Cause(d.ctx)
	case <-patience.C:
		return d.late(lang.Text{
			EN: fmt.Sprintf("%s() of the %s to return", c.Verb, c.End),
			ZH: fmt.Sprintf("%s的 %s() 返回", c.End.Text().ZH, c.Verb),
		})
	}
	if c.Verb == lesson.Crash {
		d.conn().Crash(c.End)
		d.way.crashed[c.End] = true
		d.sent[c.End], d.got[c.End], d.closed[c.End] = 0, 0, false
	}
	switch {
	case c.Verb == lesson.Listen && c.err != nil:
		return d.refused(d.ends[c.End], c.err)
	case c.Verb == lesson.Listen && d.hosts == nil:
		d.conn().Know(c.End, tcp.Listen)
	case c.Verb == lesson.Send:
		d.sent[c.End] += uint64(c.n)
	case c.Verb == lesson.Recv:
		d.got[c.End] += uint64(c.n)
	case c.Verb == lesson.Connect, c.Verb == lesson.Accept: // perhaps not the first
		d.sent[c.End], d.got[c.End], d.closed[c.End] = 0, 0, false
	case c.listener:
	case c.Verb == lesson.Close, c.Verb == lesson.Cancel, c.Verb == lesson.Shutdown, c.Verb == lesson.Abort:
		d.closed[c.End] = true
	}
	return nil
}

// segment takes the next segment of the connection into the story. What comes
// before the first SYN is the end of an earlier connection between the same
// two ports.
func (d *director) segment(c tcp.Captured) error {
	if d.story.n == 0 && !c.Flags.Has(tcp.SYN) {
		return nil
	}
	d.moved = true
	s := d.narrator.Tell(&c)
	d.opens(s.Step.From, c.Flags)
	return d.row(s)
}

// opens takes note of the SYN of a connect().
func (d *director) opens(from tcp.End, flags tcp.Flags) {
	if flags&(tcp.SYN|tcp.ACK) == tcp.SYN {
		d.opened[from], d.began[from] = false, true
	}
}

// row takes a segment into the story, with the author's note, what differs
// from the promise, and the calls that it makes return.
func (d *director) row(s *lesson.Segment) error {
	if i := d.noteFor(s); i >= 0 {
		s.Explain = append([]lesson.Explanation{d.notes[i].Explanation}, s.Explain...)
		d.notes = append(d.notes[:i:i], d.notes[i+1:]...)
	}
	d.story.segment(s)
	if differs := d.promises.compare(s); !d.way.changed && !differs.IsZero() {
		d.story.add(&lesson.Note{Kind: lesson.Differs, Explanation: lesson.Explanation{Text: differs}}, time.Time{})
	}
	for _, e := range [2]tcp.End{s.Step.From.Peer(), s.Step.From} {
		if err := d.proceed(e); err != nil {
			return err
		}
	}
	if d.hosts != nil {
		return d.flush()
	}
	return nil
}

// noteFor finds the note that belongs to a segment: the first that matches,
// but one that names the states before one that does not.
func (d *director) noteFor(s *lesson.Segment) int {
	found := -1
	for i, n := range d.notes {
		if n.Moment.Matches(s) {
			if n.Moment.State != [2]tcp.State{} {
				return i
			}
			if found < 0 {
				found = i
			}
		}
	}
	return found
}

// moment tells the notes for the lesson's start or end.
func (d *director) moment(kind lesson.MomentKind) error {
	for _, n := range d.notes {
		if n.Moment.Kind == kind {
			if err := d.tell(&lesson.Note{Kind: lesson.Remark, Explanation: n.Explanation}); err != nil {
				return err
			}
		}
	}
	return nil
}

// blind says why there are no more segments.
func (d *director) blind() error {
	if d.watch != nil && d.watch.err != nil {
		return d.watch.err
	}
	return &lang.Problem{What: lang.Text{EN: "the capture ended before the lesson did", ZH: "课程尚未结束，抓包就已终止"}}
}

// fill puts the values in the place of their names.
func (d *director) fill(text string) string {
	c, s := d.ends[tcp.Client], d.ends[tcp.Server]
	return strings.NewReplacer(
		"{message}", d.o.Message,
		"{client}", c.String(), "{client.ip}", c.Addr().String(), "{client.port}", fmt.Sprint(c.Port()),
		"{server}", s.String(), "{server.ip}", s.Addr().String(), "{server.port}", fmt.Sprint(s.Port()),
	).Replace(text)
}

// print adds the lines to the call before it, which made the program go on; or
// stands alone where that has been told already.
func (d *director) print(c *call) {
	var lines []lang.Text
	for _, l := range d.lesson.Console[c.Arg] {
		if l.Holds(d.o.Set) {
			lines = append(lines, lang.Text{EN: d.fill(l.Text.EN), ZH: d.fill(l.Text.ZH)})
		}
	}
	if last := d.story.lastCall(c.End); last != nil {
		last.Console = append(last.Console, lines...)
		return
	}
	d.story.add(&lesson.Call{End: c.End, Name: c.Verb.String(), Console: lines}, c.returned)
}
