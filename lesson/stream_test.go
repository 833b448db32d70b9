package lesson_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"runtime"
	"slices"
	"testing"

	"lesson/capture"
	"lesson/capture/capturetest"
	"lesson/capture/capturetest/traffic"
	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/ladder"
	"lesson/lesson/render/lines"
	"lesson/lesson/tcp"
)

// file makes a capture in memory.
func file(t testing.TB, o traffic.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := traffic.Write(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(t testing.TB, file []byte, opt lesson.ExplainOptions, to lesson.Teller) {
	t.Helper()
	src, err := capture.Open(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if err := lesson.Explain(src, opt, to); err != nil {
		t.Fatal(err)
	}
}

// large is for tests that take seconds and learn nothing from the race detector.
func large(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("it reads large captures")
	}
}

// list keeps the connections and the notes.
type list struct {
	connections []lesson.Connection
	notes       int
}

func (l *list) Tell(e lesson.Event) error {
	switch e := e.(type) {
	case *lesson.Connection:
		l.connections = append(l.connections, *e)
	case *lesson.Note:
		l.notes++
	}
	return nil
}

// Forgetting connections changes nothing but the order in which they are told:
// their numbers and all else are what they are when every one is kept.
func TestForgettingChangesNothing(t *testing.T) {
	for _, o := range []traffic.Options{{Seed: 3, Packets: 20_000, Connections: 2_000}, {Seed: 1, Packets: 620_000, Connections: 80_000}, {Seed: 2, Connections: 70_000, Flood: true}} {
		if testing.Short() && o.Connections > 10_000 {
			continue
		}
		f := file(t, o)
		var got list
		read(t, f, lesson.ExplainOptions{Detail: lesson.Table}, &got)
		ordered := slices.IsSortedFunc(got.connections, byStream)
		if few := o.Connections < 16_384; ordered != (o.Flood || few) {
			t.Errorf("%+v: connections are told in order: %v", o, ordered)
		}
		slices.SortFunc(got.connections, byStream)
		want := everyOne(t, f)
		if len(got.connections) != len(want) {
			t.Fatalf("%+v: %d connections, want %d", o, len(got.connections), len(want))
		}
		for i := range want {
			if c, w := got.connections[i], *lesson.Summarize(i, want[i], 0); c != w {
				t.Fatalf("%+v: connection %d is %+v, want %+v", o, i, c, w)
			}
		}
		if got.notes > 0 {
			t.Errorf("%+v: %d notes", o, got.notes)
		}
	}
}

func byStream(a, b lesson.Connection) int { return a.Stream - b.Stream }

// everyOne follows connections as simply as can be, and keeps them all.
func everyOne(t *testing.T, f []byte) (all []*tcp.Conn) {
	src, err := capture.Open(bytes.NewReader(f))
	if err != nil {
		t.Fatal(err)
	}
	latest := map[[2]tcp.Endpoint]*tcp.Conn{}
	for {
		c, err := src.Next()
		if err == io.EOF {
			return all
		}
		conn := latest[[2]tcp.Endpoint{c.Src, c.Dst}]
		if old := conn; old == nil || old.StartsNew(&c.Segment) {
			conn = new(tcp.Conn)
			if old != nil {
				conn.Succeeds(old, &c.Segment)
			}
			all = append(all, conn)
			latest[[2]tcp.Endpoint{c.Src, c.Dst}], latest[[2]tcp.Endpoint{c.Dst, c.Src}] = conn, conn
		}
		conn.Observe(&c.Segment)
	}
}

// What comes when its connection has been forgotten keeps its number, is told,
// and is no connection of its own.
func TestLate(t *testing.T) {
	large(t)
	talk, err := capturetest.Net{}.Pcap("client S\nserver S.\nclient .\nclient F.\nserver F.\nclient .")
	if err != nil {
		t.Fatal(err)
	}
	late, err := capturetest.Net{}.Pcap("client . 2:2(0) ack 2")
	if err != nil {
		t.Fatal(err)
	}
	crowd := file(t, traffic.Options{Seed: 9, Connections: 75_000, Packets: 300_000})
	var got list
	stream, rows := -1, 0
	opt := lesson.ExplainOptions{Detail: lesson.Everything, Terse: true}
	read(t, slices.Concat(talk, crowd[24:], late[24:]), opt, both{&got, func(s *lesson.Segment) { stream, rows = s.Stream, s.Number }})
	if stream != 0 || rows < 300_007 || len(got.connections) != 75_001 || got.notes != 1 {
		t.Errorf("%d rows, the last of stream %d; %d connections, %d notes", rows, stream, len(got.connections), got.notes)
	}
}

// both tells a list, and hears the segments.
type both struct {
	*list
	hear func(*lesson.Segment)
}

func (b both) Tell(e lesson.Event) error {
	if s, ok := e.(*lesson.Segment); ok {
		b.hear(s)
	}
	return b.list.Tell(e)
}

// A packet costs no allocation, whatever is made of it: only what is kept does.
func TestNoAllocations(t *testing.T) {
	large(t)
	few := file(t, traffic.Options{Packets: 320_000, Connections: 80_000})
	many := file(t, traffic.Options{Packets: 640_000, Connections: 160_000})
	for _, c := range []struct {
		name string
		opt  lesson.ExplainOptions
		to   func() lesson.Teller
	}{
		{"summary", lesson.ExplainOptions{Detail: lesson.Table}, func() lesson.Teller { return ladder.NewTable(io.Discard, ladder.Options{}) }},
		{"text", lesson.ExplainOptions{Detail: lesson.Everything, Terse: true}, func() lesson.Teller { return lines.New(io.Discard, lang.English) }},
	} {
		count := func(f []byte) float64 {
			return testing.AllocsPerRun(1, func() { read(t, f, c.opt, c.to()) })
		}
		if more := count(many) - count(few); more > 100 {
			t.Errorf("%s: 320,000 packets more cost %v allocations more", c.name, more)
		}
	}
}

// One connection of many is told as it is told among them all, with its ends in
// the opening, however many have been forgotten before and after.
func TestOneOfMany(t *testing.T) {
	large(t)
	f := file(t, traffic.Options{Seed: 4, Packets: 300_000, Connections: 40_000})
	var all story
	read(t, f, lesson.ExplainOptions{Detail: lesson.Everything, Terse: true}, &all)
	for _, stream := range []int{0, 17, 20_000, 39_990} {
		var one story
		read(t, f, lesson.ExplainOptions{Detail: lesson.OneStream, Stream: stream, Terse: true}, &one)
		if len(one.connections) != 1 || one.connections[0].Ends != one.opening.Ends || one.connections[0].Stream != stream {
			t.Errorf("stream %d: opening %+v, connections %+v", stream, one.opening, one.connections)
		}
		i := 0
		for _, want := range all.segments {
			if want.Stream != stream {
				continue
			}
			if i == len(one.segments) || one.segments[i].Number != want.Number || one.segments[i].Step != want.Step {
				t.Errorf("stream %d: segment %d is told otherwise alone", stream, i)
				break
			}
			i++
		}
		if i != len(one.segments) || i == 0 {
			t.Errorf("stream %d: %d segments alone, %d among all", stream, len(one.segments), i)
		}
	}
}

// What is kept grows with the connections that are open, not with packets or
// with connections that were.
func TestMemory(t *testing.T) {
	large(t)
	keeps := func(f []byte) float64 {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		src, err := capture.Open(bytes.NewReader(f))
		if err != nil {
			t.Fatal(err)
		}
		if err := lesson.Explain(&ending{src, func() {
			runtime.GC()
			runtime.ReadMemStats(&after)
		}}, lesson.ExplainOptions{Detail: lesson.Table}, silent{}); err != nil {
			t.Fatal(err)
		}
		runtime.KeepAlive(f)
		return float64(after.HeapAlloc) - float64(before.HeapAlloc)
	}
	few := keeps(file(t, traffic.Options{Packets: 480_000, Connections: 80_000}))
	many := keeps(file(t, traffic.Options{Packets: 960_000, Connections: 160_000}))
	t.Logf("%.1f MB, and with twice the packets %.1f MB", few/1e6, many/1e6)
	if few > 12e6 || many > 12e6 { // all of them would be 22 and 45; one in eight stays open
		t.Error("that is too much")
	}
	const flood = 200_000
	if each := keeps(file(t, traffic.Options{Connections: flood, Flood: true})) / flood; each > 290 {
		t.Errorf("each connection of a SYN flood takes %.0f bytes", each)
	}
	if again := keeps(refusals(t, 100_000)); again > 12e6 { // all of them would be 28
		t.Errorf("connections between the same two ends take %.1f MB", again/1e6)
	}
}

// refusals is a capture of one SYN after the other from the same port, each
// refused.
func refusals(t *testing.T, n int) []byte {
	net := capturetest.Net{Raw: true}
	segments, err := net.Segments("client S\nserver R.")
	if err != nil {
		t.Fatal(err)
	}
	syn, rst := slices.Clone(net.Frame(&segments[0])), slices.Clone(net.Frame(&segments[1]))
	const seq, ack, sum = 24, 28, 36 // behind the IP header
	copy(syn[sum:], "\x00\x00")      // none
	copy(rst[sum:], "\x00\x00")
	f := capturetest.Header(net.Link())
	for i := range n {
		number := binary.BigEndian.Uint32(syn[seq:]) + 1000
		binary.BigEndian.PutUint32(syn[seq:], number)
		binary.BigEndian.PutUint32(rst[ack:], number+1)
		f = capturetest.Record(f, int64(2*i)*1e6, syn)
		f = capturetest.Record(f, int64(2*i+1)*1e6, rst)
	}
	return f
}

// ending is a source that calls a function at its end, when all that is to be
// kept is kept.
type ending struct {
	*capture.Reader
	atEnd func()
}

func (e *ending) Segments(into []tcp.Segment) (int, error) {
	n, err := e.Reader.Segments(into)
	if err != nil {
		e.atEnd()
	}
	return n, err
}
