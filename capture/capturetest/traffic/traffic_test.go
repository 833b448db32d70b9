package traffic_test

import (
	"bytes"
	"io"
	"testing"

	"lesson/capture"
	"lesson/capture/capturetest/traffic"
	"lesson/lesson"
	"lesson/lesson/tcp"
)

// kinds counts connections by how they opened and closed.
type kinds map[string]int

func (k kinds) Tell(e lesson.Event) error {
	if c, ok := e.(*lesson.Connection); ok {
		k[c.Opened.String()]++
		k[c.Closed.String()]++
		k["all"]++
	}
	return nil
}

func TestTraffic(t *testing.T) {
	const packets, connections = 50_000, 5_000
	var file, again bytes.Buffer
	for _, b := range []*bytes.Buffer{&file, &again} {
		if err := traffic.Write(b, traffic.Options{Seed: 7, Packets: packets, Connections: connections}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(file.Bytes(), again.Bytes()) {
		t.Error("the same seed gives another capture")
	}
	src, err := capture.Open(bytes.NewReader(file.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	last, v6 := int64(0), 0
	for {
		var c tcp.Captured
		if c, err = src.Next(); err != nil {
			break
		}
		if c.BadChecksum || c.Time < last {
			t.Fatalf("%+v", c)
		}
		last = c.Time
		if c.Src.AddrPort().Addr().Is6() {
			v6++
		}
	}
	if s := src.Stats(); err != io.EOF || s.Packets != packets || s.Segments != packets || v6 < packets/5 || v6 > packets/2 {
		t.Errorf("%v, %+v, %d over IPv6", err, s, v6)
	}
	src, err = capture.Open(&file)
	if err != nil {
		t.Fatal(err)
	}
	k := kinds{}
	if err := lesson.Explain(src, lesson.ExplainOptions{Detail: lesson.Table}, k); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"handshake", "before-capture", "refused", "unanswered", "incomplete", "fin", "half", "reset", "open", "never-open"} {
		if k[name] < 50 {
			t.Errorf("%d connections are %s", k[name], name)
		}
	}
	if k["all"] != connections {
		t.Errorf("%d connections", k["all"])
	}
}
