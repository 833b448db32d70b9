package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lesson/lesson/lang"
)

func TestProgressLine(t *testing.T) {
	for _, c := range []struct {
		env         map[string]string
		lang        lang.Lang
		done, total int64
		elapsed     time.Duration
		piped       bool
		want        string
	}{
		{nil, lang.English, 250e6, 1000e6, 2 * time.Second, false, " ━━━━━━━━━━────────────────────────────── " + " 25%  125 MB/s  6s left"},
		{nil, lang.Chinese, 250e6, 1000e6, 2 * time.Second, false, " ━━━━━━━━━━────────────────────────────── " + " 25%  125 MB/秒  还需 6s"},
		{map[string]string{"LC_ALL": "C", "COLUMNS": "44"}, lang.English, 1e9, 1e9, 2 * time.Second, false, " ################# 100%  500 MB/s  0s left"},
		{nil, lang.English, 2000, 1000, time.Second, false, " " + strings.Repeat("━", 40) + " 100%  2.0 kB/s  0s left"}, // the file has grown
		{nil, lang.English, 0, 0, 0, false, " " + strings.Repeat("━", 40) + " 100%  0 B/s"},
		{nil, lang.English, 1234567, 0, time.Second, true, "1.2 MB read · Ctrl-C shows what is known so far"},
	} {
		a := &app{lang: c.lang, getenv: environment(c.env)}
		if got := a.progressLine(c.done, c.total, c.elapsed, c.piped); got != c.want {
			t.Errorf("%+v:\n%q, not\n%q", c, got, c.want)
		}
	}
}

type safeBuilder struct {
	mu sync.Mutex
	strings.Builder
}

func (b *safeBuilder) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Builder.Write(p)
}

// The bar is drawn over itself and leaves nothing behind, and does not come
// back.
func TestProgress(t *testing.T) {
	var out safeBuilder
	ticks := make(chan time.Duration)
	p := startProgress(&out, ticks, func(d time.Duration) string { return d.String() })
	ticks <- time.Second
	ticks <- 2 * time.Second
	ticks <- 3 * time.Second // taken once the second has been drawn
	p.end()
	p.tick(4 * time.Second)
	p.end()
	got, ok := strings.CutPrefix(out.String(), "\r1s\x1b[K\r2s\x1b[K")
	if got = strings.TrimPrefix(got, "\r3s\x1b[K"); !ok || got != "\r\x1b[K" {
		t.Errorf("%q", out.String())
	}
	// Nobody is disturbed by a bar that was never drawn.
	out.Reset()
	p = startProgress(&out, nil, nil)
	p.end()
	(*progress)(nil).end()
	if got := out.String(); got != "" {
		t.Errorf("%q", got)
	}
}

// The bar stays while what is written goes where nobody sees it.
func TestUnseen(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	check1(t, err)
	defer file.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	check1(t, err)
	defer null.Close()
	read, write, err := os.Pipe()
	check1(t, err)
	defer read.Close()
	defer write.Close()
	for _, c := range []struct {
		name string
		w    io.Writer
		want bool
	}{{"a file", file, true}, {"/dev/null", null, true}, {"a pipe", write, false}, {"no file", io.Discard, false}} {
		if got := unseen(c.w); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
