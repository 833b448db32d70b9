package lesson_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"lesson/capture"
	"lesson/capture/capturetest"
	"lesson/lesson"
	"lesson/lesson/render/csv"
	"lesson/lesson/render/events"
	"lesson/lesson/render/ladder"
	"lesson/lesson/render/lines"
	"lesson/lesson/tcp"
	"lesson/lesson/tcp/notation"
)

// screens is a capture as every screen has it.
type screens struct {
	story                                 *story
	wide, narrow, plain, verbose, chinese string // the ladder
	text, json, csv                       string
}

// show explains a capture on every screen.
func show(t *testing.T, file []byte, opt lesson.ExplainOptions) *screens {
	t.Helper()
	tell := func(to func(io.Writer) lesson.Teller) string {
		t.Helper()
		r, err := capture.Open(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := lesson.Explain(r, opt, to(&b)); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	drawn := func(o ladder.Options) string {
		return tell(func(w io.Writer) lesson.Teller { return ladder.New(w, o) })
	}
	s := &screens{story: new(story)}
	tell(func(io.Writer) lesson.Teller { return s.story })
	s.wide, s.narrow, s.plain = drawn(ladder.Options{Width: 120}), drawn(ladder.Options{Width: 45}), drawn(ladder.Options{Plain: true})
	s.verbose, s.chinese = drawn(ladder.Options{Verbose: true}), drawn(ladder.Options{Lang: 1, Width: 120})
	s.text = tell(func(w io.Writer) lesson.Teller { return lines.New(w, 0) })
	s.json = tell(func(w io.Writer) lesson.Teller { return events.New(w) })
	s.csv = tell(func(w io.Writer) lesson.Teller { return csv.New(w) })
	return s
}

func showCase(t *testing.T, name string) *screens {
	t.Helper()
	file, err := os.ReadFile("testdata/cases/" + name + ".pcap")
	if err != nil {
		t.Fatal(err)
	}
	return show(t, file, lesson.ExplainOptions{})
}

func showText(t *testing.T, n capturetest.Net, text string) *screens {
	t.Helper()
	file, err := n.Pcap(text)
	if err != nil {
		t.Fatal(err)
	}
	return show(t, file, lesson.ExplainOptions{})
}

// holds reports what a screen lacks.
func holds(t *testing.T, name, screen string, want ...string) {
	t.Helper()
	screen = strings.ReplaceAll(screen, "\u00a0", " ")
	for _, s := range want {
		if !strings.Contains(screen, s) {
			t.Errorf("%s lacks %q:\n%s", name, s, screen)
		}
	}
}

// A time before the first segment's is the same negative number everywhere.
func TestTimesBeforeTheFirst(t *testing.T) {
	s := showCase(t, "f7-time-before-first")
	for name, screen := range map[string]string{"wide": s.wide, "narrow": s.narrow, "plain": s.plain, "verbose": s.verbose, "chinese": s.chinese} {
		holds(t, name, screen, "-19 ms", "-10 ms")
	}
	holds(t, "text", s.text, "\n-0.019000 server", "\n-0.010000 client")
	holds(t, "json", s.json, `"time":-0.019,`, `"time":-0.01,`, `"start":"2023-11-14T22:13:20.000999Z"`)
	holds(t, "csv", s.csv, "2023-11-14T22:13:20.000999Z,0.019,")
	if _, err := notation.ParseAll(s.text); err != nil {
		t.Error("the text is not read back: ", err)
	}
}

// Whatever the clock does, rows count from the first segment, a connection begins
// with its own, and its duration is the ending's, and never negative.
func TestClocksSetBack(t *testing.T) {
	start := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	line := func(ms int, rest string) string { return fmt.Sprintf("%d.%03d %s\n", ms/1000, ms%1000, rest) }
	for name, ms := range map[string][3]int{
		"in order": {100, 101, 102}, "the first is last": {100, 30, 40}, "in the middle": {100, 200, 50}, "at the end": {100, 300, 99},
		"all at once": {100, 100, 100}, "an hour": {3600_000, 1, 2},
	} {
		file, err := capturetest.Net{Start: start}.Pcap(line(ms[0], "client S") + line(ms[1], "server S.") + line(ms[2], "client ."))
		if err != nil {
			t.Fatal(err)
		}
		want := time.Duration(max(ms[0], ms[1], ms[2])-min(ms[0], ms[1], ms[2])) * time.Millisecond
		for _, d := range []lesson.Detail{lesson.Everything, lesson.Table, lesson.OneStream, lesson.Fitting} {
			s := show(t, file, lesson.ExplainOptions{Detail: d}).story
			c := s.connections[0]
			if c.Duration != want || s.ending.Duration != want || !c.Start.Equal(start.Add(time.Duration(ms[0])*time.Millisecond)) {
				t.Errorf("%s, detail %d: from %v, %v long, the whole %v; want %v", name, d, c.Start, c.Duration, s.ending.Duration, want)
			}
			for i, seg := range s.segments {
				if seg.Since != time.Duration(ms[i]-ms[0])*time.Millisecond {
					t.Errorf("%s, detail %d, row %d: %v", name, d, i, seg.Since)
				}
			}
		}
	}
}

// Several connections, the later of which is the earlier one by its clock.
func TestClocksOfSeveralConnections(t *testing.T) {
	n, other := capturetest.Net{}, capturetest.Loopback6
	n.Raw, other.Raw = true, true
	one, err := n.Segments("5 client S\n4 server S.")
	if err != nil {
		t.Fatal(err)
	}
	two, err := other.Segments("3 client S\n1 server S.\n2 client .")
	if err != nil {
		t.Fatal(err)
	}
	file := capturetest.Header(n.Link())
	for _, s := range append(one, two...) {
		file = capturetest.Record(file, s.Time, n.Frame(&s))
	}
	s := show(t, file, lesson.ExplainOptions{Detail: lesson.Everything}).story
	if a, b := s.connections[0].Duration, s.connections[1].Duration; a != time.Second || b != 2*time.Second || s.ending.Duration != 4*time.Second {
		t.Errorf("durations %v and %v, of the whole %v", a, b, s.ending.Duration)
	}
	s = show(t, file, lesson.ExplainOptions{Detail: lesson.OneStream, Stream: 1}).story
	if c := s.connections[0]; c.Duration != s.ending.Duration {
		t.Errorf("the only connection told took %v, the whole %v", c.Duration, s.ending.Duration)
	}
}

// What lies before an end's first number is negative, on every screen and in
// both places, and read back the same.
func TestNumbersBeforeTheFirst(t *testing.T) {
	n := capturetest.Net{First: [2]tcp.Seq{1000, 4294967290}}
	s := showText(t, n, `client S
		server S.
		client .
		client P. 1:6(5)
		server . ack 4294942511
		client P. 4294942511:4294942521(10) ack 4294967196
		server . ack 6 <sack 4294967290:3>`)
	for name, screen := range map[string]string{"wide": s.wide, "narrow": s.narrow, "plain": s.plain, "verbose": s.verbose, "chinese": s.chinese} {
		holds(t, name, screen, "ack -24785", "seq -24785", "ack -100")
		if name != "verbose" && strings.Contains(screen, "42949") { // which has the header as it is
			t.Errorf("%s has a number that nobody reads:\n%s", name, screen)
		}
	}
	holds(t, "text", s.text, "ack -24785 win", " -24785:-24775(10) ack -100 win", "<sack -6:3>")
	holds(t, "json", s.json, `"ack":-24785,`, `"seq":-24785,"ack":-100,`, `"SACK=-6-3"`)
	lines, err := notation.ParseAll(s.text)
	if err != nil {
		t.Fatal(err)
	}
	if l := lines[5]; l.Seq != 4294942511 || l.Ack != 4294967196 {
		t.Errorf("read back as %d and %d", l.Seq, l.Ack)
	}
}

// Beyond 1 GiB a number may be either before the first or far behind it: it
// stays what the bytes say.
func TestNumbersOfALongStream(t *testing.T) {
	var text strings.Builder
	text.WriteString("client S\nserver S.\nclient .\n")
	const step = 1 << 29
	for at := uint32(1); at < 7*step; at += step {
		fmt.Fprintf(&text, "server . 1:1(0) ack %d win 65535\n", at)
		fmt.Fprintf(&text, "client . %d:%d(%d) ack 1\n", at, at+1000, 1000)
	}
	s := showText(t, capturetest.Net{}, text.String())
	holds(t, "text", s.text, fmt.Sprintf(" %d:%d(1000) ", uint32(6*step+1), uint32(6*step+1001)))
	holds(t, "json", s.json, fmt.Sprintf(`"seq":%d,`, uint32(6*step+1)))
	if strings.Contains(s.text, " -") || strings.Contains(s.json, `"seq":-`) || strings.Contains(s.json, `"ack":-`) {
		t.Errorf("a number of a long stream is negative:\n%s", s.text)
	}
}

// However narrow the drawing and long the numbers, none is left out.
func TestNoNumberIsLeftOut(t *testing.T) {
	file, err := capturetest.Net{}.Pcap("client S\nserver S.\nclient .\nserver SFRPUE. 2147483648:2147483649(1) ack 2147483649 win 9")
	if err != nil {
		t.Fatal(err)
	}
	for width := 40; width <= 120; width++ {
		r, err := capture.Open(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := lesson.Explain(r, lesson.ExplainOptions{}, ladder.New(&b, ladder.Options{Width: width})); err != nil {
			t.Fatal(err)
		}
		holds(t, fmt.Sprint(width, " columns"), strings.Join(strings.Fields(b.String()), " "), "seq -2147483648", "ack -2147483647", "len 1")
	}
}
