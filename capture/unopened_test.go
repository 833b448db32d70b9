package capture_test

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"lesson/capture"
)

// TestUnopened holds that what hides TCP is named, and that nothing is named
// which only has its port.
func TestUnopened(t *testing.T) {
	_, ip := packet(t, raw4, dataLine)
	in := func(proto byte, s string) []byte { return tunnel4(t, proto, append(bin(t, s), ip...)) }
	udp := func(s string) []byte { return in(17, s) }
	tag := func(s string) []byte { return append(bin(t, mac+s), ip...) }
	for _, c := range []struct {
		name  string
		link  capture.LinkType
		frame []byte
		want  string // empty: it holds no TCP, and nothing is said
	}{
		{"esp", capture.LinkRaw, in(50, "00000001 00000001"), "ESP (encrypted)"},
		{"esp in ah", capture.LinkRaw, in(51, "3204 0000 00000001 00000001 000000000000000000000000 00000001 00000001"), "ESP (encrypted)"},
		{"esp in 6", capture.LinkRaw, tunnel6(t, 50, ip), "ESP (encrypted)"},
		{"esp in udp", capture.LinkRaw, udp("1194 1194 0000 0000 00000001 00000001"), "ESP (encrypted)"},
		{"key exchange", capture.LinkRaw, udp("1194 1194 0000 0000 00000000 00000001"), ""},
		{"macsec", capture.LinkEthernet, tag("88e5 0c00 00000001"), "MACsec (encrypted)"},
		{"wireguard", capture.LinkRaw, udp("1234 ca6c 0000 0000 04000000 00000001"), "WireGuard (encrypted)"},
		{"wireguard's handshake", capture.LinkRaw, udp("1234 ca6c 0000 0000 01000000 00000001"), ""},
		{"openvpn", capture.LinkRaw, udp("1234 04aa 0000 0000 48000001"), "OpenVPN"},
		{"openvpn's control", capture.LinkRaw, udp("1234 04aa 0000 0000 38000001"), ""},
		{"multilink", capture.LinkPPP, append(bin(t, "ff03 003d"), ip...), "PPP (encrypted, compressed or multilink)"},
		{"mppe in pptp", capture.LinkRaw, in(47, "3081 880b 00550000 00000001 00000001 ff03 00fd"), "PPP (encrypted, compressed or multilink)"},
		{"lcp", capture.LinkPPP, append(bin(t, "ff03 c021"), ip...), ""},
		{"ipcomp", capture.LinkRaw, in(108, "0600 0002"), "IPComp (compressed)"},
		{"l2tpv3", capture.LinkRaw, in(115, "00000001"), "L2TPv3"},
		{"l2tpv3 in udp", capture.LinkRaw, udp("06a5 06a5 0000 0000 0003 0000"), "L2TPv3"},
		{"l2tp's control", capture.LinkRaw, udp("06a5 06a5 0000 0000 c802 0014"), ""},
		{"capwap", capture.LinkRaw, udp("1234 147f 0000 0000 00100000 00000000"), "CAPWAP"},
		{"minimal", capture.LinkRaw, in(55, "0600 0000 c0000201"), "minimal encapsulation"},
		{"pseudowire", capture.LinkEthernet, tag("8847 00002140 00000000" + mac + "0800"), "MPLS pseudowires"},
		{"a channel of it", capture.LinkEthernet, tag("8847 00002140 10000021"), ""},
		{"gre", capture.LinkRaw, in(47, "0000 8200"), "GRE (of another protocol)"},
		{"gre keep-alive", capture.LinkRaw, in(47, "0000 0000"), ""},
		{"erspan", capture.LinkRaw, in(47, "1000 88be 00000001 70010001 00000000"), "ERSPAN"},
		{"gtp with ppp", capture.LinkRaw, udp("0868 0868 0000 0000 30ff 0000 00000001 ff03 0021"), "GTP"},
		{"gtp's echo", capture.LinkRaw, udp("0868 0868 0000 0000 3201 0000 00000001"), ""},
		{"gtp of another version", capture.LinkRaw, udp("0868 0868 0000 0000 50ff 0000 00000001"), ""},
		{"geneve with trill", capture.LinkRaw, udp("1234 17c1 0000 0000 0000 22f3 00000700"), "Geneve"},
		{"geneve with arp", capture.LinkRaw, udp("1234 17c1 0000 0000 0000 0806 00000700"), ""},
		{"gre with arp", capture.LinkRaw, in(47, "0000 0806"), ""},
		{"ayiya's echo", capture.LinkRaw, udp("1234 13d0 0000 0000 4152 1329 00000001"), ""},
		{"geneve's control", capture.LinkRaw, udp("1234 17c1 0000 0000 0080 0800 00000700"), ""},
		{"geneve of another version", capture.LinkRaw, udp("1234 17c1 0000 0000 4000 0800 00000700"), ""},
		{"geneve with more options than bytes", capture.LinkRaw, udp("1234 17c1 0000 0000 3f00 0800 00000700"), ""},
		{"geneve that answers", capture.LinkRaw, udp("17c1 1234 0000 0000 0000 0800 00000700"), ""},
		{"vxlan-gpe with what is new", capture.LinkRaw, udp("1234 12b6 0000 0000 0c000077 00000700"), "VXLAN-GPE"},
		{"nsh", capture.LinkEthernet, tag("894f 0fc20277 00002aff"), "NSH"},
		{"gue", capture.LinkRaw, udp("1234 17c0 0000 0000 0004 0000"), "GUE"},
		{"teredo's bubble", capture.LinkRaw, udp("0dd8 1234 0000 0000 7f000000 00000000"), ""},
		{"dns", capture.LinkRaw, udp("1234 0035 0000 0000"), ""},
		{"ah with too short a length", capture.LinkRaw, in(51, "0600 0000 00000001"), ""},
		{"ah with too long a length", capture.LinkRaw, in(51, "06ff 0000 00000001 00000001"), ""},
		{"arp", capture.LinkEthernet, tag("0806"), ""},
	} {
		got, stats := read(t, c.link, [][]byte{c.frame})
		var names []string
		for _, w := range stats.Warnings() {
			names = append(names, w.EN)
		}
		want := "1 packet in " + c.want + " was not opened: TCP in there is not told."
		if len(got) != 0 || c.want == "" && len(names) != 0 || c.want != "" && !slices.Equal(names, []string{want}) {
			t.Errorf("%s: %d segments, %q; want %q", c.name, len(got), names, c.want)
		}
	}
}

// Several of them are named in one sentence, in both languages.
func TestUnopenedTogether(t *testing.T) {
	_, ip := packet(t, raw4, dataLine)
	esp, gre := tunnel4(t, 50, ip), tunnel4(t, 47, append(bin(t, "0000 8200"), ip...))
	for _, c := range []struct {
		frames [][]byte
		en, zh string
	}{
		{[][]byte{esp, ip, esp}, "2 packets in ESP (encrypted) were not opened: TCP in there is not told.",
			"以下封装的数据包没有拆开，其中若有 TCP，不在讲解之列：ESP（已加密） 2 个。"},
		{[][]byte{gre, esp}, "1 packet in ESP (encrypted) and 1 in GRE (of another protocol) were not opened: TCP in there is not told.",
			"以下封装的数据包没有拆开，其中若有 TCP，不在讲解之列：ESP（已加密） 1 个、GRE（其他协议） 1 个。"},
	} {
		_, stats := read(t, capture.LinkRaw, c.frames)
		w := stats.Plus(capture.Stats{}).Warnings()
		if len(w) != 1 || w[0].EN != c.en || w[0].ZH != c.zh {
			t.Errorf("%q", w)
		}
	}
}

// Packets of link types that cannot be read are counted, and the first is named.
func TestForeignLinks(t *testing.T) {
	_, ip := packet(t, raw4, dataLine)
	ppi := func(link byte) []byte { return append([]byte{0, 0, 8, 0, link, 0, 0, 0}, ip...) }
	good := append([]byte{0, 0, 8, 0, 101, 0, 0, 0}, ip...)
	for _, c := range []struct {
		frames [][]byte
		en, zh string
	}{
		{[][]byte{good, ppi(105), ppi(105)}, "Packets of a link type that cannot be read here: 2, of link type 105 (IEEE 802.11).", "链路类型无法识别的数据包：2 个，链路类型 105（IEEE 802.11）。"},
		{[][]byte{ppi(77), good, ppi(105)}, "Packets of a link type that cannot be read here: 2, of link type 77 and others.", "链路类型无法识别的数据包：2 个，有链路类型 77，也有其他类型。"},
		{[][]byte{ppi(192), good}, "Packets of a link type that cannot be read here: 1, of PPI.", "链路类型无法识别的数据包：1 个，链路类型 192。"},
	} {
		got, stats := read(t, capture.LinkPPI, c.frames)
		w := capture.Stats{}.Plus(stats).Warnings()
		if len(got) != 1 || len(w) != 1 || w[0].EN != c.en || w[0].ZH != c.zh {
			t.Errorf("%d segments, %q", len(got), w)
		}
	}
	several := capture.Stats{OtherLink: 1, Foreign: 105}.Plus(capture.Stats{OtherLink: 1, Foreign: 127})
	if w := several.Warnings(); !strings.Contains(w[0].EN, "IEEE 802.11) and others") {
		t.Error(w)
	}
}

// Lengths that lie do no more than end the reading.
func TestHostileTunnels(t *testing.T) {
	_, ip := packet(t, raw4, dataLine)
	for _, header := range []string{
		"1234 17c1 0000 0000 0000 6558 00000700" + mac + "0800",
		"1234 17c1 0000 0000 0540 0800 00000700 0102 8301 11111111 0103 0402 22222222 33333333",
		"0868 0868 0000 0000 34ff 0000 00000001 0000 00 85 01 1000 c0 02 00000000 0000 00",
		"1234 06a5 0000 0000 4a02 0000 0007 0001 0000 0000 0002 ffff ff03 0021",
		"0dd8 1234 0000 0000 0001 0201 aabb cc 0000000000000001 00 0000 1234 01020304",
		"1234 12b6 0000 0000 0c000004 00000700 0fc20201 00002aff",
	} {
		whole := append(bin(t, header), ip...)
		n := len(whole) - len(ip)
		for at := range n {
			for _, v := range []byte{0, 1, 0x3f, 0x7f, 0x80, 0xff} {
				b := slices.Clone(whole)
				b[at] = v
				for _, size := range []int{len(b), n + 1, n, at + 1} {
					if _, stats := read(t, capture.LinkRaw, [][]byte{tunnel6(t, 17, b[:size])}); stats.Packets != 1 {
						t.Fatal(stats)
					}
				}
			}
		}
	}
}

// TestTags holds which tags a segment is told with: all of them, in their order,
// and 0 for none.
func TestTags(t *testing.T) {
	_, ip := packet(t, raw4, dataLine)
	seen := map[uint32]string{}
	for _, c := range []struct{ tags, same string }{
		{"", ""}, {"8100 0000", ""}, {"8100 e000", ""}, // a priority is no VLAN
		{"8100 0007", ""}, {"8100 e007", "8100 0007"}, {"88a8 0007", "8100 0007"},
		{"8100 0001", ""}, {"8100 0008", ""}, {"8100 0fff", ""},
		{"88a8 0001 8100 0007", ""}, {"88a8 0007 8100 0001", ""}, {"9100 0001 9200 0007 9300 0000", "88a8 0001 8100 0007"},
		{"8100 0001 8100 0001", ""}, {"8100 0001 8100 0001 8100 0001", ""},
		{"88e7 00000007" + mac, ""}, {"8100 0001 88e7 00000007" + mac, ""},
	} {
		frame := append(bin(t, mac+c.tags+"0800"), ip...)
		got, _ := read(t, capture.LinkEthernet, [][]byte{frame})
		if len(got) != 1 {
			t.Fatalf("%s: no segment", c.tags)
		}
		v := got[0].VLAN
		capture.FastIsTheSame(t, capture.LinkEthernet, frame, 0)
		if none := c.tags == "" || strings.HasPrefix(c.tags, "8100 0000") || c.tags == "8100 e000"; none != (v == 0) {
			t.Errorf("%s: %d", c.tags, v)
		} else if before, ok := seen[v]; v != 0 && ok != (c.same != "") || c.same != "" && before != c.same {
			t.Errorf("%s: %d, as of %q", c.tags, v, before)
		}
		if _, ok := seen[v]; !ok {
			seen[v] = c.tags
		}
	}
	vni := bin(t, "1234 12b5 0000 0000 08000000 00000700"+mac+"0800")
	one, _ := read(t, capture.LinkRaw, [][]byte{tunnel4(t, 17, append(slices.Clone(vni), ip...))})
	binary.BigEndian.PutUint32(vni[12:], 0x800)
	other, _ := read(t, capture.LinkRaw, [][]byte{tunnel4(t, 17, append(vni, ip...))})
	if one[0].VLAN == other[0].VLAN || one[0].VLAN == 0 {
		t.Errorf("two virtual networks of VXLAN: %d, %d", one[0].VLAN, other[0].VLAN)
	}
}
