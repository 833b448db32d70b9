// Package rendertest holds stories to render: whole lessons as a stage would
// tell them, without a socket in sight. Every renderer is tested with the same.
package rendertest

import (
	"encoding/binary"
	"net/netip"
	"time"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// Message is what the client says: the message of the first lesson.
const Message = "你好，世界！！！"

// story collects events as they happen.
type story struct {
	events  []lesson.Event
	conn    tcp.Conn
	ends    [2]netip.AddrPort
	isn     [2]tcp.Seq
	now     time.Duration
	n       int
	live    bool
	stream  int
	damaged bool // the next segment will be
}

var began = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func newStory(live bool) *story {
	s := &story{live: live, isn: [2]tcp.Seq{0x1a2b3c4d, 0xfffffff0}}
	s.between("127.0.0.1:43210", "127.0.0.2:2023")
	if live {
		s.conn.Know(tcp.Client, tcp.Closed)
		s.conn.Know(tcp.Server, tcp.Listen)
	}
	return s
}

func (s *story) between(client, server string) {
	s.ends = [2]netip.AddrPort{netip.MustParseAddrPort(client), netip.MustParseAddrPort(server)}
	s.conn = tcp.NewConn(tcp.EndpointFrom(s.ends[0]), tcp.EndpointFrom(s.ends[1]))
}

func (s *story) tell(e lesson.Event) { s.events = append(s.events, e) }

func (s *story) call(end tcp.End, name string, phase lesson.Phase, text lang.Text, console ...lang.Text) {
	s.now += 7 * time.Microsecond
	s.tell(&lesson.Call{End: end, Name: name, Phase: phase, Text: text, Console: console, Time: s.now})
}

// segment sends one, its numbers relative to the initial ones, and returns the
// event so that a story can add to it.
func (s *story) segment(from tcp.End, flags tcp.Flags, seq, ack int64, payload string, why ...lesson.Explanation) *lesson.Segment {
	s.now += 12 * time.Microsecond
	s.n++
	to := from.Peer()
	e := &lesson.Segment{N: s.n, Stream: s.stream, Since: s.now, Live: s.live, Explain: why}
	e.Number = s.n
	e.Segment = tcp.Segment{
		Time: began.Add(s.now).UnixNano(),
		Src:  tcp.EndpointFrom(s.ends[from]), Dst: tcp.EndpointFrom(s.ends[to]),
		Seq: s.isn[from] + tcp.Seq(seq), Flags: flags, Window: 512, Len: uint32(len(payload)), BadChecksum: s.damaged,
	}
	s.damaged = false
	if flags.Has(tcp.ACK) {
		e.Ack = s.isn[to] + tcp.Seq(ack)
	}
	if flags.Has(tcp.SYN) {
		e.Window = 65495
		e.Options = tcp.Options{MSS: 65495, HasMSS: true, SACKPermitted: true, HasTimestamps: true, TSVal: 1, HasScale: true, WindowScale: 7}
	}
	e.Header = header(&e.Segment)
	e.Payload = []byte(payload)
	e.Raw = append(append([]byte{}, e.Header...), payload...)
	e.RawLen = len(e.Raw)
	e.Step = s.conn.Observe(&e.Segment)
	s.tell(e)
	return e
}

// agrees lets the kernel confirm what the last segment says.
func agrees(e *lesson.Segment) *lesson.Segment {
	for end := range e.Kernel {
		e.Kernel[end].State = e.Step.After[end]
		if e.Step.After[end] == tcp.TimeWait {
			e.Kernel[end] = lesson.Kernel{State: tcp.TimeWait, Timer: "timewait", Remaining: 59990 * time.Millisecond}
		}
	}
	return e
}

func header(s *tcp.Segment) []byte {
	h := make([]byte, 20, 60)
	binary.BigEndian.PutUint16(h[0:], s.Src.Port)
	binary.BigEndian.PutUint16(h[2:], s.Dst.Port)
	binary.BigEndian.PutUint32(h[4:], uint32(s.Seq))
	binary.BigEndian.PutUint32(h[8:], uint32(s.Ack))
	binary.BigEndian.PutUint16(h[14:], s.Window)
	h[16], h[17] = 0xfe, 0x30
	if o := s.Options; o.HasMSS {
		h = append(h, 2, 4, byte(o.MSS>>8), byte(o.MSS), 4, 2, 8, 10)
		h = binary.BigEndian.AppendUint32(h, o.TSVal)
		h = binary.BigEndian.AppendUint32(h, o.TSEcr)
		h = append(h, 1, 3, 3, o.WindowScale)
	}
	h[12] = byte(len(h) / 4 << 4)
	h[12] |= byte(s.Flags >> 8)
	h[13] = byte(s.Flags)
	return h
}

func same(s string) lang.Text      { return lang.Text{EN: s, ZH: s} }
func text(en, zh string) lang.Text { return lang.Text{EN: en, ZH: zh} }
func why(ref, en, zh string) lesson.Explanation {
	return lesson.Explanation{Text: text(en, zh), Ref: ref}
}

const (
	syn = tcp.SYN
	ack = tcp.ACK
	fin = tcp.FIN
	psh = tcp.PSH
	rst = tcp.RST
)

func (s *story) opening(name string, title lang.Text, refs string) {
	o := &lesson.Opening{Name: name, Title: title, Refs: refs, Place: lesson.Private, Interface: "lo", Ends: s.ends, Checked: true}
	if !s.live {
		o.Place, o.Interface, o.Checked = lesson.File, "teardown.pcapng", false
	}
	s.tell(o)
}

func (s *story) handshake() {
	const c, sv = tcp.Client, tcp.Server
	s.call(sv, "listen", lesson.Done, same("listen()"))
	s.call(sv, "accept", lesson.Entered, same("accept()"))
	s.call(c, "connect", lesson.Entered, same("connect()"))
	s.segment(c, syn, 0, 0, "", why("RFC 9293 §3.5",
		"The client asks for a connection and tells the number it will count its bytes from. A SYN takes one sequence number.",
		"客户端请求建立连接，并告知自己将从哪个序号开始计数。一个 SYN 占用一个序号。"))
	agrees(s.segment(sv, syn|ack, 0, 1, "", why("RFC 9293 §3.5",
		"The server agrees, and tells its own number. Its program has noticed nothing yet: accept() still waits.",
		"服务器同意，并告知自己的序号。它的程序还毫不知情：accept() 仍在等待。")))
	s.call(c, "connect", lesson.Returned, same("connect() = 0"), text("connected to the server", "连接服务器成功"))
	agrees(s.segment(c, ack, 1, 1, "", why("RFC 9293 §3.5",
		"Now the server knows too that the client has its number: both ends are open.",
		"至此服务器也知道客户端收到了自己的序号：双方都已建立连接。")))
	s.call(sv, "accept", lesson.Returned, same("accept() = 4"))
}

func (s *story) end(closed lesson.Closed) []lesson.Event {
	sum := s.conn.Summary()
	s.tell(&lesson.Connection{Stream: s.stream, Ends: s.ends, Opened: lesson.OpenedHandshake, Closed: closed,
		State:    [2]tcp.State{s.conn.State(tcp.Client), s.conn.State(tcp.Server)},
		Segments: s.n, Bytes: [2]uint64{sum.End[tcp.Client].Bytes, sum.End[tcp.Server].Bytes}, Start: began, Duration: s.now, Completeness: int(sum.Completeness), ConnState: "SF"})
	s.tell(&lesson.Ending{Segments: s.n, Connections: 1, Kept: true, Duration: s.now})
	return s.events
}

// Handshake is the three-way handshake, live.
func Handshake() []lesson.Event {
	s := newStory(true)
	s.opening("handshake", text("The three-way handshake", "三次握手"), "RFC 9293 §3.5")
	s.handshake()
	return s.end(lesson.ClosedNot)
}

// Teardown is the four-way close, live and with the kernel's agreement.
func Teardown() []lesson.Event {
	const c, sv = tcp.Client, tcp.Server
	s := newStory(true)
	s.opening("teardown", text("The four-way close", "四次挥手"), "RFC 9293 §3.6")
	s.handshake()
	s.call(sv, "recv", lesson.Entered, same("recv()"))
	s.call(c, "send", lesson.Done, text("send() = 24", "send() = 24"))
	s.segment(c, psh|ack, 1, 1, Message, why("RFC 9293 §3.4",
		"24 bytes take 24 numbers: the next byte from the client will be number 25.",
		"24 个字节占用 24 个序号：客户端的下一个字节是 25 号。"))
	s.call(sv, "recv", lesson.Returned, text("recv() = 24", "recv() = 24"), same("127.0.0.1发来消息>>>"+Message))
	agrees(s.segment(sv, ack, 1, 25, ""))
	s.call(c, "close", lesson.Done, same("close()"))
	agrees(s.segment(c, fin|ack, 25, 1, "", why("RFC 9293 §3.6",
		"The client has nothing more to send. A FIN takes one sequence number, so the server can acknowledge it: 25 becomes 26. The client can still receive.",
		"客户端没有更多数据要发送。FIN 占用一个序号，服务器因此可以确认它：25 变为 26。客户端仍然可以接收。")))
	s.call(sv, "recv", lesson.Returned, same("recv() = 0 (EOF)"))
	agrees(s.segment(sv, ack, 1, 26, "", why("RFC 9293 §3.6",
		"The server's kernel acknowledges the FIN by itself. Its program has to call close() before anything else can happen.",
		"服务器的内核自行确认了 FIN。此后必须等它的程序调用 close()。")))
	s.call(sv, "close", lesson.Done, same("close()"))
	agrees(s.segment(sv, fin|ack, 1, 26, "", why("RFC 9293 §3.6",
		"Now the server closes its direction too.",
		"服务器也关闭了自己的方向。")))
	agrees(s.segment(c, ack, 26, 2, "", why("RFC 9293 §3.6.1",
		"The last ACK may be lost. That is why the client waits in TIME_WAIT: it must be there to send it again.",
		"最后这个 ACK 可能丢失，所以客户端要停留在 TIME_WAIT，以便重发。")))
	s.now += 3 * time.Millisecond
	s.tell(&lesson.Rest{State: [2]tcp.State{tcp.TimeWait, tcp.Closed}, After: s.n, Time: s.now, Kernel: [2]lesson.Kernel{
		{State: tcp.TimeWait, Timer: "timewait", Remaining: 59950 * time.Millisecond}, {State: tcp.Closed}}})
	return s.end(lesson.ClosedFIN)
}

// Disagreement is a handshake whose server hides its half-open connections,
// and whose run differs from what was promised.
func Disagreement() []lesson.Event {
	const c, sv = tcp.Client, tcp.Server
	s := newStory(true)
	s.opening("handshake", text("The three-way handshake", "三次握手"), "RFC 9293 §3.5")
	s.call(c, "connect", lesson.Entered, same("connect()"))
	e := s.segment(c, syn, 0, 0, "")
	e.Kernel = [2]lesson.Kernel{{State: tcp.SynSent, Timer: "retransmit", Remaining: time.Second}, {State: tcp.Listen}}
	s.segment(sv, syn|ack, 0, 1, "")
	s.segment(c, ack, 1, 1, "")
	s.tell(&lesson.Rest{State: [2]tcp.State{tcp.Established, tcp.Established}, After: 3, Time: s.now,
		Kernel: [2]lesson.Kernel{{State: tcp.Established}, {State: tcp.SynRecv}}})
	s.tell(&lesson.Note{Kind: lesson.Differs, Explanation: why("",
		"The lesson promised that the server would be ESTABLISHED after segment 3; this kernel says SYN_RECV.",
		"课程预期第 3 个报文段之后服务器处于 ESTABLISHED；本机内核却说是 SYN_RECV。")})
	s.tell(&lesson.Note{Kind: lesson.Warning, Explanation: why("",
		"2 frames were lost by the capture: something may be missing above.",
		"抓包丢失了 2 帧，上面的内容可能不全。")})
	s.tell(&lesson.Ending{Segments: s.n, Connections: 1, Dropped: 2, Disagreed: 2, Duration: s.now})
	return s.events
}

// Trouble is a connection from a file: a lost segment, its repetition, a hole,
// a corrupted segment, a RST that does not count and one that does.
func Trouble() []lesson.Event {
	const c, sv = tcp.Client, tcp.Server
	s := newStory(false)
	s.opening("explain", text("One connection from a file", "文件中的一个连接"), "")
	s.segment(c, syn, 0, 0, "")
	s.segment(c, syn, 0, 0, "")
	s.segment(sv, syn|ack, 0, 1, "")
	s.segment(c, ack, 1, 1, "")
	s.segment(c, psh|ack, 1, 1, "GET /index.html HTTP/1.1\r\nHost: example.org\r\nUser-Agent: \x1b[31mred\x1b[0m\r\n\r\n")
	s.segment(c, psh|ack, 500, 1, "the end of the request")
	s.segment(sv, ack, 1, 80, "")
	s.segment(sv, ack, 1, 80, "")
	s.segment(c, psh|ack, 1, 1, "GET /index.html HTTP/1.1\r\nHost: example.org\r\nUser-Agent: \x1b[31mred\x1b[0m\r\n\r\n")
	s.damaged = true
	s.segment(sv, psh|ack, 1, 80, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\xff\xee\xdd\xcc\xbb\xaa")
	s.segment(sv, rst, 1000, 0, "")
	s.segment(sv, fin|ack, 18, 80, "").Step.After = [2]tcp.State{tcp.CloseWait, tcp.FinWait1} // which proves wrong
	late := s.segment(c, ack, 522, 1, "")
	late.Step.Findings |= tcp.Corrected
	late.Step.Revised = tcp.Revision{End: tcp.Client, Since: 12, State: tcp.Established}
	s.segment(sv, rst|ack, 19, 80, "", why("RFC 9293 §3.5.2",
		"The server throws the connection away.", "服务器丢弃了这个连接。"))
	e := s.end(lesson.ClosedReset)
	e[len(e)-2].(*lesson.Connection).ConnState = "RSTR"
	return e
}

// Middle is a capture that starts in the middle of an IPv6 connection with
// long addresses and large numbers.
func Middle() []lesson.Event {
	s := newStory(false)
	s.between("[2001:db8:85a3:1234:5678:8a2e:370:7334]:54321", "[2001:db8:85a3:1234:5678:8a2e:370:1]:443")
	s.isn = [2]tcp.Seq{}
	s.opening("explain", text("One connection from a file", "文件中的一个连接"), "")
	s.n = 12344
	s.segment(tcp.Client, psh|ack|tcp.URG|tcp.ECE|tcp.CWR, 3456789012, 1234567890, "GET / HTTP/1.1\r\n")
	s.segment(tcp.Server, ack, 1234567890, 3456789028, "")
	e := s.end(lesson.ClosedNot)
	last := e[len(e)-2].(*lesson.Connection)
	last.Opened, last.ConnState = lesson.OpenedBefore, "OTH"
	return e
}

// Many is a file with several connections, their segments mixed, and the
// connections' own lines after them.
func Many() []lesson.Event {
	s := newStory(false)
	s.tell(&lesson.Opening{Name: "explain", Title: text("Connections in a file", "文件中的连接"), Place: lesson.File, Interface: "office.pcap"})
	s.segment(tcp.Client, syn, 0, 0, "")
	s.segment(tcp.Server, rst|ack, 0, 1, "")
	for i, c := range []struct {
		client, server string
		opened         lesson.Opened
		closed         lesson.Closed
		state          [2]tcp.State
		segments       int
		bytes          [2]uint64
		duration       time.Duration
		completeness   int
		code           string
	}{
		{"127.0.0.1:43210", "127.0.0.2:2023", lesson.OpenedHandshake, lesson.ClosedFIN, [2]tcp.State{tcp.TimeWait, tcp.Closed}, 9, [2]uint64{24, 0}, 13 * time.Millisecond, 31, "SF"},
		{"10.0.0.12:54321", "93.184.216.34:443", lesson.OpenedHandshake, lesson.ClosedReset, [2]tcp.State{tcp.Closed, tcp.Closed}, 1284, [2]uint64{5120, 1843200}, 75 * time.Second, 47, "RSTO"},
		{"192.168.100.101:50001", "192.168.100.200:8080", lesson.OpenedBefore, lesson.ClosedNot, [2]tcp.State{tcp.Established, tcp.Established}, 3, [2]uint64{0, 99}, 4 * time.Second, 12, "OTH"},
		{"10.0.0.12:54322", "10.0.0.1:25", lesson.OpenedRefused, lesson.ClosedNever, [2]tcp.State{tcp.Closed, tcp.Closed}, 2, [2]uint64{}, 87 * time.Microsecond, 37, "REJ"},
		{"10.0.0.12:54323", "10.0.0.9:80", lesson.OpenedNot, lesson.ClosedNever, [2]tcp.State{tcp.SynSent, tcp.Listen}, 6, [2]uint64{}, 31 * time.Second, 1, "S0"},
		{"[2001:db8:85a3:1234:5678:8a2e:370:7334]:54321", "[2001:db8::1]:443", lesson.OpenedHandshake, lesson.ClosedHalf, [2]tcp.State{tcp.FinWait2, tcp.CloseWait}, 120455, [2]uint64{98304, 12_345_678_901}, 2*time.Hour + 3*time.Minute, 31, "S2"},
		{"[fe80::1]:6000", "[fe80::2]:6000", lesson.OpenedBoth, lesson.ClosedNot, [2]tcp.State{tcp.Unknown, tcp.Unknown}, 4, [2]uint64{1, 1}, time.Second, 7, "S1"},
		{"10.0.0.12:54324", "10.0.0.9:81", lesson.OpenedHalf, lesson.ClosedNever, [2]tcp.State{tcp.Established, tcp.SynRecv}, 2, [2]uint64{}, 40 * time.Millisecond, 3, "S0"},
	} {
		s.tell(&lesson.Connection{Stream: i, Opened: c.opened, Closed: c.closed, State: c.state, Segments: c.segments, Bytes: c.bytes,
			Ends:  [2]netip.AddrPort{netip.MustParseAddrPort(c.client), netip.MustParseAddrPort(c.server)},
			Start: began, Duration: c.duration, Completeness: c.completeness, ConnState: c.code})
	}
	s.tell(&lesson.Note{Kind: lesson.Warning, Explanation: why("",
		"packet 9201 is cut short; 3 packets after it could not be read", "第 9201 个数据包不完整，其后的 3 个数据包无法读取")})
	s.tell(&lesson.Ending{Segments: 121885, Connections: 8, Kept: true, Duration: 2 * time.Hour})
	return s.events
}

// Hostile is a story in which everything that comes from outside is meant to
// harm a terminal.
func Hostile() []lesson.Event {
	const evil = "\x1b]0;owned\a\x1b[2J\x9b31m\u009b1m\u202etxet\u2066\u200b\u200d\ufeff\xff\xfe\x00\r\nsplit\u2028line👩‍👩‍👧‍👦🇨🇳👍🏽\u0301\u0301\u0301\u0301क\u3000ﷺ"
	s := newStory(true)
	s.tell(&lesson.Opening{Name: evil, Title: same("title " + evil), Refs: evil, Place: lesson.File, Interface: evil, Ends: s.ends})
	s.call(tcp.Server, evil, lesson.Entered, same(evil), same(evil), same("a text that is rather long "+evil+evil))
	s.call(tcp.Client, evil, lesson.Returned, same("connect("+evil+")"), same(evil))
	s.segment(tcp.Client, syn, 0, 0, evil, why(evil, evil, evil))
	s.segment(tcp.Server, syn|ack|rst|fin|psh|tcp.URG|tcp.ECE|tcp.CWR|tcp.AE, 4294967295, 4294967295, evil+evil+evil, why(evil, evil+evil, evil))
	e := s.segment(tcp.Client, 0, 1, 1, "text "+evil)
	e.Kernel = [2]lesson.Kernel{{State: tcp.CloseWait, Timer: evil, Remaining: -time.Hour}, {State: 77}}
	e.Step.Before, e.Step.After = [2]tcp.State{200, 201}, [2]tcp.State{202, tcp.TimeWait}
	e.Step.Inferred = [2]bool{true, true}
	e.Step.Findings = 1<<32 - 1
	e.Step.Revised = tcp.Revision{End: tcp.Server, Since: 1, State: tcp.CloseWait}
	e.Header = e.Header[:13]
	s.tell(&lesson.Rest{State: [2]tcp.State{tcp.TimeWait, tcp.FinWait2}, After: 3, Kernel: [2]lesson.Kernel{
		{State: tcp.TimeWait, Timer: "timewait", Remaining: 1 << 62}, {State: tcp.FinWait2, Timer: evil, Remaining: time.Second}}})
	s.tell(&lesson.Note{Kind: lesson.Warning, Explanation: why(evil, evil, evil)})
	return s.end(lesson.ClosedReset)
}

// All are the stories by name.
func All() map[string][]lesson.Event {
	return map[string][]lesson.Event{
		"handshake": Handshake(), "teardown": Teardown(), "disagreement": Disagreement(),
		"trouble": Trouble(), "middle": Middle(), "many": Many(), "hostile": Hostile(),
		"icmp":     Unreachable(),
		"lost-syn": LostSyn(), "held": Held(), "crossing": Crossing(), "old-syn": OldSyn(),
	}
}
