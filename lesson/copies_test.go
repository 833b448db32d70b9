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
	const id4, ttl4, hops6, ms = 4, 8, 7, int64(1e6)
	for _, c := range []struct {
		name    string
		v6      bool
		id      [2]uint16
		hops    [2]byte
		later   int64
		changed bool // another window
		want    tcp.Findings
	}{
		{"the same packet", false, [2]uint16{7, 7}, [2]byte{64, 64}, ms, false, tcp.Copy},
		{"behind a router", false, [2]uint16{7, 7}, [2]byte{64, 63}, ms, false, tcp.Copy},
		{"another identification", false, [2]uint16{7, 8}, [2]byte{64, 64}, ms, false, tcp.Retransmission},
		{"much later", false, [2]uint16{7, 7}, [2]byte{64, 63}, 200 * ms, false, tcp.Retransmission},
		{"not the same", false, [2]uint16{7, 7}, [2]byte{64, 63}, ms, true, tcp.Retransmission},
		{"no identification", false, [2]uint16{}, [2]byte{64, 64}, ms, false, tcp.Retransmission},
		{"no identification, behind a router", false, [2]uint16{}, [2]byte{64, 63}, ms, false, tcp.Copy},
		{"IPv6", true, [2]uint16{}, [2]byte{64, 64}, ms, false, tcp.Retransmission},
		{"IPv6 behind a router", true, [2]uint16{}, [2]byte{64, 63}, ms, false, tcp.Copy},
	} {
		n := capturetest.Net{Raw: true}
		if c.v6 {
			n.Ends = capturetest.Loopback6.Ends
		}
		segments, err := n.Segments("client S\nserver S.\nclient .\nclient P. 1:6(5) ack 1 win 100")
		if err != nil {
			t.Fatal(err)
		}
		segments = append(segments, segments[3])
		if c.changed {
			segments[4].Window++
		}
		file := capturetest.Header(n.Link())
		for i := range segments {
			frame, at := slices.Clone(n.Frame(&segments[i])), int64(i)*ms
			if i >= 3 {
				if c.v6 {
					frame[hops6] = c.hops[i-3]
				} else {
					binary.BigEndian.PutUint16(frame[id4:], c.id[i-3])
					frame[ttl4] = c.hops[i-3]
				}
			}
			if i == 4 {
				at = 3*ms + c.later
			}
			file = capturetest.Record(file, at, frame)
		}
		r, err := capture.Open(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		var s story
		if err := lesson.Explain(r, lesson.ExplainOptions{Detail: lesson.Everything}, &s); err != nil {
			t.Fatal(err)
		}
		if got := s.segments[4].Step.Findings; got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got.Names(), c.want.Names())
		}
	}
}
