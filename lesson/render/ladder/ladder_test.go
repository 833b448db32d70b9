package ladder

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/lessons"
	"lesson/lesson/render/rendertest"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
)

var update = flag.Bool("update", false, "rewrite the golden files, docs/states.md and docs/states.zh.md")

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s (go test -update rewrites it); now:\n%s", file, got)
	}
}

func draw(t *testing.T, o Options, story []lesson.Event) string {
	t.Helper()
	var b bytes.Buffer
	l := New(&b, o)
	for _, e := range story {
		if err := l.Tell(e); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func table(t *testing.T, o Options, story []lesson.Event) string {
	t.Helper()
	var b bytes.Buffer
	l := NewTable(&b, o)
	for _, e := range story {
		if err := l.Tell(e); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// variants are the ways each story is drawn for the golden files.
func variants() map[string]Options {
	v := map[string]Options{
		"color":   {Width: 80, Color: true},
		"ascii":   {Width: 80, ASCII: true},
		"quiet":   {Width: 80, Quiet: true},
		"verbose": {Width: 80, Verbose: true},
	}
	for _, width := range []int{40, 60, 80, 120, 200} {
		v[fmt.Sprint(width)] = Options{Width: width}
	}
	v["plain"] = Options{Plain: true}
	return v
}

func TestGolden(t *testing.T) {
	for _, name := range []string{"handshake", "teardown", "disagreement", "trouble", "middle", "lost-syn", "held", "crossing", "old-syn", "icmp"} {
		for variant, o := range variants() {
			if name != "teardown" && name != "trouble" && name != "old-syn" && o.Width != 80 && o.Width != 40 {
				continue
			}
			for _, o.Lang = range []lang.Lang{lang.English, lang.Chinese} {
				file := filepath.Join("testdata", name+"."+variant+"."+o.Lang.String())
				golden(t, file, draw(t, o, rendertest.All()[name]))
			}
		}
	}
}

func TestTableGolden(t *testing.T) {
	for variant, o := range variants() {
		for _, o.Lang = range []lang.Lang{lang.English, lang.Chinese} {
			golden(t, filepath.Join("testdata", "many."+variant+"."+o.Lang.String()), table(t, o, rendertest.Many()))
		}
	}
}

func TestStates(t *testing.T) {
	for variant, o := range map[string]Options{"80": {Width: 80}, "40": {Width: 40}, "plain": {Plain: true}, "color": {Color: true}} {
		for _, o.Lang = range []lang.Lang{lang.English, lang.Chinese} {
			var b bytes.Buffer
			if err := States(&b, o, lessons.Walks()); err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", "states."+variant+"."+o.Lang.String()), b.String())
		}
	}
}

// A header of which the end was not captured says so.
func TestHeaderCut(t *testing.T) {
	for _, e := range rendertest.Handshake() {
		s, ok := e.(*lesson.Segment)
		if !ok {
			continue
		}
		var b bytes.Buffer
		l := New(&b, Options{Plain: true, Verbose: true})
		_ = l.Tell(s)
		if strings.Contains(b.String(), "not captured") {
			t.Errorf("a whole header: %s", b.String())
		}
		b.Reset()
		cut := *s
		cut.Header = s.Header[:22]
		_ = l.Tell(&cut)
		if want := fmt.Sprintf("%d. 22: %d bytes not captured\n", s.N, len(s.Header)-22); !strings.Contains(b.String(), want) {
			t.Errorf("no %q in %s", want, b.String())
		}
		return
	}
}

// Of several connections each is summed up by its number, with what was lost
// of it; what is on its way is that of the one that is told.
func TestSeveralConnections(t *testing.T) {
	var b bytes.Buffer
	l := New(&b, Options{Plain: true})
	tell := func(stream, n int, from tcp.End, fate lesson.Fate) string {
		b.Reset()
		s := &lesson.Segment{N: n, Stream: stream, Fate: fate, Live: true}
		s.Step.From = from
		if err := l.Tell(s); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	tell(0, 1, tcp.Client, lesson.Lost)
	tell(0, 2, tcp.Client, lesson.Delayed)
	if got := tell(1, 1, tcp.Server, lesson.Delivered); strings.Contains(got, "way") {
		t.Errorf("another connection's segment is on its way: %s", got)
	}
	if got := tell(0, 3, tcp.Server, lesson.Delivered); !strings.Contains(got, "Still on the way: 2.") {
		t.Errorf("one of its own is not on its way: %s", got)
	}
	for stream, want := range []string{
		"Connection 1: the SYN was never answered.\n3 segments, 0 bytes from the client, 0 bytes from the server, 0 s, 1 lost, 1 still on the way.\n",
		"Connection 2: the SYN was never answered.\n1 segment, 0 bytes from the client, 0 bytes from the server, 0 s.\n",
	} {
		b.Reset()
		c := &lesson.Connection{Stream: stream, Opened: lesson.OpenedNot, Closed: lesson.ClosedNever, Segments: 3 - 2*stream}
		if err := l.Tell(c); err != nil {
			t.Fatal(err)
		}
		if b.String() != want {
			t.Errorf("%q, want %q", b.String(), want)
		}
	}
}

// docs/states.md says what the rule table says.
func TestStatesDocument(t *testing.T) {
	for l, file := range map[lang.Lang]string{lang.English: "states.md", lang.Chinese: "states.zh.md"} {
		var b bytes.Buffer
		if err := StatesMarkdown(&b, l, lessons.Walks()); err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join("..", "..", "..", "docs", file), b.String())
		for _, s := range tcp.States() {
			if !strings.Contains(b.String(), "\n## "+s.String()) || meaning[s].IsZero() {
				t.Errorf("%s does not explain %s", file, s)
			}
		}
		for _, r := range tcp.Rules() {
			if !strings.Contains(b.String(), r.Why.In(l)) || r.Why.In(l) == "" || r.Ref == "" {
				t.Errorf("%s lacks the rule %s, %s", file, r.From, r.On)
			}
		}
	}
}

var sgr = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// check holds a drawing to what all drawings promise: valid UTF-8, nothing a
// terminal would obey but our own colours, no line wider than the terminal.
func check(t *testing.T, what string, o Options, out string) {
	t.Helper()
	if !utf8.ValidString(out) {
		t.Errorf("%s: not UTF-8", what)
	}
	if !o.Color || o.Plain {
		if strings.Contains(out, "\x1b") {
			t.Errorf("%s: has colours", what)
		}
	}
	out = sgr.ReplaceAllString(out, "")
	for _, line := range strings.Split(out, "\n") {
		for _, r := range line {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
				t.Fatalf("%s: %U in %q", what, r, line)
			}
		}
		if w := text.Width(line); w > o.Width && !o.Plain {
			t.Fatalf("%s: %d columns in\n%s", what, w, line)
		}
		if strings.HasSuffix(line, " ") {
			t.Fatalf("%s: space at the end of %q", what, line)
		}
	}
}

// Every event in any order, hostile ones included, at every width.
func TestWidth(t *testing.T) {
	var pool []lesson.Event
	for _, story := range rendertest.All() {
		pool = append(pool, story...)
	}
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	for width := minWidth; width <= maxWidth; width++ {
		o := Options{Width: width, Lang: lang.Lang(rng.IntN(2)), Color: rng.IntN(2) == 0, ASCII: rng.IntN(4) == 0,
			Quiet: rng.IntN(4) == 0, Verbose: rng.IntN(3) == 0, Plain: rng.IntN(10) == 0}
		what := fmt.Sprintf("seed %d, %+v", seed, o)
		for name, story := range rendertest.All() {
			check(t, name+", "+what, o, draw(t, o, story))
			check(t, name+", table, "+what, o, table(t, o, story))
		}
		mixed := make([]lesson.Event, 60)
		for i := range mixed {
			mixed[i] = pool[rng.IntN(len(pool))]
		}
		check(t, "mixed, "+what, o, draw(t, o, mixed))
		var b bytes.Buffer
		_ = States(&b, o, lessons.Walks())
		_ = Catalogue(&b, o, []Entry{
			{Name: "handshake", Title: words.end[0], Teaches: words.kernelAgrees, Refs: "RFC 9293 §3.5"},
			{Name: "a-name-that-is-rather-long-for-a-lesson", Title: words.end[0], Teaches: words.kernelAgrees},
		})
		check(t, "states, "+what, o, b.String())
	}
}

// The lifelines stand in the same columns in every row, whatever is beside them.
func TestLifelines(t *testing.T) {
	for _, l := range []lang.Lang{lang.English, lang.Chinese} {
		for _, width := range []int{60, 80, 97, 120, 200} {
			for _, name := range []string{"teardown", "handshake", "trouble", "disagreement", "hostile", "icmp"} {
				var left, right int
				for _, line := range strings.Split(draw(t, Options{Width: width, Lang: l, Verbose: true}, rendertest.All()[name]), "\n") {
					var at []int
					for i, r := range line {
						if strings.ContainsRune("┃┨┠┣┫", r) {
							at = append(at, text.Width(line[:i]))
						}
					}
					if len(at) < 2 {
						continue
					}
					if left == 0 {
						left, right = at[0], at[len(at)-1]
					}
					if at[0] != left || at[len(at)-1] != right {
						t.Errorf("%s, %d columns: lifelines at %v, not %d and %d:\n%s", name, width, at, left, right, line)
					}
				}
			}
		}
	}
}

// Colour adds nothing but colour, and its absence takes nothing away.
func TestColour(t *testing.T) {
	t.Setenv("NO_COLOR", "1") // the command line decides, not the environment
	for name, story := range rendertest.All() {
		colour := draw(t, Options{Color: true}, story)
		if name != "many" && !strings.Contains(colour, "\x1b[") {
			t.Errorf("%s: no colour", name)
		}
		if got, want := sgr.ReplaceAllString(colour, ""), draw(t, Options{}, story); got != want {
			t.Errorf("%s: without its colours\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestASCII(t *testing.T) {
	for _, o := range []Options{{ASCII: true, Verbose: true}, {ASCII: true, Width: 40}, {ASCII: true, Plain: true, Verbose: true}} {
		for _, name := range []string{"disagreement", "trouble", "middle", "lost-syn", "held", "crossing"} {
			for _, r := range draw(t, o, rendertest.All()[name]) {
				if r > unicode.MaxASCII {
					t.Fatalf("%s, %+v: %c", name, o, r)
				}
			}
		}
	}
}

// Each event is one Write, so that a pipe or a terminal sees it at once.
func TestOneWrite(t *testing.T) {
	for name, story := range rendertest.All() {
		var c counter
		l := New(&c, Options{Verbose: true})
		for _, e := range story {
			c.n = 0
			if err := l.Tell(e); err != nil {
				t.Fatal(err)
			}
			if c.n > 1 {
				t.Errorf("%s: %T in %d writes", name, e, c.n)
			}
		}
	}
}

type counter struct{ n int }

func (c *counter) Write(p []byte) (int, error) { c.n++; return len(p), nil }

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWriteError(t *testing.T) {
	opening := rendertest.Teardown()[0]
	errs := []error{
		New(broken{}, Options{}).Tell(opening),
		NewTable(broken{}, Options{}).Tell(opening),
		States(broken{}, Options{}, nil), StatesMarkdown(broken{}, lang.English, nil),
		New(broken{}, Options{Terminal: true}).Keys(words.prints),
	}
	for i, err := range errs {
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestKeys(t *testing.T) {
	keys := lang.Text{EN: "space: the client calls close() · q quit", ZH: "空格：客户端调用 close() · q 退出"}
	event := rendertest.Teardown()[1]
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, ""},
		{Options{Terminal: true}, " space: the client calls close() · q quit\r\x1b[J"},
		{Options{Terminal: true, Lang: lang.Chinese}, " 空格：客户端调用 close() · q 退出\r\x1b[J"},
		{Options{Terminal: true, Width: 40}, " space: the client calls close()\n q quit\r\x1b[1A\x1b[J"},
		{Options{Terminal: true, Plain: true}, "space: the client calls close() · q quit\n"},
	} {
		var b bytes.Buffer
		l := New(&b, c.o)
		if err := l.Keys(keys); err != nil {
			t.Fatal(err)
		}
		shown := b.Len()
		if err := l.Tell(event); err != nil {
			t.Fatal(err)
		}
		if got, want := b.String(), c.want+draw(t, c.o, []lesson.Event{event}); got != want {
			t.Errorf("%+v: %q, want %q", c.o, got, want)
		}
		if shown > 0 && c.o.Terminal && !c.o.Plain {
			b.Reset()
			_ = l.Keys(keys)
			b.Reset()
			_ = l.Keys(lang.Text{})
			_ = l.Keys(lang.Text{})
			if !strings.HasSuffix(b.String(), "\x1b[J") {
				t.Errorf("removed by %q", b.String())
			}
		}
	}
}

// A window that changes its size in the middle of a story.
func TestResize(t *testing.T) {
	var b bytes.Buffer
	l := New(&b, Options{Width: 80})
	for i, e := range rendertest.Teardown() {
		width := 40 + i*5
		l.Resize(width, 24)
		b.Reset()
		if err := l.Tell(e); err != nil {
			t.Fatal(err)
		}
		check(t, fmt.Sprint("resized to ", width), Options{Width: width}, b.String())
	}
}

func TestRest(t *testing.T) {
	var b bytes.Buffer
	l := New(&b, Options{})
	tell := func(e lesson.Event) string {
		t.Helper()
		b.Reset()
		if err := l.Tell(e); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	rest := func(left time.Duration) *lesson.Rest {
		return &lesson.Rest{State: [2]tcp.State{tcp.TimeWait, tcp.Closed}, Kernel: [2]lesson.Kernel{
			{State: tcp.TimeWait, Timer: "timewait", Remaining: left}, {State: tcp.Listen}}}
	}
	if got := tell(rest(60 * time.Second)); !strings.Contains(got, "✓ TIME_WAIT ┃") || !strings.Contains(got, "2MSL: 60 s ┃") || !strings.Contains(got, "┃ CLOSED ✓") {
		t.Error(got)
	}
	if got := tell(rest(59900 * time.Millisecond)); got != "" {
		t.Errorf("nothing has changed, but: %s", got)
	}
	if got := tell(rest(12 * time.Second)); !strings.Contains(got, "2MSL: 12 s") || strings.Contains(got, "CLOSED") {
		t.Error(got)
	}
	gone := rest(0)
	gone.State[0], gone.Kernel[0] = tcp.Closed, lesson.Kernel{State: tcp.Closed}
	if got := tell(gone); !strings.Contains(got, "✓ CLOSED ┨") {
		t.Error(got)
	}
}

// Every finding has a name in both languages.
func TestFindingNames(t *testing.T) {
	for f := tcp.Findings(1); f != 0; f <<= 1 {
		if len(f.Names()) > 0 && f != tcp.Corrected && (findingNames[f].EN == "" || findingNames[f].ZH == "") {
			t.Errorf("%s has no name", f.Names()[0])
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 1: "1 µs", 87500: "88 µs", 1234567: "1.2 ms", 12345678: "12 ms", 3400 * time.Millisecond: "3.4 s", 60 * time.Second: "60 s",
		3*time.Minute + 20*time.Second: "3 min 20 s", 123 * time.Minute: "2 h 3 min", -time.Second: "1 s", -1 << 63: "2562047 h 47 min",
	} {
		if got := strings.ReplaceAll(duration(d), "\u00a0", " "); got != want {
			t.Errorf("%d: %q, want %q", d, got, want)
		}
	}
}

func TestBrief(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 9999: "9999", 10000: "10k", 120455: "120k", 1848320: "1.8M", 999_600: "1.0M", 1 << 63: "9.2E"} {
		if got := brief(n, 4); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func BenchmarkSegment(b *testing.B) {
	story := rendertest.Trouble()
	l := New(io.Discard, Options{Color: true})
	b.ReportAllocs()
	for b.Loop() {
		_ = l.Tell(story[5])
	}
}

// A direction is said to be closed alone only where nothing shows that the other
// was closed too.
func TestHowClosed(t *testing.T) {
	both := lang.Text{EN: "closed by a FIN from each end, not both seen acknowledged", ZH: "双方各以 FIN 关闭，但未见两个 FIN 都得到确认"}
	for _, tt := range []struct {
		state [2]tcp.State
		want  lang.Text
	}{
		{[2]tcp.State{tcp.FinWait1, tcp.Unknown}, closedText[lesson.ClosedHalf]},
		{[2]tcp.State{tcp.CloseWait, tcp.FinWait2}, closedText[lesson.ClosedHalf]},
		{[2]tcp.State{tcp.LastAck, tcp.TimeWait}, both},
		{[2]tcp.State{tcp.Unknown, tcp.LastAck}, both},
		{[2]tcp.State{tcp.FinWait1, tcp.FinWait1}, both},
		{[2]tcp.State{tcp.Closing, tcp.FinWait2}, both},
	} {
		if got := howClosed(&lesson.Connection{Closed: lesson.ClosedHalf, State: tt.state}); got != tt.want {
			t.Errorf("%v: %v", tt.state, got)
		}
	}
}
