package notation

import (
	"strings"
	"testing"
	"time"

	"lesson/lesson/tcp"
)

// TestAppend holds Append to what String prints of the same segment.
func TestAppend(t *testing.T) {
	for _, text := range []string{
		"client S 0:0(0) win 65495 <mss 65495,sackOK,TS val 1 ecr 0,wscale 7>",
		"server S. 0:0(0) ack 1 win 65483 <mss 65495,FO>",
		"client FPUEWe. 1:11(10) ack 1 win 512 urg 3",
		"server . 1:1(0) ack 11 win 0 <sack 21:31 41:51>",
		"client - 1:1(0) win 1",
	} {
		line, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		ends := [2]tcp.Endpoint{{Port: 1}, {Port: 2}}
		s := line.Segment(ends, [2]tcp.Seq{})
		step := tcp.Step{From: line.From, Seq: uint32(s.Seq), Ack: uint32(s.Ack), After: [2]tcp.State{tcp.Established, tcp.SynRecv}}
		line.State, line.HasState = step.After, true
		_, want, _ := strings.Cut(line.String(), ": ")
		b := Append(nil, 1234567*time.Microsecond, 3, &s, &step)
		head, got, _ := strings.Cut(string(b), ": ")
		if got != want || !strings.HasPrefix(head, "1.234567 [3] [::]:") {
			t.Errorf("%s\n got %s\nwant %s", text, b, want)
		}
		step.Findings = tcp.Retransmission | tcp.ZeroWindow
		if b = Append(b[:0], 0, 0, &s, &step); !strings.HasSuffix(string(b), "| ESTABLISHED SYN_RECV  # retransmission, zero-window") {
			t.Errorf("findings: %s", b)
		}
		if n := testing.AllocsPerRun(100, func() { b = Append(b[:0], 1, 3, &s, &step) }); n > 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}
