package lesson_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"lesson/capture"
	"lesson/capture/capturetest"
	"lesson/lesson"
	"lesson/lesson/tcp"
)

var (
	net4 = capturetest.Net{Raw: true, First: [2]tcp.Seq{1000, 5000},
		Ends: [2]netip.AddrPort{netip.MustParseAddrPort("192.0.2.10:40000"), netip.MustParseAddrPort("198.51.100.5:80")}}
	net6 = capturetest.Net{Raw: true, First: [2]tcp.Seq{1000, 5000},
		Ends: [2]netip.AddrPort{netip.MustParseAddrPort("[2001:db8::10]:40000"), netip.MustParseAddrPort("[2001:db8:5::5]:80")}}
	routers = [2]string{"192.0.2.1", "2001:db8::1"}
)

// withErrors makes a capture of notation in which a line "icmp TYPE CODE N" is an
// ICMP error about the Nth segment, from a router, or from "peer". It goes through
// the segments a millisecond at a time.
func withErrors(t testing.TB, n capturetest.Net, text string) []byte {
	t.Helper()
	var notation []string
	for _, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "icmp") {
			notation = append(notation, line)
		}
	}
	segments, err := n.Segments(strings.Join(notation, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	b, at := capturetest.Header(capture.LinkRaw), 0
	for i, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "icmp") {
			b = capturetest.Record(b, int64(i+1)*1e6, n.Frame(&segments[at]))
			at++
			continue
		}
		m, nth, peer := tcp.ICMPError{V6: n.Ends[0].Addr().Is6()}, 0, ""
		if _, err := fmt.Sscan(strings.TrimPrefix(line, "icmp"), &m.Type, &m.Code, &nth, &peer); err != nil && nth == 0 {
			t.Fatal(line, err)
		}
		s, from := segments[nth-1], netip.MustParseAddr(routers[0])
		if m.V6 {
			from = netip.MustParseAddr(routers[1])
		}
		if m.From = from.As16(); peer != "" {
			m.From = s.Dst.IP
		}
		if m.TooBig() {
			m.MTU = 1300
		}
		quoted := n.Frame(&s)
		if !m.V6 {
			quoted = quoted[:28]
		}
		b = capturetest.Record(b, int64(i+1)*1e6, capturetest.ICMP(&m, quoted))
	}
	return b
}

// heard keeps all that is told of a capture.
type heard struct {
	lines       []string // a word for each segment and error, with both states after it
	errors      []lesson.ICMP
	connections []lesson.Connection
	notes       []string
}

func (h *heard) Tell(e lesson.Event) error {
	switch e := e.(type) {
	case *lesson.Segment:
		h.lines = append(h.lines, fmt.Sprintf("%v %v %v", e.Flags, e.Step.After[0], e.Step.After[1]))
	case *lesson.ICMP:
		h.errors = append(h.errors, *e)
		h.lines = append(h.lines, fmt.Sprintf("%s %v %v %v", e.Name(), e.Step.Effect, e.Step.After[0], e.Step.After[1]))
	case *lesson.Connection:
		h.connections = append(h.connections, *e)
	case *lesson.Note:
		h.notes = append(h.notes, e.Text.EN)
	}
	return nil
}

func hear(t testing.TB, file []byte, opt lesson.ExplainOptions) *heard {
	t.Helper()
	r, err := capture.Open(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	r.Errors = true
	var h heard
	if err := lesson.Explain(r, opt, &h); err != nil {
		t.Fatal(err)
	}
	return &h
}

const handshake = "client S\nserver S.\nclient ."

// The stories of connections with ICMP errors: each line of what is told, and how
// the connection is summed up. All are told over both versions of IP, where the
// code is the other version's of the same meaning.
func TestICMP(t *testing.T) {
	for _, tt := range []struct {
		name, text, text6 string
		want              string
		opened            lesson.Opened
		states            [2]tcp.State
	}{
		{"a SYN that the host refuses", "client S\nicmp 3 3 1 peer", "client S\nicmp 1 4 1 peer",
			"SYN SYN_SENT Unknown\nport-unreachable aborts CLOSED Unknown", lesson.OpenedUnreached, [2]tcp.State{tcp.Closed, tcp.Unknown}},
		{"a SYN that a firewall refuses", "client S\nicmp 3 13 1", "client S\nicmp 1 1 1",
			"SYN SYN_SENT Unknown\nadmin-prohibited aborts CLOSED Unknown", lesson.OpenedUnreached, [2]tcp.State{tcp.Closed, tcp.Unknown}},
		{"a SYN that goes in circles", "client S\nicmp 11 0 1", "client S\nicmp 3 0 1",
			"SYN SYN_SENT Unknown\ntime-exceeded aborts CLOSED Unknown", lesson.OpenedUnreached, [2]tcp.State{tcp.Closed, tcp.Unknown}},
		{"a parameter problem", "client S\nicmp 12 0 1", "client S\nicmp 4 0 1",
			"SYN SYN_SENT Unknown\nparameter-problem aborts CLOSED Unknown", lesson.OpenedUnreached, [2]tcp.State{tcp.Closed, tcp.Unknown}},
		{"the same error twice", "client S\nicmp 3 3 1\nicmp 3 3 1", "client S\nicmp 1 4 1\nicmp 1 4 1",
			"SYN SYN_SENT Unknown\nport-unreachable aborts CLOSED Unknown\nport-unreachable none CLOSED Unknown", lesson.OpenedUnreached, [2]tcp.State{tcp.Closed, tcp.Unknown}},
		{"a system that goes on, and is never answered", "client S\nicmp 3 3 1\nclient S 0:0(0)", "client S\nicmp 1 4 1\nclient S 0:0(0)",
			"SYN SYN_SENT Unknown\nport-unreachable survived SYN_SENT Unknown\nSYN SYN_SENT Unknown", lesson.OpenedNot, [2]tcp.State{tcp.SynSent, tcp.Unknown}},
		{"a system that goes on, and is answered", "client S\nicmp 3 3 1\nclient S 0:0(0)\nserver S.\nclient .", "client S\nicmp 1 4 1\nclient S 0:0(0)\nserver S.\nclient .",
			"SYN SYN_SENT Unknown\nport-unreachable survived SYN_SENT Unknown\nSYN SYN_SENT Unknown\nSYN ACK ESTABLISHED SYN_RECV\nACK ESTABLISHED ESTABLISHED",
			lesson.OpenedHandshake, [2]tcp.State{tcp.Established, tcp.Established}},
		{"an error about one of two SYNs, which comes late", "client S\nicmp 3 3 1\nserver S.\nclient .", "client S\nicmp 1 4 1\nserver S.\nclient .",
			"SYN SYN_SENT Unknown\nport-unreachable survived SYN_SENT Unknown\nSYN ACK ESTABLISHED SYN_RECV\nACK ESTABLISHED ESTABLISHED",
			lesson.OpenedHandshake, [2]tcp.State{tcp.Established, tcp.Established}},
		{"an error that comes late, and an answer that comes twice", "client S\nicmp 3 3 1\nserver S.\nserver S. 0:0(0)\nclient .", "client S\nicmp 1 4 1\nserver S.\nserver S. 0:0(0)\nclient .",
			"SYN SYN_SENT Unknown\nport-unreachable survived SYN_SENT Unknown\nSYN ACK ESTABLISHED SYN_RECV\nSYN ACK ESTABLISHED SYN_RECV\nACK ESTABLISHED ESTABLISHED",
			lesson.OpenedHandshake, [2]tcp.State{tcp.Established, tcp.Established}},
		{"an answer that finds no socket any more", "client S\nicmp 3 3 1\nserver S.\nclient R 1:1(0)", "client S\nicmp 1 4 1\nserver S.\nclient R 1:1(0)",
			"SYN SYN_SENT Unknown\nport-unreachable aborts CLOSED Unknown\nSYN ACK CLOSED SYN_RECV\nRST CLOSED LISTEN", lesson.OpenedUnreached, [2]tcp.State{tcp.Closed, tcp.Listen}},
		{"an error about the answer", "client S\nserver S.\nicmp 3 1 2", "client S\nserver S.\nicmp 1 3 2",
			"SYN SYN_SENT SYN_RECV\nSYN ACK Unknown SYN_RECV\nNAME may-abort Unknown Unknown", lesson.OpenedHalf, [2]tcp.State{}},
		{"a segment that is too large", handshake + "\nclient P. 1:1401(1400)\nicmp 3 4 4", handshake + "\nclient P. 1:1401(1400)\nicmp 2 0 4",
			"SYN SYN_SENT SYN_RECV\nSYN ACK ESTABLISHED SYN_RECV\nACK ESTABLISHED ESTABLISHED\nPSH ACK ESTABLISHED ESTABLISHED\nNAME smaller-packets ESTABLISHED ESTABLISHED",
			lesson.OpenedHandshake, [2]tcp.State{tcp.Established, tcp.Established}},
		{"a port that cannot be reached, in an open connection", handshake + "\nclient P. 1:11(10)\nicmp 3 3 4", handshake + "\nclient P. 1:11(10)\nicmp 1 4 4",
			"SYN SYN_SENT SYN_RECV\nSYN ACK ESTABLISHED SYN_RECV\nACK ESTABLISHED ESTABLISHED\nPSH ACK ESTABLISHED ESTABLISHED\nport-unreachable soft ESTABLISHED ESTABLISHED",
			lesson.OpenedHandshake, [2]tcp.State{tcp.Established, tcp.Established}},
		{"an error that is late", handshake + "\nserver .\nicmp 3 3 1", handshake + "\nserver .\nicmp 1 4 1",
			"SYN SYN_SENT SYN_RECV\nSYN ACK ESTABLISHED SYN_RECV\nACK ESTABLISHED ESTABLISHED\nACK ESTABLISHED ESTABLISHED\nport-unreachable none ESTABLISHED ESTABLISHED",
			lesson.OpenedHandshake, [2]tcp.State{tcp.Established, tcp.Established}},
		{"a refusal, and then an error", "client S\nserver R. 0:0(0) ack 1\nicmp 3 3 1", "client S\nserver R. 0:0(0) ack 1\nicmp 1 4 1",
			"SYN SYN_SENT CLOSED\nRST ACK CLOSED CLOSED\nport-unreachable none CLOSED CLOSED", lesson.OpenedRefused, [2]tcp.State{tcp.Closed, tcp.Closed}},
	} {
		for i, n := range []capturetest.Net{net4, net6} {
			text := []string{tt.text, tt.text6}[i]
			file := withErrors(t, n, text)
			for _, detail := range []lesson.Detail{lesson.Everything, lesson.Fitting, lesson.OneStream} {
				h := hear(t, file, lesson.ExplainOptions{Detail: detail})
				want := strings.ReplaceAll(tt.want, "NAME", h.errors[len(h.errors)-1].Name())
				if got := strings.Join(h.lines, "\n"); got != want {
					t.Errorf("%s:\n%s\nwant\n%s", tt.name, got, want)
				}
				held(t, tt.name, h, strings.Count(text, "icmp"), tt.opened, tt.states)
			}
			held(t, tt.name+", table", hear(t, file, lesson.ExplainOptions{Detail: lesson.Table}), strings.Count(text, "icmp"), tt.opened, tt.states)
			for _, e := range hear(t, file, lesson.ExplainOptions{Detail: lesson.Everything}).errors {
				said(t, &e)
			}
		}
	}
}

func held(t *testing.T, name string, h *heard, errors int, opened lesson.Opened, states [2]tcp.State) {
	t.Helper()
	if len(h.connections) != 1 || len(h.notes) != 0 {
		t.Fatalf("%s: %+v %v", name, h.connections, h.notes)
	}
	if c := &h.connections[0]; c.Opened != opened || c.State != states || c.ICMP.Count != errors || c.ICMP.Name == "" || !c.ICMP.From.IsValid() {
		t.Errorf("%s: %+v", name, c)
	}
}

// said holds that an error's sentences name it and its sender, in both languages.
func said(t *testing.T, e *lesson.ICMP) {
	t.Helper()
	if len(e.Explain) < 2 {
		t.Fatalf("%+v", e)
	}
	for _, x := range e.Explain {
		if x.Text.EN == "" || x.Text.ZH == "" || strings.Contains(x.Text.EN+x.Text.ZH, "%!") {
			t.Errorf("%+v", x)
		}
	}
	first, name := e.Explain[0].Text, e.Text()
	if !strings.Contains(first.EN, e.Sender().String()) || !strings.Contains(first.EN, name.EN) || !strings.Contains(first.ZH, e.Sender().String()) || !strings.Contains(first.ZH, name.ZH) {
		t.Errorf("%+v", first)
	}
}

// The capture that began it: the default REJECT of a firewall.
func TestICMPCase(t *testing.T) {
	file, err := os.ReadFile("testdata/cases/icmp-port-unreachable.pcap")
	if err != nil {
		t.Fatal(err)
	}
	h := hear(t, file, lesson.ExplainOptions{Detail: lesson.Everything})
	if len(h.errors) != 1 || h.errors[0].Step.After[tcp.Client] != tcp.Closed || h.errors[0].Sender() != netip.MustParseAddr("198.51.100.5") || h.errors[0].Number != 2 {
		t.Errorf("%+v", h.errors)
	}
}

// An error about a connection that is not in the capture begins none: streams
// keep their numbers, and the errors are counted.
func TestICMPOfStrangers(t *testing.T) {
	other := net4
	other.Ends[0] = netip.MustParseAddrPort("192.0.2.10:41000")
	file := withErrors(t, net4, handshake)
	strangers := withErrors(t, other, "client S\nicmp 3 3 1\nicmp 3 3 1")
	errors := strangers[24+16+len(net4.Frame(&tcp.Segment{Src: tcp.EndpointFrom(other.Ends[0]), Dst: tcp.EndpointFrom(other.Ends[1])})):] // without header and SYN
	third := net4
	third.Ends[0] = netip.MustParseAddrPort("192.0.2.10:42000")
	file = append(append(file, errors...), withErrors(t, third, "client S\nicmp 3 3 1")[24:]...)
	for _, detail := range []lesson.Detail{lesson.Everything, lesson.Table} {
		h := hear(t, file, lesson.ExplainOptions{Detail: detail})
		if len(h.connections) != 2 || h.connections[1].Stream != 1 || h.connections[1].Opened != lesson.OpenedUnreached || h.connections[0].ICMP.Count != 0 {
			t.Errorf("%+v", h.connections)
		}
		if len(h.notes) != 1 || h.notes[0] != "2 ICMP errors quote segments of connections that are not in this capture." {
			t.Errorf("%q", h.notes)
		}
	}
	one := hear(t, file, lesson.ExplainOptions{Detail: lesson.OneStream, Stream: 0})
	two := hear(t, file, lesson.ExplainOptions{Detail: lesson.OneStream, Stream: 1})
	if len(one.errors) != 0 || len(one.lines) != 3 || len(two.errors) != 1 || two.errors[0].Stream != 1 {
		t.Errorf("%q, %q", one.lines, two.lines)
	}
}

// From a pipe an error is told when it has come; what proves it wrong says so.
func TestICMPFollowed(t *testing.T) {
	h := hear(t, withErrors(t, net4, "client S\nicmp 3 1 1\nclient S 0:0(0)"), lesson.ExplainOptions{Detail: lesson.Everything, Follow: true})
	if got := strings.Join(h.lines, "\n"); got != "SYN SYN_SENT SYN_RECV\nhost-unreachable aborts CLOSED Unknown\nSYN SYN_SENT Unknown" {
		t.Error(got)
	}
}

// A filter chooses errors by the segment they quote, or by who has sent them.
func TestICMPMatched(t *testing.T) {
	file := withErrors(t, net4, "client S\nicmp 3 1 1\nclient S 0:0(0)")
	h := hear(t, file, lesson.ExplainOptions{Detail: lesson.Everything, Match: func(c *tcp.Captured) bool { return c.ICMP != nil }})
	if len(h.lines) != 1 || len(h.connections) != 1 || h.connections[0].Segments != 2 {
		t.Errorf("%q %+v", h.lines, h.connections)
	}
	h = hear(t, file, lesson.ExplainOptions{Detail: lesson.Everything, Match: func(c *tcp.Captured) bool { return c.ICMP == nil }})
	if len(h.lines) != 2 || len(h.errors) != 0 {
		t.Errorf("%q", h.lines)
	}
}

// storyRows is a story, and the states before and after each row of it, a
// segment's or an ICMP error's.
type storyRows struct {
	story
	rows []struct {
		stream        int
		before, after [2]tcp.State
	}
}

func (s *storyRows) Tell(e lesson.Event) error {
	row := func(stream int, before, after [2]tcp.State) {
		s.rows = append(s.rows, struct {
			stream        int
			before, after [2]tcp.State
		}{stream, before, after})
	}
	switch e := e.(type) {
	case *lesson.Segment:
		row(e.Stream, e.Step.Before, e.Step.After)
	case *lesson.ICMP:
		row(e.Stream, e.Step.Before, e.Step.After)
	}
	return s.story.Tell(e)
}
