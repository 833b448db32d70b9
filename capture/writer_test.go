package capture_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lesson/capture"
	"lesson/capture/capturetest"
)

const commented = `
0.000000001 client > server: S win 65495 <mss 65495,sackOK,TS val 1 ecr 0,wscale 7>
0.000012 server > client: S. win 65483
1.000000 client > server: P. 1:1026(1025)
`

var comments = []string{"the client asks: SYN_SENT", "", "你好，世界！！！ 客户端 ESTABLISHED → 服务器 ESTABLISHED"}

// write makes a pcapng file of the segments of a text.
func write(t *testing.T, n capturetest.Net, text string, comments []string) ([]byte, []byte) {
	t.Helper()
	file, err := n.Pcap(text)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := capture.NewWriter(&out, n.Link())
	if err != nil {
		t.Fatal(err)
	}
	r, err := capture.Open(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for _, comment := range comments {
		c, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(&c, comment); err != nil {
			t.Fatal(err)
		}
	}
	return file, out.Bytes()
}

func TestWriter(t *testing.T) {
	for _, n := range []capturetest.Net{
		{Start: time.Unix(1700000000, 123456789)},
		{Raw: true, Ends: capturetest.Loopback6.Ends},
	} {
		file, out := write(t, n, commented, comments)
		want, _ := readBytes(t, file)
		got, _ := readBytes(t, out)
		if len(got) != len(want) {
			t.Fatalf("%d segments", len(got))
		}
		for i := range want {
			if got[i].Segment != want[i].Segment || string(got[i].Payload) != string(want[i].Payload) || got[i].RawLen != want[i].RawLen {
				t.Errorf("%+v, not\n%+v", got[i], want[i])
			}
		}
		for _, c := range append(comments, "lesson") {
			if !bytes.Contains(out, []byte(c)) {
				t.Errorf("%q is not in the file", c)
			}
		}
	}
}

func TestWriterComments(t *testing.T) {
	for _, comment := range []string{
		strings.Repeat("长", 30000), "broken \xff\xfe", "\x00", strings.Repeat("x", 65520), strings.Repeat("y", 65521),
	} {
		_, out := write(t, capturetest.Net{}, "client S", []string{comment})
		if got, _ := readBytes(t, out); len(got) != 1 {
			t.Errorf("a comment of %d bytes: %d segments", len(comment), len(got))
		}
	}
}

type brokenWriter struct{ err error }

func (b brokenWriter) Write([]byte) (int, error) { return 0, b.err }

func TestWriterError(t *testing.T) {
	full := errors.New("no space left")
	if _, err := capture.NewWriter(brokenWriter{full}, capture.LinkEthernet); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

// TestWriterTshark asks Wireshark what it reads, where there is one.
func TestWriterTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("no tshark to ask: ", err)
	}
	_, out := write(t, capturetest.Net{Start: time.Unix(1700000000, 0)}, commented, comments)
	name := filepath.Join(t.TempDir(), "out.pcapng")
	if err := os.WriteFile(name, out, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tshark, "-n", "-r", name, "-T", "fields", "-e", "frame.time_epoch", "-e", "tcp.flags",
		"-e", "tcp.len", "-e", "frame.comment")
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	got, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := "1700000000.000000001\t0x0002\t0\t" + comments[0] + "\n" +
		"1700000000.000012000\t0x0012\t0\t\n" +
		"1700000001.000000000\t0x0018\t1025\t" + comments[2] + "\n"
	if string(got) != want {
		t.Errorf("got\n%s, not\n%s", got, want)
	}
}
