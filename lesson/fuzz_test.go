package lesson_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"lesson/capture"
	"lesson/capture/capturetest"
	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/csv"
	"lesson/lesson/render/events"
	"lesson/lesson/render/ladder"
	"lesson/lesson/render/lines"
	"lesson/lesson/tcp"
)

// FuzzExplain reads any bytes as a capture and tells it in every way there is.
func FuzzExplain(f *testing.F) {
	for _, n := range []capturetest.Net{{}, capturetest.Loopback6} {
		for _, talk := range []string{
			"client S\nserver S.\nclient .\nclient P. 1:25(24)\nserver .\nclient F.\nserver F.\nclient .",
			"client S\nserver R.", "client S\nserver S.\nclient .\nclient F. 1:1(0) ack 1\nserver F. 1:1(0) ack 1\nclient . 2:2(0) ack 2\nserver . 2:2(0) ack 2",
			"server P. 1:25(24) ack 1\nclient R. 1:1(0) ack 1",
		} {
			file, err := n.Pcap(talk)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(file)
		}
	}
	for _, n := range []capturetest.Net{net4, net6} {
		f.Add(withErrors(f, n, "client S\nicmp 3 3 1\nclient S 0:0(0)\nserver S.\nicmp 1 1 3\nclient .\nclient F.\nicmp 3 1 5"))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if len(file) > 1<<16 {
			t.Skip()
		}
		everyWay(t, crc32.ChecksumIEEE(file), func() (lesson.Source, error) {
			r, err := capture.Open(bytes.NewReader(file))
			if r != nil {
				r.Errors = true
			}
			return r, err
		})
	})
}

// FuzzStory makes segments of few ends, ports and numbers of any bytes, so that
// they meet: connections reused, crossed, lost, reset, contradicting.
func FuzzStory(f *testing.F) {
	f.Add([]byte{0, 2, 0, 0, 0, 1, 0x12, 0, 1, 0, 0, 0x10, 1, 1, 0, 0, 0x11, 1, 1, 0, 1, 0x11, 1, 2, 0, 0, 0x10, 2, 2, 0})
	f.Add([]byte{0, 2, 0, 0, 0, 1, 0x14, 0, 1, 0, 0, 2, 9, 0, 0, 1, 0x12, 9, 10, 0, 0, 0x10, 10, 10, 3, 2, 2, 1, 0, 0})
	f.Add([]byte{4, 0x12, 0, 1, 0, 5, 0x10, 1, 1, 3, 4, 0x11, 1, 4, 0, 0x44, 0x14, 2, 4, 0})
	f.Add([]byte{0, 2, 0, 0, 0, 0, 1, 0, 0, 0x40, 0, 2, 0, 0, 0, 1, 0x12, 0, 1, 0, 1, 1, 0, 0, 0x40, 0, 0x10, 1, 1, 0, 0, 0x11, 1, 1, 0, 0, 3, 1, 0, 0x40})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<12 {
			t.Skip()
		}
		everyWay(t, crc32.ChecksumIEEE(b), func() (lesson.Source, error) { return &made{b: b}, nil })
	})
}

// made is a source of the segments that any bytes stand for, five to each: the
// ends, the flags, the numbers, and the length; and of ICMP errors about them.
type made struct {
	b []byte
	n int
}

func (m *made) Next() (c tcp.Captured, err error) {
	if len(m.b) < 5 {
		return c, io.EOF
	}
	ends, flags, seq, ack, size := m.b[0], m.b[1], m.b[2], m.b[3], m.b[4]
	m.b = m.b[5:]
	m.n++
	port := 1000 + uint16(ends>>1&1)
	a, b := tcp.Endpoint{IP: [16]byte{15: 1}, Port: port}, tcp.Endpoint{IP: [16]byte{15: 2}, Port: 80}
	if ends&4 != 0 {
		b = a // one socket, connected to itself
	}
	if ends&1 != 0 {
		a, b = b, a
	}
	c.Segment = tcp.Segment{Time: int64(m.n) * 1e6, Src: a, Dst: b, Flags: tcp.Flags(flags), Seq: tcp.Seq(seq) - 8, Ack: tcp.Seq(ack) - 8, Window: uint16(ends>>3) * 8, Len: uint32(size & 15)}
	c.BadChecksum = size&0x80 != 0
	c.Number = m.n
	c.Header = []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0}
	c.Payload = []byte("\x1b[31m你\xff\x00\u202e……………")[:size&15]
	c.Raw, c.RawLen = c.Header, 60
	if size&0x40 != 0 {
		e := &tcp.ICMPError{From: b.IP, Src: a, Dst: b, Seq: c.Seq, V6: ack&1 != 0, Type: ack >> 1 & 15, Code: flags & 31, BadChecksum: c.BadChecksum}
		c = tcp.Captured{Segment: tcp.Segment{Time: c.Time, Src: a, Dst: b, Seq: c.Seq}, Number: m.n, ICMP: e, Header: c.Header[:8]}
	}
	return c, nil
}

// everyWay tells a capture as everything, as a table, and followed, holds these
// against each other, and looks at one of the forms they are written in.
func everyWay(t *testing.T, form uint32, open func() (lesson.Source, error)) {
	told := func(opt lesson.ExplainOptions, to lesson.Teller) bool {
		opt.Vantage = tcp.Vantage(form >> 21 & 3)
		src, err := open()
		if err == nil {
			err = lesson.Explain(src, opt, to)
		}
		if err != nil {
			if p, ok := lang.AsProblem(err); !ok || p.What.EN == "" || p.What.ZH == "" {
				t.Fatalf("not a problem: %v", err)
			}
		}
		return src != nil && !reflect.ValueOf(src).IsNil()
	}
	var all, table, followed storyRows
	if !told(lesson.ExplainOptions{Detail: lesson.Everything}, &all) {
		return
	}
	told(lesson.ExplainOptions{Detail: lesson.Table}, &table)
	told(lesson.ExplainOptions{Detail: lesson.Everything, Follow: true}, &followed)
	if !sameConnections(all.connections, table.connections) || !sameConnections(all.connections, followed.connections) {
		t.Fatalf("the connections are\n%s\nin a table\n%s\nand followed\n%s", shown(all.connections), shown(table.connections), shown(followed.connections))
	}
	if len(followed.rows) != len(all.rows) {
		t.Fatalf("%d rows, followed %d", len(all.rows), len(followed.rows))
	}
	for i, s := range all.segments {
		if s.N != i+1 {
			t.Fatalf("segment %d is called %d", i+1, s.N)
		}
	}
	last := map[int][2]tcp.State{}
	for i, r := range all.rows {
		if before, ok := last[r.stream]; ok && before != r.before {
			t.Fatalf("row %d of stream %d: from %v to %v", i+1, r.stream, before, r.before)
		}
		last[r.stream] = r.after
	}
	for _, c := range all.connections {
		if end, ok := last[c.Stream]; ok && end != c.State && c.Opened != lesson.OpenedNot && c.Opened != lesson.OpenedHalf && c.Opened != lesson.OpenedUnreached {
			t.Fatalf("stream %d ends in %v and is summed up as %v", c.Stream, end, c.State)
		}
	}
	opt := lesson.ExplainOptions{Detail: lesson.Detail(form % 4), Name: "\x1b]0;evil\a\u202e.pcap"}
	var b bytes.Buffer
	o := ladder.Options{Width: 40 + int(form>>8%100), Color: true, Lang: lang.Lang(form >> 16 & 1), Verbose: form>>17&1 == 0, ASCII: form>>18&1 == 0, Plain: form>>19&3 == 0}
	switch to := form >> 2 % 5; {
	case to == 0:
		told(opt, csv.New(&b))
		tame(t, b.String(), "")
	case to == 1:
		told(opt, events.New(&b))
		for line := range strings.Lines(b.String()) {
			if !json.Valid([]byte(line)) {
				t.Fatalf("not JSON: %q", line)
			}
		}
		tame(t, b.String(), "")
	case to == 2:
		told(opt, lines.New(&b, o.Lang))
		tame(t, b.String(), "")
	case opt.Detail == lesson.Table:
		told(opt, ladder.NewTable(&b, o))
		tame(t, b.String(), "\x1b")
	default:
		told(opt, ladder.New(&b, o))
		tame(t, b.String(), "\x1b")
	}
}

// tame holds that a text has nothing in it that a terminal would obey, but for
// colours.
func tame(t *testing.T, s, allowed string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Fatalf("not UTF-8: %q", s)
	}
	for i, r := range s {
		if r == '\n' || !unicode.IsControl(r) && !unicode.Is(unicode.Cf, r) {
			continue
		}
		if colour := strings.IndexByte(s[i:], 'm'); !strings.ContainsRune(allowed, r) || colour < 0 || strings.Trim(s[i+1:][:colour-1], "[0123456789;") != "" {
			t.Fatalf("%U in %q", r, s)
		}
	}
}

func sameConnections(a, b []*lesson.Connection) bool {
	return shown(a) == shown(b)
}

// shown lists connections by their numbers, in whatever order they were told.
func shown(all []*lesson.Connection) string {
	lines := make([]string, len(all))
	for _, c := range all {
		if c.Stream < len(lines) {
			lines[c.Stream] = fmt.Sprintf("%+v\n", *c)
		}
	}
	return strings.Join(lines, "")
}
