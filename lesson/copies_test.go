package lesson_test

import (
	"bytes"
	"encoding/binary"
	"slices"
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
