package capture_test

import (
	"bytes"
	"testing"

	"lesson/capture"
	"lesson/capture/capturetest/traffic"
	"lesson/lesson/tcp"
)

// BenchmarkSegments reads and decodes a capture in memory.
func BenchmarkSegments(b *testing.B) {
	const packets = 100_000
	var file bytes.Buffer
	if err := traffic.Write(&file, traffic.Options{Packets: packets, Connections: packets / 10}); err != nil {
		b.Fatal(err)
	}
	into := make([]tcp.Segment, 512)
	b.ReportAllocs()
	for b.Loop() {
		r, err := capture.Open(bytes.NewReader(file.Bytes()))
		for err == nil {
			_, err = r.Segments(into)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*packets), "ns/packet")
}
