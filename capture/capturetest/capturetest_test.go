package capturetest_test

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"lesson/capture"
	"lesson/capture/capturetest"
	"lesson/lesson/tcp"
)

const exchange = `
0.000000 client > server: S 0:0(0) win 65495 <mss 65495,sackOK,TS val 1 ecr 0,wscale 7>
0.000012 server > client: S. win 65483 <mss 65495,sackOK,TS val 2 ecr 1,wscale 7>
0.000020 client > server: . win 512
0.100000 client > server: P. 1:26(25) win 512
0.100001 server > client: . win 512 <TS val 5 ecr 4,sack 30:40 50:60>
0.100002 client > server: FPUEWe. win 0 urg 3
0.100003 server > client: R
`

// TestRoundTrip reads back what was made, over both IP versions and links.
func TestRoundTrip(t *testing.T) {
	v6 := capturetest.Loopback6
	for name, n := range map[string]capturetest.Net{
		"ethernet4": {}, "raw4": {Raw: true}, "ethernet6": v6, "raw6": {Raw: true, Ends: v6.Ends},
		"moved": {
			Ends:  [2]netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("192.0.2.2:65535")},
			First: [2]tcp.Seq{0xffffffff, 0x80000000}, Start: time.Unix(1700000000, 5),
		},
	} {
		want, err := n.Segments(exchange)
		if err != nil {
			t.Fatal(err)
		}
		file, err := n.Pcap(exchange)
		if err != nil {
			t.Fatal(err)
		}
		r, err := capture.Open(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			c, err := r.Next()
			if err != nil {
				t.Fatal(name, err)
			}
			if c.ID, c.Hops = 0, 0; c.Segment != want[i] {
				t.Errorf("%s: segment %d is\n%+v, not\n%+v", name, i+1, c.Segment, want[i])
			}
		}
	}
}
