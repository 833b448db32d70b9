package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"syscall"

	"lesson/capture/private"
	"lesson/capture/privilege"
	"lesson/capture/wire"
	"lesson/lesson"
	"lesson/lesson/render/events"
	"lesson/lesson/render/ladder"
	"lesson/lesson/stage"
)

// loopback is the interface live lessons are played on.
const loopback = "lo"

// play plays a lesson where the caller wants it: as root on the host, else in
// a private network, which needs a second process. A stepped lesson has one
// too, to put the terminal back whatever becomes of it.
func (a *app) play(l *lesson.Lesson, f *liveFlags) error {
	if err := a.checkStdout(f.write, f.json); err != nil {
		return err
	}
	step, err := a.stepped(l, f)
	if err != nil {
		return err
	}
	place := lesson.Private
	if f.host || os.Geteuid() == 0 && !f.private && !step && !l.NeedsWire() {
		place = lesson.Host
	}
	if private.Child() {
		if err := private.Enter(a.args); err != nil {
			return err
		}
		return a.live(l, f, place, step)
	}
	if place == lesson.Host && !step {
		return a.live(l, f, place, step)
	}
	code, err := private.Run(private.Options{Args: a.args, Host: place == lesson.Host, Started: privilege.GiveUp})
	if err != nil {
		return err
	}
	return exit(code)
}

// stepped says whether the lesson waits for keys.
func (a *app) stepped(l *lesson.Lesson, f *liveFlags) (bool, error) {
	if err := a.needKeys(f); err != nil {
		return false, err
	}
	return (f.step || l.Step && !f.noStep && !f.json) && a.hasKeys(f), nil
}

// hasKeys reports whether there is a terminal to draw on and one to type at.
func (a *app) hasKeys(f *liveFlags) bool {
	_, keys := terminal(a.stdin)
	_, screen := terminal(a.screen(f.write))
	return keys && screen
}

// needKeys refuses to step where nobody could press a key.
func (a *app) needKeys(f *liveFlags) error {
	if !f.step || a.hasKeys(f) {
		return nil
	}
	return usage(say("--step needs a terminal to show the steps on and to read keys from", "--step 需要终端来显示步骤并读取按键"),
		say("leave out --step, or do not redirect", "去掉 --step，或不要重定向"))
}

// checkStdout refuses a capture on stdout where it would do harm.
func (a *app) checkStdout(write string, json bool) error {
	if write != "-" {
		return nil
	}
	hint := sayf("pipe it into lesson explain: … -w - | lesson explain -", "可以用管道交给 lesson explain：… -w - | lesson explain -")
	if _, tty := terminal(a.stdout); tty {
		return usage(say("-w - writes the capture to stdout, which is a terminal", "-w - 会把抓包写到标准输出，而标准输出是终端"), hint)
	}
	if json {
		return usage(say("-w - and --json both want stdout", "-w - 与 --json 都要占用标准输出"), say("-w FILE.pcapng", "-w FILE.pcapng"))
	}
	return nil
}

// screen is where the lesson is drawn: stdout, unless the capture goes there.
func (a *app) screen(write string) io.Writer {
	if write == "-" {
		return a.stderr
	}
	return a.stdout
}

// live plays a lesson in this process.
func (a *app) live(l *lesson.Lesson, f *liveFlags, place lesson.Place, step bool) (err error) {
	o := stage.Options{
		Place: place, IPv6: f.ipv6, Port: f.port, Message: f.message,
		Set:    map[string]bool{},
		Opened: privilege.GiveUp,
	}
	for name, on := range f.set {
		o.Set[name] = *on
	}
	var on *ground
	if place == lesson.Private {
		on, err = a.onWire(wire.Options{IPv6: f.ipv6})
	} else {
		on, err = a.onHost(f.port)
	}
	if err != nil {
		return err
	}
	defer on.close()
	o.Wire, o.Interface, o.Ask = on.source, on.name, on.ask
	if on.wire != nil {
		o.Linux = on.wire.Linux()
	}

	t, err := a.telling(f, on, step)
	if err != nil {
		return err
	}
	if t.hand != nil {
		o.Pause = t.hand.pause
		if place == lesson.Private {
			o.Hand = t.hand
		}
	}
	ctx, stop := untilSignal()
	defer stop()
	return t.end(stage.Play(ctx, l, o, t.out))
}

// telling is what a live story is told to: the file that -w names, the screen,
// and the person at the keyboard, where there are such.
type telling struct {
	out  tellers
	keep *keeper
	hand *hand
}

func (a *app) telling(f *liveFlags, on *ground, step bool) (*telling, error) {
	t := &telling{}
	if f.write != "" {
		var err error
		if t.keep, err = a.keep(f.write, on.link, false); err != nil {
			return nil, err
		}
		t.out = append(t.out, t.keep)
	}
	if f.json {
		t.out = append(t.out, events.New(a.stdout))
		return t, nil
	}
	screen := a.screen(f.write)
	drawn := ladder.New(screen, a.drawing(screen, &f.outputFlags))
	t.out = append(t.out, drawn)
	if step {
		k, err := openKeyboard(a.stdin.(*os.File))
		if err != nil {
			return nil, t.end(err)
		}
		t.hand = &hand{app: a, screen: screen, drawn: drawn, keys: k, diag: on.diag}
	}
	return t, nil
}

// end closes what was opened, and says how a story has ended.
func (t *telling) end(err error) error {
	if t.hand != nil {
		t.hand.keys.close()
	}
	err = ended(err)
	if t.keep != nil {
		err = errors.Join(err, t.keep.close())
	}
	return err
}

// ended is how a story has ended: that somebody has quit is no failure, and a
// signal is an exit code.
func ended(err error) error {
	s := signalled(0)
	switch {
	case errors.As(err, &s):
		return exit(128 + int(s))
	case errors.Is(err, errQuit):
		return nil
	}
	return err
}

// signalled is the signal that ended a lesson.
type signalled syscall.Signal

func (s signalled) Error() string { return "signal " + strconv.Itoa(int(s)) }

// untilSignal is a context that ends with the first signal that asks the
// program to end, and the program with it, even if the signal comes after stop.
// Ctrl-C may arrive twice, also from the supervising parent; the second changes
// nothing.
func untilSignal() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	got := make(chan os.Signal, 1)
	catch(got, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	go func() {
		s := (<-got).(syscall.Signal)
		cancel(signalled(s))
		endsWith(128 + int(s))
	}()
	return ctx, func() { cancel(nil) }
}

// tellers tell every event to each of several.
type tellers []lesson.Teller

// Tell ends with the first that fails.
func (ts tellers) Tell(e lesson.Event) error {
	for _, t := range ts {
		if err := t.Tell(e); err != nil {
			return err
		}
	}
	return nil
}
