package lesson_test

import (
	"bytes"
	"testing"

	"lesson/capture"
	"lesson/capture/capturetest/traffic"
	"lesson/lesson"
)

// silent hears every event and keeps none.
type silent struct{}

func (silent) Tell(lesson.Event) error { return nil }

// BenchmarkExplain reads a capture of 200,000 packets in 20,000 connections
// from memory.
func BenchmarkExplain(b *testing.B) {
	const packets = 200_000
	var file bytes.Buffer
	if err := traffic.Write(&file, traffic.Options{Packets: packets, Connections: packets / 10}); err != nil {
		b.Fatal(err)
	}
	for _, bm := range []struct {
		name string
		opt  lesson.ExplainOptions
	}{
		{"table", lesson.ExplainOptions{Detail: lesson.Table}},
		{"segments", lesson.ExplainOptions{Detail: lesson.Everything, Terse: true}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				src, err := capture.Open(bytes.NewReader(file.Bytes()))
				if err != nil {
					b.Fatal(err)
				}
				if err := lesson.Explain(src, bm.opt, silent{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*packets), "ns/packet")
		})
	}
}
