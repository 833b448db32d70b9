package main

import (
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lesson/lesson/render/ladder"
)

// version is set by the linker; see the Makefile.
var version = ""

// root builds the whole command line in the reader's language.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   a.in(say("lesson [LESSON|VERB]", "lesson [课程|命令]")),
		Short: a.in(say("TCP, live in the terminal", "在终端里现场观察 TCP")),
		Long: a.in(say(
			"lesson lets a real client and a real server talk on this machine, captures the segments the kernel sends, and draws them with the states of both ends. One key decides what becomes of each. It needs no root.",
			"lesson 在本机上让真实的客户端与服务器通信，抓取内核发出的报文段，并连同两端的状态一起画出来；按一个键就能决定每个报文段的命运。不需要 root 权限。")),
		Example: examples,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return unknownVerb(cmd, args[0])
		},
		RunE:              func(*cobra.Command, []string) error { return a.list() },
		Version:           programVersion(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddGroup(
		&cobra.Group{ID: groupLessons, Title: a.in(say("Lessons", "课程"))},
		&cobra.Group{ID: groupVerbs, Title: a.in(say("Verbs", "命令"))},
	)
	everywhere := root.PersistentFlags()
	everywhere.SortFlags = false
	a.color = colorAuto
	everywhere.Var(languageFlag{&a.lang}, "lang", a.in(say("language (default: the locale's)", "语言（默认按系统区域设置）")))
	everywhere.Var(&a.color, "color", a.in(say("colour (NO_COLOR is honoured)", "颜色（遵守 NO_COLOR）")))
	everywhere.BoolP("help", "h", false, a.in(say("show this help", "显示帮助")))
	root.Flags().Bool("version", false, a.in(say("show the version", "显示版本")))
	root.SetVersionTemplate("lesson {{.Version}}\n")

	help := a.helpCommand()
	a.verbs = []*cobra.Command{a.explainCommand(), a.watchCommand(), a.tryCommand(), a.statesCommand(), a.listCommand(), a.completionCommand(), help}
	for _, c := range a.verbs {
		c.GroupID = groupVerbs
	}
	for _, c := range a.lessonCommands() {
		c.GroupID = groupLessons
		a.verbs = append(a.verbs, c)
	}
	root.AddCommand(a.verbs...)
	root.SetHelpCommand(help)
	for name, values := range map[string][]string{"lang": {"en", "zh"}, "color": {"auto", "always", "never"}} {
		complete(root, name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { a.help(cmd, &a.told) })
	root.SetUsageFunc(func(cmd *cobra.Command) error { a.usage(cmd, a.stderr); return nil })
	root.SetFlagErrorFunc(flagProblem)
	root.SetArgs(a.args)
	root.SetIn(a.stdin)
	root.SetOut(&a.told)
	root.SetErr(a.stderr)
	return root
}

// examples are the first things to try.
const examples = `  lesson handshake
  lesson teardown
  lesson try --server 'python3 Server.py' --client 'python3 Client.py'
  sudo lesson watch --port 8080
  lesson explain capture.pcapng`

// complete completes a flag's value in a shell.
func complete(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err) // there is no such flag
	}
}

func programVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}

var plainly = say("one sentence a line, no drawing: for screen readers and grep", "每行一句话、不画图：适合读屏软件和 grep")

// outputFlags say how a story is told.
type outputFlags struct{ json, quiet, verbose, plain bool }

func (o *outputFlags) add(a *app, fl *pflag.FlagSet) {
	fl.BoolVarP(&o.quiet, "quiet", "q", false, a.in(say("no explanations", "不显示讲解")))
	fl.BoolVarP(&o.verbose, "verbose", "v", false, a.in(say("more: the header, byte by byte", "更详细：逐字节显示首部")))
	fl.BoolVar(&o.plain, "plain", false, a.in(plainly))
	fl.BoolVar(&o.json, "json", false, a.in(say("one JSON object a line, for programs", "每行一个 JSON 对象，供程序读取")))
}

// check refuses flags that contradict each other.
func (o *outputFlags) check(fl *pflag.FlagSet) error {
	for _, other := range []string{"plain", "quiet", "verbose"} {
		if err := contradiction(fl, "json", other); err != nil {
			return err
		}
	}
	return contradiction(fl, "quiet", "verbose")
}

// drawing is how to draw on w as the flags and the terminal ask.
func (a *app) drawing(w io.Writer, o *outputFlags) ladder.Options {
	_, tty := terminal(w)
	columns, rows := a.size(w)
	return ladder.Options{
		Lang: a.lang, Width: columns, Height: rows, Color: a.colored(w), ASCII: a.ascii(), Terminal: tty,
		Plain: o.plain, Quiet: o.quiet, Verbose: o.verbose,
	}
}

// contradiction is a usage error when both flags are set.
func contradiction(fl *pflag.FlagSet, one, other string) error {
	f, g := fl.Lookup(one), fl.Lookup(other)
	if f == nil || g == nil || f.Value.String() != "true" || g.Value.String() != "true" {
		return nil
	}
	return contradict(f, g)
}

func contradict(f, g *pflag.Flag) error {
	return usage(sayf("%s and %s cannot be used together", "%s 与 %s 不能同时使用", spelled(f), spelled(g)),
		say("leave one of them out", "去掉其中一个"))
}

// isFile reports whether name is a file that exists.
func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

func (a *app) listCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   a.in(say("list the lessons", "列出全部课程")),
		Example: "  lesson list",
		Args:    noArgs,
		RunE:    func(*cobra.Command, []string) error { return a.list() },
	}
}

func (a *app) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     a.in(say("help [VERB]", "help [命令]")),
		Short:   a.in(say("show the help of a lesson or a verb", "显示课程或命令的帮助")),
		Example: "  lesson help explain",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownVerb(cmd.Root(), args[len(args)-max(1, len(rest))])
			}
			a.help(about, &a.told)
			return nil
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) (names []string, d cobra.ShellCompDirective) {
			if len(args) == 0 {
				for _, c := range cmd.Root().Commands() {
					names = append(names, c.Name()+"\t"+c.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// completionCommand prints a shell's completion script.
func (a *app) completionCommand() *cobra.Command {
	write := map[string]func(*cobra.Command) error{
		"bash":       func(root *cobra.Command) error { return root.GenBashCompletionV2(a.stdout, true) },
		"zsh":        func(root *cobra.Command) error { return root.GenZshCompletion(a.stdout) },
		"fish":       func(root *cobra.Command) error { return root.GenFishCompletion(a.stdout, true) },
		"powershell": func(root *cobra.Command) error { return root.GenPowerShellCompletionWithDesc(a.stdout) },
	}
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: a.in(say("print a completion script for a shell", "输出 shell 的补全脚本")),
		Example: `  source <(lesson completion bash)
  lesson completion zsh > "${fpath[1]}/_lesson"
  lesson completion fish > ~/.config/fish/completions/lesson.fish`,
		ValidArgs: shells,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(say("completion needs the name of a shell", "completion 需要指定 shell 的名称"), say("lesson completion bash", "lesson completion bash"))
			}
			if write[args[0]] == nil {
				hint := seeHelp(cmd)
				if near := nearest(args[0], shells); near != "" {
					hint = sayf("did you mean %s?", "您是想输入 %s 吗？", near)
				}
				return usage(sayf("there is no completion for %s", "没有 %s 的补全脚本", shown(args[0])), hint)
			}
			return noArgs(cmd, args[1:])
		},
		RunE: func(cmd *cobra.Command, args []string) error { return write[args[0]](cmd.Root()) },
	}
}
