package main

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"lesson/lesson/render/text"
)

// TestPictures holds the pictures in the READMEs to what the program shows:
// the text in README.md, and docs/handshake.svg in colour. With -update it
// draws them anew.
func TestPictures(t *testing.T) {
	need(t, canPlay(), "no lesson can be played on this machine: lesson handshake --private says why")
	for _, p := range []struct{ lang, readme, svg string }{
		{"en", "README.md", "docs/handshake.svg"},
		{"zh", "README.zh-CN.md", "docs/handshake.zh.svg"},
	} {
		same(t, p.readme, func(is string) string {
			const from, to = "<!-- lesson handshake --quiet -->\n```text\n", "```\n"
			before, rest, ok := strings.Cut(is, from)
			_, after, ok2 := strings.Cut(rest, to)
			if !ok || !ok2 {
				t.Fatalf("%s has no picture", p.readme)
			}
			return before + from + picture(t, "--quiet", "--lang", p.lang) + to + after
		})
		same(t, p.svg, func(string) string { return drawn(picture(t, "--color=always", "--lang", p.lang)) })
	}
}

// picture is what a lesson shows on 80 columns, without what differs from run
// to run.
func picture(t *testing.T, flags ...string) string {
	t.Helper()
	out := lessonOutput(t, []string{"COLUMNS=80"}, append([]string{"handshake", "--private"}, flags...)...)
	s := anyPort.ReplaceAllString(string(out), "10.0.0.1:43210")
	return anyTime.ReplaceAllString(s, "24 µs")
}

// same wants a file to hold what it should, or makes it so. On a busy machine
// the kernel is now and then not asked in time, and a mark is missing.
func same(t *testing.T, file string, wanted func(is string) string) {
	t.Helper()
	name := filepath.Join(top, file)
	is, err := os.ReadFile(name)
	if err != nil && !*update {
		t.Fatal(err)
	}
	if *update {
		check(t, os.WriteFile(name, []byte(wanted(string(is))), 0o644))
		return
	}
	for range 5 {
		if wanted(string(is)) == string(is) {
			return
		}
	}
	t.Errorf("%s shows something else than the program does now; make docs draws it anew", file)
}

var (
	anyPort = regexp.MustCompile(`10\.0\.0\.1:\d{5}`)
	anyTime = regexp.MustCompile(`[\d.]+ (µs|ms)`)
)

// A terminal's cell in an SVG picture, in pixels.
const (
	cellWidth  = 8.4
	cellHeight = 18
)

var words = regexp.MustCompile(`[^ ]+| +`)

// places puts each character in its column, whatever font there is.
func places(word string, column int) string {
	var x []string
	for _, r := range word {
		x = append(x, strconv.FormatFloat(float64(column)*cellWidth, 'f', 1, 64))
		column += text.Width(string(r))
	}
	if len(x) == len(word) && word[0] < 0x80 {
		x = x[:1] // every font agrees on these
	}
	return strings.Join(x, " ")
}

var sgr = regexp.MustCompile("\x1b\\[([\\d;]*)m")

// drawn makes an SVG picture of what a terminal shows.
func drawn(out string) string {
	lines := strings.Split(strings.TrimRight(out, "\n"), "\n")
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', 'Noto Sans Mono CJK SC', monospace" font-size="14">
<rect width="100%%" height="100%%" rx="6" fill="#1c1f26"/>
<g fill="#d8dce3" xml:space="preserve">
`, 82*cellWidth, (len(lines)+1)*cellHeight)
	style := map[string]string{}
	for i, line := range lines {
		column := 1
		for line != "" {
			run := line
			next := sgr.FindStringSubmatchIndex(line)
			if next != nil {
				run = line[:next[0]]
			}
			for _, word := range words.FindAllString(run, -1) {
				if word[0] != ' ' {
					fmt.Fprintf(&b, `<text y="%d" x="%s"%s>%s</text>`+"\n", (i+1)*cellHeight, places(word, column),
						style["weight"]+style["faint"]+style["colour"], html.EscapeString(word))
				}
				column += text.Width(word)
			}
			if next == nil {
				break
			}
			for _, code := range strings.Split(line[next[2]:next[3]], ";") {
				switch code {
				case "", "0":
					clear(style)
				case "1":
					style["weight"] = ` font-weight="bold"`
				case "2":
					style["faint"] = ` opacity=".65"`
				case "22":
					style["weight"], style["faint"] = "", ""
				case "31":
					style["colour"] = ` fill="#ff6b6b"`
				case "33":
					style["colour"] = ` fill="#f2b84b"`
				case "36":
					style["colour"] = ` fill="#56c8d8"`
				}
			}
			line = line[next[1]:]
		}
	}
	return b.String() + "</g>\n</svg>\n"
}
