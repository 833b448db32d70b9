package lesson

import (
	"reflect"
	"strings"
	"testing"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

const whole = `# A lesson with one of everything.
title.en: Title
title.zh: 标题
teaches.en: something
teaches.zh: 某事
refs: RFC 9293 §3.6
order: 7
step: yes
option: at-once | closes at once | 立即关闭

-- script --
server listen          # a comment
server accept
client connect
wait client ESTABLISHED, server SYN-RECEIVED
client send {message}
wait acked
[at-once] server close
[!at-once] pause
server print bye

-- console bye --
en: bye {client}
zh: 再见 {client}

-- console [at-once] bye --
en: at once
zh: 立即

-- expect --
client S | SYN_SENT SYN_RECV
[at-once] server F. 1:1(0) ack 2 win 3 | TIME_WAIT LAST_ACK

-- note start --
en: Before.
zh: 之前。

-- note client FIN ACK | FIN_WAIT1 CLOSE_WAIT --
en: It has
    nothing more to say.
zh: 它没有什么
    要说的了，
    也就是说 FIN
    在此。
ref: RFC 9293 §3.6

-- note [!at-once] server SYN ACK --
en: x
zh: 某
`

func TestParse(t *testing.T) {
	l, err := Parse("x", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	equal := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %+v, want %+v", what, got, want)
		}
	}
	equal("title", l.Title, lang.Text{EN: "Title", ZH: "标题"})
	equal("order", l.Order, 7)
	equal("step", l.Step, true)
	equal("option", l.Options[0], Option{"at-once", lang.Text{EN: "closes at once", ZH: "立即关闭"}})
	equal("actions", len(l.Script), 9)
	equal("line", l.Script[0].Line, 12)
	equal("verb", l.Script[4].Verb, Send)
	equal("text", l.Script[4].Arg, "{message}")
	equal("wait", l.Script[3].For[1], Condition{End: tcp.Server, State: tcp.SynRecv})
	equal("acked", l.Script[5].For[0].Acked, true)
	equal("condition", l.Script[6].When, When{Option: "at-once"})
	equal("not", l.Script[7].When, When{Option: "at-once", Off: true})
	equal("console", len(l.Console["bye"]), 2)
	equal("console", l.Console["bye"][0].Text.ZH, "再见 {client}")
	equal("promises", len(l.Expect), 2)
	equal("promise", l.Expect[1].Segment.Flags, tcp.FIN|tcp.ACK)
	equal("promise", l.Expect[1].Segment.State, [2]tcp.State{tcp.TimeWait, tcp.LastAck})
	equal("start", l.Notes[0].Moment, Moment{Kind: AtStart})
	equal("moment", l.Notes[1].Moment, Moment{Selector: Selector{From: tcp.Client, Flags: tcp.FIN | tcp.ACK}, State: [2]tcp.State{tcp.FinWait1, tcp.CloseWait}})
	equal("joined with a space", l.Notes[1].Text.EN, "It has nothing more to say.")
	equal("joined without", l.Notes[1].Text.ZH, "它没有什么要说的了，也就是说 FIN 在此。")
	equal("ref", l.Notes[1].Ref, "RFC 9293 §3.6")
	equal("note's condition", l.Notes[2].When, When{Option: "at-once", Off: true})

	crlf, err := Parse("x", []byte("\ufeff"+strings.ReplaceAll(whole, "\n", "\r\n")))
	if err != nil {
		t.Fatal("with CR LF and a byte order mark:", err)
	}
	equal("with CR LF", crlf.Notes[1], l.Notes[1])
}

func TestWhen(t *testing.T) {
	on := map[string]bool{"x": true}
	for _, c := range []struct {
		when     When
		on, then bool
	}{
		{When{}, false, true}, {When{}, true, true},
		{When{Option: "x"}, false, false}, {When{Option: "x"}, true, true},
		{When{Option: "x", Off: true}, false, true}, {When{Option: "x", Off: true}, true, false},
	} {
		set := map[string]bool(nil)
		if c.on {
			set = on
		}
		if got := c.when.Holds(set); got != c.then {
			t.Errorf("%+v with x %v: %v", c.when, c.on, got)
		}
	}
}

// TestParseErrors damages the lesson in one place each time. The message names
// the line, and what was expected there.
func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"not UTF-8", "Title", "\xff", "x.txtar:1: the file is not UTF-8 text"},
		{"no colon", "order: 7", "order 7", `x.txtar:7: expected "key: value", found "order 7"`},
		{"full-width colon", "order: 7", "order：7", `x.txtar:7: expected "key: value"`},
		{"no value", "order: 7", "order:", `x.txtar:7: expected "key: value"`},
		{"unknown key", "order: 7", "odor: 7", `x.txtar:7: unknown key "odor"; expected one of title.en`},
		{"key twice", "order: 7", "refs: 7", `x.txtar:7: a second "refs"; the first is on line 6`},
		{"no title", "title.zh: 标题\n", "", "x.txtar:1: the header has no title.zh"},
		{"no number", "order: 7", "order: x", "x.txtar:7: order: expected a number, found x"},
		{"step", "step: yes", "step: maybe", "x.txtar:8: step: expected yes or no"},
		{"option", "| 立即关闭", "", "x.txtar:9: expected option: name |"},
		{"option's name", "option: at-once", "option: At Once", "x.txtar:9: expected option: name |"},
		{"option twice", "step: yes", "option: at-once | a | 甲", "x.txtar:9: a second option at-once"},
		{"a damaged marker", "-- expect --", "--expect--", "x.txtar:30: expected text, found --expect--; a section begins with"},
		{"no promise at all", "-- expect --", "-- note client ACK --", "x.txtar:31: expected en:, zh: or ref:"},
		{"unknown section", "-- expect --", "-- expects --", `x.txtar:30: unknown section "expects"; expected script,`},
		{"section twice", "-- console bye --", "-- script --", `x.txtar:22: a second "-- script --"; the first is on line 11`},
		{"conditional script", "-- script --", "-- script [at-once] --", `x.txtar:11: unknown section`},
		{"unknown verb", "server accept", "server except", `x.txtar:13: unknown action "server except"; expected one of: client|server listen`},
		{"nobody", "server accept", "accept", `x.txtar:13: expected "server accept", found "accept"`},
		{"the wrong end", "server accept", "client accept", `x.txtar:13: expected "server accept", found "client accept"`},
		{"a missing argument", "client send {message}", "client send", `x.txtar:16: expected "client send TEXT", found "client send"`},
		{"an argument too many", "server accept", "server accept now", `x.txtar:13: expected "server accept", found`},
		{"wait for whom", "wait acked", "server wait", `x.txtar:17: expected "wait CONDITION", found "server wait"`},
		{"wait for what", "wait acked", "wait a second", "x.txtar:17: expected wait acked, or states"},
		{"unknown state", "client ESTABLISHED", "client HAPPY", "x.txtar:15: expected wait acked, or states"},
		{"unknown is no state", "client ESTABLISHED", "client Unknown", "x.txtar:15: expected wait acked, or states"},
		{"undeclared option", "[at-once] server close", "[later] server close", `x.txtar:18: [later]: the header declares no option "later"`},
		{"open bracket", "[at-once] server close", "[at-once server close", "x.txtar:18: expected ] after"},
		{"recv before accept", "server accept", "server recv", "x.txtar:13: server recv needs an earlier server accept"},
		{"close before listen", "server listen          # a comment", "server close", "x.txtar:12: server close needs an earlier server accept"},
		{"a second connection", "wait acked", "client connect", "x.txtar:17: a second client connect: a lesson has one connection at a time"},
		{"nothing to print", "server print bye", "server print hello", "x.txtar:20: no section -- console hello --"},
		{"console key", "-- console bye --", "-- console Bye --", "x.txtar:22: expected -- console KEY --"},
		{"console with a ref", "en: bye {client}", "en: bye {client}\nref: x", "x.txtar:22: a console line has no ref"},
		{"one language only", "zh: 再见 {client}\n", "", "x.txtar:22: no zh: text in this section"},
		{"language twice", "zh: 再见", "en: again\nzh: 再见", "x.txtar:24: a second en:"},
		{"promise without states", "| TIME_WAIT LAST_ACK", "", "x.txtar:32: expected the states after the segment"},
		{"promise of nobody", "client S |", "nobody S |", "x.txtar:31: column 1"},
		{"unknown moment", "note start", "note lunch", `x.txtar:34: unknown moment "lunch"`},
		{"start in a state", "note start", "note start | LISTEN LISTEN", "x.txtar:34: unknown moment"},
		{"unknown flag", "client FIN ACK", "client FINE", "x.txtar:38: unknown moment"},
		{"one state", "FIN_WAIT1 CLOSE_WAIT --", "FIN_WAIT1 --", "x.txtar:38: expected | and two states"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(whole, c.old) {
				t.Fatalf("%q is not in the lesson", c.old)
			}
			_, err := Parse("x", []byte(strings.Replace(whole, c.old, c.new, 1)))
			p, ok := lang.AsProblem(err)
			if !ok {
				t.Fatalf("got %v, want a problem: %s", err, c.want)
			}
			if !strings.HasPrefix(p.What.EN, c.want) {
				t.Errorf("got  %s\nwant %s", p.What.EN, c.want)
			}
			at, _, _ := strings.Cut(p.What.EN, " ")
			if !strings.HasPrefix(p.What.ZH, at) || p.What.ZH == p.What.EN {
				t.Errorf("in Chinese: %s", p.What.ZH)
			}
		})
	}
}

func TestMomentMatches(t *testing.T) {
	step := tcp.Step{From: tcp.Server, After: [2]tcp.State{tcp.FinWait2, tcp.CloseWait}}
	for _, c := range []struct {
		m    Moment
		want bool
	}{
		{Moment{Selector: Selector{From: tcp.Server, Flags: tcp.ACK}}, true},
		{Moment{Selector: Selector{From: tcp.Server, Flags: tcp.ACK}, State: step.After}, true},
		{Moment{Selector: Selector{From: tcp.Server, Flags: tcp.ACK}, State: [2]tcp.State{tcp.FinWait2, tcp.Established}}, false},
		{Moment{Selector: Selector{From: tcp.Client, Flags: tcp.ACK}}, false},
		{Moment{Selector: Selector{From: tcp.Server, Flags: tcp.ACK | tcp.FIN}}, false},
		{Moment{Selector: Selector{From: tcp.Server, Flags: tcp.ACK}, Fate: Lost}, false},
		{Moment{Kind: AtEnd}, false},
	} {
		s := &Segment{Captured: tcp.Captured{Segment: tcp.Segment{Flags: tcp.ACK}}, Step: step}
		if got := c.m.Matches(s); got != c.want {
			t.Errorf("%+v: %v", c.m, got)
		}
	}
}

func TestPromiseKept(t *testing.T) {
	s := &Segment{Step: tcp.Step{From: tcp.Client, Seq: 25, Ack: 1, After: [2]tcp.State{tcp.FinWait1, tcp.CloseWait}}}
	s.Flags, s.Window = tcp.FIN|tcp.ACK, 512
	for line, want := range map[string]bool{
		"client F. | FIN_WAIT1 CLOSE_WAIT":                        true,
		"client F. 25:25(0) ack 1 win 512 | FIN_WAIT1 CLOSE_WAIT": true,
		"client F. 24:24(0) | FIN_WAIT1 CLOSE_WAIT":               false,
		"client F. 25:26(1) | FIN_WAIT1 CLOSE_WAIT":               false,
		"client F. ack 2 | FIN_WAIT1 CLOSE_WAIT":                  false,
		"client F. win 1 | FIN_WAIT1 CLOSE_WAIT":                  false,
		"client F | FIN_WAIT1 CLOSE_WAIT":                         false,
		"server F. | FIN_WAIT1 CLOSE_WAIT":                        false,
		"client F. | FIN_WAIT2 CLOSE_WAIT":                        false,
		"client F. lost | FIN_WAIT1 CLOSE_WAIT":                   false,
	} {
		p := parser{l: &Lesson{}}
		if err := p.promise(1, When{}, line); err != nil {
			t.Fatal(err)
		}
		if got := p.l.Expect[0].Kept(s); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
}

// FuzzParse looks for lessons that crash the parser, or that it takes although
// what the stage relies on is missing.
func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("title.en: x\n-- script --\n-- expect --\n"))
	f.Add([]byte("-- note [ --\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Parse("fuzz", data)
		if err != nil {
			p, ok := lang.AsProblem(err)
			if !ok || !strings.HasPrefix(p.What.EN, "fuzz.txtar:") || !strings.HasPrefix(p.What.ZH, "fuzz.txtar:") {
				t.Errorf("an error that does not say where: %v", err)
			}
			return
		}
		for _, a := range l.Script {
			if a.Verb >= numVerbs || a.Verb == Wait && len(a.For) == 0 {
				t.Errorf("line %d: %+v", a.Line, a)
			}
			if a.Verb == Print && len(l.Console[a.Arg]) == 0 {
				t.Errorf("line %d prints nothing", a.Line)
			}
			if words := a.Text(); strings.HasSuffix(words.EN, " ") || (words.EN == "") != (words.ZH == "") {
				t.Errorf("line %d lacks words: %q", a.Line, words)
			}
		}
		for _, n := range l.Notes {
			if n.Text.EN == "" || n.Text.ZH == "" {
				t.Errorf("line %d: a note in one language", n.Line)
			}
		}
	})
}

// The wire's verbs name a segment; a promise and a note may name its fate.
func TestOnTheWire(t *testing.T) {
	const header = "title.en: t\ntitle.zh: t\nteaches.en: t\nteaches.zh: t\n"
	l, err := Parse("wire", []byte(header+`-- script --
server connect
client connect
wire drop client SYN
wire inject client SYN seq -1000
wire inject server SYN ACK seq 0 ack 1
-- expect --
client S lost | SYN_SENT LISTEN
-- note client SYN ACK arrived | SYN_SENT LISTEN --
en: a
zh: b
`))
	if err != nil {
		t.Fatal(err)
	}
	syn := Selector{From: tcp.Client, Flags: tcp.SYN}
	want := []Action{
		{Line: 6, Verb: Connect, End: tcp.Server},
		{Line: 7, Verb: Connect},
		{Line: 8, Verb: Drop, Arg: "client SYN", Of: syn},
		{Line: 9, Verb: Inject, Arg: "client SYN seq -1000", Of: syn, Seq: -1000},
		{Line: 10, Verb: Inject, Arg: "server SYN ACK seq 0 ack 1", Of: Selector{tcp.Server, tcp.SYN | tcp.ACK}, Ack: 1},
	}
	if !reflect.DeepEqual(l.Script, want) {
		t.Errorf("script\n%+v, want\n%+v", l.Script, want)
	}
	if got := l.Expect[0].Fate; got != Lost {
		t.Errorf("promised fate %v", got)
	}
	if got := l.Notes[0].Moment; got.Fate != Arrived || got.Flags != tcp.SYN|tcp.ACK {
		t.Errorf("moment %+v", got)
	}
	if !l.NeedsWire() {
		t.Error("it does not need the wire")
	}
	for _, good := range []string{"server listen\nserver close", "client listen", "client connect\nclient crash\nclient connect",
		"client connect\nclient close\nclient connect", "server listen\nserver accept\nserver close\nserver accept"} {
		if _, err := Parse("wire", []byte(header+"-- script --\n"+good+"\n-- expect --\n")); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"wire drop SYN", "wire drop client", "wire drop client XYZ", "client drop client SYN", "wire close",
		"wire inject client SYN seq x", "drop client SYN"} {
		if _, err := Parse("wire", []byte(header+"-- script --\n"+bad+"\n-- expect --\n")); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
