package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/pflag"

	"lesson/capture/private"
	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/recorded"
	"lesson/lesson/render/events"
	"lesson/lesson/render/ladder"
)

// beyondRecording are the flags that no recording can satisfy.
var beyondRecording = []string{"host", "private", "write", "port", "message", "ipv6"}

// checkRecorded refuses --recorded with what only a live run can do.
func (f *liveFlags) checkRecorded(fl *pflag.FlagSet) error {
	for _, name := range beyondRecording {
		if fl.Changed(name) {
			f.live = spelled(fl.Lookup(name))
			break
		}
	}
	if f.recorded && f.live != "" {
		return usage(sayf("--recorded and %s cannot be used together", "--recorded 与 %s 不能同时使用", f.live),
			say("leave one of them out", "去掉其中一个"))
	}
	return nil
}

// option is the one option of the lesson that is on; ok is false where there
// are several, of which no run was recorded.
func (f *liveFlags) option() (name string, ok bool) {
	for option, on := range f.set {
		switch {
		case !*on:
		case name != "":
			return "", false
		default:
			name = option
		}
	}
	return name, true
}

// instead shows the recording of a lesson that this machine refuses to play:
// the reason first. Where the flags ask for what no recording has, the refusal
// remains an error that tells of the recording.
func (a *app) instead(l *lesson.Lesson, f *liveFlags, refusal *lang.Problem) error {
	option, ok := f.option()
	if !ok || !recorded.Has(l.Name, option) {
		return refusal
	}
	if f.live != "" {
		told := *refusal
		told.Hint = say(told.Hint.EN+fmt.Sprintf("\nor see a recording: lesson %s --recorded", l.Name),
			told.Hint.ZH+fmt.Sprintf("\n或者观看录制的演示：lesson %s --recorded", l.Name))
		return &told
	}
	a.report(refusal)
	fmt.Fprintln(a.stderr, a.in(say("What follows is a recording of this lesson.", "以下是本课的录制演示，并非实时抓包。")))
	return a.recording(l, f)
}

// recording shows the recorded run of a lesson, row by row where it steps: then
// in a second process, as play does.
func (a *app) recording(l *lesson.Lesson, f *liveFlags) error {
	step, err := a.stepped(l, f)
	if err != nil {
		return err
	}
	option, ok := f.option()
	if !ok || !recorded.Has(l.Name, option) {
		return usage(say("there is no recording with several options at once", "没有同时带多个选项的录制演示"), say("leave all but one out", "只保留一个选项"))
	}
	if f.json {
		return recorded.Play(l.Name, option, events.New(a.stdout))
	}
	if step && !private.Child() {
		code, err := private.Run(private.Options{Args: append(slices.Clone(a.args), "--recorded"), Host: true})
		if err == nil {
			return exit(code)
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		step = false // keys are for Linux
	}
	drawn := ladder.New(a.stdout, a.drawing(a.stdout, &f.outputFlags))
	if !step {
		return recorded.Play(l.Name, option, drawn)
	}
	k, err := openKeyboard(a.stdin.(*os.File))
	if err != nil {
		return err
	}
	defer k.close()
	ctx, stop := untilSignal()
	defer stop()
	return ended(recorded.Play(l.Name, option, &reader{app: a, ctx: ctx, drawn: drawn, keys: k}))
}

// reader is a Teller that waits for a key before each segment.
type reader struct {
	app   *app
	ctx   context.Context
	drawn *ladder.Ladder
	keys  *keyboard
}

// Tell draws an event; its error is errQuit where the person has seen enough.
func (r *reader) Tell(e lesson.Event) error {
	if _, ok := e.(*lesson.Segment); ok {
		if err := r.wait(); err != nil {
			return errors.Join(err, r.drawn.Keys(lang.Text{}))
		}
	}
	return r.drawn.Tell(e)
}

// wait returns when the next segment may be shown.
func (r *reader) wait() error {
	row := 0 // that is read again
	for {
		r.drawn.Resize(r.app.size(r.app.stdout))
		if err := r.show(row); err != nil {
			return err
		}
		select {
		case <-r.ctx.Done():
			return context.Cause(r.ctx)
		case key, ok := <-r.keys.pressed():
			switch {
			case !ok || quits(key):
				return errQuit
			case key == resumed:
				r.drawn.Forget()
			case key == 'b' && r.drawn.Told() > 0:
				if row == 0 {
					row = r.drawn.Told() + 1
				}
				row = max(row-1, 1)
			case row > 0:
				row = 0 // any other key returns
			case goesOn(key):
				return nil
			}
		}
	}
}

func (r *reader) show(row int) error {
	if row > 0 {
		return r.drawn.Again(row, furtherBack)
	}
	return r.drawn.Keys(say("space next segment · b back · q quit", "空格 下一个报文段 · b 回看 · q 退出"))
}
