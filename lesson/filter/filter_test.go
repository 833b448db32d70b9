package filter_test

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"lesson/capture"
	"lesson/capture/capturetest"
	"lesson/lesson/filter"
	"lesson/lesson/tcp"
)

var loopback4 = [2]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:43210"), netip.MustParseAddrPort("127.0.0.2:2023")}

// sent are the segments that the examples select from, with their numbers.
func sent(t *testing.T) []tcp.Captured {
	t.Helper()
	var all []tcp.Captured
	for _, n := range []capturetest.Net{{Raw: true, Ends: loopback4}, {Raw: true, Ends: capturetest.Loopback6.Ends}} {
		file, err := n.Pcap("client S\nserver S.\nclient .\nclient P. 1:25(24)\nserver R.")
		if err != nil {
			t.Fatal(err)
		}
		r, err := capture.Open(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			c, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			c.Header, c.Payload = slices.Clone(c.Header), slices.Clone(c.Payload)
			all = append(all, c)
		}
	}
	return all
}

// Segments 1 to 5 are over IPv4, from 127.0.0.1:43210 and 127.0.0.2:2023; 6 to
// 10 over IPv6.
func TestMatch(t *testing.T) {
	const all = "1234567890"
	segments := sent(t)
	for expression, want := range map[string]string{
		"": all, "tcp": all, "ip": "12345", "ip6": "67890", "udp": "", "not udp": all, "ip or ip6": all,
		"host 127.0.0.1": "12345", "src host 127.0.0.1": "134", "src 127.0.0.1": "134", "dst 127.0.0.1": "25", "127.0.0.2": "12345",
		"host ::1": "67890", "src and dst host ::1": "67890", "src and dst 127.0.0.1": "", "src or dst host 127.0.0.1": "12345",
		"ip6 host ::1": "67890", "ip net 127": "12345", "tcp host ::1": "67890",
		"net 127": "12345", "net 127.0.0.0/8": "12345", "net 127.0.0.0 mask 255.0.0.0": "12345", "net 127.0.0": "12345", "src net 127.0.0.2/32": "25",
		"net 10": "", "net ::/0": "67890", "net ::1/128": "67890", "net 0.0.0.0/0": "12345", "127.0.0.0/31": "12345", "dst net 127.0.0.0/31": "25",
		"port 2023": all, "src port 2023": "2570", "dst port 2023": "134689", "tcp port 2023": all, "tcp dst port 2023": "134689", "udp port 2023": "",
		"port 1 or 2023": all, "udp port 2023 or 43210": "", "portrange 2000-2100": all, "src portrange 2100-2000": "2570", "port 0x7e7": all,
		"port 80": "", "port http": "", "tcp portrange 1-2": "", "ip proto tcp": "12345", "proto 6": all, `proto \tcp`: all, "ip6 proto 17": "",
		"tcp[tcpflags] & tcp-syn != 0": "1267", "tcp[13] & 4 != 0": "50", "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn": "16", "tcp[13]=18": "27",
		"tcp[tcpflags] & tcp-push != 0 and src host 127.0.0.1": "4", "tcp[0:2] = 2023": "2570", "tcp[2:2] == 2023": "134689",
		"((tcp[12] & 0xf0) >> 2) = 20": all, "tcp[20] = 0x61": "", "tcp[20:4] = 0x62636465": "49", "not tcp[20] = 1": "49", "tcp[4294967295] = 0": "",
		"len > 60": "49", "len - 24 = 40": "4", "greater 64": "49", "less 40": "1235", "1 = 1": all, "2 * 3 + 1 == 7": all, "7 % 4 = 3": all, "8 / 0 = 1": "", "-1 = 4294967295": all, "1 << 3 | 1 = 9": all, "6 ^ 3 = 5": all,
		"not host 127.0.0.1": "67890", "! host 127.0.0.1 && port 2023": "67890", "not (ip and src port 2023)": "134" + "67890",
		"ip or ip6 and src port 2023":      "25" + "70", // and and or bind alike, from the left
		"ip6 and src port 2023 or ip":      "70" + "12345",
		"host 127.0.0.1 and not port 2023": "", "(host 127.0.0.1)": "12345", "((ip6) and (tcp[13] & 4 != 0))": "0", "port 2023 and (80 or 2023)": all,
	} {
		f, err := filter.Parse(expression)
		if err != nil {
			t.Errorf("%q: %v", expression, err)
			continue
		}
		for i := range segments {
			if number := "1234567890"[i : i+1]; f.Match(&segments[i]) != strings.Contains(want, number) {
				t.Errorf("%q: segment %s is selected: %v", expression, number, !strings.Contains(want, number))
			}
		}
	}
}

// What is wrong is told with the word that it is about.
// Who knows Wireshark's display filters is told that this is another language.
func TestDisplayFilter(t *testing.T) {
	for expression, want := range map[string]bool{"tcp.port == 80": true, "port 80 and ip.addr==192.0.2.1": true, "prot 80": false} {
		_, err := filter.Parse(expression)
		var e *filter.Error
		if !errors.As(err, &e) || strings.Contains(e.Hint.EN, "Wireshark") != want || strings.Contains(e.Hint.ZH, "Wireshark") != want {
			t.Errorf("%s: %+v", expression, err)
		}
	}
}

func TestMistakes(t *testing.T) {
	for expression, want := range map[string]string{
		"host 10.0.0.1 and prot 80":         "prot",
		"host example.com":                  "example.com",
		"host":                              "",
		"port 80 and":                       "",
		"port":                              "",
		"port 65536":                        "65536",
		"port 80 or 99999":                  "99999",
		"portrange 80":                      "80",
		"portrange 80-x":                    "80-x",
		"net 10.0.0.0/33":                   "10.0.0.0/33",
		"net 10.0.0.1/8":                    "10.0.0.1/8",
		"net 10.0.0.0 mask x":               "x",
		"net 1.2.3.4.5":                     "1.2.3.4.5",
		"port 80 port 81":                   "port",
		"(port 80":                          "",
		"port 80)":                          ")",
		"(port 80 port 81)":                 "port",
		"tcp[13":                            "",
		"tcp.port == 80":                    ".port",
		"tcp[13] & 2":                       "",
		"tcp[13:3] = 1":                     "3]",
		"tcp[x] = 1":                        "x]",
		"tcp[13] & tcp-foo != 0":            "tcp-foo",
		"ip[8] < 5":                         "ip[8]",
		"vlan 5 and port 80":                "vlan",
		"ether host 1:2:3:4:5:6":            "ether",
		"less x":                            "x",
		"and port 80":                       "and",
		"port 80 & port 81":                 "&",
		"80":                                "80",
		"10.0.0 and port 80":                "10.0.0",
		"ip6 host 192.0.2.1":                "192.0.2.1",
		"tcp and ip src ::1":                "::1",
		"ip6 net 10.0.0.0/8":                "10.0.0.0/8",
		"host fe80::1%eth0":                 "fe80::1%eth0",
		strings.Repeat("(", 200) + "port 1": "(",
	} {
		_, err := filter.Parse(expression)
		var e *filter.Error
		if !errors.As(err, &e) {
			t.Errorf("%q: %v", expression, err)
			continue
		}
		if e.Word != want && !(strings.HasPrefix(expression, "(((") || expression == "(port 80") {
			t.Errorf("%q: %v, about %q, want %q", expression, err, e.Word, want)
		}
		if e.Word != expression[e.From:e.To] || e.What.EN == "" || e.What.ZH == "" || strings.Contains(e.What.EN+e.What.ZH, "%!") {
			t.Errorf("%q: %+v", expression, e)
		}
	}
}

// An ICMP error is selected by the addresses and ports of the segment it quotes,
// and by the address of who has sent it; it is no segment.
func TestICMP(t *testing.T) {
	at := func(s string) tcp.Endpoint { return tcp.EndpointFrom(netip.MustParseAddrPort(s)) }
	e4 := tcp.ICMPError{Type: 3, From: netip.MustParseAddr("192.0.2.1").As16(), Src: at("192.0.2.10:40000"), Dst: at("198.51.100.5:80")}
	e6 := tcp.ICMPError{V6: true, Type: 1, From: netip.MustParseAddr("2001:db8::1").As16(), Src: at("[2001:db8::10]:40000"), Dst: at("[2001:db8:5::5]:80")}
	for expression, want := range map[string]string{
		"": "46", "icmp": "4", "icmp6": "6", "icmp or icmp6": "46", "tcp": "", "not tcp": "46", "udp": "", "ip": "4", "ip6": "6",
		"host 192.0.2.10": "4", "host 198.51.100.5": "4", "host 192.0.2.1": "4", "src host 192.0.2.1": "", "src host 192.0.2.10": "4", "192.0.2.1": "4",
		"net 192.0.2.0/24": "4", "net 192.0.2.0/29": "4", "dst net 192.0.2.0/24": "", "host 2001:db8::1": "6", "net 2001:db8::/126": "6",
		"port 80": "46", "port 0": "", "dst port 40000": "", "icmp host 192.0.2.1": "4", "icmp port 80": "4", "tcp port 80": "", "tcp host 192.0.2.10": "",
		"tcp[0:2] = 40000": "", "tcp[tcpflags] & tcp-syn != 0": "", "proto 6": "", "host 192.0.2.1 and port 80": "4",
	} {
		f, err := filter.Parse(expression)
		if err != nil {
			t.Errorf("%q: %v", expression, err)
			continue
		}
		got := ""
		for name, e := range map[string]*tcp.ICMPError{"4": &e4, "6": &e6} {
			header := []byte{0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2}
			if f.Match(&tcp.Captured{Segment: tcp.Segment{Src: e.Src, Dst: e.Dst}, ICMP: e, Header: header}) {
				got += name
			}
		}
		if got != want && !(want == "46" && got == "64") {
			t.Errorf("%q selects %q, want %q", expression, got, want)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	s := sent(t)[0]
	f, err := filter.Parse("host 127.0.0.1 and (src portrange 1-2 or tcp[tcpflags] & tcp-syn != 0) and net 127.0.0.0/8 and ip")
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		if !f.Match(&s) {
			t.Error("not selected")
		}
	}); n != 0 {
		t.Errorf("%v allocations a segment", n)
	}
}

// Whatever is written, it is understood or refused in words, and what is
// understood can be asked of any segment.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"host 127.0.0.1 and not (port 80 or 443)", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "src net 10.0.0.0 mask 255.0.0.0",
		"((tcp[12:1] & 0xf0) >> 2) - -1 = len", "ip6 net 2001:db8::/32 && ! portrange 1-9", "less 5 or greater 6", "((((", "not not not"} {
		f.Add(s, []byte("0123456789abcdefghijklmnop"), uint8(20))
	}
	f.Fuzz(func(t *testing.T, text string, segment []byte, cut uint8) {
		got, err := filter.Parse(text)
		if err != nil {
			var e *filter.Error
			if !errors.As(err, &e) || e.What.EN == "" || e.What.ZH == "" || e.From > e.To || e.To > len(text) || e.Word != text[e.From:e.To] {
				t.Fatalf("%q: %#v", text, err)
			}
			return
		}
		n := min(int(cut), len(segment))
		got.Match(&tcp.Captured{Raw: segment, RawLen: len(segment), Header: segment[:n], Payload: segment[n:]})
	})
}
