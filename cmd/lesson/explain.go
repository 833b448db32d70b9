package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"lesson/capture"
	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/events"
	"lesson/lesson/render/ladder"
	"lesson/lesson/render/lines"
)

// explainFlags are explain's flags.
type explainFlags struct {
	outputFlags
	stream  int // -1: all
	summary bool
	format  formatFlag
}

func (a *app) explainCommand() *cobra.Command {
	f := &explainFlags{stream: -1}
	cmd := &cobra.Command{
		Use:   a.in(say("explain FILE|-", "explain 文件|-")),
		Short: a.in(say("explain the connections in a pcap or pcapng file", "讲解 pcap 或 pcapng 文件中的连接")),
		Long: a.in(say(
			"explain reads a capture and draws its connection. If there are several, it prints a table with one line each; --stream draws one of them.",
			"explain 读取抓包文件并画出其中的连接。若有多个连接，则输出一张表，每个连接一行；用 --stream 画出其中一个。")),
		Example: `  lesson explain capture.pcapng
  lesson explain --stream 3 capture.pcap
  lesson explain --summary --json capture.pcap
  sudo tcpdump -i lo -c 10 -U -w - tcp | lesson explain -`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(say("explain needs a file", "explain 需要一个文件"),
					say("lesson explain FILE.pcap, or - for a pipe", "lesson explain 文件.pcap，管道用 -"))
			}
			return noArgs(cmd, args[1:])
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd.Flags()); err != nil {
				return err
			}
			if f.stream >= 0 && f.summary {
				return usage(say("--stream and --summary cannot be used together", "--stream 与 --summary 不能同时使用"),
					say("leave one of them out", "去掉其中一个"))
			}
			if f.format != "" && (f.summary || f.json || f.plain) {
				return usage(say("--format cannot be used together with --summary, --json or --plain", "--format 不能与 --summary、--json 或 --plain 同时使用"),
					say("leave one of them out", "去掉其中一个"))
			}
			return a.explain(f, args[0])
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return []string{"pcap", "pcapng", "cap"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.Var((*streamFlag)(&f.stream), "stream", a.in(say("draw the connection with this number", "画出该编号的连接")))
	fl.BoolVar(&f.summary, "summary", false, a.in(say("one line per connection, even if there is only one", "每个连接一行，即使只有一个连接")))
	f.outputFlags.add(a, fl)
	fl.Var(&f.format, "format", a.in(say("text: every segment as one line, in tcpdump's manner, with both states", "text：每个报文段一行，写法与 tcpdump 相近，并附两端状态")))
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]cobra.Completion{"text"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// explain tells what a capture file holds.
func (a *app) explain(f *explainFlags, name string) error {
	in, err := a.open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	stopped := untilStopped()
	var from io.Reader = in
	if name == "-" {
		from = newPipe(in, stopped)
	}
	file, err := capture.Open(from)
	if err != nil {
		return err
	}
	var src lesson.Source = file
	if name != "-" {
		src = &stoppable{file, stopped}
	}
	opt := lesson.ExplainOptions{Name: filepath.Base(name)}
	switch {
	case f.summary:
		opt.Detail = lesson.Table
	case f.stream >= 0:
		opt.Detail, opt.Stream = lesson.OneStream, f.stream
	case f.json, f.format != "":
		opt.Detail = lesson.Everything
	}
	opt.Terse = f.format != ""
	w := bufio.NewWriterSize(a.stdout, 64<<10)
	var t lesson.Teller = events.New(w)
	switch {
	case f.format != "":
		t = lines.New(w, a.lang)
	case !f.json:
		t = &fitting{w: w, o: a.drawing(a.stdout, &f.outputFlags)}
	case f.summary:
		t = connections{t}
	}
	err = errors.Join(lesson.Explain(src, opt, t), w.Flush())
	select {
	case <-stopped:
		if err == nil && name != "-" {
			return exit(lang.ExitSignal) // a file that was not read to its end
		}
	default:
	}
	return err
}

// fitting draws a ladder when segments are told, and a table when none are.
type fitting struct {
	w       io.Writer
	o       ladder.Options
	opening *lesson.Opening
	as      lesson.Teller
}

// Tell holds the opening back until it is clear which of the two it opens.
func (f *fitting) Tell(e lesson.Event) error {
	if f.as != nil {
		return f.as.Tell(e)
	}
	switch e := e.(type) {
	case *lesson.Opening:
		f.opening = e
		return nil
	case *lesson.Segment:
		f.as = ladder.New(f.w, f.o)
	default:
		f.as = ladder.NewTable(f.w, f.o)
	}
	if f.opening != nil {
		if err := f.as.Tell(f.opening); err != nil {
			return err
		}
	}
	return f.as.Tell(e)
}

// connections passes on the connections alone.
type connections struct{ lesson.Teller }

// Tell drops every other event.
func (c connections) Tell(e lesson.Event) error {
	if _, ok := e.(*lesson.Connection); !ok {
		return nil
	}
	return c.Teller.Tell(e)
}

// open opens a capture file; "-" is stdin, if something is piped into it.
func (a *app) open(name string) (io.ReadCloser, error) {
	if name == "-" {
		if _, ok := terminal(a.stdin); ok {
			return nil, usage(say("- reads from a pipe, but nothing is piped in", "- 表示从管道读取，但现在没有管道"),
				say("sudo tcpdump -i lo -U -w - tcp | lesson explain -", "sudo tcpdump -i lo -U -w - tcp | lesson explain -"))
		}
		return io.NopCloser(a.stdin), nil
	}
	f, err := os.Open(name)
	if err == nil {
		var info os.FileInfo
		if info, err = f.Stat(); err == nil && info.IsDir() {
			err = syscall.EISDIR
		}
	}
	if err != nil {
		return nil, fileProblem(name, err)
	}
	return f, nil
}

// formatFlag is a form of output that is neither drawn nor JSON.
type formatFlag string

func (f *formatFlag) String() string { return string(*f) }
func (f *formatFlag) Type() string   { return "FORMAT" }

func (f *formatFlag) Set(s string) error {
	if s != "text" {
		return usage(sayf("there is no format %s", "没有 %s 这种格式", shown(s)), say("--format takes text", "--format 可取 text"))
	}
	*f = formatFlag(s)
	return nil
}

// streamFlag is the number of a connection.
type streamFlag int

func (n *streamFlag) String() string { return "" }
func (n *streamFlag) Type() string   { return "N" }

func (n *streamFlag) Set(s string) error {
	v, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return usage(sayf("%s is not the number of a connection", "%s 不是连接的编号", shown(s)),
			say("lesson explain FILE shows the numbers in its first column, from 0", "lesson explain 文件 的第一列列出编号，从 0 开始"))
	}
	*n = streamFlag(v)
	return nil
}
