package lesson_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"lesson/capture"
	"lesson/capture/capturetest"
	"lesson/lesson"
	"lesson/lesson/tcp"
)

// A packet that stands in a capture twice is a copy, and one that was sent again
// a retransmission.
func TestCopies(t *testing.T) {
	const copied, again = tcp.Copy, tcp.Retransmission
	type sighting struct {
		ms   int64 // after the first
		id   uint16
		hops byte
		on   byte // the interface
		want tcp.Findings
		win  byte // added to the window
	}
	for _, c := range []struct {
		name string
		v6   bool
		seen []sighting
	}{
		{"the same packet", false, []sighting{{0, 7, 64, 1, 0, 0}, {1, 7, 64, 1, copied, 0}}},
		{"behind a router", false, []sighting{{0, 7, 64, 1, 0, 0}, {1, 7, 63, 1, copied, 0}}},
		{"another identification", false, []sighting{{0, 7, 64, 1, 0, 0}, {1, 8, 64, 1, again, 0}}},
		{"another window", false, []sighting{{0, 7, 64, 1, 0, 0}, {1, 7, 63, 2, again, 1}}},
		{"much later", false, []sighting{{0, 7, 64, 1, 0, 0}, {200, 7, 63, 2, again, 0}}},
		{"no identification", false, []sighting{{0, 0, 64, 1, 0, 0}, {1, 0, 64, 1, again, 0}}},
		{"no identification, behind a router", false, []sighting{{0, 0, 64, 1, 0, 0}, {1, 0, 63, 1, copied, 0}}},
		{"no identification, on a bridge", false, []sighting{{0, 0, 64, 1, 0, 0}, {1, 0, 64, 2, copied, 0}, {2, 0, 64, 3, copied, 0}, {3, 0, 64, 1, again, 0}, {4, 0, 64, 2, copied, 0}}},
		{"IPv6", true, []sighting{{0, 0, 64, 1, 0, 0}, {1, 0, 64, 1, again, 0}}},
		{"IPv6 behind a router", true, []sighting{{0, 0, 64, 1, 0, 0}, {1, 0, 63, 1, copied, 0}}},
		{"IPv6 on a bridge", true, []sighting{{0, 0, 64, 1, 0, 0}, {1, 0, 64, 2, copied, 0}, {2, 0, 64, 1, again, 0}}},
	} {
		n := capturetest.Net{Raw: true}
		kind := uint16(0x0800)
		if c.v6 {
			n.Ends, kind = capturetest.Loopback6.Ends, 0x86dd
		}
		segments, err := n.Segments("client S\nserver S. win 100\nclient .\nclient P. 1:6(5) ack 1 win 100")
		if err != nil {
			t.Fatal(err)
		}
		file := capturetest.Header(capture.LinkSLL2)
		record := func(ms int64, on byte, ip []byte) {
			header := binary.BigEndian.AppendUint16(make([]byte, 0, 64), kind)
			header = append(header, 0, 0, 0, 0, 0, on, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0)
			file = capturetest.Record(file, ms*1e6, append(header, ip...))
		}
		for i := range segments[:3] {
			record(int64(i), 1, n.Frame(&segments[i]))
		}
		for _, s := range c.seen {
			data := segments[3]
			data.Window += uint16(s.win)
			ip := slices.Clone(n.Frame(&data))
			if c.v6 {
				ip[7] = s.hops
			} else {
				binary.BigEndian.PutUint16(ip[4:], s.id)
				ip[8] = s.hops
			}
			record(3+s.ms, s.on, ip)
		}
		r, err := capture.Open(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		var told story
		if err := lesson.Explain(r, lesson.ExplainOptions{Detail: lesson.Everything}, &told); err != nil {
			t.Fatal(err)
		}
		for i, s := range c.seen {
			if got := told.segments[3+i].Step.Findings; got != s.want {
				t.Errorf("%s, %d: %v, want %v", c.name, i, got.Names(), s.want.Names())
			}
		}
	}
}

// download is a connection with everything that looks like a copy and is none:
// acknowledgements that are all alike, and a segment sent again within a tenth of a
// millisecond, because they came.
const download = `0.000000 client S win 100 <mss 1460>
	0.000100 server S. win 100 <mss 1460>
	0.000200 client . ack 1 win 100
	0.000300 client P. 1:6(5) ack 1 win 100
	0.000400 server . 1:101(100) ack 6 win 100
	0.000410 server . 101:201(100) ack 6 win 100
	0.000420 server . 201:301(100) ack 6 win 100
	0.000430 server . 301:401(100) ack 6 win 100
	0.000440 server . 401:501(100) ack 6 win 100
	0.000500 client . 6:6(0) ack 101 win 100
	0.000510 client . 6:6(0) ack 101 win 100
	0.000520 client . 6:6(0) ack 101 win 100
	0.000530 client . 6:6(0) ack 101 win 100
	0.000540 server . 101:201(100) ack 6 win 100
	0.000640 client . 6:6(0) ack 501 win 100
	0.000700 server F. 501:501(0) ack 6 win 100
	0.000800 client F. 6:6(0) ack 502 win 100
	0.000900 server . 502:502(0) ack 7 win 100
	0.000910 server R 502:502(0) win 0
	0.000920 server R 502:502(0) win 0`

// mirrored is a capture of a connection, each packet of which stands there so many
// times, and whose copies come when so many others have passed.
func mirrored(t *testing.T, n capturetest.Net, text string, times, later int, id func(i int) uint16) []*lesson.Segment {
	t.Helper()
	segments, err := n.Segments(text)
	if err != nil {
		t.Fatal(err)
	}
	type sent struct {
		at    int64
		frame []byte
	}
	var all []sent
	for i := range segments {
		s := &segments[i]
		frame := slices.Clone(n.Frame(s))
		if s.Src.AddrPort().Addr().Is4() {
			binary.BigEndian.PutUint16(frame[4:], id(i))
		}
		for copies := range times {
			all = append(all, sent{s.Time + int64(copies)*(5e3+int64(later)*10e3), frame})
		}
	}
	slices.SortStableFunc(all, func(a, b sent) int { return int(a.at - b.at) })
	file := capturetest.Header(n.Link())
	for _, s := range all {
		file = capturetest.Record(file, s.at, s.frame)
	}
	r, err := capture.Open(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var told story
	if err := lesson.Explain(r, lesson.ExplainOptions{Detail: lesson.Everything}, &told); err != nil {
		t.Fatal(err)
	}
	return told.segments
}

// A mirror port may double every packet. Over IPv6, and where the identification
// is 0, only that it comes at once tells; what is sent again as soon is no copy.
func TestMirrorPort(t *testing.T) {
	none := func(int) uint16 { return 0 }
	six := capturetest.Loopback6
	six.Raw = true
	for _, c := range []struct {
		name string
		net  capturetest.Net
		id   func(i int) uint16
	}{
		{"IPv4", capturetest.Net{Raw: true}, func(i int) uint16 { return uint16(i + 1) }},
		{"IPv4 without identification", capturetest.Net{Raw: true}, none},
		{"IPv4, the client alone without", capturetest.Net{Raw: true}, func(i int) uint16 {
			if strings.HasPrefix(strings.Split(download, "\n\t")[i][9:], "client") {
				return 0
			}
			return uint16(i + 1)
		}},
		{"IPv6", six, none},
	} {
		once := mirrored(t, c.net, download, 1, 0, c.id)
		for i, s := range once {
			if s.Step.Findings.Has(tcp.Copy) {
				t.Errorf("%s, row %d is no copy", c.name, i+1)
			}
		}
		twice := mirrored(t, c.net, download, 2, 0, c.id)
		for i, s := range twice {
			want := once[i/2]
			if got := s.Step.Findings.Has(tcp.Copy); got != (i%2 == 1) {
				t.Errorf("%s, doubled: row %d, %v ack %d: %v", c.name, i+1, s.Flags, s.Step.Ack, s.Step.Findings.Names())
			}
			if s.Step.After != want.Step.After {
				t.Errorf("%s, doubled: row %d is told %v, and not %v", c.name, i+1, s.Step.After, want.Step.After)
			}
			if i%2 == 1 && (s.Step.Before != s.Step.After || s.Step.Revised.Since != 0) {
				t.Errorf("%s: a copy in row %d has changed something", c.name, i+1)
			}
		}
	}
}

// A mirror that is a little slow puts other packets between the two.
func TestSlowMirrorPort(t *testing.T) {
	six := capturetest.Loopback6
	six.Raw = true
	for later := range 4 {
		copies := 0
		for _, s := range mirrored(t, six, download, 2, later, nil) {
			if s.Step.Findings.Has(tcp.Copy) {
				copies++
			}
		}
		if want := strings.Count(download, "\n") + 1; copies < want-4 || copies > want {
			t.Errorf("%d packets later: %d copies, of %d", later, copies, want)
		}
	}
}

// One packet that was doubled on its way makes no mirror of the network.
func TestOneDoubledPacket(t *testing.T) {
	six := capturetest.Loopback6
	six.Raw = true
	text := strings.Replace(download, "\n", "\n\t0.000005 client S 0:0(0) win 100 <mss 1460>\n", 1)
	for i, s := range mirrored(t, six, text, 1, 0, nil) {
		if got := s.Step.Findings.Has(tcp.Copy); got != (i == 1) {
			t.Errorf("row %d, %v ack %d: %v", i+1, s.Flags, s.Step.Ack, s.Step.Findings.Names())
		}
	}
}

// The case of a mirror port behind which Linux has sent its SYN,ACK.
func TestMirrorPortCase(t *testing.T) {
	for i, s := range showCase(t, "f12-mirror-id-0").story.segments {
		if got := s.Step.Findings.Has(tcp.Copy); got != (i%2 == 1) || i%2 == 1 && s.Step.Findings != tcp.Copy {
			t.Errorf("row %d: %v", i+1, s.Step.Findings.Names())
		}
	}
}
