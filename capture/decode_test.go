package capture_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"testing"

	"lesson/capture"
	"lesson/capture/capturetest"
	"lesson/lesson/tcp"
)

// raw4 and raw6 make bare IP packets.
var (
	raw4 = capturetest.Net{Raw: true}
	raw6 = capturetest.Net{Raw: true, Ends: capturetest.Loopback6.Ends}
)

// packets returns the segments that a text says and the packets that carry them.
func packets(t testing.TB, n capturetest.Net, text string) ([]tcp.Segment, [][]byte) {
	t.Helper()
	segments, err := n.Segments(text)
	if err != nil {
		t.Fatal(err)
	}
	var frames [][]byte
	for i := range segments {
		frames = append(frames, n.Frame(&segments[i]))
	}
	return segments, frames
}

// packet returns one segment, and the packet that carries it.
func packet(t testing.TB, n capturetest.Net, line string) (tcp.Segment, []byte) {
	t.Helper()
	s, p := packets(t, n, line)
	return s[0], p[0]
}

func bin(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// read decodes frames of one link type; each frame is as long as it was on the
// wire unless wire says otherwise.
func read(t testing.TB, link capture.LinkType, frames [][]byte, wire ...int) ([]tcp.Captured, capture.Stats) {
	t.Helper()
	b := capturetest.Header(link)
	for i, f := range frames {
		at := len(b)
		b = capturetest.Record(b, int64(i), f)
		if i < len(wire) {
			binary.LittleEndian.PutUint32(b[at+12:], uint32(wire[i]))
		}
	}
	return readBytes(t, b)
}

func readBytes(t testing.TB, b []byte) (all []tcp.Captured, stats capture.Stats) {
	t.Helper()
	r, err := capture.Open(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for {
		c, err := r.Next()
		if err == io.EOF {
			return all, r.Stats()
		}
		if err != nil {
			t.Fatal(err)
		}
		c.Payload = slices.Clone(c.Payload)
		all = append(all, c)
	}
}

const dataLine = "client > server: P. 1:26(25) ack 7 win 512 <TS val 1 ecr 2>"

// tunnel6 is an IPv6 header with the given next header, to be followed by its payload.
func tunnel6(t testing.TB, next byte, payload []byte) []byte {
	b := bin(t, "60000000 0000 00 40 20010db8000000000000000000000001 20010db8000000000000000000000002")
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	b[6] = next
	return append(b, payload...)
}

// tunnel4 is an IPv4 header with the given protocol.
func tunnel4(t testing.TB, proto byte, payload []byte) []byte {
	b := bin(t, "45000000 00000000 4000 0000 c0000201 c0000202")
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(payload)))
	b[9] = proto
	return append(b, payload...)
}

// extended puts extension headers between an IPv6 header and its TCP.
func extended(ip []byte, first byte, headers []byte) []byte {
	b := slices.Concat(ip[:40], headers, ip[40:])
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)-40))
	b[6] = first
	return b
}

const mac = "020000000001 020000000002 "

// TestWraps holds that a segment is the same whatever it travels in.
func TestWraps(t *testing.T) {
	prefix := func(s string) func([]byte) []byte {
		return func(ip []byte) []byte { return append(bin(t, s), ip...) }
	}
	inner4 := func(proto byte, s string) func([]byte) []byte {
		return func(ip []byte) []byte { return tunnel4(t, proto, append(bin(t, s), ip...)) }
	}
	inner6 := func(next byte, s string) func([]byte) []byte {
		return func(ip []byte) []byte { return tunnel6(t, next, append(bin(t, s), ip...)) }
	}
	auth := func(proto byte, s string) func([]byte) []byte { // between an IPv4 header and its TCP
		return func(ip []byte) []byte {
			b := slices.Concat(ip[:20], bin(t, s), ip[20:])
			binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
			b[9] = proto
			return b
		}
	}
	headers := func(first byte, s string) func([]byte) []byte {
		return func(ip []byte) []byte { return extended(ip, first, bin(t, s)) }
	}
	for _, c := range []struct {
		name string
		link capture.LinkType
		net  capturetest.Net
		wrap func(ip []byte) []byte
	}{
		{"raw", capture.LinkRaw, raw4, prefix("")},
		{"raw 12", capture.LinkRawBSD, raw6, prefix("")},
		{"raw 14", capture.LinkRawOBSD, raw4, prefix("")},
		{"ipv4", capture.LinkIPv4, raw4, prefix("")},
		{"ipv6", capture.LinkIPv6, raw6, prefix("")},
		{"ethernet", capture.LinkEthernet, raw6, prefix(mac + "86dd")},
		{"vlan", capture.LinkEthernet, raw4, prefix(mac + "8100 2007 0800")},
		{"qinq", capture.LinkEthernet, raw4, prefix(mac + "88a8 0001 8100 2007 0800")},
		{"old tags", capture.LinkEthernet, raw4, prefix(mac + "9100 0001 9200 0002 9300 0003 0800")},
		{"llc in vlan", capture.LinkEthernet, raw4, prefix(mac + "8100 2007 0055 aaaa03 000000 0800")},
		{"long llc", capture.LinkEthernet, raw4, prefix(mac + "8870 aaaa03 000000 0800")},
		{"mpls", capture.LinkEthernet, raw6, prefix(mac + "8847 00001040 00002140")},
		{"mpls multicast", capture.LinkEthernet, raw4, prefix(mac + "8848 00002140")},
		{"pppoe", capture.LinkEthernet, raw6, prefix(mac + "8864 1100 0001 0055 0057")},
		{"pppoe alone", capture.LinkPPPoE, raw4, prefix("1100 0001 0055 0021")},
		{"ppp", capture.LinkPPP, raw4, prefix("ff03 0021")},
		{"ppp, short", capture.LinkPPP, raw6, prefix("57")},
		{"ppp with mpls", capture.LinkPPP, raw6, prefix("0281 00002140")},
		{"hdlc with ppp", capture.LinkPPPHDLC, raw4, prefix("ff03 0021")},
		{"hdlc", capture.LinkPPPHDLC, raw4, prefix("0f00 0800")},
		{"cisco hdlc", capture.LinkCiscoHDLC, raw6, prefix("0f00 86dd")},
		{"null, little", capture.LinkNull, raw4, prefix("02000000")},
		{"null, big", capture.LinkNull, raw4, prefix("00000002")},
		{"null, macOS", capture.LinkNull, raw6, prefix("1e000000")},
		{"null, FreeBSD", capture.LinkNull, raw6, prefix("0000001c")},
		{"null, OpenBSD", capture.LinkLoop, raw6, prefix("00000018")},
		{"null, Windows", capture.LinkNull, raw6, prefix("17000000")},
		{"sll", capture.LinkSLL, raw4, prefix("0000 0304 0006 0000000000000000 0800")},
		{"sll with tag", capture.LinkSLL, raw4, prefix("0000 0001 0006 0000000000000000 8100 0007 0800")},
		{"sll with llc", capture.LinkSLL, raw4, prefix("0000 0001 0006 0000000000000000 0004 aaaa03 000000 0800")},
		{"sll2", capture.LinkSLL2, raw6, prefix("86dd 0000 00000001 0304 00 06 0000000000000000")},
		{"4 in 4", capture.LinkRaw, raw4, inner4(4, "")},
		{"6 in 4", capture.LinkRaw, raw6, inner4(41, "")},
		{"4 in 6", capture.LinkRaw, raw4, func(ip []byte) []byte { return tunnel6(t, 4, ip) }},
		{"mpls in 4", capture.LinkRaw, raw4, inner4(137, "00002140")},
		{"gre", capture.LinkRaw, raw6, inner4(47, "0000 86dd")},
		{"gre with all", capture.LinkRaw, raw4, inner4(47, "b000 0800 00000000 00000007 00000008")},
		{"gre with routing", capture.LinkRaw, raw4, inner4(47, "4000 0800 00000000 08000004 c0000202 00000000")},
		{"gre with ethernet", capture.LinkRaw, raw4, inner4(47, "0000 6558"+mac+"0800")},
		{"pptp", capture.LinkRaw, raw4, inner4(47, "3081 880b 00550000 00000001 00000001 ff03 0021")},
		{"vxlan", capture.LinkRaw, raw4, inner4(17, "1234 12b5 0000 0000 08000000 00000700"+mac+"0800")},
		{"vxlan, old port", capture.LinkRaw, raw6, inner4(17, "1234 2118 0000 0000 08000000 00000700"+mac+"86dd")},
		{"geneve", capture.LinkRaw, raw4, inner4(17, "1234 17c1 0000 0000 0000 6558 00000700"+mac+"0800")},
		{"geneve over 6", capture.LinkRaw, raw4, inner6(17, "1234 17c1 0000 0000 0000 6558 00000700"+mac+"0800")},
		{"geneve with ip", capture.LinkRaw, raw4, inner4(17, "1234 17c1 0000 0000 0000 0800 00000700")},
		{"geneve with ipv6", capture.LinkRaw, raw6, inner6(17, "1234 17c1 0000 0000 0000 86dd 00000700")},
		{"geneve with mpls", capture.LinkRaw, raw4, inner4(17, "1234 17c1 0000 0000 0000 8847 00000700 00002140")},
		{"geneve with options", capture.LinkRaw, raw4, inner4(17, "1234 17c1 0000 0000 0500 6558 00000700 0102 0301 11111111 0103 0402 22222222 33333333"+mac+"0800")},
		{"geneve with a critical option", capture.LinkRaw, raw4, inner4(17, "1234 17c1 0000 0000 0240 6558 00000700 0102 8301 11111111"+mac+"0800")},
		{"geneve with tags", capture.LinkRaw, raw6, inner4(17, "1234 17c1 0000 0000 0000 6558 00000700"+mac+"88a8 0001 8100 2007 86dd")},
		{"geneve in geneve", capture.LinkRaw, raw4, func(ip []byte) []byte {
			in := append(bin(t, "1234 17c1 0000 0000 0000 0800 00000700"), ip...)
			return tunnel6(t, 17, append(bin(t, "1234 17c1 0000 0000 0000 0800 00000700"), tunnel4(t, 17, in)...))
		}},
		{"vxlan-gpe", capture.LinkRaw, raw6, inner4(17, "1234 12b6 0000 0000 0c000002 00000700")},
		{"vxlan-gpe as vxlan", capture.LinkRaw, raw4, inner4(17, "1234 12b6 0000 0000 08000000 00000700"+mac+"0800")},
		{"vxlan-gpe with nsh", capture.LinkRaw, raw4, inner4(17, "1234 12b6 0000 0000 0c000004 00000700 0fc60203 00002aff"+strings.Repeat("00000000", 4)+mac+"0800")},
		{"nsh", capture.LinkEthernet, raw4, prefix(mac + "894f 0fc20201 00002aff")},
		{"gtp", capture.LinkRaw, raw4, inner4(17, "0868 0868 0000 0000 30ff 0000 00000001")},
		{"gtp over 6 with a number", capture.LinkRaw, raw6, inner6(17, "0868 0868 0000 0000 32ff 0000 00000001 0007 00 00")},
		{"gtp with extensions", capture.LinkRaw, raw4, inner4(17, "0868 0868 0000 0000 34ff 0000 00000001 0000 00 85 01 1000 c0 02 00000000 0000 00")},
		{"l2tp", capture.LinkRaw, raw6, inner4(17, "06a5 06a5 0000 0000 0002 0007 0001 ff03 0057")},
		{"l2tp with all", capture.LinkRaw, raw4, inner4(17, "1234 06a5 0000 0000 4a02 0000 0007 0001 0000 0000 0002 ffff ff03 0021")},
		{"teredo", capture.LinkRaw, raw6, inner4(17, "1234 0dd8 0000 0000")},
		{"teredo, from the server", capture.LinkRaw, raw6, inner4(17, "0dd8 1234 0000 0000 0001 0201 aabb cc 0000000000000001 00 0000 1234 01020304")},
		{"ayiya", capture.LinkRaw, raw6, inner4(17, "1234 13d0 0000 0000 4152 1129 00000001 00000000000000000000000000000000 0000000000000000000000000000000000000000")},
		{"lisp", capture.LinkRaw, raw6, inner4(17, "1234 10f5 0000 0000 80000001 00000000")},
		{"gre in udp", capture.LinkRaw, raw4, inner6(17, "1234 1292 0000 0000 0000 0800")},
		{"mpls in udp", capture.LinkRaw, raw4, inner6(17, "1234 19eb 0000 0000 00002140")},
		{"gue without a header", capture.LinkRaw, raw4, inner4(17, "1234 17c0 0000 0000")},
		{"etherip", capture.LinkRaw, raw6, inner4(97, "3000"+mac+"86dd")},
		{"ethernet in 6", capture.LinkRaw, raw4, inner6(143, mac+"0800")},
		{"erspan", capture.LinkRaw, raw4, inner4(47, "0000 88be"+mac+"0800")},
		{"erspan ii", capture.LinkRaw, raw4, inner4(47, "1000 88be 00000001 10010001 00000000"+mac+"0800")},
		{"erspan iii", capture.LinkRaw, raw6, inner4(47, "1000 22eb 00000001 20010001 00000000 00000000"+mac+"86dd")},
		{"erspan iii with more", capture.LinkRaw, raw6, inner4(47, "1000 22eb 00000001 20010001 00000000 00000001 0000000000000000"+mac+"86dd")},
		{"wccp", capture.LinkRaw, raw4, inner4(47, "0000 883e")},
		{"wccp 2", capture.LinkRaw, raw4, inner4(47, "0000 883e 00000000")},
		{"802.1ah", capture.LinkEthernet, raw4, prefix(mac + "88a8 0001 88e7 00000007" + mac + "8100 0002 0800")},
		{"802.1br", capture.LinkEthernet, raw6, prefix(mac + "893f 0000 0001 0000 86dd")},
		{"vn-tag", capture.LinkEthernet, raw4, prefix(mac + "8926 0000 0001 8100 0007 0800")},
		{"hsr", capture.LinkEthernet, raw4, prefix(mac + "892f 0042 0001 0800")},
		{"macsec", capture.LinkEthernet, raw4, prefix(mac + "88e5 0000 00000001 0800")},
		{"macsec with a channel", capture.LinkEthernet, raw6, prefix(mac + "88e5 2000 00000001 0200000000010001 86dd")},
		{"ppi", capture.LinkPPI, raw4, prefix("00 00 0c00 01000000 0000 0000" + mac + "0800")},
		{"ah in 4", capture.LinkRaw, raw4, auth(51, "0604 0000 00000001 00000001 000000000000000000000000")},
		{"ah in 4, without a check value", capture.LinkRaw, raw4, auth(51, "0601 0000 00000001 00000001")},
		{"ah in 4, sha-256", capture.LinkRaw, raw4, auth(51, "0605 0000 00000001 00000001 00000000000000000000000000000000")},
		{"ah in 4, sha-512", capture.LinkRaw, raw4, auth(51, "0609 0000 00000001 00000001"+strings.Repeat("00000000", 8))},
		{"ah in ah", capture.LinkRaw, raw4, auth(51, "3304 0000 00000001 00000001 000000000000000000000000 0604 0000 00000002 00000001 000000000000000000000000")},
		{"ah as a tunnel", capture.LinkRaw, raw6, inner4(51, "2904 0000 00000001 00000001 000000000000000000000000")},
		{"ah as a tunnel in 6", capture.LinkRaw, raw4, inner6(51, "0404 0000 00000001 00000001 000000000000000000000000")},
		{"all in 6", capture.LinkRaw, raw6, headers(0, "3c00 0104 00000000 2c00 0104 00000000 3300 0000 00000001 0604 0000 00000001 00000001 000000000000000000000000")},
		{"atomic fragment", capture.LinkRaw, raw6, headers(44, "0600 0000 00000001")},
	} {
		want, ip := packet(t, c.net, dataLine)
		frame := c.wrap(ip)
		for _, trailer := range []string{"", "00000000000000"} {
			got, stats := read(t, c.link, [][]byte{append(slices.Clone(frame), bin(t, trailer)...)})
			if len(got) != 1 {
				t.Errorf("%s: no segment; %+v", c.name, stats)
				continue
			}
			want.Time, want.VLAN = got[0].Time, got[0].VLAN // which TestTags holds
			if bare(got[0].Segment) != want {
				t.Errorf("%s:\n%+v, not\n%+v", c.name, got[0].Segment, want)
			}
			if len(got[0].Payload) != 25 || got[0].Payload[0] != 'b' || len(got[0].Header) != 32 {
				t.Errorf("%s: payload %q, header of %d bytes", c.name, got[0].Payload, len(got[0].Header))
			}
		}
		// No prefix of a frame may be more than a segment cut short.
		for n := range frame {
			got, stats := read(t, c.link, [][]byte{frame[:n]}, len(frame))
			if len(got)+stats.CutShort+stats.Unclear != 1 {
				t.Errorf("%s, %d bytes of %d: passed over in silence: %+v", c.name, n, len(frame), stats)
			}
			for _, g := range got {
				if g.Seq != want.Seq || g.Flags != want.Flags || g.Len != want.Len || g.BadChecksum {
					t.Errorf("%s, %d bytes: %+v", c.name, n, g.Segment)
				}
			}
		}
	}
}

// TestCut follows a segment as the snap length takes more and more of it.
func TestCut(t *testing.T) {
	want, ip := packet(t, raw4, "client > server: S 0:25(25) win 512 urg 9 <mss 1460,TS val 1 ecr 2,wscale 7>")
	for n := 20; n <= len(ip); n++ {
		got, stats := read(t, capture.LinkRaw, [][]byte{ip[:n]}, len(ip))
		if n < 20+14 {
			if len(got) != 0 || stats.CutShort != 1 {
				t.Errorf("%d bytes: %d segments, %+v", n, len(got), stats)
			}
			continue
		}
		if len(got) != 1 {
			t.Fatalf("%d bytes: no segment", n)
		}
		g := got[0]
		if g.Seq != want.Seq || g.Flags != want.Flags || g.Len != 25 || g.Src != want.Src || g.Dst != want.Dst || g.BadChecksum {
			t.Errorf("%d bytes: %+v", n, g.Segment)
		}
		win := uint16(512)
		if n < 20+16 {
			win = 65535
		}
		if g.Window != win {
			t.Errorf("%d bytes: window %d", n, g.Window)
		}
		o := g.Options
		if o.HasMSS != (n >= 44) || o.HasTimestamps != (n >= 56) || o.HasScale != (n >= 60) || o.Cut != (n < 60) {
			t.Errorf("%d bytes: options %+v", n, o)
		}
		if len(g.Header) != min(n-20, 40) || len(g.Payload) != max(n-60, 0) || g.RawLen != len(ip) {
			t.Errorf("%d bytes: header %d, payload %d of %d", n, len(g.Header), len(g.Payload), g.RawLen)
		}
	}
}

// TestMalformed lists headers that a receiver would drop.
func TestMalformed(t *testing.T) {
	_, ip := packet(t, raw4, "client F.")
	change := func(at int, v byte) []byte {
		b := slices.Clone(ip)
		b[at] = v
		return b
	}
	for name, b := range map[string][]byte{
		"data offset 4":         change(32, 0x40),
		"data offset 6 of 5":    change(32, 0x60),
		"total length 39 of 40": change(3, 39),
	} {
		if got, stats := read(t, capture.LinkRaw, [][]byte{b}); len(got) != 0 || stats.Malformed != 1 {
			t.Errorf("%s: %d segments, %+v", name, len(got), stats)
		}
	}
	for name, b := range map[string][]byte{
		"IP header of 4 words": change(0, 0x44),
		"version 5":            change(0, 0x55),
		"UDP":                  change(9, 17),
		"a later fragment":     change(7, 1),
	} {
		if got, stats := read(t, capture.LinkIPv4, [][]byte{b}); len(got) != 0 {
			t.Errorf("%s: %d segments, %+v", name, len(got), stats)
		}
	}
}

// TestOptions reads option lists that nobody should send.
func TestOptions(t *testing.T) {
	_, ip := packet(t, raw4, "client S <mss 1460,TS val 1 ecr 2,wscale 7>") // 20 bytes of options
	mss := tcp.Options{MSS: 1460, HasMSS: true}
	for list, want := range map[string]tcp.Options{
		"020405b4 00 030307 080a000000010000000200":         mss, // ends at 0
		"020405b4 0301 0303 07000000000000000000000000":     mss, // shorter than itself
		"020405b4 0401 0303 07000000000000000000000000":     mss, // the same, where no more is needed
		"020405b4 03ff 0303 07000000000000000000000000":     mss, // longer than all
		"020405b4 02050101 01 0302 0503010101 0101010108":   mss, // lengths of other kinds; and no room
		"020405b4 0402 22020101 fe04f989 fe04aaaa 01010101": {MSS: 1460, HasMSS: true, SACKPermitted: true, HasFastOpen: true},
		"0101 0512 00000001 00000002 00000003 00000004": {SACKBlocks: 2,
			SACK: [4]tcp.SACKBlock{{Left: 1, Right: 2}, {Left: 3, Right: 4}}},
	} {
		b := slices.Clone(ip)
		copy(b[40:60], bin(t, list))
		b[36], b[37] = 0, 0 // no checksum
		got, _ := read(t, capture.LinkRaw, [][]byte{b})
		if len(got) != 1 || got[0].Options != want {
			t.Errorf("%s:\n%+v, not\n%+v", list, got[0].Options, want)
		}
	}
}

// TestLengths reads packets whose IP header does not know how long they are.
func TestLengths(t *testing.T) {
	_, v4 := packet(t, raw4, dataLine)
	_, v6 := packet(t, raw6, dataLine)
	big := make([]byte, 131072)
	zero4 := slices.Clone(v4)
	zero4[2], zero4[3] = 0, 0
	zero6 := slices.Clone(v6)
	zero6[4], zero6[5] = 0, 0
	jumbo := extended(append(slices.Clone(v6), big...), 0, bin(t, "0600 c204 00000000"))
	binary.BigEndian.PutUint32(jumbo[44:], uint32(len(jumbo)-40))
	jumbo[4], jumbo[5] = 0, 0
	long := slices.Concat(bin(t, "0620 1efe"), make([]byte, 254), bin(t, "c204 00000000")) // the longest option before it
	late := extended(append(slices.Clone(v6), big...), 0, long)
	binary.BigEndian.PutUint32(late[40+len(long)-4:], uint32(len(late)-40))
	late[4], late[5] = 0, 0
	for _, c := range []struct {
		name       string
		frame      []byte
		wire, want int
	}{
		{"v4", zero4, len(zero4), 25},
		{"v6", zero6, len(zero6), 25},
		{"v4, captured in part", zero4[:60], len(zero4), 25},
		{"v4, big", append(slices.Clone(zero4), big...), len(zero4) + len(big), 25 + len(big)},
		{"v4, a little over 64 k", append(slices.Clone(zero4), big[:65536-len(zero4)+5]...), 65541, 65541 - 52},
		{"v6 jumbogram", jumbo, len(jumbo), 25 + len(big)},
		{"v6 jumbogram with another option", late, len(late), 25 + len(big)},
		{"v6 jumbogram in part", jumbo[:65535], len(jumbo), 25 + len(big)},
	} {
		got, stats := read(t, capture.LinkRaw, [][]byte{c.frame}, c.wire)
		if len(got) != 1 || int(got[0].Len) != c.want || got[0].BadChecksum {
			t.Errorf("%s: %+v %+v", c.name, got, stats)
		}
	}
}

// bare is a segment without what the IP header says of its packet.
func bare(s tcp.Segment) tcp.Segment {
	s.ID, s.Hops = 0, 0
	return s
}
