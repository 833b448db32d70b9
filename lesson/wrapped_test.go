package lesson_test

import (
	"testing"

	"lesson/lesson"
)

// A connection in Geneve, and one behind authentication headers, are told like
// any other.
func TestWrappedCasesAreTold(t *testing.T) {
	for file, connections := range map[string]int{"f11-geneve-mixed": 2, "f11-ah-ipv4": 1} {
		s, err := explain(t, "testdata/cases/"+file+".pcap")
		if err != nil {
			t.Fatal(err)
		}
		if len(s.connections) != connections || len(s.segments) != 11*connections {
			t.Errorf("%s: %d connections of %d segments", file, len(s.connections), len(s.segments))
		}
		for _, c := range s.connections {
			if c.Opened != lesson.OpenedHandshake || c.Closed != lesson.ClosedFIN || c.Segments != 11 {
				t.Errorf("%s: %v, %v, %d segments", file, c.Opened, c.Closed, c.Segments)
			}
		}
	}
}
