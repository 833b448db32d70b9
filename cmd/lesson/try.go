package main

import (
	"github.com/spf13/cobra"

	"lesson/capture/private"
	"lesson/capture/privilege"
	"lesson/capture/wire"
	"lesson/lesson/tcp"
	"lesson/lesson/trial"
)

// tryFlags are the flags of lesson try.
type tryFlags struct {
	liveFlags // of which only the output's and -w are on the command line
	commands  [2]string
}

func (a *app) tryCommand() *cobra.Command {
	f := &tryFlags{}
	cmd := &cobra.Command{
		Use:   "try",
		Short: a.in(say("your own two programs, on two private hosts", "用您自己的两个程序，在两台私有主机上")),
		Long: a.in(say(
			"try runs two programs on two private hosts with this program as the wire between them, and draws every connection they make. Whatever IPv4 address the client asks for is the server's, 127.0.0.1 too, so the programs need no change; the host's own network is not touched. The client is started when the server listens. When it has ended and its connections are closed, the server is stopped. How each program has ended is drawn; it does not change try's own exit code.",
			"try 在两台私有主机上运行两个程序，自己充当两者之间的线路，并画出它们建立的每个连接。客户端无论请求哪个 IPv4 地址（包括 127.0.0.1），到达的都是服务器，所以程序不必修改；本机的网络不受影响。服务器开始监听后才启动客户端；客户端结束并且连接都已关闭后，服务器会被停止。图中会画出每个程序如何结束；这不影响 try 自身的退出码。")),
		Example: `  lesson try --server 'python3 Server.py' --client 'python3 Client.py'
  lesson try --server 'python3 -m http.server 80' --client 'curl -s http://192.0.2.1/'
  lesson try --step --server 'python3 Server.py' --client 'python3 Client.py'
  lesson try --server ./echo-server --client 'echo hello | nc -N localhost 7' -w trial.pcapng`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.outputFlags.check(cmd.Flags()); err != nil {
				return err
			}
			if err := contradiction(cmd.Flags(), "step", "json"); err != nil {
				return err
			}
			for e, name := range [2]string{"client", "server"} {
				if f.commands[e] == "" {
					return usage(sayf("try needs --%s", "try 需要 --%s", name),
						say("lesson try --server 'COMMAND' --client 'COMMAND'", "lesson try --server '命令' --client '命令'"))
				}
			}
			return a.try(f)
		},
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringVar(&f.commands[tcp.Server], "server", "", a.in(say("the server: a `COMMAND` as for a shell", "服务器：`COMMAND` 是 shell 命令")))
	fl.StringVar(&f.commands[tcp.Client], "client", "", a.in(say("the client: a `COMMAND` as for a shell", "客户端：`COMMAND` 是 shell 命令")))
	fl.BoolVar(&f.step, "step", false, a.in(say("hold each segment in flight; a key decides what becomes of it", "让每个报文段停在途中，由按键决定它的去向")))
	fl.StringVarP(&f.write, "write", "w", "", a.in(say("save the capture in `FILE.pcapng`; - is stdout", "把抓包保存到 `FILE.pcapng`；- 表示标准输出")))
	f.outputFlags.add(a, fl)
	complete(cmd, "write", cobra.FixedCompletions([]string{"pcapng"}, cobra.ShellCompDirectiveFilterFileExt))
	return cmd
}

// try runs the trial in a second process, which has a network and processes of
// its own: whatever becomes of it, nothing of it stays.
func (a *app) try(f *tryFlags) error {
	if err := a.checkStdout(f.write, f.json); err != nil {
		return err
	}
	if err := a.needKeys(&f.liveFlags); err != nil {
		return err
	}
	if private.Child() {
		if err := private.Enter(a.args); err != nil {
			return err
		}
		return a.trial(f)
	}
	code, err := private.Run(private.Options{Args: a.args, Processes: true, Started: privilege.Shield})
	if err != nil {
		return err
	}
	return exit(code)
}

// trial runs the trial in this process.
func (a *app) trial(f *tryFlags) error {
	on, err := a.onWire(wire.Options{AnyAddress: true})
	if err != nil {
		return err
	}
	defer on.close()
	t, err := a.telling(&f.liveFlags, on, f.step)
	if err != nil {
		return err
	}
	if err := privilege.Shield(); err != nil {
		return t.end(err)
	}
	o := trial.Options{
		Commands:  f.commands,
		Wire:      on.wire.Sides(),
		Linux:     on.wire.Linux(),
		Listening: on.diag[tcp.Server].Listening,
		Ask:       on.ask,
		Width:     a.width(a.screen(f.write)),
	}
	if t.hand != nil {
		o.Hand = t.hand
	}
	ctx, stop := untilSignal()
	defer stop()
	return t.end(trial.Run(ctx, o, t.out))
}
