package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lesson/capture"
	"lesson/capture/capturetest"
	"lesson/capture/capturetest/traffic"
	"lesson/lesson"
	"lesson/lesson/render/events"
	"lesson/lesson/tcp"
)

// dealt writes the packets of a pcap file to some files: to which one, card
// says of the n-th of all.
func dealt(t *testing.T, file []byte, files int, card func(n, all int) int) (names []string) {
	t.Helper()
	const header = 24
	var packets [][]byte
	for at := header; at < len(file); {
		size := 16 + int(binary.LittleEndian.Uint32(file[at+8:]))
		packets = append(packets, file[at:at+size])
		at += size
	}
	out := make([][]byte, files)
	for n, p := range packets {
		i := card(n, len(packets))
		out[i] = append(out[i], p...)
	}
	dir := t.TempDir()
	for i, b := range out {
		name := filepath.Join(dir, fmt.Sprintf("%d.pcap", i))
		if err := os.WriteFile(name, slices.Concat(file[:header], b), 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

// opened are captures ready to be read.
func opened(t *testing.T, names ...string) *captures {
	t.Helper()
	c, err := (&app{}).openCaptures(names)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.order(); err != nil {
		t.Fatal(err)
	}
	return c
}

// unnamed writes events without what tells of the file.
type unnamed struct{ lesson.Teller }

func (u unnamed) Tell(e lesson.Event) error {
	if s, ok := e.(*lesson.Segment); ok {
		nameless := *s
		nameless.Number, nameless.File = 0, ""
		e = &nameless
	}
	return u.Teller.Tell(e)
}

func written(t *testing.T, c *captures, opt lesson.ExplainOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := lesson.Explain(c, opt, unnamed{events.New(&b)}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// However a capture's packets are dealt to several files, and in whatever order
// those are named, they tell what the whole tells.
func TestFilesAreMerged(t *testing.T) {
	var file bytes.Buffer
	if err := traffic.Write(&file, traffic.Options{Seed: 5, Packets: 20_000, Connections: 2_000}); err != nil {
		t.Fatal(err)
	}
	whole := dealt(t, file.Bytes(), 1, func(int, int) int { return 0 })
	for _, detail := range []lesson.Detail{lesson.Everything, lesson.Table, lesson.Fitting} {
		opt := lesson.ExplainOptions{Detail: detail, Terse: true}
		want := written(t, opened(t, whole...), opt)
		for name, d := range map[string]struct {
			files int
			card  func(n, all int) int
		}{
			"as it is":  {1, func(int, int) int { return 0 }},
			"in turn":   {2, func(n, _ int) int { return n % 2 }},
			"rotated":   {3, func(n, all int) int { return n * 3 / all }},
			"in chunks": {7, func(n, _ int) int { return n / 300 % 7 }},
			"unevenly":  {2, func(n, _ int) int { return min(n%1000, 1) }},
		} {
			names := dealt(t, file.Bytes(), d.files, d.card)
			slices.Reverse(names)
			c := opened(t, names...)
			for _, again := range []string{"", ", again"} {
				if got := written(t, c, opt); got != want {
					t.Errorf("detail %d, %s%s: another story than the whole", detail, name, again)
				}
				if got, want := c.Stats().Packets, 20_000; got != want {
					t.Errorf("%s%s: %d packets, want %d", name, again, got, want)
				}
				if err := c.again(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// What came at the same time stands in the order in which the files are named,
// and every packet keeps its number in its file.
func TestFilesOfTheSameTime(t *testing.T) {
	segments, err := capturetest.Net{}.Segments("client S\nserver S.\nclient .\nclient F.")
	if err != nil {
		t.Fatal(err)
	}
	var file []byte
	for i := range segments {
		file = capturetest.Record(file, int64(i/2), capturetest.Net{}.Frame(&segments[i]))
	}
	file = slices.Concat(capturetest.Header(capture.LinkEthernet), file)
	names := dealt(t, file, 2, func(n, _ int) int { return n % 2 })
	late := dealt(t, file, 2, func(n, _ int) int { return (6 - n) / 4 })
	for _, tt := range []struct {
		names []string
		want  string
	}{
		{names, "0.pcap 1 SYN, 1.pcap 1 SYN ACK, 0.pcap 2 ACK, 1.pcap 2 FIN ACK"},
		{[]string{names[1], names[0]}, "1.pcap 1 SYN ACK, 0.pcap 1 SYN, 1.pcap 2 FIN ACK, 0.pcap 2 ACK"},
		{late, "1.pcap 1 SYN, 1.pcap 2 SYN ACK, 0.pcap 1 FIN ACK, 1.pcap 3 ACK"},
		{names[:1], " 1 SYN,  2 ACK"},
	} {
		c := opened(t, tt.names...)
		var got []string
		for {
			s, err := c.Next()
			if err != nil {
				break
			}
			got = append(got, fmt.Sprintf("%s %d %v", s.File, s.Number, s.Flags))
		}
		if got := strings.Join(got, ", "); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}

// A file is read from its first packet to its last, and holds no memory before
// and after: of those that follow each other, only one does.
func TestFilesAreReadInTheirTime(t *testing.T) {
	var file bytes.Buffer
	if err := traffic.Write(&file, traffic.Options{Seed: 6, Packets: 3_000, Connections: 30}); err != nil {
		t.Fatal(err)
	}
	c := opened(t, dealt(t, file.Bytes(), 30, func(n, all int) int { return n * 30 / all })...)
	few := make([]tcp.Segment, 10)
	for {
		_, err := c.Segments(few)
		read := 0
		for _, f := range c.files {
			if f.r != nil {
				read++
			}
		}
		if read > 1 {
			t.Fatalf("%d files are read at once", read)
		}
		if err != nil {
			break
		}
	}
}
