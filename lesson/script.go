package lesson

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
	"lesson/lesson/tcp/notation"
)

// Action is one line of a lesson's script.
type Action struct {
	When
	Line int // in the lesson's file
	Verb Verb
	End  tcp.End     // who does it; no meaning for Wait, Pause and the wire's verbs
	Arg  string      // what Send sends, the key that Print prints
	For  []Condition // what Wait waits for: all of them
	Of   Selector    // which segment a wire's verb means: the next one like this
	Seq  int32       // of an injected segment, relative to its sender's first number
	Ack  int32       // likewise, relative to the peer's

	Latency time.Duration // of every segment from now on
}

// Verb is what an action does.
type Verb uint8

// The verbs. Each end is a program with one thread: what is asked of it while
// it is blocked in a call it does the moment that call returns.
const (
	Listen    Verb = iota // listen()
	Accept                // accept(): blocks until a connection is there
	Connect               // connect(): blocks until the handshake is through
	Send                  // send() the text
	Recv                  // recv(): blocks until there is data, or the peer has no more
	Close                 // close()
	Shutdown              // shutdown(SHUT_WR): no more to send, still receiving
	Abort                 // close() with SO_LINGER 0: RST instead of FIN
	Cancel                // the program is interrupted in connect(), and closes its socket
	Crash                 // the host loses power: its kernel forgets the connection and says nothing
	DelayAcks             // the host's kernel may delay its acknowledgements, from the beginning
	Print                 // a line on the program's console
	Wait                  // until the states are reached, or all is acknowledged; then both kernels are asked
	Pause                 // a point to stop at when stepping

	// The wire's. Each concerns one segment: the next one that looks as said.
	Hold      // it stays on its way until Deliver
	Deliver   // what is held arrives now
	Drop      // it never arrives
	Duplicate // it arrives, and once more at once
	Reorder   // its sender's next segment overtakes it
	Delay     // it arrives when its sender has repeated it
	Corrupt   // it arrives with a bit turned over
	Inject    // an old segment, not sent now, arrives
	Latency   // from now on every segment takes so long
	numVerbs
)

// subject says who can be told to do a verb.
type subject uint8

const (
	nobody subject = iota
	clientOnly
	serverOnly
	either
	theWire
)

// verbs is the script language. A verb that takes an argument names it; one
// that needs an earlier action of the same end names that.
var verbs = [numVerbs]struct {
	name  string
	who   subject
	arg   string
	needs [2][]Verb // by end: one of these must stand earlier in the script
	text  lang.Text // completes "the client …"; whole where the wire does it; none for what only arranges
}{
	Listen:    {name: "listen", who: either, text: lang.Text{EN: "calls listen()", ZH: "调用 listen()"}},
	Accept:    {name: "accept", who: serverOnly, needs: [2][]Verb{tcp.Server: {Listen}}, text: lang.Text{EN: "calls accept()", ZH: "调用 accept()"}},
	Connect:   {name: "connect", who: either, text: lang.Text{EN: "calls connect()", ZH: "调用 connect()"}},
	Send:      {name: "send", who: either, arg: "TEXT", needs: connected, text: lang.Text{EN: "calls send()", ZH: "调用 send()"}},
	Recv:      {name: "recv", who: either, needs: connected, text: lang.Text{EN: "calls recv()", ZH: "调用 recv()"}},
	Close:     {name: "close", who: either, needs: closable, text: lang.Text{EN: "calls close()", ZH: "调用 close()"}},
	Shutdown:  {name: "shutdown", who: either, needs: connected, text: lang.Text{EN: "calls shutdown(SHUT_WR)", ZH: "调用 shutdown(SHUT_WR)"}},
	Abort:     {name: "abort", who: either, needs: connected, text: lang.Text{EN: "calls close() with SO_LINGER 0", ZH: "以 SO_LINGER 0 调用 close()"}},
	Cancel:    {name: "cancel", who: either, needs: [2][]Verb{tcp.Client: {Connect}, tcp.Server: {Connect}}, text: lang.Text{EN: "is interrupted and closes its socket", ZH: "被中断，关闭套接字"}},
	Crash:     {name: "crash", who: either, needs: connected, text: lang.Text{EN: "crashes", ZH: "崩溃"}},
	DelayAcks: {name: "delay-acks", who: either},
	Print:     {name: "print", who: either, arg: "KEY", text: lang.Text{EN: "prints a line", ZH: "输出一行"}},
	Wait:      {name: "wait", who: nobody, arg: "CONDITION"},
	Pause:     {name: "pause", who: nobody},

	Hold:      {name: "hold", who: theWire, arg: segmentArg},
	Deliver:   {name: "deliver", who: theWire, arg: segmentArg, text: lang.Text{EN: "what was held arrives", ZH: "留在途中的报文段到达"}},
	Drop:      {name: "drop", who: theWire, arg: segmentArg},
	Duplicate: {name: "duplicate", who: theWire, arg: segmentArg},
	Reorder:   {name: "reorder", who: theWire, arg: segmentArg},
	Delay:     {name: "delay", who: theWire, arg: segmentArg},
	Corrupt:   {name: "corrupt", who: theWire, arg: segmentArg},
	Latency:   {name: "latency", who: theWire, arg: "MILLISECONDS"},
	Inject:    {name: "inject", who: theWire, arg: segmentArg + " seq N [ack N]", text: lang.Text{EN: "an old or forged segment arrives", ZH: "一个旧的或伪造的报文段到达"}},
}

// segmentArg is how a script names a segment: as the screen shows it.
const segmentArg = "client|server FLAGS"

// connected: what gives each end the socket of a connection.
var connected = [2][]Verb{tcp.Client: {Connect}, tcp.Server: {Accept, Connect}}

// closable: as connected, or a listening socket.
var closable = [2][]Verb{tcp.Client: {Connect, Listen}, tcp.Server: {Accept, Connect, Listen}}

// String is the verb as a script writes it.
func (v Verb) String() string { return verbs[v].name }

// Text says what the action is about to do, "the client calls close()"; nothing
// where it only arranges what is to come.
func (a *Action) Text() lang.Text {
	t := verbs[a.Verb].text
	switch {
	case t.IsZero() || verbs[a.Verb].who == theWire:
		return t
	case a.End == tcp.Client:
		return lang.Text{EN: "the client " + t.EN, ZH: "客户端" + t.ZH}
	}
	return lang.Text{EN: "the server " + t.EN, ZH: "服务器" + t.ZH}
}

// Condition is something a script can wait for: that an end is in a state, or,
// with Acked, that everything sent by both has been acknowledged.
type Condition struct {
	End   tcp.End
	State tcp.State
	Acked bool
}

// Text says what is waited for: "the client to be in FIN_WAIT2".
func (c Condition) Text() lang.Text {
	switch {
	case c.Acked:
		return lang.Text{EN: "everything sent to be acknowledged", ZH: "已发送的内容全部得到确认"}
	case c.End == tcp.Client:
		return lang.Text{EN: "the client to be in " + c.State.String(), ZH: "客户端进入 " + c.State.String()}
	}
	return lang.Text{EN: "the server to be in " + c.State.String(), ZH: "服务器进入 " + c.State.String()}
}

// usage lists the verbs as a script writes them.
func usage() string {
	who := [...]string{nobody: "", clientOnly: "client ", serverOnly: "server ", either: "client|server ", theWire: "wire "}
	list := make([]string, 0, numVerbs)
	for _, v := range verbs {
		list = append(list, strings.TrimSpace(who[v.who]+v.name+" "+v.arg))
	}
	return strings.Join(list, ", ")
}

func (p *parser) action(line int, when When, text string) error {
	a := Action{When: when, Line: line}
	word, rest, _ := strings.Cut(text, " ")
	who := nobody
	if e, ok := parseEnd(word); ok {
		a.End = e
		if who = clientOnly; e == tcp.Server {
			who = serverOnly
		}
	} else if word == "wire" {
		who = theWire
	}
	if who != nobody {
		word, rest, _ = strings.Cut(strings.TrimSpace(rest), " ")
	}
	a.Arg = strings.TrimSpace(rest)
	for a.Verb < numVerbs && verbs[a.Verb].name != word {
		a.Verb++
	}
	if a.Verb == numVerbs {
		return p.bad(line, fmt.Sprintf("unknown action %q; expected one of: %s", text, usage()),
			fmt.Sprintf("未知的动作 %q；应为以下之一：%s", text, usage()))
	}
	v := &verbs[a.Verb]
	if who != v.who && (who == nobody || who == theWire || v.who != either) || (a.Arg == "") != (v.arg == "") {
		want := [...]string{nobody: "", clientOnly: "client ", serverOnly: "server ", either: "client ", theWire: "wire "}[v.who] +
			strings.TrimSpace(v.name+" "+v.arg)
		return p.bad(line, fmt.Sprintf("expected %q, found %q", want, text), fmt.Sprintf("应为 %q，实为 %q", want, text))
	}
	var err error
	switch {
	case a.Verb == Wait:
		a.For, err = p.conditions(line, a.Arg)
	case v.who == theWire:
		err = p.onWire(line, &a)
	}
	if err != nil {
		return err
	}
	p.l.Script = append(p.l.Script, a)
	return nil
}

// onWire reads which segment a verb of the wire means, and an injected one's
// numbers.
func (p *parser) onWire(line int, a *Action) error {
	words := strings.Fields(a.Arg)
	ok := true
	if a.Verb == Latency {
		n, err := strconv.ParseUint(a.Arg, 10, 10)
		if err != nil {
			return p.bad(line, fmt.Sprintf("expected a number of milliseconds below 1024, such as wire latency 20; found %q", a.Arg),
				fmt.Sprintf("应为小于 1024 的毫秒数，例如 wire latency 20；实为 %q", a.Arg))
		}
		a.Latency = time.Duration(n) * time.Millisecond
		return nil
	}
	if a.Verb == Inject {
		for ok && len(words) > 2 && (words[len(words)-2] == "seq" || words[len(words)-2] == "ack") {
			n, err := strconv.ParseInt(words[len(words)-1], 10, 32)
			if ok = err == nil; words[len(words)-2] == "seq" {
				a.Seq = int32(n)
			} else {
				a.Ack = int32(n)
			}
			words = words[:len(words)-2]
		}
	}
	if ok {
		a.Of, ok = parseSelector(words)
	}
	if !ok {
		want := "wire " + verbs[a.Verb].name + " client FIN ACK"
		if a.Verb == Inject {
			want = "wire inject client SYN seq -1000"
		}
		return p.bad(line, fmt.Sprintf("expected a segment as the screen shows it, such as %s; found %q", want, a.Arg),
			fmt.Sprintf("应为屏幕上显示的报文段，例如 %s；实为 %q", want, a.Arg))
	}
	return nil
}

// parseSelector reads "client FIN ACK".
func parseSelector(words []string) (s Selector, ok bool) {
	if len(words) < 2 {
		return s, false
	}
	if s.From, ok = parseEnd(words[0]); !ok {
		return s, false
	}
	for _, name := range words[1:] {
		f := tcp.Flags(1)
		for f <= tcp.AE && f.String() != name {
			f <<= 1
		}
		if f > tcp.AE {
			return s, false
		}
		s.Flags |= f
	}
	return s, true
}

func (p *parser) conditions(line int, text string) (list []Condition, err error) {
	for part := range strings.SplitSeq(text, ",") {
		word := strings.Fields(part)
		var c Condition
		ok := len(word) == 1 && word[0] == "acked"
		if c.Acked = ok; !ok && len(word) == 2 {
			var okEnd, okState bool
			c.End, okEnd = parseEnd(word[0])
			c.State, okState = parseState(word[1])
			ok = okEnd && okState
		}
		if !ok {
			return nil, p.bad(line,
				fmt.Sprintf("expected wait acked, or states such as wait client FIN_WAIT2, server CLOSE_WAIT; found %q", strings.TrimSpace(part)),
				fmt.Sprintf("应为 wait acked，或状态，例如 wait client FIN_WAIT2, server CLOSE_WAIT；实为 %q", strings.TrimSpace(part)))
		}
		list = append(list, c)
	}
	return list, nil
}

// script checks what no single line shows: that a program has a socket before
// it uses it, opens each only once, and prints what there is to print.
func (p *parser) script() error {
	var did [2][]Verb
	for _, a := range p.l.Script {
		v := &verbs[a.Verb]
		need := v.needs[a.End]
		if len(need) > 0 && !slices.ContainsFunc(need, func(v Verb) bool { return slices.Contains(did[a.End], v) }) {
			return p.bad(a.Line, fmt.Sprintf("%s %s needs an earlier %s %s", a.End, v.name, a.End, need[0]),
				fmt.Sprintf("%s %s 之前需要 %s %s", a.End, v.name, a.End, need[0]))
		}
		if a.Verb == Listen || a.Verb == Accept || a.Verb == Connect {
			if has(did[a.End], a.Verb) {
				return p.bad(a.Line, fmt.Sprintf("a second %s %s: a lesson has one connection at a time", a.End, v.name),
					fmt.Sprintf("重复的 %s %s：一课同时只有一个连接", a.End, v.name))
			}
		}
		if a.Verb == Print && p.l.Console[a.Arg] == nil {
			return p.bad(a.Line, "no section -- console "+a.Arg+" --", "缺少 -- console "+a.Arg+" -- 一节")
		}
		if v.who != nobody && v.who != theWire {
			did[a.End] = append(did[a.End], a.Verb)
		}
	}
	return nil
}

// has reports whether an end that did this has the socket that open opens.
func has(did []Verb, open Verb) bool {
	for _, v := range slices.Backward(did) {
		switch v {
		case open:
			return true
		case Close, Abort, Cancel, Crash:
			return false
		}
	}
	return false
}

// promise reads "client F. | FIN_WAIT1 CLOSE_WAIT", or with a fate
// "client F. lost | FIN_WAIT1 ESTABLISHED".
func (p *parser) promise(line int, when When, text string) error {
	segment, states, _ := strings.Cut(text, "|")
	fate := Delivered
	if words := strings.Fields(segment); len(words) > 0 {
		if f, ok := ParseFate(words[len(words)-1]); ok {
			fate = f
			text = strings.TrimSuffix(strings.TrimSpace(segment), words[len(words)-1]) + "|" + states
		}
	}
	s, err := notation.Parse(text)
	if problem, ok := lang.AsProblem(err); ok {
		return p.bad(line, problem.What.EN, problem.What.ZH)
	}
	if !s.HasState {
		return p.bad(line, "expected the states after the segment, such as client F. | FIN_WAIT1 CLOSE_WAIT",
			"应写明报文段之后的状态，例如 client F. | FIN_WAIT1 CLOSE_WAIT")
	}
	p.l.Expect = append(p.l.Expect, Promise{when, line, s, fate})
	return nil
}

// Kept reports whether a segment of a run is what was promised.
func (p *Promise) Kept(s *Segment) bool {
	want, step := &p.Segment, &s.Step
	return want.From == step.From && want.Flags == s.Flags && want.State == step.After && p.Fate == s.Fate &&
		(!want.HasSeq || want.Seq == tcp.Seq(step.Seq) && want.Len == s.Len) &&
		(!want.HasAck || want.Ack == tcp.Seq(step.Ack)) &&
		(!want.HasWindow || want.Window == s.Window)
}
