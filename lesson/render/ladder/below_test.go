package ladder

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/rendertest"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
)

// screen is a terminal as far as a ladder needs one: it wraps, scrolls, and
// obeys what a picture below the drawing is taken away with.
type screen struct {
	t             *testing.T
	columns, rows int
	lines         [][]rune // all there ever was; the last rows of them are visible
	x, y          int
	writes        int
}

func (s *screen) Write(p []byte) (int, error) {
	s.writes++
	for rest := string(p); rest != ""; {
		if cut, ok := strings.CutPrefix(rest, "\x1b["); ok {
			end := strings.IndexAny(cut, "AJKm")
			if end < 0 {
				s.t.Fatalf("unknown to the terminal: %q", rest)
			}
			n, _ := strconv.Atoi(cut[:end])
			s.obey(cut[end], n)
			rest = cut[end+1:]
			continue
		}
		r, n := utf8.DecodeRuneInString(rest)
		s.put(r)
		rest = rest[n:]
	}
	return len(p), nil
}

func (s *screen) obey(what byte, n int) {
	switch what {
	case 'A':
		s.y = max(s.y-max(n, 1), len(s.lines)-s.rows, 0)
	case 'J':
		s.row()
		if s.x == 0 && s.y > 0 && s.y == len(s.lines)-s.rows {
			s.t.Error("the whole screen is cleared: some terminals keep what was on it as if it had scrolled away")
		}
		s.lines = s.lines[:s.y+1]
		s.lines[s.y] = s.lines[s.y][:min(s.x, len(s.lines[s.y]))]
		for len(s.lines) < s.rows && s.y >= len(s.lines) {
			s.lines = append(s.lines, nil)
		}
	case 'K':
		if n != 2 {
			s.t.Fatalf("unknown to the terminal: erase in line %d", n)
		}
		s.row()
		s.lines[s.y] = nil
	}
}

func (s *screen) row() {
	for s.y >= len(s.lines) {
		s.lines = append(s.lines, nil)
	}
}

func (s *screen) put(r rune) {
	switch r {
	case '\r':
		s.x = 0
		return
	case '\n':
		s.x, s.y = 0, s.y+1
		s.row()
		return
	}
	w := text.Width(string(r))
	if s.x+w > s.columns {
		s.x, s.y = 0, s.y+1
	}
	s.row()
	for len(s.lines[s.y]) < s.x {
		s.lines[s.y] = append(s.lines[s.y], ' ')
	}
	if w == 0 {
		return
	}
	// A wide sign takes its second column as an empty one.
	s.lines[s.y] = append(s.lines[s.y][:s.x], append([]rune{r, 0}[:w], s.lines[s.y][min(s.x+w, len(s.lines[s.y])):]...)...)
	s.x += w
}

func (s *screen) String() string {
	var b strings.Builder
	for _, line := range s.lines {
		b.WriteString(strings.TrimRight(strings.ReplaceAll(string(line), "\x00", ""), " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

var heldKeys = lang.Text{
	EN: "space deliver · d drop · 2 duplicate · r reorder · t wait · c corrupt · s states · b back · q quit",
	ZH: "空格 送达 · d 丢弃 · 2 复制 · r 换序 · t 等待 · c 损坏 · s 状态 · b 回看 · q 退出",
}

// Whatever was shown below the drawing, on a terminal of whatever size, nothing
// of it remains once the story is told, and nothing of the story is lost.
func TestBelowLeavesNothing(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 2))
	flights := rendertest.Flights()
	for range 300 {
		s := &screen{t: t, columns: minWidth + rng.IntN(100), rows: 2 + rng.IntN(40)}
		o := Options{Width: s.columns, Height: s.rows, Terminal: true, Lang: lang.Lang(rng.IntN(2)), Color: rng.IntN(2) == 0, Verbose: rng.IntN(4) == 0}
		what := fmt.Sprintf("seed %d, %+v", seed, o)
		l := New(s, o)
		story := rendertest.All()[[]string{"held", "crossing", "old-syn", "lost-syn"}[rng.IntN(4)]]
		for _, e := range story {
			for range rng.IntN(4) {
				s.writes = 0
				var err error
				switch rng.IntN(5) {
				case 0:
					err = l.Keys(heldKeys)
				case 1:
					err = l.Again(rng.IntN(l.Told()+2), heldKeys)
				case 2:
					err = l.Sockets(rendertest.Sockets(), heldKeys)
				case 3:
					err = l.Keys(lang.Text{})
				default:
					err = l.Flight(flights[rng.IntN(len(flights))], heldKeys)
				}
				if err != nil {
					t.Fatal(err)
				}
				if s.writes > 1 {
					t.Errorf("%d writes", s.writes)
				}
				if n := len(l.below.lines); n >= s.rows && n > 1 {
					t.Fatalf("%s: a picture of %d rows", what, n)
				}
			}
			if err := l.Tell(e); err != nil {
				t.Fatal(err)
			}
		}
		o.Color = false
		if got, want := s.String(), draw(t, o, story); strings.TrimRight(got, "\n") != strings.TrimRight(want, "\n") {
			t.Fatalf("%s\n%s\nwant\n%s", what, got, want)
		}
	}
}

// upTo tells the story Held up to the segment that the flights are of.
func upTo(t testing.TB, l *Ladder) {
	for _, e := range rendertest.Held() {
		if s, ok := e.(*lesson.Segment); ok && s.N == 4 {
			return
		}
		if err := l.Tell(e); err != nil {
			t.Fatal(err)
		}
	}
}

// What a person sees while a segment is held, one picture after the other.
func TestFlightGolden(t *testing.T) {
	for variant, o := range map[string]Options{
		"40": {Width: 40, Height: 40}, "60": {Width: 60, Height: 40}, "80": {Width: 80, Height: 40}, "120": {Width: 120, Height: 40}, "200": {Width: 200, Height: 40},
		"low": {Width: 80, Height: 6}, "ascii": {Width: 80, ASCII: true, Height: 40}, "verbose": {Width: 80, Verbose: true, Height: 40}, "plain": {Plain: true},
		"color": {Width: 80, Color: true},
	} {
		for _, o.Lang = range []lang.Lang{lang.English, lang.Chinese} {
			o.Terminal = true
			var b bytes.Buffer
			l := New(&b, o)
			upTo(t, l)
			b.Reset()
			var all strings.Builder
			show := func(err error) {
				if err != nil {
					t.Fatal(err)
				}
				if o.Plain {
					all.WriteString(b.String() + "\n")
				} else {
					all.WriteString(strings.Join(l.below.lines, "\n") + "\n\n")
				}
				b.Reset()
			}
			for _, f := range rendertest.Flights() {
				show(l.Flight(f, heldKeys))
			}
			show(l.Sockets(rendertest.Sockets(), heldKeys))
			show(l.Again(2, heldKeys))
			if !o.Color { // there the keys are a bar, which ends in spaces
				check(t, variant, o, all.String())
			}
			golden(t, filepath.Join("testdata", "flight."+variant+"."+o.Lang.String()), all.String())
		}
	}
}

// Nothing is written while nothing changes, and only what has changed where
// nothing can be taken away.
func TestFlightAgain(t *testing.T) {
	for _, plain := range []bool{false, true} {
		var b bytes.Buffer
		l := New(&b, Options{Terminal: true, Plain: plain})
		f := *rendertest.Flights()[1]
		_ = l.Flight(&f, heldKeys)
		b.Reset()
		f.Held += 20 * time.Millisecond
		_ = l.Flight(&f, heldKeys)
		if b.Len() > 0 {
			t.Errorf("plain %v: nothing has changed, but: %q", plain, b.String())
		}
		f.Behind = 7
		_ = l.Flight(&f, heldKeys)
		if got := b.String(); !strings.Contains(got, "7 more") || plain && strings.Count(got, "\n") != 1 {
			t.Errorf("plain %v: %q", plain, got)
		}
	}
}

// A pipe sees nothing of what stands below.
func TestBelowOnPipe(t *testing.T) {
	var b bytes.Buffer
	l := New(&b, Options{})
	upTo(t, l)
	b.Reset()
	for _, err := range []error{l.Keys(heldKeys), l.Again(1, heldKeys), l.Sockets(rendertest.Sockets(), heldKeys), l.Flight(rendertest.Flights()[2], heldKeys)} {
		if err != nil {
			t.Error(err)
		}
	}
	if b.Len() > 0 || l.Told() != 0 {
		t.Errorf("%d segments kept, and %q", l.Told(), b.String())
	}
}

// A terminal that was made narrower has broken the picture's lines anew.
func TestNarrowed(t *testing.T) {
	var b bytes.Buffer
	l := New(&b, Options{Terminal: true, Width: 80})
	_ = l.Keys(lang.Text{EN: strings.Repeat("x", 70)})
	l.Resize(40, 24)
	b.Reset()
	_ = l.Keys(lang.Text{})
	if got := b.String(); got != "\r\x1b[1A\x1b[J" {
		t.Errorf("%q", got)
	}
	_ = l.Keys(lang.Text{EN: "x"})
	l.Resize(60, 24)
	b.Reset()
	_ = l.Keys(lang.Text{EN: "x"})
	if got := b.String(); got != "\r\x1b[J x" {
		t.Errorf("drawn again by %q", got)
	}
}

func BenchmarkFlight(b *testing.B) {
	l := New(io.Discard, Options{Color: true, Terminal: true, Verbose: true, Width: 200, Height: 60})
	upTo(b, l)
	flights := rendertest.Flights()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_ = l.Flight(flights[i%len(flights)], heldKeys)
	}
}

// Any segment may be held, hostile ones too, with whatever a kernel may answer.
func TestFlightWidth(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 3))
	state := func() tcp.State { return tcp.State(rng.IntN(14)) }
	for width := minWidth; width <= maxWidth; width += 1 + rng.IntN(12) {
		o := Options{Width: width, Height: 60, Terminal: true, Lang: lang.Lang(rng.IntN(2)), ASCII: rng.IntN(3) == 0, Verbose: rng.IntN(3) == 0}
		what := fmt.Sprintf("seed %d, %+v", seed, o)
		l := New(io.Discard, o)
		for _, story := range rendertest.All() {
			for _, e := range story {
				s, ok := e.(*lesson.Segment)
				if !ok || l.Tell(e) != nil || rng.IntN(3) > 0 {
					continue
				}
				k := func() lesson.Kernel {
					return lesson.Kernel{State: state(), Timer: []string{"", "retransmit", "\x1b[31m"}[rng.IntN(3)], Remaining: time.Duration(rng.Int64())}
				}
				f := &lesson.Flight{Segment: s, Now: [2]lesson.Kernel{k(), k()}, Held: time.Duration(rng.Int64()), Behind: rng.IntN(1000), Moved: [2]tcp.State{state(), state()}}
				if err := l.Flight(f, heldKeys); err != nil {
					t.Fatal(err)
				}
				check(t, what, o, strings.Join(l.below.lines, "\n"))
				_ = l.Again(1+rng.IntN(max(l.Told(), 1)), heldKeys)
				check(t, what, o, strings.Join(l.below.lines, "\n"))
				_ = l.Sockets([2]lesson.SocketDetail{{Kernel: k(), Retransmits: rng.Int(), ReceiveQueue: -1}, {Kernel: k(), SendQueue: rng.Int()}}, heldKeys)
				check(t, what, o, strings.Join(l.below.lines, "\n"))
			}
		}
	}
}
