package notation

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

var lines = []struct {
	in, out string // out is what String prints; "" when it is in itself
}{
	{"0.000012 client > server: S 0:0(0) win 65495 <mss 65495,sackOK,TS val 1 ecr 0,wscale 7>", ""},
	{"client F. 25:25(0) ack 1 win 512", "client > server: F. 25:25(0) ack 1 win 512"},
	{"server .", "server > client: ."},
	{"server S. | SYN_SENT SYN_RECV", "server > client: S. | SYN_SENT SYN_RECV"},
	{"client > server: S.|ESTABLISHED SYN-RECEIVED # crossed", "client > server: S. | ESTABLISHED SYN_RECV"},
	{"client > server: - | Unknown CLOSED", ""},
	{"  3 server  R.\t0:0(0)   ack 1#gone", "3.000000 server > client: R. 0:0(0) ack 1"},
	{"1.000000001 client > server: PUEWe. 4294967290:5(11) ack 0 win 0 urg 3", ""},
	{"client > server: . ack 5 <sack 7:9 11:4294967295,FO>", ""},
	{"client > server: . <>", ""},
	{"client S <nop,nop,wscale 14,eol>", "client > server: S <wscale 14>"},
	{"client > server: . <TS val 4294967295 ecr 7>", ""},
	{"-0.019000 client > server: . -24785:7(24792) ack -3 <sack -2:4,FO>", ""},
	{"client > server: . 4294967290:5(11) ack -6 <sack 4294967295:3>", "client > server: . 4294967290:5(11) ack -6 <sack -1:3>"},
	{"client > server: - -2147483648:0(2147483648) ack -0", "client > server: - -2147483648:0(2147483648) ack 0"},
	{"12.5 client .P", "12.500000 client > server: P."},
}

func TestParseAndPrint(t *testing.T) {
	for _, c := range lines {
		l, err := Parse(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		want := c.out
		if want == "" {
			want = c.in
		}
		if got := l.String(); got != want {
			t.Errorf("%q prints as\n  %q, not\n  %q", c.in, got, want)
		}
	}
}

func TestParts(t *testing.T) {
	l, err := Parse("0.000012 server > client: SFe 7:10(3) ack 9 win 8 <mss 1460,sack 1:2> | FIN_WAIT1 CLOSE_WAIT")
	if err != nil {
		t.Fatal(err)
	}
	want := Line{
		Time: 12 * time.Microsecond, From: tcp.Server, Flags: tcp.SYN | tcp.FIN | tcp.AE,
		Seq: 7, Len: 3, Ack: 9, Window: 8,
		Options: tcp.Options{MSS: 1460, HasMSS: true, SACKBlocks: 1, SACK: [4]tcp.SACKBlock{{Left: 1, Right: 2}}},
		State:   [2]tcp.State{tcp.FinWait1, tcp.CloseWait},
		HasTime: true, HasSeq: true, HasAck: true, HasWindow: true, HasOptions: true, HasState: true,
	}
	if l != want {
		t.Errorf("got  %+v\nwant %+v", l, want)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ in, en string }{
		{"", "column 1: expected client or server, but the line ends"},
		{"router S", `column 1: expected client or server, but found "router"`},
		{"client", "column 7: expected flags made of the letters S F R P . U E W e, or - for none, but the line ends"},
		{"client SX", `column 8: expected flags made of the letters S F R P . U E W e, or - for none, but found "SX"`},
		{"client SS", `column 8: expected flags`},
		{"client > client: S", `column 10: expected the other end, but found "client:"`},
		{"client > server S", `column 10: expected client: or server:, but found "server"`},
		{"client S 0", `column 10: expected first:last(length), but found "0"`},
		{"client S 0:1(0)", `column 10: expected 0:1(1), but found "0:1(0)"`},
		{"client S 0:0(0) win 65536", `column 21: expected a number up to 65535, but found "65536"`},
		{"client S win", "column 13: expected a number, but the line ends"},
		{"client S win 5 ack 7", `column 16: expected ack, win, urg, <options>, | states or the end of the line, but found "ack"`},
		{"client S <mss>", `column 14: expected a number, but found ">"`},
		{"client S <mss 1", "column 16: expected a comma or >, but the line ends"},
		{"client S <window 1>", `column 11: expected an option`},
		{"client S <TS 1 ecr 0>", `column 14: expected val, but found "1"`},
		{"client . <sack 1:2 3:4 5:6 7:8 9:10>", `column 32: expected a comma or >`},
		{"client . | ESTABLISHED", `column 23: expected a state such as ESTABLISHED, but the line ends`},
		{"client . | ESTABLISHED OPEN", `column 24: expected a state such as ESTABLISHED, but found "OPEN"`},
		{"1.0000000001 client .", `column 1: expected a time in seconds, such as 0.000012, but found "1.0000000001"`},
		{"client . ack -2147483649", `column 15: expected a number up to 2147483648, but found "2147483649"`},
		{"client . ack - 5", `column 14: expected a number, but found "-"`},
		{"- client .", `column 1: expected client or server`},
		{"1. client .", `column 1: expected a time`},
		{"客户 S", `column 1: expected client or server, but found "客户"`},
		{"client . 客", `column 10: expected ack`},
	} {
		_, err := Parse(c.in)
		p, ok := lang.AsProblem(err)
		if !ok {
			t.Errorf("%q: no problem, but %v", c.in, err)
			continue
		}
		if !strings.HasPrefix(p.What.EN, c.en) {
			t.Errorf("%q:\n  %s, not\n  %s", c.in, p.What.EN, c.en)
		}
		if !strings.Contains(p.What.ZH, "列：") {
			t.Errorf("%q: in Chinese %s", c.in, p.What.ZH)
		}
	}
}

func TestParseAll(t *testing.T) {
	got, err := ParseAll("# the handshake\n\nclient S | SYN_SENT LISTEN\r\nserver S.\n   \nclient .")
	if err != nil || len(got) != 3 || got[2].Flags != tcp.ACK {
		t.Fatalf("%v, %v", got, err)
	}
	_, err = ParseAll("client S\n# …\nserver X\n")
	if p, ok := lang.AsProblem(err); !ok || !strings.HasPrefix(p.What.EN, "line 3, column 8: ") {
		t.Fatalf("%v", err)
	}
}

// TestOf moves random segments to relative numbers, to text, and all the way back.
func TestOf(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var ends [2]tcp.Endpoint
	ends[tcp.Client].Port, ends[tcp.Server].Port = 43210, 2023
	for range 2000 {
		first := [2]tcp.Seq{tcp.Seq(rnd.Uint32()), tcp.Seq(rnd.Uint32())}
		from := tcp.End(rnd.IntN(2))
		s := tcp.Segment{
			Src: ends[from], Dst: ends[from.Peer()], Seq: tcp.Seq(rnd.Uint32()),
			Flags: tcp.Flags(rnd.IntN(1 << 9)), Window: uint16(rnd.Uint32()), Len: uint32(rnd.IntN(1 << 17)),
		}
		if s.Flags.Has(tcp.ACK) {
			s.Ack = tcp.Seq(rnd.Uint32())
		}
		if s.Flags.Has(tcp.URG) {
			s.Urgent = uint16(rnd.Uint32())
		}
		if rnd.IntN(2) == 0 {
			s.Options = tcp.Options{MSS: uint16(rnd.Uint32()), HasMSS: true, SACKPermitted: rnd.IntN(2) == 0,
				TSVal: rnd.Uint32(), TSEcr: rnd.Uint32(), HasTimestamps: true, SACKBlocks: 3,
				SACK: [4]tcp.SACKBlock{{Left: 1, Right: 2}, {Left: 3, Right: 9}, {Left: 4e9, Right: 5}}}
		}
		text := Of(&s, from, first).String()
		l, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if back := l.Segment(ends, first); back != s {
			t.Fatalf("%s\n%+v\n%+v", text, s, back)
		}
	}
}

func TestComplete(t *testing.T) {
	lines, err := ParseAll("client S\nserver S.\nclient .\nclient P. 1:26(25)\nclient F.\nserver .\nclient F. 26:26(0)\nserver R")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range Complete(lines) {
		_, text, _ := strings.Cut(l.String(), ": ")
		got = append(got, text)
	}
	want := "S 0:0(0)|S. 0:0(0) ack 1|. 1:1(0) ack 1|P. 1:26(25) ack 1|F. 26:26(0) ack 1|. 1:1(0) ack 27|F. 26:26(0) ack 1|R 1:1(0)"
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

// FuzzParse holds that what can be read prints as a line that reads the same.
func FuzzParse(f *testing.F) {
	for _, c := range lines {
		f.Add(c.in)
	}
	f.Add("client S 0:1(0)")
	f.Add("client . <sack 1:2 3:4 5:6 7:8 9:10>")
	f.Fuzz(func(t *testing.T, s string) {
		l, err := Parse(s)
		if err != nil {
			if _, ok := lang.AsProblem(err); !ok {
				t.Fatalf("not a problem: %v", err)
			}
			return
		}
		text := l.String()
		again, err := Parse(text)
		if err != nil || again != l {
			t.Fatalf("%q prints as %q, which reads as\n%+v, %v, not\n%+v", s, text, again, err, l)
		}
		if again.String() != text {
			t.Fatalf("%q prints as %q", text, again.String())
		}
	})
}
