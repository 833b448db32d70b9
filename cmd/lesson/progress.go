package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"lesson/lesson/lang"
	"lesson/lesson/render/text"
)

const (
	// silence is how long a program may be silent.
	silence = time.Second
	// beat is how often the bar is drawn anew.
	beat = 200 * time.Millisecond
)

// progress is a bar on a terminal that says how far the reading of a file has
// come. It is drawn after a second, and gone before anything else is written.
type progress struct {
	w     io.Writer
	draw  func(elapsed time.Duration) string // one line, without its end
	mu    sync.Mutex
	shown bool
	over  bool
	stop  chan struct{}
}

// startProgress draws on w at every tick, which also says how much time has
// passed.
func startProgress(w io.Writer, ticks <-chan time.Duration, draw func(time.Duration) string) *progress {
	p := &progress{w: w, draw: draw, stop: make(chan struct{})}
	go func() {
		for {
			select {
			case elapsed := <-ticks:
				p.tick(elapsed)
			case <-p.stop:
				return
			}
		}
	}()
	return p
}

func (p *progress) tick(elapsed time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.shown = true
		fmt.Fprintf(p.w, "\r%s\x1b[K", p.draw(elapsed))
	}
}

// end takes the bar away for good. A progress that was never started has none.
func (p *progress) end() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	p.over = true
	close(p.stop)
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// progress shows how far c is being read, if there is a terminal to show it on.
func (a *app) progress(c *captures) *progress {
	if _, ok := terminal(a.stderr); !ok || a.getenv("TERM") == "dumb" {
		return nil
	}
	ticks := make(chan time.Duration)
	p := startProgress(a.stderr, ticks, func(elapsed time.Duration) string {
		return a.progressLine(c.read.Load(), c.size.Load(), elapsed, c.piped)
	})
	go func() {
		for wait := silence; ; wait = beat {
			select {
			case <-time.After(wait):
			case <-p.stop:
				return
			}
			select {
			case ticks <- time.Since(time.Unix(0, c.began.Load())):
			case <-p.stop:
				return
			}
		}
	}()
	return p
}

// progressLine is the bar: how much of the whole, how fast, how much longer.
func (a *app) progressLine(done, total int64, elapsed time.Duration, piped bool) string {
	rate := float64(done) / max(elapsed.Seconds(), 1e-3)
	if piped {
		return text.Cut(a.in(sayf("%s read · Ctrl-C shows what is known so far", "已读取 %s · 按 Ctrl-C 显示目前的结果", size(float64(done)))), a.width(a.stderr)-1)
	}
	share := 1.0
	if total > 0 {
		share = min(float64(done)/float64(total), 1)
	}
	words := sayf("%3.0f%%  %s/s", "%3.0f%%  %s/秒", share*100, size(rate))
	if rate > 0 {
		left := time.Duration(max(float64(total-done), 0) / rate * 1e9).Round(time.Second)
		words = lang.Text{EN: words.EN + "  " + left.String() + " left", ZH: words.ZH + "  还需 " + left.String()}
	}
	s := a.in(words)
	full, empty := "━", "─"
	if a.ascii() {
		full, empty = "#", "-"
	}
	cells := min(40, a.width(a.stderr)-text.Width(s)-4)
	if cells < 4 {
		return s
	}
	filled := int(share * float64(cells))
	return " " + strings.Repeat(full, filled) + strings.Repeat(empty, cells-filled) + " " + s
}

// size is a number of bytes in three digits and a unit: "312 MB".
func size(n float64) string {
	for _, unit := range []string{"B", "kB", "MB", "GB", "TB"} {
		if n < 999.5 {
			if n < 9.95 && unit != "B" {
				return fmt.Sprintf("%.1f %s", n, unit)
			}
			return fmt.Sprintf("%.0f %s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.0f PB", n)
}
