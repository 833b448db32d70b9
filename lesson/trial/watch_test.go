package trial

import (
	"slices"
	"testing"
	"time"

	"lesson/lesson/tcp"
)

// While a server takes long to listen, it is told once what is waited for.
func TestAwait(t *testing.T) {
	var h heard
	x := &trial{telling: newTelling(&h)}
	x.o = Options{Listen: time.Minute, Listening: func() (bool, error) { return false, nil }}
	x.programs[tcp.Server].Store(&program{})
	for _, since := range []time.Duration{0, soon / 2, soon, 2 * soon} {
		var want []string
		if since >= soon {
			want = []string{"The client waits for the server to call listen(), for 60 s at most."}
		}
		x.begun = time.Now().Add(-since)
		if err := x.await(); err != nil || !slices.Equal(h.words, want) {
			t.Errorf("after %v: told %q, %v", since, h.words, err)
		}
	}
}
