package lesson_test

import (
	"strings"
	"testing"

	"lesson/capture/capturetest"
	"lesson/lesson"
	"lesson/lesson/tcp"
)

// A RST that a machine on the way has forged is shown with its hop limit, and
// what the server's others had.
func TestForgedReset(t *testing.T) {
	s := showCase(t, "f8-forged-rst")
	for i, seg := range s.story.segments {
		if got := seg.Step.Findings.Has(tcp.HopLimitDiffers); got != (i == 4) || got && seg.UsualHops != 64 {
			t.Errorf("row %d: %v, usually %d", i+1, seg.Step.Findings.Names(), seg.UsualHops)
		}
	}
	for name, screen := range map[string]string{"wide": s.wide, "narrow": s.narrow, "plain": s.plain} {
		holds(t, name, screen, "hop limit differs: ")
	}
	holds(t, "plain", s.plain, "its hop limit is 50, its sender's others had 64")
	holds(t, "verbose", s.verbose, "IPv4: time to live (TTL) 50,", "IPv4: time to live (TTL) 64,", "identification 1")
	holds(t, "chinese", s.chinese, "跳数限制不同：跳数限制（TTL）为 50")
	holds(t, "json", s.json, `"hop_limit":50,"ip_id":1,`, `"hop_limit":64,"ip_id":5,`, `"hop-limit-differs"],`)
	holds(t, "text", s.text, " hop-limit-differs\n")
}

// In IPv6 there is a hop limit and no identification. A slot that is used again
// for another connection keeps nothing of the one before.
func TestHopLimitsOfIPv6(t *testing.T) {
	n := capturetest.Loopback6
	n.Raw = true
	segments, err := n.Segments("client S\nserver S.\nclient .\nserver R 1:1(0)\nclient S 9000:9000(0)\nserver S. 7000:7000(0) ack 9001")
	if err != nil {
		t.Fatal(err)
	}
	file := capturetest.Header(n.Link())
	for i := range segments {
		frame := append([]byte(nil), n.Frame(&segments[i])...)
		frame[7] = []byte{64, 60, 64, 44, 33, 22}[i]
		file = capturetest.Record(file, int64(i)*1e6, frame)
	}
	s := show(t, file, lesson.ExplainOptions{Detail: lesson.Everything})
	for i, seg := range s.story.segments {
		if got := seg.Step.Findings.Has(tcp.HopLimitDiffers); got != (i == 3) {
			t.Errorf("row %d: %v", i+1, seg.Step.Findings.Names())
		}
	}
	holds(t, "json", s.json, `"hop_limit":44,"ip_id":null,`)
	if n := strings.Count(s.text, "hop-limit-differs"); n != 1 {
		t.Errorf("said %d times:\n%s", n, s.text)
	}
}
