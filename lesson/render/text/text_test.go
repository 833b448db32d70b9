package text

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

func TestWidth(t *testing.T) {
	for s, want := range map[string]int{
		"": 0, "abc": 3, "你好": 4, "┃─►◄✓≠❶╱": 8, "a你b": 4, "e\u0301": 1, "§3.5": 4,
	} {
		if got := Width(s); got != want {
			t.Errorf("Width(%q) = %d, want %d", s, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		in    string
		width int
		want  string
	}{
		{"", 10, ""},
		{"one two three", 9, "one two|three"},
		{"one two three", 7, "one two|three"},
		{"客户端没有更多数据，关闭连接。", 20, "客户端没有更多数据，|关闭连接。"},
		{"客户端没有更多数据，关闭连接。", 18, "客户端没有更多数|据，关闭连接。"}, // the comma may not begin a line
		{"状态（推断）改变", 6, "状态|（推|断）改|变"},              // nor a bracket end one
		{"发送FIN之后进入FIN_WAIT1状态", 12, "发送FIN之后|进入|FIN_WAIT1状|态"},
		{"abcdefghij", 4, "abcd|efgh|ij"},
		{"see RFC\u00a09293\u00a0§3.5", 12, "see|RFC 9293 §3.|5"},
		{"see RFC\u00a09293\u00a0§3.5", 14, "see|RFC 9293 §3.5"},
	} {
		if got := strings.Join(Wrap(c.in, c.width), "|"); got != c.want {
			t.Errorf("Wrap(%q, %d)\n got %s\nwant %s", c.in, c.width, got, c.want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		in    string
		width int
		want  string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"你好吗", 5, "你好…"}, {"你好吗", 4, "你…"}, {"ab", 0, ""}, {"abc", 1, "…"},
	} {
		if got := Cut(c.in, c.width); got != c.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", c.in, c.width, got, c.want)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain \"text\" 你好，世界！！！": "plain \"text\" 你好，世界！！！",
		"\x1b[31mred\x1b[0m":      `\x1b[31mred\x1b[0m`,
		"a\nb\tc\rd":              `a\nb\tc\rd`,
		"\u009b31m":               `\u009b31m`,
		"a\u202eb\u2066c":         `a\u202eb\u2066c`,
		"zero\u200bwidth\ufeff":   `zero\u200bwidth\ufeff`,
		"bad\xff\xc0\x80":         `bad\xff\xc0\x80`,
		"\x7f\x00":                `\x7f\x00`,
		"\U000e0041":              `\U000e0041`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestQuote(t *testing.T) {
	for _, c := range []struct {
		in    string
		width int
		ascii bool
		want  string
	}{
		{"", 20, false, ``},
		{"hello", 20, false, `"hello"`},
		{"hello world", 8, false, `"hello"…`},
		{"hello world", 8, true, `"hel"...`},
		{"hello!", 8, false, `"hello!"`},
		{"你好，世界！！！", 18, false, `"你好，世界！！！"`},
		{"你好，世界！！！", 17, false, `"你好，世界！！"…`},
		{"你好", 40, true, `"\u4f60\u597d"`},
		{"GET / HTTP/1.1\r\nHost: a\r\n", 24, false, `"GET / HTTP/1.1\r\nHos"…`},
		{`say "hi" \o/`, 40, false, `"say \"hi\" \\o/"`},
		{"text \x1b[31m text", 40, false, `"text \x1b[31m text"`},
		{"text with a \x1b in it", 17, false, `"text with a "…`},
		{"\x16\x03\x01\x00\xff", 20, false, `16 03 01 00 ff`},
		{"\x16\x03\x01\x00\xff", 9, false, `16 03 …`},
		{"\x16\x03\x01\x00\xff", 12, true, `16 03 01 ...`},
		{"你好\xe4\xbd", 40, false, `"你好\xe4\xbd"`},
		{"\u0301abc", 40, false, `"\u0301abc"`},
		{"a\u0301\u0301\u0301\u0301", 40, false, "\"a\u0301\u0301\\u0301\\u0301\""},
	} {
		if got := Quote([]byte(c.in), c.width, c.ascii); got != c.want {
			t.Errorf("Quote(%q, %d, %v)\n got %s\nwant %s", c.in, c.width, c.ascii, got, c.want)
		}
	}
}

// tame reports the first sign in s a terminal might obey.
func tame(t *testing.T, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Fatalf("%q is not UTF-8", s)
	}
	for _, r := range s {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r) || r == '\u2028' || r == '\u2029' {
			t.Fatalf("%q holds %U", s, r)
		}
	}
}

// FuzzText cleans, quotes, wraps and cuts whatever anyone may send.
func FuzzText(f *testing.F) {
	for _, s := range []string{
		"你好，世界！！！", "\x1b]0;title\a", "\x1b[31m你好\r\n\xff\u202e\u0000", "\x9b31m", "a\u202eb", "\xff\xfe\x00", "👩‍👩‍👧‍👦🇨🇳👍🏽", "e\u0301\u0301", "\u1100\u1161\u11a8", "\"\\",
		"客户端没有更多数据，关闭连接。 The client has nothing more to send.",
		"supercalifragilistic（你好）“引用”",
		"\u11b1\u11b1\u11b1",                   // one character, of three columns
		"\u135e\u11b1\u11b1\u11b1\u11b1\u11b1", // the same, of five, behind a mark without a width
	} {
		f.Add([]byte(s), 20, false)
		f.Add([]byte(s), 7, true)
		f.Add([]byte(s), 2, false)
	}
	f.Fuzz(func(t *testing.T, p []byte, width int, ascii bool) {
		s := Clean(string(p))
		tame(t, s)
		if Clean(s) != s {
			t.Fatalf("%q is cleaned to %q, and that to %q", p, s, Clean(s))
		}
		quoted(t, p, width%500, ascii)
		wrapped(t, s, 2+(width%200+200)%200)
	})
}

func quoted(t *testing.T, p []byte, width int, ascii bool) {
	s := Quote(p, width, ascii)
	tame(t, s)
	if w := Width(s); w > max(width, 0) {
		t.Fatalf("Quote(%q, %d) is %d wide: %s", p, width, w, s)
	}
	if ascii && strings.ContainsFunc(s, func(r rune) bool { return r > '~' }) {
		t.Fatalf("Quote(%q, ascii) = %s", p, s)
	}
}

func wrapped(t *testing.T, s string, width int) {
	var joined strings.Builder
	for _, line := range Wrap(s, width) {
		if Width(line) > width && drawn(line) > 1 {
			t.Fatalf("Wrap(%q, %d): %q is %d wide", s, width, line, Width(line))
		}
		joined.WriteString(line)
	}
	squeeze := strings.NewReplacer(" ", "", "\u00a0", "").Replace
	if squeeze(joined.String()) != squeeze(s) {
		t.Fatalf("Wrap(%q, %d) lost or added text", s, width)
	}
	if Width(Cut(s, width)) > width {
		t.Fatalf("Cut(%q, %d)", s, width)
	}
}

// drawn is how many characters of a line take columns.
func drawn(line string) (n int) {
	for g := uniseg.NewGraphemes(line); g.Next(); {
		if g.Width() > 0 {
			n++
		}
	}
	return n
}
