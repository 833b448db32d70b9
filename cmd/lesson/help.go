package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lesson/lesson/lang"
	"lesson/lesson/render/text"
)

// The two groups the verbs stand in.
const (
	groupLessons = "lessons"
	groupVerbs   = "verbs"
)

// exitCodes is what a caller's script can rely on.
var exitCodes = []struct {
	code int
	text lang.Text
}{
	{0, say("all went well", "一切正常")},
	{lang.ExitFailure, say("something went wrong: a damaged file, a port in use", "出错：文件损坏、端口被占用等")},
	{lang.ExitUsage, say("an unknown lesson, verb or flag", "课程、命令或选项有误")},
	{lang.ExitRefused, say("this needs a capture, which the machine does not allow; the hint says what helps", "需要抓包，而本机不允许；提示会说明怎么办")},
	{lang.ExitDiffers, say("the lesson ran, but the kernel did not do what it promises", "课程已运行，但内核的表现与课程的预期不同")},
	{lang.ExitSignal, say("stopped by Ctrl-C", "被 Ctrl-C 中断")},
}

// help writes a command's whole help.
func (a *app) help(cmd *cobra.Command, w io.Writer) {
	if s := cmd.Long; s != "" {
		a.paragraph(w, s)
	} else if cmd.Short != "" {
		a.paragraph(w, cmd.Short)
	}
	fmt.Fprintln(w)
	a.usage(cmd, w)
	if cmd.Example != "" {
		a.heading(w, say("Examples", "示例"))
		fmt.Fprintln(w, strings.Trim(cmd.Example, "\n"))
	}
	if cmd.HasAvailableSubCommands() {
		for _, g := range cmd.Groups() {
			fmt.Fprintf(w, "\n%s\n", g.Title)
			var rows [][2]string
			for _, c := range a.verbs {
				if c.GroupID == g.ID {
					rows = append(rows, [2]string{c.Name(), c.Short})
				}
			}
			a.table(w, rows)
		}
	}
	everywhere := cmd.Root().PersistentFlags()
	a.flags(w, say("Flags", "选项"), cmd.Flags(), func(f *pflag.Flag) bool { return everywhere.Lookup(f.Name) == nil })
	a.flags(w, say("Flags everywhere", "通用选项"), everywhere, func(*pflag.Flag) bool { return true })
	a.heading(w, say("Exit codes", "退出码"))
	var rows [][2]string
	for _, e := range exitCodes {
		rows = append(rows, [2]string{fmt.Sprint(e.code), a.in(e.text)})
	}
	a.table(w, rows)
}

// usage writes a command's one line of usage.
func (a *app) usage(cmd *cobra.Command, w io.Writer) {
	line := cmd.CommandPath()
	if _, rest, ok := strings.Cut(cmd.Use, " "); ok {
		line += " " + rest
	}
	fmt.Fprintf(w, "%s\n  %s %s\n", a.in(say("Usage", "用法")), line, a.in(say("[flags]", "[选项]")))
}

func (a *app) heading(w io.Writer, t lang.Text) { fmt.Fprintf(w, "\n%s\n", a.in(t)) }

// flags writes those flags of a set that are wanted, in the order they were defined.
func (a *app) flags(w io.Writer, title lang.Text, set *pflag.FlagSet, wanted func(*pflag.Flag) bool) {
	var rows [][2]string
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || !wanted(f) {
			return
		}
		value, use := pflag.UnquoteUsage(f)
		if f.Value.Type() == "bool" {
			value = ""
		}
		name := spelled(f)
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		} else if len(f.Name) > 1 {
			name = "    " + name
		}
		rows = append(rows, [2]string{strings.TrimRight(name+" "+value, " "), use})
	})
	if len(rows) > 0 {
		a.heading(w, title)
		a.table(w, rows)
	}
}

// table writes two columns, the second wrapped to the width.
func (a *app) table(w io.Writer, rows [][2]string) {
	left := 0
	for _, r := range rows {
		left = max(left, text.Width(r[0]))
	}
	for _, r := range rows {
		head := "  " + text.Pad(r[0], left) + "  "
		indent := text.Width(head)
		for i, line := range text.Wrap(r[1], a.width(w)-indent) {
			if i > 0 {
				head = strings.Repeat(" ", indent)
			}
			fmt.Fprintf(w, "%s%s\n", head, line)
		}
	}
}

func (a *app) paragraph(w io.Writer, s string) {
	for _, line := range text.Wrap(s, a.width(w)) {
		fmt.Fprintln(w, line)
	}
}
