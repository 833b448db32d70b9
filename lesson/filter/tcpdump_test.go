package filter_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"lesson/capture"
	"lesson/lesson/filter"
	"lesson/lesson/tcp"
)

// Whatever can be said in both, tcpdump selects the same segments.
func TestAsTcpdump(t *testing.T) {
	if _, err := exec.LookPath("tcpdump"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	files, err := filepath.Glob("../testdata/kernel/[r-s]*-v[46].A.pcap")
	if err != nil || len(files) == 0 {
		t.Fatal("no captures", err)
	}
	told := 0
	for _, expression := range []string{
		"tcp", "ip and tcp", "ip6 and tcp", "not ip6", "not udp", "host 192.0.2.1", "src host 10.77.0.1 or dst host 2001:db8:a::1", "net 192.0.2.0/24", "src net 192.0 and not port 80",
		"src net 2001:db8::/32", "dst portrange 1-30000", "tcp src port 8080 or 80", "portrange 2000-60000 and not (dst port 443 or 8080)", "not port 1 and tcp or port 2",
		"port 1 or tcp and ip6", "ip and tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "ip and tcp[13] = 18", "ip and tcp [ 13 : 1 ] = 18", "ip and tcp[tcpflags] & tcp-rst == 4",
		"ip and ((tcp[12:1] & 0xf0) >> 2) > 20", "ip and tcp[4:4] - tcp[8:4] > 1000", "ip and tcp[2:2] % 2 = 0 and tcp[0:2] / 2 > 9 * 8", "ip and tcp[20] = 2", "ip and not tcp[100] = 2",
		"greater 70 and tcp", "less 60 and tcp", "ip and tcp[tcpflags] & tcp-ack != 0 and len - 40 > 14", "proto 6", `ip proto \tcp`, "ip6 proto 6",
		"ip and tcp[14:2] > 1000 and not tcp[14:2] | 1 = 1", "ip and tcp[13] ^ 2 = 0x10",
		"ip and tcp[13] & 2 | tcp[13] & 4 != 0", "ip and tcp[13] | 2 & 1 = 1", "ip and tcp[13] & 3 ^ 2 = 0", "ip and tcp[13] ^ 3 & 1 = 3",
		"ip and 2 * tcp[0:2] % 1000 > 500", "ip and tcp[0:2] - 7 % 4 * 2 > 8000", "ip and 1 << 2 + 1 & 8 = 8",
		"port (8080 or 80)", "src host (192.0.2.1 or (2001:db8:a::1 or 10.77.0.1)) and tcp", "tcp dst port (443 or 8080 or 7000)", "src net (10 or 192.0.2)",
	} {
		f, err := filter.Parse(expression)
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		for _, file := range files {
			out, err := exec.Command("tcpdump", "-r", file, "-w", "-", expression).Output()
			if err != nil {
				t.Fatalf("%s: %v", expression, err)
			}
			want := ""
			each(t, bytes.NewReader(out), func(c *tcp.Captured) { want += line(c) })
			in, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			each(t, in, func(c *tcp.Captured) {
				if f.Match(c) {
					got += line(c)
					told++
				}
			})
			_ = in.Close()
			if got != want {
				t.Errorf("%s in %s selects\n%stcpdump\n%s", expression, filepath.Base(file), got, want)
			}
		}
	}
	t.Logf("%d segments selected", told)
}

func each(t *testing.T, in io.Reader, visit func(*tcp.Captured)) {
	t.Helper()
	r, err := capture.Open(in)
	if err != nil {
		t.Fatal(err)
	}
	for {
		c, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		visit(&c)
	}
}

func line(c *tcp.Captured) string {
	return fmt.Sprintf("%v %v %v %d %d %d\n", c.Src, c.Dst, c.Flags, c.Seq, c.Ack, c.Len)
}
