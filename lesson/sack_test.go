package lesson_test

import (
	"slices"
	"strings"
	"testing"

	"lesson/capture/capturetest"
	"lesson/lesson"
	"lesson/lesson/tcp"
)

// A segment with SACK says what it waits for and what it has, and is no mere
// window update, whatever its window is.
func TestWhatSACKSays(t *testing.T) {
	const begin = `client S win 500 <mss 1460,sackOK>
		server S. win 500 <mss 1460,sackOK>
		client . win 500
		client . 1:1449(1448) ack 1 win 500
		client . 1449:2897(1448) ack 1 win 500
		client . 2897:4345(1448) ack 1 win 500
		client . 4345:5793(1448) ack 1 win 500
		client . 5793:7241(1448) ack 1 win 500
		server . 1:1(0) ack 1449 win 500
		`
	for _, c := range []struct {
		name, last, en, zh string
		want               tcp.Findings
	}{
		{"one range", "server . 1:1(0) ack 1449 win 500 <sack 2897:5793>",
			"still waits for number 1449, and already has 2897–5792", "仍在等待序号 1449，但已经收到 2897–5792", tcp.DuplicateAck | tcp.Sack},
		{"another window", "server . 1:1(0) ack 1449 win 400 <sack 2897:5793>",
			"still waits for number 1449, and already has 2897–5792", "", tcp.DuplicateAck | tcp.Sack},
		{"two ranges, the latest first", "server . 1:1(0) ack 1 win 300 <sack 5793:7241,FO>",
			"still waits for number 1, and already has 5793–7240", "", tcp.Sack},
		{"three ranges", "server . 1:1(0) ack 1 win 300 <sack 5793:7241 1449:1450 2897:4345>",
			"still waits for number 1, and already has 1449, 2897–4344 and 5793–7240", "已经收到 1449、2897–4344、5793–7240", tcp.Sack},
		{"twice, below the ACK", "server . 1:1(0) ack 7241 win 300 <sack 1:1449>",
			"numbers 1–1448 have arrived twice (D-SACK, RFC 2883)", "序号 1–1448 收到了两次", tcp.DuplicateSack},
		{"twice, within the second block", "server . 1:1(0) ack 1449 win 300 <sack 2897:4345 2897:5793>",
			"numbers 2897–4344 have arrived twice (D-SACK, RFC 2883)", "", tcp.DuplicateAck | tcp.Sack | tcp.DuplicateSack},
		{"twice, the SYN", "server . 1:1(0) ack 7241 win 300 <sack 0:1>",
			"number 0 has arrived twice (D-SACK, RFC 2883)", "序号 0 收到了两次", tcp.DuplicateSack},
		{"nonsense", "server . 1:1(0) ack 1449 win 500 <sack 5793:2897 7000:7000>", "", "", tcp.DuplicateAck},
		{"with data", "server P. 1:11(10) ack 1449 win 500 <sack 2897:5793>",
			"still waits for number 1449, and already has 2897–5792", "", tcp.Sack},
	} {
		for _, n := range []capturetest.Net{{}, {First: [2]tcp.Seq{4294967000, 4294967290}}, capturetest.Loopback6} {
			s := showText(t, n, begin+c.last)
			last := s.story.segments[len(s.story.segments)-1]
			if last.Step.Findings != c.want {
				t.Errorf("%s: %v, want %v", c.name, last.Step.Findings.Names(), c.want.Names())
			}
			if c.en != "" {
				holds(t, c.name+": plain", s.plain, ": "+c.en)
				holds(t, c.name+": json", s.json, `{"en":"`+c.en)
				holds(t, c.name+": json", s.json, c.zh)
			}
		}
	}
}

// What was sent again is told as lost only where the receiver's own words leave
// hardly anything else.
func TestLost(t *testing.T) {
	const begin = `0.000 client S win 50000 <mss 1460,sackOK>
		0.010 server S. win 50000 <mss 1460,sackOK>
		0.020 client . win 50000
		0.030 client . 1:1001(1000) ack 1 win 50000
		0.031 client . 1001:2001(1000) ack 1 win 50000
		0.032 client . 2001:3001(1000) ack 1 win 50000
		0.033 client . 3001:4001(1000) ack 1 win 50000
		`
	const reported = `0.040 server . 1:1(0) ack 1001 win 50000
		0.041 server . 1:1(0) ack 1001 win 50000 <sack 2001:3001>
		0.042 server . 1:1(0) ack 1001 win 50000 <sack 2001:4001>
		`
	const again = "0.050 client . 1001:2001(1000) ack 1 win 50000\n"
	const had = "0.060 server . 1:1(0) ack 4001 win 50000\n"
	const twice = "0.061 server . 1:1(0) ack 4001 win 50000 <sack 1001:2001>\n"
	for _, c := range []struct {
		name, rest string
		lost       []int // rows, from 1
	}{
		{"lost", reported + again + had, []int{5}},
		{"late: it came twice", reported + again + had + twice, nil},
		{"late: it came twice, in one", reported + again + "0.060 server . 1:1(0) ack 4001 win 50000 <sack 1001:2001>", nil},
		{"late: it came before it was sent again", reported + "0.045 server . 1:1(0) ack 4001 win 50000\n" + again, nil},
		{"late: a part came", reported + "0.045 server . 1:1(0) ack 1501 win 50000 <sack 2001:4001>\n" + again + had, nil},
		{"never acknowledged", reported + again, nil},
		{"nobody said that it was missing", again + had, nil},
		{"only what is before it was reported", "0.041 server . 1:1(0) ack 1 win 50000 <sack 1001:2001>\n0.050 client . 3001:4001(1000) ack 1 win 50000\n" + had, nil},
		{"sent again in halves", reported + "0.050 client . 1001:1501(500) ack 1 win 50000\n0.051 client . 1501:2001(500) ack 1 win 50000\n" + had, nil},
		{"twice", reported + again + "0.055 server . 1:1(0) ack 1001 win 50000 <sack 2001:4001>\n0.250 client . 1001:2001(1000) ack 1 win 50000\n0.260 server . 1:1(0) ack 4001 win 50000", []int{5, 11}},
		{"two, sent again in one", "0.041 server . 1:1(0) ack 1 win 50000 <sack 2001:4001>\n0.050 client . 1:2001(2000) ack 1 win 50000\n" + had, []int{4, 5}},
		{"and another one", "0.041 server . 1:1(0) ack 1 win 50000 <sack 1001:2001>\n0.042 server . 1:1(0) ack 1 win 50000 <sack 3001:4001 1001:2001>\n0.050 client . 1:1001(1000) ack 1 win 50000\n0.051 client . 2001:3001(1000) ack 1 win 50000\n0.060 server . 1:1(0) ack 2001 win 50000 <sack 3001:4001>\n0.061 server . 1:1(0) ack 4001 win 50000", []int{4, 6}},
	} {
		for _, n := range []capturetest.Net{{}, {First: [2]tcp.Seq{4294966000, 4294967290}}, capturetest.Loopback6} {
			file, err := n.Pcap(begin + c.rest)
			if err != nil {
				t.Fatal(err)
			}
			for vantage, want := range map[tcp.Vantage][]int{tcp.Anywhere: c.lost, tcp.AtClient: c.lost, tcp.Between: c.lost, tcp.AtServer: nil} {
				s := show(t, file, lesson.ExplainOptions{Vantage: vantage})
				var got []int
				for _, seg := range s.story.segments {
					if is := seg.Step.Findings.Has(tcp.Lost); is != (seg.Fate == lesson.Lost) {
						t.Errorf("%s: row %d: %v, but %v", c.name, seg.N, seg.Step.Findings.Names(), seg.Fate)
					} else if is {
						got = append(got, seg.N)
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s, captured %v: lost %v, want %v", c.name, vantage, got, want)
				}
				if len(want) > 0 && vantage == tcp.Anywhere {
					holds(t, "wide", s.wide, " lost ", "! lost: never arrived")
					holds(t, "plain", s.plain, "lost on the way", "lost: never arrived")
					holds(t, "chinese", s.chinese, " 丢失 ")
					holds(t, "json", s.json, `"lost"],"explain":[`)
					holds(t, "text", s.text, " lost\n")
				}
			}
		}
	}
}

// Rows that are told at once cannot say what becomes of them, and a capture of
// which some segments are left out proves nothing.
func TestLostIsNotGuessed(t *testing.T) {
	const text = `client S win 50000 <mss 1460,sackOK>
		server S. win 50000 <mss 1460,sackOK>
		client . win 50000
		client . 1:1001(1000) ack 1 win 50000
		client . 1001:2001(1000) ack 1 win 50000
		server . 1:1(0) ack 1 win 50000 <sack 1001:2001>
		client . 1:1001(1000) ack 1 win 50000
		server . 1:1(0) ack 2001 win 50000`
	file, err := capturetest.Net{}.Pcap(text)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	some := func(c *tcp.Captured) bool {
		return c.Len > 0 || c.Options.SACKBlocks > 0 || c.Ack > 2000 || c.Flags.Has(tcp.SYN)
	}
	for _, opt := range []lesson.ExplainOptions{{Detail: lesson.Everything}, {Detail: lesson.Everything, Follow: true}, {Detail: lesson.Everything, Match: some},
		{Detail: lesson.Everything, Match: func(*tcp.Captured) bool { return true }}} {
		s := show(t, file, opt)
		if strings.Contains(s.text, " lost\n") {
			n++
		} else if !opt.Follow && (opt.Match == nil || len(s.story.segments) == 8) {
			t.Errorf("not told as lost:\n%s", s.text)
		}
	}
	if n != 2 {
		t.Errorf("told as lost in %d ways", n)
	}
}
