package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lesson/lesson/lang"
)

// exit is an exit code for which nothing is left to be said.
type exit int

func (e exit) Error() string { return "exit " + strconv.Itoa(int(e)) }

// report tells a person what went wrong and how to go on, and returns the
// exit code.
func (a *app) report(err error) int {
	var code exit
	ended := errors.As(err, &code) // something may have gone wrong all the same
	p, ok := lang.AsProblem(err)
	if file := (*fs.PathError)(nil); !ok && errors.As(err, &file) {
		p, ok = fileProblem(file.Path, file.Err), true
	}
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE): // the reader has seen enough
		return int(code)
	case ended && !ok:
		return int(code)
	case !ok:
		p = &lang.Problem{What: say(err.Error(), err.Error())}
	}
	fmt.Fprintf(a.stderr, "lesson: %s\n", a.in(p.What))
	if hint := a.in(p.Hint); hint != "" {
		fmt.Fprintf(a.stderr, "%s%s\n", a.in(say("hint: ", "提示：")), hint)
	}
	switch {
	case ended:
		return int(code)
	case p.Code == 0:
		return lang.ExitFailure
	}
	return p.Code
}

// usage is a mistake in the command line; the way out is hint.
func usage(what, hint lang.Text) *lang.Problem {
	return &lang.Problem{What: what, Hint: hint, Code: lang.ExitUsage}
}

// sayf formats a sentence in both languages with the same arguments.
func sayf(en, zh string, args ...any) lang.Text {
	return say(fmt.Sprintf(en, args...), fmt.Sprintf(zh, args...))
}

// sayBoth formats a sentence in both languages around another.
func sayBoth(en, zh string, part lang.Text) lang.Text {
	return say(fmt.Sprintf(en, part.EN), fmt.Sprintf(zh, part.ZH))
}

// seeHelp is the hint where no better one is known.
func seeHelp(cmd *cobra.Command) lang.Text {
	return sayf("%s --help", "%s --help", cmd.CommandPath())
}

// flagProblem words what pflag found wrong with a flag.
func flagProblem(cmd *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
		syntax  *pflag.InvalidSyntaxError
	)
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(cmd, unknown)
	case errors.As(err, &missing):
		f := missing.GetFlag()
		return usage(sayf("%s needs a value", "%s 需要一个值", spelled(f)), valueOf(f))
	case errors.As(err, &invalid):
		if p, ok := lang.AsProblem(invalid.Unwrap()); ok {
			return p
		}
		f := invalid.GetFlag()
		return usage(sayf("%s does not take %s", "%s 不接受 %s", spelled(f), shown(invalid.GetValue())), valueOf(f))
	case errors.As(err, &syntax):
		return usage(sayf("%s is not a flag", "%s 不是一个选项", shown(syntax.GetSpecifiedFlag())), seeHelp(cmd))
	}
	return usage(say(err.Error(), err.Error()), seeHelp(cmd))
}

// valueOf shows how a flag is written: "--port PORT".
func valueOf(f *pflag.Flag) lang.Text {
	name, _ := pflag.UnquoteUsage(f)
	if f.NoOptDefVal != "" {
		name = ""
	}
	s := strings.TrimSpace(spelled(f) + " " + name)
	return say(s, s)
}

// spelled is a flag as it is typed: "--port", "-w".
func spelled(f *pflag.Flag) string {
	if len(f.Name) == 1 {
		return "-" + f.Name
	}
	return "--" + f.Name
}

func unknownFlag(cmd *cobra.Command, e *pflag.NotExistError) error {
	typed := "--" + e.GetSpecifiedName()
	if e.GetSpecifiedShortnames() != "" {
		typed = "-" + e.GetSpecifiedName()
	}
	what := sayf("unknown flag %s", "未知选项 %s", shown(typed))
	if verb := ownerOf(cmd.Root(), e.GetSpecifiedName()); !cmd.HasParent() && verb != "" {
		s := fmt.Sprintf("lesson %s %s", verb, shown(typed))
		return usage(what, sayf("put flags after the verb: %s", "选项要写在命令之后：%s", s))
	}
	var known []string
	add := func(f *pflag.Flag) {
		if !f.Hidden {
			known = append(known, f.Name)
		}
	}
	cmd.Flags().VisitAll(add)
	cmd.InheritedFlags().VisitAll(add)
	if near := nearest(e.GetSpecifiedName(), known); near != "" {
		f := cmd.Flag(near)
		return usage(what, sayf("did you mean %s?", "您是想输入 %s 吗？", spelled(f)))
	}
	return usage(what, seeHelp(cmd))
}

// ownerOf finds a verb that has the flag.
func ownerOf(root *cobra.Command, name string) string {
	for _, c := range root.Commands() {
		if c.Flags().Lookup(name) != nil {
			return c.Name()
		}
	}
	return ""
}

// unknownVerb words a first word that is neither a verb nor a lesson.
func unknownVerb(root *cobra.Command, word string) error {
	what := sayf("there is no lesson or verb %s", "没有名为 %s 的课程或命令", shown(word))
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(append(names, c.Name()), c.Aliases...)
		}
	}
	if near := nearest(word, names); near != "" {
		return usage(what, sayf("did you mean lesson %s?", "您是想输入 lesson %s 吗？", near))
	}
	if isFile(word) {
		return usage(what, sayf("to read a capture: lesson explain %s", "读取抓包文件请用：lesson explain %s", shown(word)))
	}
	return usage(what, say("lesson list", "lesson list"))
}

// noArgs is for verbs that take no further word.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage(sayf("%s takes no further argument, but %s was given", "%s 之后不应再有参数，却出现了 %s",
		cmd.CommandPath(), shown(args[0])), seeHelp(cmd))
}

// shown is a word of the caller's as it may stand on a terminal.
func shown(word string) string {
	if q := strconv.QuoteToGraphic(word); word == "" || q != `"`+word+`"` {
		return q
	}
	return word
}

// fileProblem words why a file cannot be opened, read or written.
func fileProblem(name string, err error) *lang.Problem {
	name = shown(name)
	p := &lang.Problem{What: sayBoth(name+": %s", name+"：%s", fileCause(err)), Err: err}
	switch {
	case errors.Is(err, fs.ErrPermission):
		p.Hint = sayf("see who may use it: ls -l %s", "查看谁有权使用它：ls -l %s", name)
	case errors.Is(err, syscall.EISDIR):
		p.What = sayf("%s is a directory", "%s 是一个目录", name)
	case errors.Is(err, syscall.EMFILE):
		p.Hint = say("ulimit -n says how many may be open at once", "用 ulimit -n 查看最多可以同时打开多少个文件")
	}
	return p
}

// fileCause is why a file cannot be used, without its name.
func fileCause(err error) lang.Text {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return say("no such file or directory", "没有那个文件或目录")
	case errors.Is(err, fs.ErrPermission):
		return say("permission denied", "权限不足")
	case errors.Is(err, syscall.ENOSPC):
		return say("no space left on the disk", "磁盘空间已满")
	case errors.Is(err, syscall.EMFILE):
		return say("too many files are open", "打开的文件过多")
	}
	if file := (*fs.PathError)(nil); errors.As(err, &file) {
		err = file.Err // the name has been said
	}
	return say(err.Error(), err.Error())
}
