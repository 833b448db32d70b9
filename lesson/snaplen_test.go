package lesson_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lesson/capture"
	"lesson/capture/capturetest/traffic"
	"lesson/lesson"
	"lesson/lesson/tcp"
)

// snapped is a pcap file of Ethernet frames as a snapshot length of n makes it,
// and the length of its longest frame.
func snapped(file []byte, n int) (out []byte, longest int) {
	out = append(out, file[:24]...)
	for file = file[24:]; len(file) > 0; {
		size := int(binary.LittleEndian.Uint32(file[8:]))
		longest = max(longest, size)
		kept := min(size, n)
		at := len(out)
		out = append(out, file[:16+kept]...)
		binary.LittleEndian.PutUint32(out[at+8:], uint32(kept))
		file = file[16+size:]
	}
	return out, longest
}

func tellAll(t *testing.T, file []byte) (*story, []string) {
	t.Helper()
	src, err := capture.Open(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var s story
	if err := lesson.Explain(src, lesson.ExplainOptions{Detail: lesson.Everything}, &s); err != nil {
		t.Fatal(err)
	}
	var warnings []string
	for _, w := range src.Warnings() {
		warnings = append(warnings, w.EN)
	}
	return &s, warnings
}

// Whatever the snapshot length, nothing is told that the whole packets do not
// tell; and where no segment can be told, a line says so.
func TestSnapshotLength(t *testing.T) {
	files, err := filepath.Glob("testdata/kernel/*.pcap")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if strings.Contains(name, "bad_checksum") {
			continue // that a checksum is wrong only the whole segment can tell
		}
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		whole, _ := tellAll(t, file)
		_, longest := snapped(file, 0)
		for n := 34; n <= min(longest, 140); n++ {
			cut, _ := snapped(file, n)
			got, warnings := tellAll(t, cut)
			if missing := len(whole.segments) - len(got.segments); missing > 0 && len(warnings) == 0 {
				t.Errorf("%s at %d: %d segments are passed over in silence", name, n, missing)
			}
			notMore(t, filepath.Base(name), n, whole, got)
		}
	}
}

// The same of traffic with closed windows, probes, keep-alives and losses.
func TestSnapshotLengthOfTraffic(t *testing.T) {
	for seed := range uint64(3) {
		file := file(t, traffic.Options{Seed: seed, Packets: 4000, Connections: 400})
		whole, _ := tellAll(t, file)
		for n := 34; n <= 110; n++ {
			cut, _ := snapped(file, n)
			got, warnings := tellAll(t, cut)
			if len(whole.segments) > len(got.segments) && len(warnings) == 0 {
				t.Errorf("seed %d at %d: segments are passed over in silence", seed, n)
			}
			if n >= 68 { // of the others those over IPv6 are missing
				notMore(t, fmt.Sprint("seed ", seed), n, whole, got)
			}
		}
	}
}

// notMore holds a story of cut packets against that of the whole ones.
func notMore(t *testing.T, name string, n int, whole, cut *story) {
	t.Helper()
	rows := map[int]*lesson.Segment{}
	for _, s := range whole.segments {
		rows[s.Number] = s
	}
	for _, s := range cut.segments {
		w := rows[s.Number]
		if s.Flags != w.Flags || s.Seq != w.Seq || s.Ack != w.Ack || s.Len != w.Len || s.Src != w.Src || s.Dst != w.Dst || s.Step.From != w.Step.From {
			t.Errorf("%s at %d: frame %d is\n%+v, whole\n%+v", name, n, s.Number, s.Segment, w.Segment)
		}
		if s.HasWindow() && s.Window != w.Window || s.HasUrgent() && s.Urgent != w.Urgent || s.HasWindow() != (len(s.Header) >= 16) || s.HasUrgent() != (len(s.Header) >= 20) {
			t.Errorf("%s at %d: frame %d has window %d and urgent pointer %d, whole %d and %d", name, n, s.Number, s.Window, s.Urgent, w.Window, w.Urgent)
		}
		o := s.Options
		o.Cut = false
		if o != (tcp.Options{}) && !o.HasMSS && !o.HasScale && !o.HasTimestamps && o.SACKBlocks == 0 && !o.SACKPermitted && !o.HasFastOpen || s.Options.Cut && len(s.Header) == len(w.Header) {
			t.Errorf("%s at %d: frame %d has options %+v, whole %+v", name, n, s.Number, s.Options, w.Options)
		}
		if more := s.Step.Findings &^ w.Step.Findings; more != 0 {
			t.Errorf("%s at %d: frame %d is called %v, whole %v", name, n, s.Number, s.Step.Findings, w.Step.Findings)
		}
		for e := range s.Step.After {
			if got, want := s.Step.After[e], w.Step.After[e]; got != want && got != tcp.Unknown {
				t.Errorf("%s at %d: after frame %d the %v is in %v, whole in %v", name, n, s.Number, tcp.End(e), got, want)
			}
		}
	}
	for i, c := range cut.connections {
		if w := whole.connections[i]; c.Opened != w.Opened || c.Closed != w.Closed || c.Bytes != w.Bytes || c.Reset != w.Reset {
			t.Errorf("%s at %d: connection %d is %v, %v, whole %v, %v", name, n, i, c.Opened, c.Closed, w.Opened, w.Closed)
		}
	}
}
