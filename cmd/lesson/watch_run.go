package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"lesson/capture"
	"lesson/capture/owners"
	"lesson/capture/sockets"
	"lesson/lesson"
	"lesson/lesson/follow"
	"lesson/lesson/lang"
	"lesson/lesson/render/ladder"
	"lesson/lesson/tcp"
)

// watcher takes segments from the ring, follows their connections and tells of
// both. Everything happens in one goroutine.
type watcher struct {
	ring   *capture.Ring
	diag   *sockets.Diag
	table  *follow.Table
	copies lesson.Copies // of a packet on its way through several interfaces
	who    owners.Holders
	here   []netip.Addr // this machine's addresses
	keep   *keeper
	tell   lesson.Teller
	flush  func() error // nil where nothing is held back
	all    bool         // every socket that was there is told, not only their number

	screen *ladder.Watch // nil where it is not drawn for a person
	size   func() (width, height int)
	loaded bool        // there are too many segments for rows
	own    bool        // a command of ours runs, and may write to the same screen
	spoilt atomic.Bool // somebody else has written to it

	ports   []uint16
	iface   string
	place   lesson.Place
	explain bool

	seg   lesson.Segment // the one that is told; used again
	ended []*lesson.Connection
	told  int
	first int64 // time of the first segment
	// The earliest time and the latest.
	earliest, latest int64
	started          time.Time
	known            int             // connections that were there before
	warned           map[int]warning // the latest of each connection
	rates            []rate
	ticked           time.Time
	hidden           int       // segments not shown as rows since that was said last,
	pulsed           time.Time // which was then
	err              error
}

// rate is what had been counted at a time.
type rate struct {
	at time.Time
	follow.Totals
}

const (
	tickEvery = 250 * time.Millisecond
	// rowsMost is how many segments a second are still shown as rows.
	rowsMost = 200
	// waitLeast is how long an end has to wait before a person is told.
	waitLeast = time.Second
	// waitMost is how many waits are looked into at once.
	waitMost = 32
	// drain is how long the last segments may take to come out of the ring.
	drain = 20 * time.Millisecond
)

// run watches, after open, until over says so, and then takes what is still in
// the ring, however long that takes: but no more than came until then.
func (w *watcher) run(over func() bool) error {
	var c tcp.Captured
	next, last := w.started.Add(tickEvery), time.Time{}
	for {
		ended := !last.IsZero() && !time.Now().Before(last)
		for n := 0; w.ring.Next(&c) && w.err == nil; n++ {
			if ended && c.Time > last.UnixNano() {
				break
			}
			w.segment(&c)
			if n&0xff == 0xff && !ended && time.Now().After(next) {
				break
			}
		}
		if now := time.Now(); now.After(next) && w.err == nil {
			w.tick(now)
			next = now.Add(tickEvery)
		}
		if w.pour(); w.err != nil {
			return w.err
		}
		if ended {
			return w.close()
		}
		until := next
		if last.IsZero() && over() {
			last = time.Now().Add(drain)
		}
		if !last.IsZero() && last.Before(until) {
			until = last
		}
		if err := w.ring.Wait(until); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return errors.Join(err, w.close())
		}
	}
}

// segment follows one segment and tells of it.
func (w *watcher) segment(c *tcp.Captured) {
	if w.told == 0 {
		w.first, w.earliest, w.latest = c.Time, c.Time, c.Time
	}
	w.told++
	w.earliest, w.latest = min(w.earliest, c.Time), max(w.latest, c.Time) // a clock may be set back
	if w.ring.Gap() {
		w.missed(w.ring.Dropped())
	}
	f, step := w.table.Observe(&c.Segment)
	if w.iface == capture.Any {
		w.copies.Mark(c, &step)
	}
	usual := f.Hops.Mark(c, &step)
	s := &w.seg
	s.Captured, s.N, s.Stream, s.Step, s.UsualHops = *c, w.told, f.Stream, step, usual
	s.Since = time.Duration(c.Time - w.first)
	if w.explain {
		s.Explain = lesson.Explanations(s)
	}
	if w.keep != nil {
		w.say(w.keep.Tell(s))
	}
	switch {
	case w.screen == nil:
		w.say(w.tell.Tell(s))
	case w.crowded():
		w.hidden++
	default:
		if step.N == 1 {
			w.name(f)
		}
		w.say(w.screen.Tell(s))
	}
	if len(w.ended) > 0 {
		w.tellEnded()
	}
}

// crowded reports whether this second has too many segments for rows. Then the
// screen becomes a summary; where it is not ours alone, rows come back later.
func (w *watcher) crowded() bool {
	if !w.loaded && w.table.Segments-w.rates[0].Segments > rowsMost {
		w.loaded = true
	}
	return w.loaded
}

// missed tells that frames were lost, so many since the start, and that the
// states are doubtful now.
func (w *watcher) missed(all uint64) {
	n := all - w.table.Lost
	w.table.Missed(n)
	if n == 0 {
		return // it has been said
	}
	if w.screen == nil || !w.loaded {
		w.say(w.tell.Tell(&lesson.Note{Kind: lesson.Warning, Explanation: lesson.Explanation{Text: sayf(
			"%d frames were lost here, %d so far: every open connection is Unknown until a segment proves its states",
			"此处丢失 %d 帧，累计 %d 帧：所有未关闭的连接都变为 Unknown，直到有报文段证实其状态", n, w.table.Lost)}}))
	}
}

// connection is called by the table for each connection that has ended.
func (w *watcher) connection(f *follow.Flow) {
	if w.all || w.screen != nil && !w.loaded {
		w.ended = append(w.ended, lesson.Summarize(f.Stream, &f.Conn, f.Early))
	}
	delete(w.warned, f.Stream)
}

func (w *watcher) tellEnded() {
	for _, c := range w.ended {
		if c.Segments > 0 {
			w.say(w.tell.Tell(c))
		}
	}
	w.ended = w.ended[:0]
}

// pour writes what is held back: there is nothing to do but wait.
func (w *watcher) pour() {
	if w.flush != nil && w.err == nil {
		w.err = w.flush()
	}
	if w.keep != nil && w.err == nil {
		w.err = w.keep.flush()
	}
}

// say keeps the first error.
func (w *watcher) say(err error) {
	if w.err == nil {
		w.err = err
	}
}

// tick does what is due a few times a second.
func (w *watcher) tick(now time.Time) {
	w.table.Expire(now.UnixNano())
	w.tellEnded()
	w.rates = append(w.rates, rate{now, w.table.Totals})
	for len(w.rates) > 1 && now.Sub(w.rates[1].at) >= time.Second {
		w.rates = w.rates[1:]
	}
	second := w.rates[0]
	stopped := now.Sub(w.ticked) > 4*tickEvery // whether somebody has written meanwhile is known the next time
	w.ticked = now
	switch {
	case w.screen == nil || !w.loaded:
		w.warn(now)
	case w.own:
		w.pulse(now, second)
	case stopped:
	default:
		w.refresh(now, second)
	}
}

// pulse says once a second what there is no room to show, and lets rows come
// back when there is.
func (w *watcher) pulse(now time.Time, second rate) {
	calm := w.table.Segments-second.Segments <= rowsMost/4
	if w.hidden > 0 && (calm || now.Sub(w.pulsed) >= time.Second) {
		w.say(w.tell.Tell(&lesson.Note{Explanation: lesson.Explanation{Text: sayf(
			"too fast for rows: %d segments are not shown; in the last second %d connections were opened and %d closed; %d are open",
			"速度太快，无法逐行显示：有 %d 个报文段没有显示；最近一秒新建 %d 个连接，关闭 %d 个；%d 个未关闭",
			w.hidden, w.table.Opened-second.Opened, w.table.Closed-min(w.table.Closed, second.Closed), w.table.Open())}}))
		w.hidden, w.pulsed = 0, now
	}
	w.loaded = !calm
	w.warn(now)
}

// refresh draws the summary.
func (w *watcher) refresh(now time.Time, second rate) {
	if w.spoilt.Swap(false) {
		w.screen.Forget()
	}
	width, height := w.size()
	w.screen.Resize(width)
	dt := max(now.Sub(second.at).Seconds(), tickEvery.Seconds())
	t := w.table
	var waiting []*lesson.Socket
	w.waiting(now, nil, func(_ *follow.Wait, s *lesson.Socket) { waiting = append(waiting, s) })
	w.say(w.screen.Refresh(&ladder.Load{
		Title: w.title(), Elapsed: now.Sub(w.started),
		Segments: float64(t.Segments-second.Segments) / dt,
		Opened:   float64(t.Opened-second.Opened) / dt,
		Closed:   float64(t.Closed-min(t.Closed, second.Closed)) / dt,
		Open:     t.Open(), Dropped: t.Lost, Ends: t.Ends(), Full: t.Full(),
		Waiting: waiting, Partly: w.who.Partly(),
	}, height))
}

// open tells where it watches and what was there already.
func (w *watcher) open() error {
	w.started = time.Now()
	w.warned, w.rates, w.ticked = map[int]warning{}, []rate{{at: w.started}}, w.started
	if !w.loaded { // else the summary has it
		w.say(w.tell.Tell(&lesson.Opening{
			Name: "watch", Title: w.title(), Place: w.place, Interface: w.iface, Checked: true,
		}))
	}
	w.say(w.list())
	w.warn(time.Now())
	if w.loaded {
		w.tick(time.Now())
	}
	w.pour()
	return w.err
}

func (w *watcher) title() lang.Text {
	where := say(w.iface, w.iface+" ")
	if w.iface == capture.Any {
		where = say("all interfaces", "所有接口")
	}
	if len(w.ports) == 0 {
		return say("TCP on "+where.EN, where.ZH+"上的 TCP")
	}
	list := strings.Trim(strings.ReplaceAll(fmt.Sprint(w.ports), " ", ", "), "[]")
	en := "port"
	if len(w.ports) > 1 {
		en = "ports"
	}
	return say(fmt.Sprintf("TCP on %s, %s %s", where.EN, en, list), fmt.Sprintf("%s上的 TCP，端口 %s", where.ZH, strings.ReplaceAll(list, ", ", "、")))
}

// close tells what is still open, and the end.
func (w *watcher) close() error {
	if all := w.ring.Final(); w.ring.Gap() {
		w.missed(all)
	}
	connections := w.table.Connections()
	if w.hidden > 0 && w.own {
		w.pulsed = time.Time{}
		w.tick(time.Now())
	}
	if w.loaded && !w.own {
		w.tick(time.Now())
		w.say(w.screen.Stay())
	}
	w.table.Finish()
	w.tellEnded()
	w.say(w.tell.Tell(&lesson.Ending{
		Segments: w.told, Connections: connections, Dropped: w.table.Lost,
		Kept: true, Duration: time.Duration(w.latest - w.earliest),
	}))
	w.pour()
	return w.err
}
