package main

import (
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lesson/capture/private"
	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/lessons"
)

// aliases are further names under which people look for a lesson.
var aliases = map[string][]string{
	"handshake":               {"open", "three-way-handshake", "三次握手"},
	"teardown":                {"close", "four-way-close", "四次挥手"},
	"three-segment-close":     {"three-way-close", "三次挥手"},
	"article":                 {"文章"},
	"data":                    {"sequence-numbers", "数据", "序号"},
	"half-close":              {"half-closed", "shutdown", "半关闭"},
	"simultaneous-close":      {"closing", "同时关闭"},
	"close-wait":              {"close-wait-leak", "forgotten-close"},
	"simultaneous-open":       {"同时打开"},
	"refused":                 {"connection-refused", "连接被拒绝"},
	"abort":                   {"rst", "reset", "linger", "异常终止"},
	"write-after-close":       {"broken-pipe", "epipe"},
	"lost-syn":                {"syn-timeout"},
	"lost-data":               {"retransmission", "重传"},
	"lost-last-ack":           {"2msl"},
	"reordered":               {"out-of-order", "乱序"},
	"duplicated":              {"duplicate"},
	"corrupted":               {"checksum", "校验和"},
	"old-duplicate-syn":       {"why-three"},
	"half-open":               {"crash", "半打开"},
	"challenge-ack":           {"挑战ACK"},
	"time-wait-reuse":         {"port-reuse", "端口复用"},
	"time-wait-assassination": {"rfc1337"},
}

// liveFlags are a live lesson's flags.
type liveFlags struct {
	outputFlags
	port          uint16
	message       string
	ipv6          bool
	host, private bool
	step, noStep  bool
	recorded      bool   // show the recording
	live          string // the flag, if one is given, that only a live run can satisfy
	write         string
	set           map[string]*bool // the lesson's own options
}

// lessonCommands makes a verb of every lesson; but only of the one, or of none,
// that the command line begins with. To read them all takes longer than to start.
func (a *app) lessonCommands() (cmds []*cobra.Command) {
	if len(a.args) > 0 {
		if l, ok := lessons.Find(a.args[0]); ok {
			return []*cobra.Command{a.lessonCommand(l)}
		}
		if slices.ContainsFunc(a.verbs, func(c *cobra.Command) bool { return c.Name() == a.args[0] && c.Name() != "help" }) {
			return nil
		}
	}
	for _, l := range lessons.All() {
		cmds = append(cmds, a.lessonCommand(l))
	}
	return cmds
}

func (a *app) lessonCommand(l *lesson.Lesson) *cobra.Command {
	f := &liveFlags{port: 2023, message: defaultMessage, set: map[string]*bool{}}
	cmd := &cobra.Command{
		Use:     l.Name,
		Aliases: aliases[l.Name],
		Short:   a.in(l.Title),
		Long:    a.in(l.Title) + a.in(say(": ", "：")) + a.in(l.Teaches) + a.in(say(".", "。")),
		Args:    noArgs,
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := f.check(cmd.Flags()); err != nil {
			return err
		}
		if f.recorded {
			if private.Child() {
				if err := private.Enter(a.args); err != nil {
					return err
				}
			}
			return a.recording(l, f)
		}
		err := a.play(l, f)
		if p, ok := lang.AsProblem(err); ok && p.Code == lang.ExitRefused {
			return a.instead(l, f, p)
		}
		return err
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	for _, o := range l.Options {
		f.set[o.Name] = fl.Bool(o.Name, false, a.in(o.Text))
	}
	fl.Var((*portFlag)(&f.port), "port", a.in(say("the server's port (default 2023)", "服务器的端口（默认 2023）")))
	if l.SendsMessage() {
		fl.StringVar(&f.message, "message", f.message, a.in(sayf(
			"what is sent (default %s): `TEXT` of at most %d bytes", "所发送的内容（默认 %s），`TEXT` 最多 %d 字节", defaultMessage, longestMessage)))
		complete(cmd, "message", cobra.NoFileCompletions)
	}
	fl.BoolVar(&f.ipv6, "ipv6", false, a.in(say("over IPv6", "使用 IPv6")))
	fl.BoolVar(&f.private, "private", false, a.in(say("in a private network, even as root", "使用私有网络，即使是 root")))
	fl.BoolVar(&f.host, "host", false, a.in(say("on the host's own lo, or not at all", "只用主机自己的 lo")))
	steps := say("wait for a key at each step", "每一步都等待按键")
	if l.Step {
		steps = say("wait for a key at each step, as it does by itself on a terminal", "每一步都等待按键（在终端上默认如此）")
	}
	fl.BoolVar(&f.step, "step", false, a.in(steps))
	fl.BoolVar(&f.noStep, "no-step", false, a.in(say("never wait", "从不等待")))
	fl.StringVarP(&f.write, "write", "w", "", a.in(say("save the capture in `FILE.pcapng`; - is stdout", "把抓包保存到 `FILE.pcapng`；- 表示标准输出")))
	fl.BoolVar(&f.recorded, "recorded", false, a.in(say("show a recording of the lesson, on any system", "观看本课的录制演示，任何系统均可")))
	f.outputFlags.add(a, fl)
	cmd.Example = a.lessonExamples(l)
	complete(cmd, "port", cobra.NoFileCompletions)
	complete(cmd, "write", cobra.FixedCompletions([]string{"pcapng"}, cobra.ShellCompDirectiveFilterFileExt))
	return cmd
}

func (a *app) lessonExamples(l *lesson.Lesson) string {
	s := "  lesson " + l.Name + "\n  sudo lesson " + l.Name + " --port 8080\n"
	for _, o := range l.Options {
		s += "  lesson " + l.Name + " --" + o.Name + "\n"
	}
	return s + "  lesson " + l.Name + " --no-step -w " + l.Name + ".pcapng\n" +
		"  lesson " + l.Name + " --json"
}

// portFlag is a port a server can have.
type portFlag uint16

func (p *portFlag) String() string { return strconv.Itoa(int(*p)) }
func (p *portFlag) Type() string   { return "PORT" }

func (p *portFlag) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return usage(sayf("%s is not a port", "%s 不是端口号", shown(s)), say("--port takes a number from 1 to 65535", "--port 取 1 到 65535 之间的数"))
	}
	*p = portFlag(n)
	return nil
}

const (
	// defaultMessage is the article's.
	defaultMessage = "你好，世界！！！"
	// longestMessage is what the server reads at once, as the article's does.
	longestMessage = 1024
)

// check refuses what cannot be meant.
func (f *liveFlags) check(fl *pflag.FlagSet) error {
	if err := f.outputFlags.check(fl); err != nil {
		return err
	}
	for _, pair := range [][2]string{{"host", "private"}, {"step", "no-step"}, {"step", "json"}} {
		if err := contradiction(fl, pair[0], pair[1]); err != nil {
			return err
		}
	}
	if err := f.checkRecorded(fl); err != nil {
		return err
	}
	if f.write == "" && fl.Changed("write") {
		return usage(say("-w needs the name of a file", "-w 需要文件名"), say("-w FILE.pcapng", "-w FILE.pcapng"))
	}
	switch {
	case f.message == "":
		return usage(say("the message is empty: nothing would be sent", "消息为空：没有内容可发送"), say("--message 'hello'", "--message '你好'"))
	case len(f.message) > longestMessage:
		return usage(sayf("the message is %d bytes long", "消息长 %d 字节", len(f.message)),
			sayf("at most %d bytes, so that it travels in one piece and one recv() reads it all", "最多 %d 字节，这样才能一次送达，一次 recv() 读完", longestMessage))
	case !printable(f.message):
		return usage(say("the message has characters that cannot be printed", "消息含有不可打印的字符"), say("--message 'hello'", "--message '你好'"))
	}
	return nil
}

func printable(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return utf8.ValidString(s)
}
