package stage_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"lesson/capture/wire"
	"lesson/lesson"
	"lesson/lesson/stage"
	"lesson/lesson/tcp"
)

// needsHaste are lessons that race with a timer: what they teach is what happens
// before it runs out.
var needsHaste = map[string]bool{
	"three-segment-close": true, "teardown/server-closes-at-once": true, // an ACK is delayed for 40 ms
	"reset-while-closing": true,                          // a FIN whose ACK is lost is repeated after 200 ms
	"cancelled":           true, "closed-too-soon": true, // a lost SYN, after a second
	"stops-listening": true, "lost-ack": true, "early-fin": true, "lost-syn-ack": true, // and so is a SYN,ACK
}

// TestWireSlow plays the lessons on a machine that takes so long for everything
// that the kernels' timers run out between two steps, time and again: no promise
// breaks. What a timer sends because this process has not yet delivered what it
// waits for is no part of the story.
func TestWireSlow(t *testing.T) {
	t.Parallel()
	inNamespaces(t)
	if testing.Short() {
		t.Skip("it is slow")
	}
	const pause = 80 * time.Millisecond // twice after each step: RFC 6298's timer is at 200 ms
	eachLesson(func(l *lesson.Lesson, set map[string]bool) {
		name := l.Name
		for option := range set {
			name += "/" + option
		}
		if name == minute || needsHaste[name] {
			return
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := wired(t, wire.Options{})
			o.Set, o.Patience = set, time.Minute
			ask := o.Ask
			o.Ask = func(e tcp.End, local, remote netip.AddrPort) (lesson.Kernel, error) {
				time.Sleep(pause)
				return ask(e, local, remote)
			}
			var r record
			if err := stage.Play(context.Background(), l, o, &r); err != nil {
				t.Error(fmt.Sprint(err, "\n", r))
			}
		})
	})
}
