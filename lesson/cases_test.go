package lesson_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lesson/capture"
	"lesson/lesson"
	"lesson/lesson/tcp"
)

// ended is how a connection is summed up: "handshake fin TIME_WAIT CLOSED", with
// the ends that have reset it at the end.
func ended(c *lesson.Connection) string {
	out := fmt.Sprintf("%v %v %v %v", c.Opened, c.Closed, c.State[0], c.State[1])
	for _, e := range []tcp.End{tcp.Client, tcp.Server} {
		if c.Reset[e] {
			out += " " + e.String()
		}
	}
	return out
}

// matches reports whether a word is one of those that are allowed, as in
// "Unknown|FIN_WAIT1".
func matches(allowed, got string) bool {
	return slices.Contains(strings.Split(allowed, "|"), got)
}

// compare reports every row that is told otherwise than it should be. A row of
// want is the states of client and server, and what has to be found in it (+gap)
// or must not (-gap); =1 is its relative acknowledgement number. No row may have a
// finding of never.
func compare(t testing.TB, got []*lesson.Segment, want []string, never string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
		return
	}
	wrong := false
	for i, row := range got {
		words := strings.Fields(want[i])
		names := row.Step.Findings.Names()
		ok := matches(words[0], row.Step.After[0].String()) && matches(words[1], row.Step.After[1].String())
		for _, w := range words[2:] {
			if w[0] == '=' {
				ok = ok && w[1:] == fmt.Sprint(row.Step.Ack)
			} else {
				ok = ok && slices.Contains(names, w[1:]) == (w[0] == '+')
			}
		}
		for _, n := range strings.Fields(never) {
			ok = ok && !slices.Contains(names, n)
		}
		if !ok {
			wrong = true
			t.Errorf("row %d is %v %v %v, want %s; never %s", i+1, row.Step.After[0], row.Step.After[1], names, want[i], never)
		}
	}
	if wrong {
		t.Log("\n" + told(&story{segments: got}))
	}
}

// compareEnds reports every connection that is summed up otherwise than it
// should be; each of its words may have alternatives.
func compareEnds(t testing.TB, got []lesson.Connection, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d connections, want %d", len(got), len(want))
		return
	}
	for i := range got {
		said, allowed := strings.Fields(ended(&got[i])), strings.Fields(want[i])
		ok := len(said) == len(allowed)
		for k := 0; ok && k < len(said); k++ {
			ok = matches(allowed[k], said[k])
		}
		if !ok {
			t.Errorf("connection %d is %s, want %s", i, ended(&got[i]), want[i])
		}
	}
}

// listened hears a capture, and keeps its segments too.
type listened struct {
	heard
	segments []*lesson.Segment
}

func (l *listened) Tell(e lesson.Event) error {
	if s, ok := e.(*lesson.Segment); ok {
		kept := *s
		l.segments = append(l.segments, &kept)
	}
	return l.heard.Tell(e)
}

func listen(t testing.TB, file []byte) *listened {
	t.Helper()
	r, err := capture.Open(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	r.Errors = true
	var l listened
	if err := lesson.Explain(r, lesson.ExplainOptions{Detail: lesson.Everything}, &l); err != nil {
		t.Fatal(err)
	}
	return &l
}

// whole are the rows of a connection that is opened, used in both directions and
// closed by the client; the client's FIN is row 8.
var whole = []string{
	"SYN_SENT SYN_RECV", "ESTABLISHED SYN_RECV", "ESTABLISHED ESTABLISHED",
	"ESTABLISHED ESTABLISHED", "ESTABLISHED ESTABLISHED", "ESTABLISHED ESTABLISHED", "ESTABLISHED ESTABLISHED",
	"FIN_WAIT1 CLOSE_WAIT", "FIN_WAIT2 CLOSE_WAIT", "TIME_WAIT LAST_ACK", "TIME_WAIT CLOSED",
}

// Captures that people have met, made anew: what each row has to be told as, and
// how each connection is summed up.
func TestCases(t *testing.T) {
	for _, tt := range []struct {
		file  string
		rows  []string
		never string   // findings that no row may have
		ends  []string // by connection
	}{
		// Only SYN, FIN and RST were captured. The server's FIN acknowledges 101: it has
		// had 100 bytes that the capture lacks. The client's acknowledges 5002: it has
		// taken the server's FIN.
		{"f1-sfr-server-closes-first", []string{
			"SYN_SENT SYN_RECV", "ESTABLISHED SYN_RECV", "CLOSE_WAIT|Unknown FIN_WAIT1|Unknown +acked-unseen", "LAST_ACK TIME_WAIT",
		}, "unacceptable contradiction retransmission", []string{"handshake half LAST_ACK TIME_WAIT"}},
		// The same, ended by RST: in a capture with a hole nobody can say that its
		// number is not exactly the next.
		{"f1-sfr-server-rst", []string{
			"SYN_SENT SYN_RECV", "ESTABLISHED SYN_RECV", "CLOSED CLOSED",
		}, "unacceptable reset-ignored contradiction", []string{"handshake reset CLOSED CLOSED server"}},
		// An ACK was captured before the FIN that it acknowledges. The FIN is in the
		// file once.
		{"f2-ack-before-fin", slices.Concat(whole[:7], []string{
			"FIN_WAIT1|FIN_WAIT2|Unknown CLOSE_WAIT|Unknown", "FIN_WAIT2 CLOSE_WAIT", "TIME_WAIT LAST_ACK", "TIME_WAIT CLOSED",
		}), "retransmission unacceptable contradiction", []string{"handshake fin TIME_WAIT CLOSED"}},
		// The SYN was captured after all the rest; its SYN,ACK is row 1.
		{"f2-syn-captured-last", append(whole[1:], "TIME_WAIT CLOSED"),
			"retransmission unacceptable contradiction port-reused", []string{"handshake fin TIME_WAIT CLOSED"}},
		// A copy of the client's FIN comes ten seconds late. What an end's own ACK has
		// proved, it cannot overturn.
		{"f3-late-fin-copy", append(whole[:11:11], "TIME_WAIT CLOSED"),
			"corrected contradiction", []string{"handshake fin TIME_WAIT CLOSED"}},
		// Two SYN,ACKs with different numbers; the client acknowledges the first.
		{"f5-two-synacks", []string{
			"SYN_SENT SYN_RECV", "ESTABLISHED SYN_RECV -unacceptable", "ESTABLISHED SYN_RECV +unacceptable", "ESTABLISHED ESTABLISHED -unacceptable =1",
			"ESTABLISHED ESTABLISHED -unacceptable", "ESTABLISHED ESTABLISHED -unacceptable", "ESTABLISHED ESTABLISHED -unacceptable", "ESTABLISHED ESTABLISHED -unacceptable",
			"FIN_WAIT1 CLOSE_WAIT -unacceptable", "TIME_WAIT LAST_ACK -unacceptable", "TIME_WAIT CLOSED -unacceptable",
		}, "contradiction gap acked-unseen", []string{"handshake fin TIME_WAIT CLOSED"}},
		// An ICMP error answers the SYN.
		{"icmp-port-unreachable", []string{"SYN_SENT Unknown"}, "", []string{"unreachable never-open CLOSED Unknown"}},
		// The first packet has the latest time stamp.
		{"f7-time-before-first", whole, "retransmission out-of-order corrected", []string{"handshake fin TIME_WAIT CLOSED"}},
		// A RST with another hop limit than the server's; the ACK in row 6 proves that
		// the server has gone on.
		{"f8-forged-rst", []string{
			"SYN_SENT SYN_RECV", "ESTABLISHED SYN_RECV", "ESTABLISHED ESTABLISHED", "ESTABLISHED ESTABLISHED",
			"CLOSED ESTABLISHED +hop-limit-differs", "CLOSED ESTABLISHED", "CLOSED ESTABLISHED", "CLOSED CLOSED",
		}, "contradiction retransmission", []string{"handshake reset CLOSED CLOSED client|server"}},
		// A FIN is repeated and never acknowledged: nothing shows that it has arrived.
		{"f9-fin-never-acked", []string{
			"SYN_SENT SYN_RECV", "ESTABLISHED SYN_RECV", "ESTABLISHED ESTABLISHED", "ESTABLISHED ESTABLISHED", "ESTABLISHED ESTABLISHED",
			"FIN_WAIT1 Unknown", "FIN_WAIT1 Unknown +retransmission", "FIN_WAIT1 Unknown +retransmission", "FIN_WAIT1 Unknown +retransmission",
			"FIN_WAIT1 Unknown +retransmission", "FIN_WAIT1 Unknown +retransmission", "FIN_WAIT1 Unknown +retransmission",
		}, "unacceptable contradiction", []string{"handshake half FIN_WAIT1 Unknown"}},
		// A SYN meets the TIME_WAIT of the connection before, which answers with its
		// next expected number; the client refuses that, and tries again.
		{"f10-syn-meets-time-wait", []string{
			"SYN_SENT SYN_RECV", "ESTABLISHED SYN_RECV", "ESTABLISHED ESTABLISHED", "ESTABLISHED ESTABLISHED", "ESTABLISHED ESTABLISHED",
			"CLOSE_WAIT FIN_WAIT1", "CLOSE_WAIT FIN_WAIT2", "LAST_ACK TIME_WAIT", "CLOSED TIME_WAIT",
			"SYN_SENT TIME_WAIT +port-reused", "SYN_SENT TIME_WAIT", "SYN_SENT CLOSED|LISTEN",
			"SYN_SENT SYN_RECV", "ESTABLISHED SYN_RECV", "ESTABLISHED ESTABLISHED", "FIN_WAIT1 CLOSE_WAIT", "TIME_WAIT LAST_ACK", "TIME_WAIT CLOSED",
		}, "contradiction gap acked-unseen unacceptable", []string{"handshake fin CLOSED TIME_WAIT", "handshake fin TIME_WAIT CLOSED"}},
		// Some packets are in Geneve, which is opened: two connections, packet by packet.
		{"f11-geneve-mixed", nil, "gap acked-unseen contradiction retransmission", []string{"handshake fin TIME_WAIT CLOSED", "handshake fin TIME_WAIT CLOSED"}},
		// The same behind authentication headers over IPv4.
		{"f11-ah-ipv4", whole, "gap acked-unseen contradiction retransmission", []string{"handshake fin TIME_WAIT CLOSED"}},
		// A mirror port doubles every packet.
		{"f12-mirror-id-0", []string{
			"SYN_SENT SYN_RECV -copy", "SYN_SENT SYN_RECV +copy", "ESTABLISHED SYN_RECV -copy", "ESTABLISHED SYN_RECV +copy",
			"ESTABLISHED ESTABLISHED -copy", "ESTABLISHED ESTABLISHED +copy", "ESTABLISHED ESTABLISHED -copy", "ESTABLISHED ESTABLISHED +copy",
			"ESTABLISHED ESTABLISHED -copy", "ESTABLISHED ESTABLISHED +copy", "CLOSE_WAIT FIN_WAIT1 -copy", "CLOSE_WAIT FIN_WAIT1 +copy",
			"LAST_ACK TIME_WAIT -copy", "LAST_ACK TIME_WAIT +copy", "CLOSED TIME_WAIT -copy", "CLOSED TIME_WAIT +copy",
		}, "retransmission duplicate-ack", []string{"handshake fin CLOSED TIME_WAIT"}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			file, err := os.ReadFile("testdata/cases/" + tt.file + ".pcap")
			if err != nil {
				t.Fatal(err)
			}
			l := listen(t, file)
			if tt.rows == nil { // several connections at once: each is a whole one
				tt.rows = make([]string, len(l.segments))
				var at [2]int
				for i, s := range l.segments {
					if n := s.Stream & 1; at[n] < len(whole) {
						tt.rows[i] = whole[at[n]]
						at[n]++
					}
				}
			}
			compare(t, l.segments, tt.rows, tt.never)
			compareEnds(t, l.connections, tt.ends)
		})
	}
}

// Every capture there is has a place in the table above.
func TestCasesAreAllExplained(t *testing.T) {
	files, err := filepath.Glob("testdata/cases/*.pcap")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	source, err := os.ReadFile("cases_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !bytes.Contains(source, []byte(`{"`+strings.TrimSuffix(filepath.Base(f), ".pcap")+`", `)) {
			t.Errorf("%s is explained by no test", f)
		}
	}
}
