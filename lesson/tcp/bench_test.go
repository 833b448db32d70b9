package tcp_test

import (
	"testing"

	"lesson/lesson/tcp"
)

// BenchmarkObserve is one whole connection of nine segments.
func BenchmarkObserve(b *testing.B) {
	var segments []tcp.Segment
	for _, sc := range scenes(b, "scenes.txt")[:2] {
		segments = segments[:0]
		for _, l := range sc.lines {
			segments = append(segments, l.Segment(ends, [2]tcp.Seq{}))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		var c tcp.Conn
		for i := range segments {
			c.Observe(&segments[i])
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(segments)), "ns/segment")
}
