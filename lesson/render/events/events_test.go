package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/rendertest"
	"lesson/lesson/tcp"
)

var update = flag.Bool("update", false, "rewrite the golden files and the examples in docs/events.md")

func encode(t *testing.T, events ...lesson.Event) string {
	t.Helper()
	var b bytes.Buffer
	e := New(&b)
	for _, event := range events {
		if err := e.Tell(event); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for name, story := range rendertest.All() {
		got := encode(t, story...)
		file := filepath.Join("testdata", name+".jsonl")
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
			t.Errorf("%s differs from %s (go test -update rewrites it):\n%s", name, file, got)
		}
	}
}

// A character that a terminal obeys is escaped, whatever plane it is in.
func TestQuoted(t *testing.T) {
	var l line
	const said = "a\u202eb\U000e0001c\U0001f44d"
	l.quoted(said)
	if want := `"a\u202eb\udb40\udc01c` + "\U0001f44d" + `"`; string(l) != want {
		t.Errorf("%s, want %s", l, want)
	}
	var back string
	if err := json.Unmarshal(l, &back); err != nil || back != said {
		t.Errorf("%q, %v", back, err)
	}
}

// Whatever a story holds, every line is one JSON object, valid UTF-8, and
// nothing in it that a terminal would obey.
func TestLines(t *testing.T) {
	for name, story := range rendertest.All() {
		out := encode(t, story...)
		if !utf8.ValidString(out) {
			t.Errorf("%s is not UTF-8", name)
		}
		for _, r := range out {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
				t.Errorf("%s holds %U", name, r)
			}
		}
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		if len(lines) != len(story) {
			t.Errorf("%s: %d events in %d lines", name, len(story), len(lines))
		}
		for _, line := range lines {
			var o map[string]any
			if err := json.Unmarshal([]byte(line), &o); err != nil {
				t.Errorf("%s: %v in %s", name, err, line)
			}
			if _, ok := o["event"].(string); !ok {
				t.Errorf("%s: no event in %s", name, line)
			}
		}
	}
}

func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0", 1: "0.000000001", 12 * time.Microsecond: "0.000012", time.Minute: "60", 61950 * time.Millisecond: "61.95",
		-time.Second / 2: "-0.5", 1<<63 - 1: "9223372036.854775807", -1 << 63: "-9223372036.854775807",
	} {
		l := line(`{`)
		l.seconds("t", d)
		if got := strings.TrimPrefix(string(l), `{"t":`); got != want {
			t.Errorf("%d ns: %s, want %s", d, got, want)
		}
	}
}

func TestOptions(t *testing.T) {
	s := &lesson.Segment{Live: true}
	s.Flags, s.Ack, s.Step.Ack = tcp.ACK, 1000, 1
	s.Options.SACKBlocks = 2
	s.Options.SACK = [4]tcp.SACKBlock{{Left: 1100, Right: 1200}, {Left: 1300, Right: 1400}}
	s.Options.HasFastOpen = true
	if got := encode(t, s); !strings.Contains(got, `"options":["TFO","SACK=101-201","SACK=301-401"]`) {
		t.Error(got)
	}
}

// What the snapshot length cut off is not invented.
func TestCutHeader(t *testing.T) {
	s := &lesson.Segment{}
	s.Window, s.CutOff, s.Options.Cut = 65535, 5, true
	if got := encode(t, s); !strings.Contains(got, `"win":null,"options":[],"cut":true`) {
		t.Error(got)
	}
	s.CutOff = 4
	if got := encode(t, s); !strings.Contains(got, `"win":65535,"options":[],"cut":true`) {
		t.Error(got)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWriteError(t *testing.T) {
	if err := New(broken{}).Tell(&lesson.Ending{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

// examples are the events shown in docs/events.md, in its order.
func examples() []lesson.Event {
	var out []lesson.Event
	teardown, trouble, many := rendertest.Teardown(), rendertest.Trouble(), rendertest.Many()
	first := func(story []lesson.Event, is func(lesson.Event) bool) {
		for _, e := range story {
			if is(e) {
				out = append(out, e)
				return
			}
		}
		panic("the story has no such event")
	}
	first(teardown, func(e lesson.Event) bool { _, ok := e.(*lesson.Opening); return ok })
	first(teardown, func(e lesson.Event) bool { c, ok := e.(*lesson.Call); return ok && len(c.Console) > 0 })
	first(teardown, func(e lesson.Event) bool { s, ok := e.(*lesson.Segment); return ok && s.Flags.Has(tcp.FIN) })
	first(rendertest.Held(), func(e lesson.Event) bool { s, ok := e.(*lesson.Segment); return ok && s.Fate == lesson.Delayed })
	first(trouble, func(e lesson.Event) bool { s, ok := e.(*lesson.Segment); return ok && s.Step.Revised.Since != 0 })
	first(rendertest.Unreachable(), func(e lesson.Event) bool { m, ok := e.(*lesson.ICMP); return ok && m.MTU > 0 })
	first(teardown, func(e lesson.Event) bool { _, ok := e.(*lesson.Rest); return ok })
	first(rendertest.Disagreement(), func(e lesson.Event) bool { _, ok := e.(*lesson.Note); return ok })
	first(many, func(e lesson.Event) bool { _, ok := e.(*lesson.Connection); return ok })
	out = append(out, rendertest.Waiting())
	first(teardown, func(e lesson.Event) bool { _, ok := e.(*lesson.Ending); return ok })
	return out
}

// The examples in docs/events.md are what the encoder prints, and every field
// it prints is explained there.
func TestDocument(t *testing.T) {
	const file = "../../../docs/events.md"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	doc := string(b)
	parts := strings.Split(doc, "```json\n")
	want := examples()
	if len(parts)-1 != len(want) {
		t.Fatalf("%s has %d examples, want %d", file, len(parts)-1, len(want))
	}
	for i, event := range want {
		shown, rest, _ := strings.Cut(parts[i+1], "```")
		got := encode(t, event)
		if shown != got && !*update {
			t.Errorf("example %d in %s\n is   %s want %s", i+1, file, shown, got)
		}
		parts[i+1] = got + "```" + rest
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(parts, "```json\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range strings.Split(encode(t, want...), "\n") {
		for _, name := range keys(t, line) {
			if !strings.Contains(doc, "`"+name+"`") {
				t.Errorf("%s does not explain %q", file, name)
			}
		}
	}
}

// Every finding stands in docs/events.md with its sentence.
func TestFindingsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	for f := tcp.Findings(1); f != 0; f <<= 1 {
		if names := f.Names(); len(names) > 0 {
			if row := "| `" + names[0] + "` | " + f.Texts()[0].EN + " |"; !strings.Contains(string(doc), row) {
				t.Errorf("docs/events.md lacks the row\n%s", row)
			}
		}
	}
}

func keys(t *testing.T, line string) (names []string) {
	t.Helper()
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, v := range v {
				names = append(names, name)
				walk(v)
			}
		case []any:
			for _, v := range v {
				walk(v)
			}
		}
	}
	var v any
	if line != "" {
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
	}
	walk(v)
	return names
}

func FuzzQuoted(f *testing.F) {
	f.Add("你好\x1b\xff\u2028\"\\")
	f.Fuzz(func(t *testing.T, s string) {
		out := encode(t, &lesson.Note{Explanation: lesson.Explanation{Text: lang.Text{EN: s}}})
		var note struct{ Text struct{ EN string } }
		if err := json.Unmarshal([]byte(out), &note); err != nil {
			t.Fatal(err)
		}
		if want := strings.ToValidUTF8(s, "\ufffd"); utf8.ValidString(s) && note.Text.EN != want {
			t.Fatalf("%q came back as %q", s, note.Text.EN)
		}
		for _, r := range out[:len(out)-1] {
			if unicode.IsControl(r) {
				t.Fatalf("%q", out)
			}
		}
	})
}

func BenchmarkSegment(b *testing.B) {
	var s lesson.Event
	for _, e := range rendertest.Trouble() {
		if x, ok := e.(*lesson.Segment); ok && len(x.Explain) == 0 {
			s = x
		}
	}
	e := New(io.Discard)
	b.ReportAllocs()
	for b.Loop() {
		_ = e.Tell(s)
	}
}
