package main

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lesson/capture"
	"lesson/capture/privilege"
	"lesson/lesson"
	"lesson/lesson/render/csv"
	"lesson/lesson/render/events"
	"lesson/lesson/render/ladder"
	"lesson/lesson/render/lines"
	"lesson/lesson/tcp"
)

// explainFlags are explain's flags.
type explainFlags struct {
	outputFlags
	choice
	stream  int // -1: all
	vantage tcp.Vantage
	summary bool
	format  formatFlag
	noPager bool
}

func (a *app) explainCommand() *cobra.Command {
	f := &explainFlags{stream: -1, choice: choice{sort: "stream"}}
	cmd := &cobra.Command{
		Use:   a.in(say("explain FILE…|DIRECTORY|-", "explain 文件…|目录|-")),
		Short: a.in(say("explain the connections in a pcap or pcapng file", "讲解 pcap 或 pcapng 文件中的连接")),
		Long: a.in(say(
			"explain reads captures, packed with gzip or zstd or not, and draws the connection. If there are several, it prints a table with one line each; --stream draws one of them. The flags below choose connections: when only one is left, it is drawn. Several files, or those of a directory, are read as one, in the order of their packets' times.",
			"explain 读取抓包文件（可用 gzip 或 zstd 压缩）并画出其中的连接。若有多个连接，则输出一张表，每个连接一行；用 --stream 画出其中一个。下面的选项用来挑选连接：只剩一个时就把它画出来。多个文件或一个目录中的文件，按数据包的时间合并成一份来读。")),
		Example: a.in(say(`  lesson explain capture.pcapng
  lesson explain --stream 3 capture.pcap.gz

  # who was reset by the server? who never closed?
  lesson explain --closed reset-by-server capture.pcap
  lesson explain --state CLOSE_WAIT --sort duration captures/

  # one host's connections; every RST with both ends' states
  lesson explain --filter 'host 192.0.2.1 and port 443' capture.pcap
  lesson explain --filter 'tcp[tcpflags] & tcp-rst != 0' --json capture.pcap

  lesson explain --format csv capture.pcap > connections.csv
  sudo tcpdump -i lo -U -w - tcp | lesson explain --json -`, `  lesson explain capture.pcapng
  lesson explain --stream 3 capture.pcap.gz

  # 哪些连接被服务器重置？哪些一直没有关闭？
  lesson explain --closed reset-by-server capture.pcap
  lesson explain --state CLOSE_WAIT --sort duration captures/

  # 某台主机的连接；每个 RST 以及两端的状态
  lesson explain --filter 'host 192.0.2.1 and port 443' capture.pcap
  lesson explain --filter 'tcp[tcpflags] & tcp-rst != 0' --json capture.pcap

  lesson explain --format csv capture.pcap > connections.csv
  sudo tcpdump -i lo -U -w - tcp | lesson explain --json -`)),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(say("explain needs a file", "explain 需要一个文件"),
					say("lesson explain FILE.pcap, or - for a pipe", "lesson explain 文件.pcap，管道用 -"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd.Flags()); err != nil {
				return err
			}
			return a.explain(f, args)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"pcap", "pcapng", "cap", "gz", "zst"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	opened, closed, state := openedFlag(&f.opened), closedFlag(&f.closed), stateFlag(&f.state)
	fl.Var((*streamFlag)(&f.stream), "stream", a.in(say("draw the connection with this number", "画出该编号的连接")))
	fl.Var(filterFlag{&f.filter}, "filter", a.in(say("the segments this selects, and their connections, in tcpdump's language: 'host 192.0.2.1 and port 443'", "只看选中的报文段及其连接，用 tcpdump 的语法：'host 192.0.2.1 and port 443'")))
	fl.Var(state, "state", a.in(say("connections with an end that is left in this state", "最后有一端处于该状态的连接")))
	fl.Var(opened, "opened", a.in(sayf("connections opened in one of these ways: %s", "以这些方式打开的连接：%s", strings.Join(opened.known, ", "))))
	fl.Var(closed, "closed", a.in(sayf("connections closed in one of these ways: %s", "以这些方式关闭的连接：%s", strings.Join(closed.known, ", "))))
	fl.BoolVar(&f.summary, "summary", false, a.in(say("one line per connection, even if there is only one", "每个连接一行，即使只有一个连接")))
	fl.Var((*sortFlag)(&f.sort), "sort", a.in(sayf("the table's order: %s", "表的顺序：%s", strings.Join(orderNames, ", "))))
	fl.IntVar(&f.limit, "limit", 0, a.in(say("no more than the first `N` connections", "最多显示前 `N` 个连接")))
	fl.Var((*vantageFlag)(&f.vantage), "vantage", a.in(say("where the capture was taken: client (it sent the SYN), server, or middle; auto: not known, so a segment counts as arrived until a later one shows that it has not", "在哪里抓的包：client（客户端，即发出 SYN 的一端）、server（服务器）或 middle（途中）；auto：未知，报文段先一律视为已经到达，直到后面的报文段表明并非如此")))
	f.outputFlags.add(a, fl)
	fl.Var(&f.format, "format", a.in(say("text: every segment as one line, in tcpdump's manner, with both states; json; csv: the table, for spreadsheets", "text：每个报文段一行，写法与 tcpdump 相近，并附两端状态；json；csv：供电子表格使用的表")))
	fl.BoolVar(&f.noPager, "no-pager", false, a.in(say("never turn pages ($PAGER)", "从不分页（$PAGER）")))
	for name, values := range map[string][]string{"state": state.known, "opened": opened.known, "closed": closed.known, "sort": orderNames, "format": formats, "vantage": vantages} {
		complete(cmd, name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	for _, name := range []string{"stream", "filter", "limit"} {
		complete(cmd, name, cobra.NoFileCompletions)
	}
	return cmd
}

// check refuses flags that contradict each other.
func (f *explainFlags) check(fl *pflag.FlagSet) error {
	if err := f.outputFlags.check(fl); err != nil {
		return err
	}
	for _, pair := range [][2]string{{"stream", "summary"}, {"stream", "state"}, {"stream", "opened"}, {"stream", "closed"}, {"stream", "sort"}, {"stream", "limit"},
		{"json", "format"}, {"format", "plain"}, {"format", "quiet"}} {
		if fl.Changed(pair[0]) && fl.Changed(pair[1]) {
			return contradict(fl.Lookup(pair[0]), fl.Lookup(pair[1]))
		}
	}
	if f.limit < 0 || fl.Changed("limit") && f.limit == 0 {
		return usage(say("--limit takes a number from 1", "--limit 取 1 以上的数"), say("--limit 20", "--limit 20"))
	}
	f.json = f.json || f.format == "json"
	if f.verbose && (f.json || f.format == "csv") {
		return contradict(fl.Lookup("format"), fl.Lookup("verbose"))
	}
	for _, table := range []string{"summary", "sort", "limit"} {
		if f.format == "text" && fl.Changed(table) {
			return contradict(fl.Lookup("format"), fl.Lookup(table))
		}
	}
	return nil
}

// options are what is to be told of a capture.
func (f *explainFlags) options(c *captures) lesson.ExplainOptions {
	opt := lesson.ExplainOptions{Name: c.name(), Follow: c.piped, Vantage: f.vantage}
	if f.filter != nil {
		opt.Match = f.filter.Match
	}
	switch {
	case f.stream >= 0:
		opt.Detail, opt.Stream = lesson.OneStream, f.stream
	case f.format == "text":
		opt.Detail = lesson.Everything
	case f.summary, f.format == "csv", f.byItself(), f.filter != nil && !f.json, f.sort != "stream", f.limit > 0:
		opt.Detail = lesson.Table
	case f.json:
		opt.Detail = lesson.Everything
	}
	opt.Terse = f.format == "text"
	return opt
}

// explain tells what captures hold.
func (a *app) explain(f *explainFlags, names []string) error {
	c, err := a.openCaptures(names)
	if err != nil {
		return err
	}
	defer c.Close()
	if c.piped && f.format == "text" && f.byItself() {
		return usage(say("the segments of a pipe are gone before it is known what became of their connections", "管道中的报文段读过即逝，而连接的结局要到后面才知道"),
			say("save the capture in a file, and explain that", "请先把抓包保存成文件，再讲解该文件"))
	}
	// What is in a capture is anybody's; nothing of it needs a privilege.
	if err := privilege.GiveUp(); err != nil {
		return err
	}
	c.stop = untilStopped()
	out := a.explanation(c, f)
	switch err := c.order(); {
	case errors.Is(err, capture.Stopped):
		return errors.Join(out.close(), exit(c.stop.code()))
	case err != nil:
		return errors.Join(err, out.close())
	}
	opt := f.options(c)
	t, one := a.teller(out, opt, f, c)
	if f.format == "text" && f.byItself() {
		err = explainChosen(c, opt, f, t)
	} else {
		err = lesson.Explain(c, opt, halting{t, c})
	}
	if stream, ok := one.alone(); ok && !c.ended() {
		err = errors.Join(err, a.drawSole(c, opt, f, out, stream))
	} else if ok { // the file was not read to its end: what is known is its line
		err = errors.Join(err, one.tell())
	}
	stopped := c.ended() // in the pager Ctrl-C is a key
	err = errors.Join(err, out.close())
	if err == nil && stopped {
		return exit(c.stop.code()) // a file that was not read to its end
	}
	return err
}

// teller is who tells it on out. If there may be only one connection left, it
// is told apart: a ladder is worth more than a table with one line.
func (a *app) teller(out io.Writer, opt lesson.ExplainOptions, f *explainFlags, c *captures) (t lesson.Teller, one *sole) {
	switch {
	case f.format == "csv":
		t = csv.New(out)
	case f.format == "text":
		w := lines.New(out, a.lang)
		w.Verbose = f.verbose
		t = w
	case f.json && opt.Detail == lesson.Table:
		t = connections{events.New(out)}
	case f.json:
		t = events.New(out)
	default:
		o := a.drawing(a.stdout, &f.outputFlags)
		_, screen := terminal(a.stdout)
		o.All = f.some() || f.sort != "stream" || f.limit > 0 || !screen && !f.summary
		t = &fitting{w: out, o: o}
	}
	if f.sort != "stream" || f.limit > 0 {
		t = &sorted{Teller: t, less: orders[f.sort], limit: f.limit}
	}
	if f.some() && opt.Detail == lesson.Table && !f.summary && !f.json && f.format == "" && !c.piped {
		one = &sole{Teller: t}
		t = one
	}
	if f.some() && opt.Detail == lesson.Table {
		t = &chosen{Teller: t, choice: &f.choice}
	}
	return t, one
}

// explainChosen tells the segments of the connections that are chosen by what
// became of them. That is known when they have been read: they are read again.
func explainChosen(c *captures, opt lesson.ExplainOptions, f *explainFlags, t lesson.Teller) error {
	first, found := opt, &numbers{Teller: t}
	first.Detail = lesson.Table
	err := lesson.Explain(c, first, halting{&chosen{Teller: found, choice: &f.choice}, c})
	if len(found.set) == 0 || c.ended() {
		return err
	}
	if err := c.again(); err != nil {
		return err
	}
	opt.Only = found.has
	return lesson.Explain(c, opt, halting{t, c})
}

// drawSole draws the only connection that was chosen.
func (a *app) drawSole(c *captures, opt lesson.ExplainOptions, f *explainFlags, out io.Writer, stream int) error {
	if err := c.again(); err != nil {
		return err
	}
	opt.Detail, opt.Stream, opt.Match = lesson.OneStream, stream, nil
	return lesson.Explain(c, opt, halting{&fitting{w: out, o: a.drawing(a.stdout, &f.outputFlags)}, c})
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
	case *lesson.Segment, *lesson.ICMP:
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

// formatFlag is a format for programs.
type formatFlag string

var formats = []string{"text", "json", "csv"}

func (f *formatFlag) String() string { return string(*f) }
func (f *formatFlag) Type() string   { return "FORMAT" }

func (f *formatFlag) Set(s string) error {
	if !slices.Contains(formats, s) {
		return usage(sayf("there is no format %s", "没有 %s 这种格式", shown(s)), sayf("--format takes one of: %s", "--format 可取：%s", strings.Join(formats, ", ")))
	}
	*f = formatFlag(s)
	return nil
}

// vantageFlag is where a capture was taken.
type vantageFlag tcp.Vantage

var vantages = names(tcp.Anywhere, tcp.Between)

func (v *vantageFlag) String() string { return "" }
func (v *vantageFlag) Type() string   { return "WHERE" }

func (v *vantageFlag) Set(s string) error {
	i := slices.Index(vantages, s)
	if i < 0 {
		return usage(sayf("no capture is taken at %s", "没有 %s 这个抓包位置", shown(s)), sayf("--vantage takes one of: %s", "--vantage 可取：%s", strings.Join(vantages, ", ")))
	}
	*v = vantageFlag(i)
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
