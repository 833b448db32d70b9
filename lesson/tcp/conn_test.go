package tcp_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"lesson/lesson/tcp"
	"lesson/lesson/tcp/notation"
)

var ends = [2]tcp.Endpoint{
	tcp.EndpointFrom(netip.MustParseAddrPort("127.0.0.1:43210")),
	tcp.EndpointFrom(netip.MustParseAddrPort("127.0.0.2:2023")),
}

// opening is what "> open" stands for in a scene.
const opening = `client S  100:100(0) win 1000          | SYN_SENT    SYN_RECV
server S. 300:300(0) ack 101 win 1000  | ESTABLISHED SYN_RECV
client .  101:101(0) ack 301 win 1000  | ESTABLISHED ESTABLISHED`

type scene struct {
	title string
	lines []sceneLine
}

type sceneLine struct {
	notation.Line
	text     string
	corrects bool
}

// at is the line's segment where the ends' numbers begin with first. The RST of
// an end without a connection has the number 0 anywhere.
func (l *sceneLine) at(ends [2]tcp.Endpoint, first [2]tcp.Seq) tcp.Segment {
	s := l.Segment(ends, first)
	if l.Flags.Has(tcp.RST) && l.Seq == 0 {
		s.Seq = 0
	}
	return s
}

func scenes(t testing.TB, file string) []scene {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var out []scene
	for _, l := range strings.Split(strings.ReplaceAll(string(text), "> open", opening), "\n") {
		switch l = strings.TrimSpace(l); {
		case l == "" || strings.HasPrefix(l, "#"):
			continue
		case strings.HasPrefix(l, "== "):
			out = append(out, scene{title: l[3:]})
			continue
		}
		rest, corrects := strings.CutPrefix(l, "! ")
		line, err := notation.Parse(rest)
		if err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		s := &out[len(out)-1]
		s.lines = append(s.lines, sceneLine{line, l, corrects})
	}
	return out
}

// Every scene holds wherever in the number space the connection lies.
func TestScenes(t *testing.T) {
	firsts := [][2]tcp.Seq{{0, 0}, {0xffffff9a, 7}, {7, 0xfffffed3}, {1 << 31, 1<<31 - 350}, {0xffffff00, 0xffffff00}}
	for _, sc := range scenes(t, "scenes.txt") {
		t.Run(sc.title, func(t *testing.T) {
			for _, first := range firsts {
				var c tcp.Conn
				for _, l := range sc.lines {
					s := l.at(ends, first)
					step := c.Observe(&s)
					if step.After != l.State {
						t.Errorf("first %v: %s: got %v %v", first, l.text, step.After[0], step.After[1])
					}
					if got := step.Revised.Since != 0; got != l.corrects {
						t.Errorf("first %v: %s: corrects %v: %+v", first, l.text, got, step.Revised)
					}
				}
			}
		})
	}
}

// The roles are told by who sent the SYN, not by the order of addresses.
func TestScenesMirrored(t *testing.T) {
	mirrored := [2]tcp.Endpoint{ends[1], ends[0]}
	for _, sc := range scenes(t, "scenes.txt") {
		if strings.Contains(sc.title, "middle") {
			continue // without a SYN the ports decide, as the next test says
		}
		var c tcp.Conn
		for _, l := range sc.lines {
			s := l.at(mirrored, [2]tcp.Seq{5, 9})
			if step := c.Observe(&s); step.After != l.State {
				t.Errorf("%s: %s: got %v", sc.title, l.text, step.After)
			}
		}
	}
}

// Each byte of payload is counted once, in whatever order and pieces it comes.
func TestBytes(t *testing.T) {
	const open = "client S 100:100(0) win 1000\nserver S. 300:300(0) ack 101 win 1000\nclient . 101:101(0) ack 301 win 1000\n"
	for name, c := range map[string]struct {
		lines string
		want  uint64
	}{
		"a hole is filled":              {"client P. 201:301(100) ack 301\nclient P. 101:201(100) ack 301\nclient P. 201:301(100) ack 301", 200},
		"a hole before a FIN is filled": {"client F. 201:201(0) ack 301\nclient P. 101:201(100) ack 301\nclient P. 101:201(100) ack 301", 100},
		"other pieces":                  {"client P. 101:201(100) ack 301\nclient P. 151:251(100) ack 301", 150},
		"other pieces, and a FIN":       {"client P. 101:201(100) ack 301\nclient FP. 151:251(100) ack 301\nclient FP. 151:251(100) ack 301", 150},
	} {
		var conn tcp.Conn
		for line := range strings.Lines(open + c.lines) {
			l, err := notation.Parse(strings.TrimSpace(line))
			if err != nil {
				t.Fatal(err)
			}
			s := l.Segment(ends, [2]tcp.Seq{})
			conn.Observe(&s)
		}
		if sum := conn.Summary(); sum.End[tcp.Client].Bytes != c.want {
			t.Errorf("%s: %d bytes, want %d", name, sum.End[tcp.Client].Bytes, c.want)
		}
	}
}

func TestRolesWithoutSyn(t *testing.T) {
	for _, from := range []tcp.End{tcp.Client, tcp.Server} {
		var c tcp.Conn
		c.Observe(&tcp.Segment{Src: ends[from], Dst: ends[from.Peer()], Flags: tcp.ACK, Seq: 5, Ack: 6})
		if c.Endpoint(tcp.Server) != ends[tcp.Server] {
			t.Errorf("first segment from the %v: server is %v", from, c.Endpoint(tcp.Server))
		}
	}
}

// What was known from socket calls is not called inferred.
func TestKnow(t *testing.T) {
	syn := tcp.Segment{Src: ends[0], Dst: ends[1], Flags: tcp.SYN, Seq: 100}
	var guessed tcp.Conn
	if step := guessed.Observe(&syn); !step.Inferred[tcp.Server] {
		t.Error("a listener that nobody vouches for: SYN_RECV should be inferred")
	}
	known := tcp.NewConn(ends[0], ends[1])
	known.Know(tcp.Client, tcp.Closed)
	known.Know(tcp.Server, tcp.Listen)
	if step := known.Observe(&syn); step.Inferred[tcp.Server] || step.After[tcp.Server] != tcp.SynRecv {
		t.Errorf("a known listener: %v inferred %v", step.After[tcp.Server], step.Inferred[tcp.Server])
	}
	closed := tcp.NewConn(ends[0], ends[1])
	closed.Know(tcp.Server, tcp.Closed)
	if step := closed.Observe(&syn); step.After[tcp.Server] != tcp.Closed {
		t.Errorf("nobody listens: %v", step.After[tcp.Server])
	}
}

// segment reads one line of the notation.
func segment(t testing.TB, line string) tcp.Segment {
	t.Helper()
	l, err := notation.Parse(line)
	if err != nil {
		t.Fatal(err)
	}
	return l.Segment(ends, [2]tcp.Seq{})
}

// TestCutOptions holds that windows forbid nothing where a SYN may have offered
// to scale them, and its options were cut off by the capture.
func TestCutOptions(t *testing.T) {
	for _, tt := range []struct {
		name      string
		syn, ack  tcp.Options
		forbidden bool
	}{
		{"none", tcp.Options{}, tcp.Options{}, true},
		{"both scaled", tcp.Options{HasScale: true, WindowScale: 7}, tcp.Options{HasScale: true, WindowScale: 7}, false},
		{"not agreed on", tcp.Options{HasScale: true, WindowScale: 7}, tcp.Options{}, true},
		{"both cut", tcp.Options{Cut: true}, tcp.Options{Cut: true}, false},
		{"the SYN cut", tcp.Options{Cut: true}, tcp.Options{HasScale: true, WindowScale: 7}, false},
		{"the answer cut", tcp.Options{HasScale: true, WindowScale: 7}, tcp.Options{Cut: true}, false},
	} {
		var c tcp.Conn
		var step tcp.Step
		for i, l := range append(strings.Split(opening, "\n"), "server . 301:401(100) ack 101 win 1000", "server . 401:5401(5000) ack 101 win 1000") {
			s := segment(t, strings.Split(l, "|")[0])
			switch i {
			case 0:
				s.Options = tt.syn
			case 1:
				s.Options = tt.ack
			}
			if s.Seq == 401 {
				s.Seq += 4000 // beyond what was offered, unless it is scaled
			}
			step = c.Observe(&s)
		}
		if got := step.Findings.Has(tcp.Unacceptable); got != tt.forbidden {
			t.Errorf("%s: unacceptable %v: %v", tt.name, got, step.Findings.Names())
		}
	}
}

// TestHoleBeforeTheCapture holds that bytes before the first ones captured,
// which were not acknowledged, are late rather than sent again, and counted.
func TestHoleBeforeTheCapture(t *testing.T) {
	c := tcp.NewConn(ends[tcp.Client], ends[tcp.Server])
	var step tcp.Step
	for _, l := range strings.Split("server P. 501:511(10) ack 101\nclient . 101:101(0) ack 301\nserver . 301:501(200) ack 101", "\n") {
		s := segment(t, l)
		step = c.Observe(&s)
	}
	if step.Findings&^tcp.ZeroWindow != tcp.OutOfOrder || c.Summary().End[tcp.Server].Bytes != 210 {
		t.Errorf("%v, %d bytes", step.Findings.Names(), c.Summary().End[tcp.Server].Bytes)
	}
}

// TestNoWordOfUnknown holds that nobody is told how an end came to a state that
// is not known.
func TestNoWordOfUnknown(t *testing.T) {
	var c tcp.Conn
	for _, l := range strings.Split("client S 100:100(0)\nclient . 101:101(0) ack 301\nclient . 101:101(0) ack 401\nclient F. 101:101(0) ack 401", "\n") {
		s := segment(t, l)
		step := c.Observe(&s)
		for e, state := range step.After {
			if state == tcp.Unknown && len(step.Taken[e].Rules()) > 0 {
				t.Errorf("%s: %v", l, step.Taken[e].Rules())
			}
		}
	}
}

func TestFindings(t *testing.T) {
	open := strings.Split(opening, "\n")
	for _, tt := range []struct {
		lines string // after the opening
		want  tcp.Findings
	}{
		{"client P. 101:111(10) ack 301 win 1000", 0},
		{"client P. 101:111(10) ack 301 win 1000\nclient P. 101:111(10) ack 301 win 1000", tcp.Retransmission},
		{"client P. 111:121(10) ack 301 win 1000", tcp.Gap},
		{"client P. 111:121(10) ack 301 win 1000\nclient P. 101:111(10) ack 301 win 1000", tcp.OutOfOrder},
		{"client P. 111:121(10) ack 301 win 1000\nclient P. 101:115(14) ack 301 win 1000", tcp.Retransmission | tcp.OutOfOrder},
		{"client P. 111:121(10) ack 301 win 1000\nclient P. 101:111(10) ack 301 win 1000\nclient P. 101:111(10) ack 301 win 1000", tcp.Retransmission},
		{"client P. 111:121(10) ack 301 win 1000\nserver . 301:301(0) ack 101 win 1000\nserver . 301:301(0) ack 101 win 1000", tcp.DuplicateAck},
		{"client . 101:101(0) ack 301 win 900", tcp.WindowUpdate},
		{"server . 301:301(0) ack 101 win 1000\nserver . 301:301(0) ack 101 win 0", tcp.WindowUpdate | tcp.ZeroWindow},
		{"client . 100:100(0) ack 301 win 1000", tcp.KeepAlive},
		{"client P. 101:1101(1000) ack 301 win 1000\nserver . 301:301(0) ack 1101 win 0\nclient . 1100:1100(0) ack 301 win 1000", tcp.WindowProbe},
		{"client R 500:500(0)", tcp.ResetIgnored},
		{"client P. 101:1101(1000) ack 301 win 1000\nserver . 301:301(0) ack 1101 win 0\nclient P. 1101:1102(1) ack 301 win 1000", tcp.WindowProbe},
		{"client P. 101:1101(1000) ack 301 win 1000\nserver . 301:301(0) ack 1101 win 0\nclient P. 1101:1102(1) ack 301 win 1000\nserver . 301:301(0) ack 1101 win 0\nclient P. 1101:1102(1) ack 301 win 1000", tcp.WindowProbe},
		{"client P. 101:1101(1000) ack 301 win 1000\nserver . 301:301(0) ack 1101 win 0\nclient P. 1101:1103(2) ack 301 win 1000", tcp.Unacceptable},
		{"client R 5000:5000(0)", tcp.ResetIgnored | tcp.Unacceptable},
		{"client . 101:101(0) ack 401 win 1000", tcp.AckedUnseen},
		{"client P. 5000:5010(10) ack 301 win 1000", tcp.Gap},
	} {
		var c tcp.Conn
		var got tcp.Findings
		for _, l := range append(open, strings.Split(tt.lines, "\n")...) {
			s := segment(t, l)
			s.Options.HasScale = s.Flags.Has(tcp.SYN)
			got = c.Observe(&s).Findings
		}
		if got&^tcp.Unacceptable != tt.want&^tcp.Unacceptable || got&tcp.Unacceptable < tt.want&tcp.Unacceptable {
			t.Errorf("%s: got %v, want %v", tt.lines, got.Names(), tt.want.Names())
		}
	}
}

// A segment with a bad checksum is read by nobody: a bad FIN is no FIN.
func TestBadChecksum(t *testing.T) {
	c := opened(t)
	fin := tcp.Segment{Src: ends[0], Dst: ends[1], Flags: tcp.FIN | tcp.ACK, Seq: 101, Ack: 301, BadChecksum: true}
	step := c.Observe(&fin)
	if step.After != [2]tcp.State{tcp.Established, tcp.Established} || step.Findings != tcp.BadChecksum {
		t.Errorf("got %v %v", step.After, step.Findings.Names())
	}
}

func opened(t testing.TB) *tcp.Conn {
	t.Helper()
	c := new(tcp.Conn)
	for _, l := range strings.Split(opening, "\n") {
		s := segment(t, l)
		c.Observe(&s)
	}
	return c
}

func TestStartsNew(t *testing.T) {
	c := opened(t)
	syn := tcp.Segment{Src: ends[0], Dst: ends[1], Flags: tcp.SYN, Seq: 100}
	if c.StartsNew(&syn) {
		t.Error("the same SYN again is a retransmission")
	}
	if syn.Seq++; !c.StartsNew(&syn) {
		t.Error("another initial sequence number is another connection")
	}
}

// A segment takes two cache lines, and most are judged by the first alone.
func TestSegmentLines(t *testing.T) {
	var s tcp.Segment
	if size, options := unsafe.Sizeof(s), unsafe.Offsetof(s.Options); size != 128 || options != 64 {
		t.Errorf("a Segment takes %d bytes, and its options begin at %d", size, options)
	}
}

// A connection stays small and without pointers: a million are kept at once.
func TestConnIsSmallAndFlat(t *testing.T) {
	if size := unsafe.Sizeof(tcp.Conn{}); size > 256 {
		t.Errorf("a Conn takes %d bytes", size)
	}
	s := tcp.Segment{Src: ends[0], Dst: ends[1], Flags: tcp.ACK, Len: 10}
	var c tcp.Conn
	if n := testing.AllocsPerRun(100, func() { s.Seq += 10; c.Observe(&s) }); n != 0 {
		t.Errorf("observing a segment allocates %v times", n)
	}
}

// A socket connected to itself is both ends at once (RFC 9293 §3.5: a
// simultaneous open with oneself).
func TestSelfConnect(t *testing.T) {
	var c tcp.Conn
	for _, tt := range []struct {
		flags    tcp.Flags
		seq, ack tcp.Seq
		want     tcp.State
	}{
		{tcp.SYN, 100, 0, tcp.SynRecv},
		{tcp.SYN | tcp.ACK, 100, 101, tcp.Established},
		{tcp.ACK, 101, 101, tcp.Established},
		{tcp.FIN | tcp.ACK, 101, 101, tcp.Closing},
		{tcp.ACK, 102, 102, tcp.TimeWait},
	} {
		s := tcp.Segment{Src: ends[0], Dst: ends[0], Flags: tt.flags, Seq: tt.seq, Ack: tt.ack, Window: 1000}
		if step := c.Observe(&s); step.After != [2]tcp.State{tt.want, tt.want} {
			t.Errorf("%v: %v, want %v", tt.flags, step.After, tt.want)
		}
	}
}

// The arrows are taken in the RFC's order: the ACK before the FIN that comes
// with it, but a FIN that was on its way before the ACK that follows.
func TestPaths(t *testing.T) {
	for _, tt := range []struct {
		lines string
		end   tcp.End
		want  []tcp.State
	}{
		{"client F. 101:101(0) ack 301\nserver F. 301:301(0) ack 102", tcp.Client, []tcp.State{tcp.FinWait2, tcp.TimeWait}},
		{"client F. 101:101(0) ack 301\nserver F. 301:301(0) ack 101\nclient . 102:102(0) ack 302", tcp.Server, []tcp.State{tcp.Closing, tcp.TimeWait}},
	} {
		c := opened(t)
		var step tcp.Step
		for _, l := range strings.Split(tt.lines, "\n") {
			s := segment(t, l)
			step = c.Observe(&s)
		}
		var got []tcp.State
		for _, r := range step.Taken[tt.end].Rules() {
			got = append(got, r.To)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v took %v, want %v", tt.lines, tt.end, got, tt.want)
		}
	}
}

// What an end began with may be half of all numbers behind: then it no longer
// tells what was sent before (RFC 9293 §3.4).
func TestGigabytes(t *testing.T) {
	const size = 1<<20 - 1
	for _, n := range []int{10, 2200, 3000, 4200} { // MiB
		// Where departures and arrivals are known.
		var c tcp.Conn
		at, from := tcp.Seq(100), [2]tcp.Segment{
			{Src: ends[0], Dst: ends[1], Flags: tcp.ACK, Window: 65535},
			{Src: ends[1], Dst: ends[0], Flags: tcp.ACK, Seq: 301, Window: 65535},
		}
		over := func(s tcp.Segment) { c.Depart(&s); c.Arrive(&s) }
		c.Know(tcp.Client, tcp.Closed)
		c.Know(tcp.Server, tcp.Listen)
		over(tcp.Segment{Src: ends[0], Dst: ends[1], Flags: tcp.SYN, Seq: at, Window: 65535})
		at++
		over(tcp.Segment{Src: ends[1], Dst: ends[0], Flags: tcp.SYN | tcp.ACK, Seq: 300, Ack: at, Window: 65535})
		data, ack := from[0], from[1]
		data.Ack, data.Len = 301, size
		for range n {
			data.Seq = at
			over(data)
			at = at.Add(size)
			ack.Ack = at
			over(ack)
		}
		if !c.Sent(tcp.Client, &data) {
			t.Errorf("after %d MiB the last byte was not sent", n)
		}
		rst := ack
		rst.Flags = tcp.RST
		over(rst)
		if step := c.Depart(&data); step.After[tcp.Client] != tcp.Closed {
			t.Errorf("after %d MiB, once more: %v %v", n, step.After, step.Findings.Names())
		}

		// In a capture that begins in the middle.
		c, at = tcp.Conn{}, 100
		for range n {
			data.Seq = at
			c.Observe(&data)
			at = at.Add(size)
			ack.Ack = at
			c.Observe(&ack)
		}
		data.Seq = at // lost
		c.Observe(&data)
		c.Observe(&ack)
		if step := c.Observe(&data); step.Findings != tcp.Retransmission {
			t.Errorf("after %d MiB it is %v", n, step.Findings.Names())
		}
	}
}
