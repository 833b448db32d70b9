package lines_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"lesson/capture"
	"lesson/capture/capturetest/traffic"
	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/render/lines"
	"lesson/lesson/render/rendertest"
	"lesson/lesson/tcp"
	"lesson/lesson/tcp/notation"
)

func write(t *testing.T, story []lesson.Event) string {
	t.Helper()
	var b bytes.Buffer
	w := lines.New(&b, lang.English)
	for _, e := range story {
		if err := w.Tell(e); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestLines(t *testing.T) {
	story := []lesson.Event{&lesson.Opening{}}
	var sender, receiver tcp.Endpoint
	sender.IP, sender.Port = [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: 1}, 43210
	receiver.IP, receiver.Port = [16]byte{0x20, 1, 15: 2}, 80
	s := &lesson.Segment{Stream: 3, Since: 12345}
	s.Src, s.Dst, s.Seq, s.Ack, s.Flags, s.Window = sender, receiver, 107, 1005, tcp.ACK, 512
	s.Options.SACKBlocks, s.Options.SACK[0] = 1, tcp.SACKBlock{Left: 1010, Right: 1020}
	s.Step = tcp.Step{Seq: 7, Ack: 5, After: [2]tcp.State{tcp.Established, tcp.FinWait1}, Findings: tcp.DuplicateAck | tcp.Corrected}
	story = append(story, s, &lesson.Note{Kind: lesson.Warning, Explanation: lesson.Explanation{Text: lang.Text{EN: "Cut short.", ZH: "不完整。"}}}, &lesson.Ending{})
	want := "0.000012345 client > server: . 7:7(0) ack 5 win 512 <sack 10:20> | ESTABLISHED FIN_WAIT1 # 3 10.0.0.1:43210 > [2001::2]:80 duplicate-ack corrected\n# Cut short.\n"
	if got := write(t, story); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// An ICMP error is a comment: it is no segment, and reads back as none.
func TestICMP(t *testing.T) {
	want := `# 0.000024 192.0.2.1 > client: ICMP host-unreachable, quotes seq 0 | SYN_SENT SYN_RECV # 0 192.0.2.10:40000 > 198.51.100.5:80 survived
# 0.000084 192.0.2.1 > client: ICMP fragmentation-needed mtu 1400, quotes seq 1 | ESTABLISHED ESTABLISHED # 0 192.0.2.10:40000 > 198.51.100.5:80 smaller-packets
# 0.000108 2001:db8::1 > client: ICMPv6 time-exceeded, quotes seq 0 | ESTABLISHED ESTABLISHED # 0 192.0.2.10:40000 > 198.51.100.5:80 none
# 0.000120 192.0.2.10 > server: ICMP port-unreachable, quotes seq 1 | ESTABLISHED ESTABLISHED # 0 198.51.100.5:80 > 192.0.2.10:40000 soft
`
	if got := strings.Join(comment.FindAllString(write(t, rendertest.Unreachable()), -1), ""); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

var comment = regexp.MustCompile("(?m)^#.*\n")

// Every line reads back as the segment it was, whatever story it is of.
func TestReadBack(t *testing.T) {
	stories := rendertest.All()
	var file bytes.Buffer
	if err := traffic.Write(&file, traffic.Options{Seed: 3, Packets: 5000, Connections: 500}); err != nil {
		t.Fatal(err)
	}
	src, err := capture.Open(&file)
	if err != nil {
		t.Fatal(err)
	}
	var k keeper
	if err := lesson.Explain(src, lesson.ExplainOptions{Detail: lesson.Everything}, &k); err != nil {
		t.Fatal(err)
	}
	stories["traffic"] = k
	for name, story := range stories {
		rest := comment.ReplaceAllString(write(t, story), "")
		for _, e := range story {
			s, ok := e.(*lesson.Segment)
			if !ok {
				continue
			}
			line, after, _ := strings.Cut(rest, "\n")
			rest = after
			l, err := notation.Parse(line)
			if err != nil || l.From != s.Step.From&1 || l.Flags != s.Flags&(tcp.AE<<1-1) || l.Seq != tcp.Seq(s.Step.Seq) || l.Len != s.Len ||
				l.HasAck && l.Ack != tcp.Seq(s.Step.Ack) || l.Window != s.Window || l.State[0].String() != s.Step.After[0].String() || l.State[1].String() != s.Step.After[1].String() {
				t.Fatalf("%s: %q reads back as\n%+v (%v), and was\n%+v", name, line, l, err, s)
			}
		}
		if rest != "" {
			t.Errorf("%s: more than was told: %q", name, rest)
		}
	}
}

// keeper keeps copies of what is told.
type keeper []lesson.Event

func (k *keeper) Tell(e lesson.Event) error {
	if s, ok := e.(*lesson.Segment); ok {
		kept := *s
		*k = append(*k, &kept)
	}
	return nil
}

// Who waits for whom in a live connection is a comment of its own.
func TestWaiting(t *testing.T) {
	for l, want := range map[lang.Lang]string{
		lang.English: "# 3 127.0.0.1:8080 < 127.0.0.1:43210: CLOSE_WAIT: peer closed 12 s ago, python3 (4242) has not called close()\n",
		lang.Chinese: "# 3 127.0.0.1:8080 < 127.0.0.1:43210: CLOSE_WAIT: 对端已于 12 秒前关闭，python3 (4242) 尚未调用 close()\n",
	} {
		var b bytes.Buffer
		if err := lines.New(&b, l).Tell(rendertest.Waiting()); err != nil || b.String() != want {
			t.Errorf("%v: %q", err, b.String())
		}
	}
}
