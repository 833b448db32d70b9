package main

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lesson/lesson/lang"
	"lesson/lesson/render/text"
)

// environment is one for run and for app: what is not named is not set.
func environment(set map[string]string) func(string) string {
	return func(name string) string { return set[name] }
}

// TestHelpFits asks every verb for help, in both languages and from the
// narrowest width to the widest: only examples may be longer than a line.
func TestHelpFits(t *testing.T) {
	for _, l := range []lang.Lang{lang.English, lang.Chinese} {
		for _, width := range []int{40, 60, 80, 200} {
			env := environment(map[string]string{"COLUMNS": strconv.Itoa(width)})
			a := &app{lang: l, getenv: env}
			for _, verb := range append([]*cobra.Command{a.root()}, a.verbs...) {
				var out, stderr bytes.Buffer
				args := strings.Fields(strings.TrimPrefix(verb.CommandPath(), "lesson") + " --help --lang " + l.String())
				if code := run(args, strings.NewReader(""), &out, &stderr, env); code != 0 || stderr.Len() > 0 {
					t.Fatalf("lesson %s: exit code %d\n%s", args, code, stderr.Bytes())
				}
				for line := range strings.Lines(out.String()) {
					line = strings.TrimSuffix(line, "\n")
					if text.Width(line) > width && !strings.Contains(verb.Example, line) && !strings.Contains(line, verb.UseLine()) && !strings.HasPrefix(line, "  lesson ") {
						t.Errorf("lesson %s at %d columns is %d wide: %s", args, width, text.Width(line), line)
					}
				}
			}
		}
	}
}

// TestBothLanguages looks at all that help can show: nothing is missing, and
// nothing exists in one language only.
func TestBothLanguages(t *testing.T) {
	told := [2]map[string]string{}
	for l := range told {
		a := &app{lang: lang.Lang(l), getenv: environment(nil)}
		told[l] = map[string]string{}
		for _, verb := range append([]*cobra.Command{a.root()}, a.verbs...) {
			told[l][verb.Name()] = verb.Short
			if verb.Example == "" {
				t.Errorf("%s has no example", verb.Name())
			}
			add := func(f *pflag.Flag) { told[l][verb.Name()+" --"+f.Name] = f.Usage }
			verb.LocalFlags().VisitAll(add)
			verb.PersistentFlags().VisitAll(add)
		}
	}
	for what, en := range told[lang.English] {
		zh := told[lang.Chinese][what]
		if en = strings.ReplaceAll(en, defaultMessage, ""); en == "" || strings.ContainsFunc(en, isHan) {
			t.Errorf("%s in English: %q", what, en)
		}
		if !strings.ContainsFunc(zh, isHan) {
			t.Errorf("%s in Chinese: %q", what, zh)
		}
	}
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }
