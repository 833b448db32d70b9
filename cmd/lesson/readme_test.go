package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"lesson/lesson"
)

// TestReadmeCommands tries every command the READMEs and the help show: its
// verb and its flags have to exist.
func TestReadmeCommands(t *testing.T) {
	texts := map[string]string{}
	for _, name := range []string{"README.md", "README.zh-CN.md", "docs/lessons.md", "docs/lessons.zh.md"} {
		b, err := os.ReadFile(filepath.Join(top, name))
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(b)
	}
	a := &app{getenv: os.Getenv}
	for _, c := range a.root().Commands() {
		texts["help of "+c.Name()] = c.Example
	}
	shown := regexp.MustCompile("(?m)(?:^ *|[`|] *|sudo )lesson ((?:'[^'\n]*'|[^`|#>)'\n])+)")
	for name, text := range texts {
		found := shown.FindAllStringSubmatch(text, -1)
		if len(found) == 0 && strings.HasPrefix(name, "README") {
			t.Errorf("%s shows no command", name)
		}
		for _, m := range found {
			args := shellWords(m[1])
			if err := understood(args); err != nil {
				t.Errorf("%s: lesson %s: %v", name, m[1], err)
			}
		}
	}
}

// shellWords splits a command line as a shell does, as far as quotes go.
func shellWords(line string) (args []string) {
	for _, m := range regexp.MustCompile(`'([^']*)'|(\S+)`).FindAllStringSubmatch(line, -1) {
		args = append(args, m[1]+m[2])
	}
	return args
}

// understood parses a command line without running it.
func understood(args []string) error {
	a := &app{args: args, getenv: os.Getenv}
	root := a.root()
	cmd, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	if cmd == root {
		return unknownVerb(root, args[0])
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return flagProblem(cmd, err)
	}
	if cmd.Args == nil {
		cmd.Args = cobra.ArbitraryArgs
	}
	return cmd.Args(cmd, cmd.Flags().Args())
}

// TestLessonInDocs reads the lesson that docs/lessons.md shows.
func TestLessonInDocs(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(top, "docs/lessons.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(b), "\n```\n")
	text, _, ok := strings.Cut(text, "```\n")
	if !ok {
		t.Fatal("docs/lessons.md shows no lesson")
	}
	if _, err := lesson.Parse("example", []byte(text)); err != nil {
		t.Error(err)
	}
}
