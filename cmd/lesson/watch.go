package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"lesson/capture"
	"lesson/capture/owners"
	"lesson/capture/private"
	"lesson/capture/privilege"
	"lesson/capture/sockets"
	"lesson/lesson"
	"lesson/lesson/follow"
	"lesson/lesson/lang"
	"lesson/lesson/render/events"
	"lesson/lesson/render/ladder"
	"lesson/lesson/render/lines"
)

// watchFlags are watch's flags.
type watchFlags struct {
	ports               portsFlag
	iface               string
	top                 bool
	private, host       bool
	write               string
	plain, json, detail bool
	command             []string
}

func (a *app) watchCommand() *cobra.Command {
	f := &watchFlags{iface: loopback}
	cmd := &cobra.Command{
		Use:   a.in(say("watch [-- COMMAND ARGS...]", "watch [-- 命令 参数...]")),
		Short: a.in(say("watch the connections of programs that are running", "观察正在运行的程序的连接")),
		Long: a.in(say(
			"watch follows every TCP connection on an interface, or on all: each segment, the states of both ends, and which program keeps a connection from closing. With a command it runs it, as the person who called sudo, and ends when the command and its connections have ended; without root, the command runs in a private network in which nothing else is. "+
				"On a terminal a busy interface is shown as a summary; elsewhere there is one line for each segment, as with tcpdump and with both states behind it. Lines that begin with # are no segments. "+
				"The command's exit code becomes watch's own, 127 if there is no such command. When the output is not a terminal, the command's own output goes to stderr.",
			"watch 跟踪一个接口（或所有接口）上的每个 TCP 连接：每个报文段、两端的状态，以及是哪个程序使连接迟迟不能关闭。给出命令时，它以调用 sudo 的用户身份运行该命令，并在命令及其连接结束后结束；没有 root 权限时，命令在一个没有其他程序的私有网络中运行。"+
				"在终端上，繁忙的接口以汇总画面显示；不在终端上时，每个报文段一行，格式如 tcpdump，行末是两端的状态，以 # 开头的行不是报文段。"+
				"命令的退出码就是 watch 的退出码，找不到命令时为 127。输出不是终端时，命令自身的输出转到标准错误。")),
		Example: `  sudo lesson watch
  sudo lesson watch --port 8080 --port 5432
  sudo lesson watch -i any --top
  sudo lesson watch --port 443 -i eth0 -- curl -s https://example.com
  lesson watch -- sh -c 'python3 -m http.server 8000 & sleep 1; curl -s localhost:8000 >/dev/null'
  sudo lesson watch --json | jq 'select(.event == "socket" and .waits)'`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch dash := cmd.ArgsLenAtDash(); {
			case len(args) > 0 && dash != 0:
				command := make([]string, len(args))
				for i, word := range args {
					command[i] = shown(word)
				}
				return usage(sayf("watch does not know what to do with %s", "watch 不知道 %s 是什么意思", shown(args[0])),
					sayf("to run a command and watch it: lesson watch -- %s", "要运行并观察一个命令：lesson watch -- %s", strings.Join(command, " ")))
			case len(args) == 0 && dash == 0:
				return usage(say("there is no command after --", "-- 之后没有命令"), say("lesson watch -- COMMAND", "lesson watch -- 命令"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, pair := range [][2]string{{"json", "plain"}, {"json", "verbose"}, {"json", "top"}, {"plain", "verbose"}, {"plain", "top"}, {"host", "private"}} {
				if err := contradiction(cmd.Flags(), pair[0], pair[1]); err != nil {
					return err
				}
			}
			if f.top && len(args) > 0 {
				return usage(say("--top cannot be kept up with a command: it writes to the same screen", "带命令时不能使用 --top：命令也在同一个屏幕上输出"),
					say("run the command elsewhere, and here: sudo lesson watch --top", "请在别处运行命令，在这里运行：sudo lesson watch --top"))
			}
			f.command = args
			return a.watch(f)
		},
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.Var(&f.ports, "port", a.in(say("only segments from or to this port; may be given several times", "只看来自或发往该端口的报文段；可以给出多次")))
	fl.StringVarP(&f.iface, "interface", "i", loopback, a.in(say("the network `INTERFACE`, or any (default lo)", "网络接口 `INTERFACE`，或者 any（所有接口；默认 lo）")))
	fl.BoolVar(&f.top, "top", false, a.in(say("the summary from the start; not with a command", "一开始就显示汇总画面；不能与命令同用")))
	fl.BoolVar(&f.private, "private", false, a.in(say("run the command in a private network, even as root", "在私有网络中运行命令，即使是 root")))
	fl.BoolVar(&f.host, "host", false, a.in(say("run the command on the host, or not at all", "只在主机网络中运行命令")))
	fl.StringVarP(&f.write, "write", "w", "", a.in(say("save the capture in `FILE.pcapng`; - is stdout", "把抓包保存到 `FILE.pcapng`；- 表示标准输出")))
	fl.BoolVarP(&f.detail, "verbose", "v", false, a.in(say("say why under each segment", "在每个报文段下说明原因")))
	fl.BoolVar(&f.plain, "plain", false, a.in(say("one line a segment, on a terminal too", "每个报文段一行，在终端上也是如此")))
	fl.BoolVar(&f.json, "json", false, a.in(say("one JSON object a line, for programs", "每行一个 JSON 对象，供程序读取")))
	complete(cmd, "port", cobra.NoFileCompletions)
	complete(cmd, "write", cobra.FixedCompletions([]string{"pcapng"}, cobra.ShellCompDirectiveFilterFileExt))
	return cmd
}

// portsFlag collects ports.
type portsFlag []uint16

func (p *portsFlag) Type() string { return "PORT" }

func (p *portsFlag) String() string {
	var s []string
	for _, n := range *p {
		s = append(s, strconv.Itoa(int(n)))
	}
	return strings.Join(s, ", ")
}

func (p *portsFlag) Set(s string) error {
	var one portFlag
	if err := one.Set(s); err != nil {
		return err
	}
	if len(*p) >= capture.MaxPorts {
		return usage(sayf("more than %d ports", "端口多于 %d 个", capture.MaxPorts), say("leave --port out to watch all", "不写 --port 即可观察全部端口"))
	}
	if !slices.Contains(*p, uint16(one)) {
		*p = append(*p, uint16(one))
	}
	return nil
}

// watch watches where the flags and the rights of this process want it: a
// command of an ordinary user runs in a private network, which needs a second
// process. So does a screen, which has to be put back whatever happens.
func (a *app) watch(f *watchFlags) error {
	if err := a.checkStdout(f.write, f.json); err != nil {
		return err
	}
	if f.private && len(f.command) == 0 {
		return usage(say("in a private network there is nothing to watch but a command", "私有网络中除了您给出的命令，没有别的可观察"),
			say("lesson watch --private -- COMMAND", "lesson watch --private -- 命令"))
	}
	place := lesson.Host
	if len(f.command) > 0 && (f.private || !f.host && os.Geteuid() != 0) {
		place = lesson.Private
	}
	if place == lesson.Private && f.iface != loopback && f.iface != capture.Any {
		return usage(sayf("without root, or with --private, the command runs in a private network; there is no %s there", "没有 root 权限或使用 --private 时，命令在私有网络中运行，那里没有 %s", shown(f.iface)),
			sayf("as root, without --private: sudo lesson watch -i %s -- %s", "请以 root 身份运行，不加 --private：sudo lesson watch -i %s -- %s", shown(f.iface), strings.Join(f.command, " ")))
	}
	switch {
	case private.Child():
		if err := private.Enter(a.args); err != nil {
			return err
		}
	case place == lesson.Private, a.takesKeys(f):
		code, err := private.Run(private.Options{Args: a.args, Host: place == lesson.Host, Processes: true, Started: privilege.Shield})
		if err != nil {
			return err
		}
		return exit(code)
	}
	return a.watchHere(f, place)
}

// onScreen reports whether the connections are drawn for a person.
func (a *app) onScreen(f *watchFlags) bool {
	_, tty := terminal(a.screen(f.write))
	return tty && !f.plain && !f.json && a.getenv("TERM") != "dumb"
}

// takesKeys reports whether the keyboard is ours: a command may want it.
func (a *app) takesKeys(f *watchFlags) bool {
	_, keys := terminal(a.stdin)
	return keys && a.onScreen(f) && len(f.command) == 0
}

// watchHere watches in this process.
func (a *app) watchHere(f *watchFlags, place lesson.Place) (err error) {
	ring, err := capture.NewRing(f.iface, capture.RingOptions{Ports: f.ports, Whole: f.write != ""})
	if err != nil {
		return a.mayNotWatch(private.Refused(err, a.args), f)
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	diag, err := sockets.Open()
	if err != nil {
		return err
	}
	defer diag.Close()
	var who owners.Holders = &owners.Finder{}
	if os.Geteuid() == 0 { // once this process is an ordinary one, it will not see what others have open
		if who, err = owners.Start(); err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, who.Close()) }()

	w := &watcher{ring: ring, diag: diag, who: who, ports: f.ports, iface: f.iface, place: place, explain: f.json || f.detail, own: len(f.command) > 0}
	w.table = follow.New(w.connection)
	out := a.screen(f.write)
	switch {
	case a.onScreen(f):
		w.screen = ladder.NewWatch(out, a.drawing(out, &outputFlags{verbose: f.detail}))
		w.tell = w.screen
		w.size = func() (columns, rows int) { _, rows = a.size(out); return a.width(out), rows }
		w.loaded = f.top
	case f.json:
		b := &buffered{w: out}
		w.tell, w.flush, w.all = events.New(b), b.flush, true
	default:
		b := &buffered{w: out}
		w.tell, w.flush = lines.New(b, a.lang), b.flush
	}
	if f.write != "" {
		if w.keep, err = a.keep(f.write, ring.LinkType(), true); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, w.keep.flush(), w.keep.close()) }()
	}
	if len(f.command) > 0 {
		c := newCommand()
		if err := w.open(); err != nil {
			return err
		}
		return a.watchCommandRun(w, f, c)
	}
	ctx, stop := untilSignal()
	defer stop()
	if err := privilege.Shield(); err != nil {
		return err
	}
	if err := w.open(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if a.takesKeys(f) {
		k, err := openKeyboard(a.stdin.(*os.File))
		if err != nil {
			return err
		}
		defer k.close()
		go func() {
			for {
				if err := k.next(ctx, func() error { w.spoilt.Store(true); return nil }); err != nil {
					cancel(err)
					return
				}
			}
		}()
	}
	go func() {
		<-ctx.Done()
		ring.Wake()
	}()
	err = w.run(func() bool { return ctx.Err() != nil })
	if s := signalled(0); err == nil && errors.As(context.Cause(ctx), &s) {
		return exit(128 + int(s))
	}
	return err
}

// mayNotWatch hints at what helps where a capture is refused: a private network
// is no way out without a command to run in it.
func (a *app) mayNotWatch(err error, f *watchFlags) error {
	p, ok := lang.AsProblem(err)
	if !ok || p.Code != lang.ExitRefused || len(f.command) > 0 || os.Geteuid() == 0 {
		return err
	}
	asRoot := func(s string) string { s, _, _ = strings.Cut(s, "\n"); return s }
	p.Hint = say(asRoot(p.Hint.EN)+"\nor run a command and watch that, without root: lesson watch -- COMMAND",
		asRoot(p.Hint.ZH)+"\n或者运行一个命令并观察它，不需要 root：lesson watch -- 命令")
	return p
}

// watchCommandRun runs the command and watches until it has ended.
func (a *app) watchCommandRun(w *watcher, f *watchFlags, c *command) error {
	stdout := a.stdout
	if w.screen == nil {
		stdout = a.stderr
	}
	if err := c.start(f.command, a.stdin, stdout, a.stderr, w.place == lesson.Private); err != nil {
		return err
	}
	defer c.end()
	if err := privilege.Shield(); err != nil {
		return err
	}
	go func() {
		<-c.done
		w.ring.Wake()
	}()
	if err := w.run(w.after(c)); err != nil {
		return err
	}
	return exit(c.code)
}
