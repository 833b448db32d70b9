package capture_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/netip"
	"slices"
	"testing"

	"lesson/capture"
	"lesson/capture/capturetest"
	"lesson/lesson/tcp"
)

var (
	router4 = netip.MustParseAddr("192.0.2.9").As16()
	router6 = netip.MustParseAddr("2001:db8::9").As16()
)

// quoted is what the errors of these tests quote: a bare IP packet with a SYN.
func quoted(t testing.TB, v6 bool) []byte {
	n := raw4
	if v6 {
		n = raw6
	}
	_, p := packet(t, n, "client S 7:7(0) win 512 <mss 1460>")
	return p
}

// errorsIn reads a capture of single frames, its ICMP errors among it.
func errorsIn(t testing.TB, link capture.LinkType, wire int, frames ...[]byte) (all []tcp.Captured, stats capture.Stats) {
	t.Helper()
	b := capturetest.Header(link)
	for i, f := range frames {
		at := len(b)
		b = capturetest.Record(b, int64(i), f)
		if wire > 0 {
			binary.LittleEndian.PutUint32(b[at+12:], uint32(wire))
		}
	}
	r, err := capture.Open(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	r.Errors = true
	for {
		c, err := r.Next()
		if err == io.EOF {
			return all, r.Stats()
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
}

// An ICMP error is read in whatever segments are read in, and says who sends
// it, what it says, and which segment it quotes.
func TestICMP(t *testing.T) {
	ends4, ends6 := [2]tcp.Endpoint{}, [2]tcp.Endpoint{}
	for e := range ends4 {
		ends4[e] = tcp.EndpointFrom([]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:43210"), netip.MustParseAddrPort("127.0.0.2:2023")}[e])
		ends6[e] = tcp.EndpointFrom(capturetest.Loopback6.Ends[e])
	}
	for _, m := range []tcp.ICMPError{
		{Type: 3, Code: 0}, {Type: 3, Code: 1}, {Type: 3, Code: 3}, {Type: 3, Code: 4, MTU: 1400}, {Type: 3, Code: 13}, {Type: 3, Code: 200},
		{Type: 4}, {Type: 11}, {Type: 11, Code: 1}, {Type: 12, Code: 2}, {Type: 3, Code: 3, BadChecksum: true},
		{V6: true, Type: 1}, {V6: true, Type: 1, Code: 4}, {V6: true, Type: 2, MTU: 1280}, {V6: true, Type: 3}, {V6: true, Type: 4, Code: 1},
		{V6: true, Type: 1, Code: 1, BadChecksum: true},
	} {
		whole, kind := quoted(t, m.V6), "0800"
		m.From, m.Src, m.Dst, m.Seq = router4, ends4[0], ends4[1], 7
		least := 28
		if m.V6 {
			m.From, m.Src, m.Dst, kind, least = router6, ends6[0], ends6[1], "86dd", 48
		}
		for name, wrap := range map[string]struct {
			link   capture.LinkType
			prefix string
			ip     func([]byte) []byte
		}{
			"raw":      {capture.LinkRaw, "", nil},
			"ethernet": {capture.LinkEthernet, mac + kind, nil},
			"vlan":     {capture.LinkEthernet, mac + "8100 0007" + kind, nil},
			"cooked":   {capture.LinkSLL, "0000 0304 0006 0000000000000000" + kind, nil},
			"cooked 2": {capture.LinkSLL2, kind + "0000 00000001 0304 00 06 0000000000000000", nil},
			"gre":      {capture.LinkRaw, "", func(ip []byte) []byte { return tunnel4(t, 47, append(bin(t, "0000"+kind), ip...)) }},
		} {
			for _, n := range []int{least, least + 1, len(whole)} {
				ip := capturetest.ICMP(&m, whole[:n])
				if wrap.ip != nil {
					ip = wrap.ip(ip)
				}
				all, stats := errorsIn(t, wrap.link, 0, append(bin(t, wrap.prefix), ip...))
				if len(all) != 1 || all[0].ICMP == nil || *all[0].ICMP != m {
					t.Fatalf("%s, %d bytes quoted: %+v, want %+v", name, n, all, m)
				}
				if c := &all[0]; c.Src != m.Src || c.Dst != m.Dst || c.Seq != m.Seq || c.Number != 1 || c.Flags != 0 || stats.Errors != 1 || stats.Segments != 0 {
					t.Errorf("%s: %+v, %+v", name, c, stats)
				}
			}
		}
	}
}

// What an ICMP error must not be taken for.
func TestICMPHostile(t *testing.T) {
	port4, port6 := tcp.ICMPError{From: router4, Type: 3, Code: 3}, tcp.ICMPError{V6: true, From: router6, Type: 1, Code: 4}
	changed := func(p []byte, at int, b byte) []byte {
		c := slices.Clone(p)
		c[at] = b
		return c
	}
	p4, p6 := quoted(t, false), quoted(t, true)
	for _, tt := range []struct {
		name    string
		ip      []byte
		wire    int // bytes on the wire, where there were more
		errors  int
		unclear int
	}{
		{"as it should be", capturetest.ICMP(&port4, p4[:28]), 0, 1, 0},
		{"seven bytes are quoted", capturetest.ICMP(&port4, p4[:27]), 0, 0, 1},
		{"no byte of TCP is quoted", capturetest.ICMP(&port4, p4[:20]), 0, 0, 1},
		{"half an IP header is quoted", capturetest.ICMP(&port4, append(p4[:19:19], 0))[:20+8+12], 48, 0, 0},
		{"the capture was cut in the ports", capturetest.ICMP(&port4, p4)[:20+8+20+3], 72, 0, 1},
		{"the capture was cut behind the number", capturetest.ICMP(&port4, p4)[:20+8+20+8], 72, 1, 0},
		{"the capture was cut in the message", capturetest.ICMP(&port4, p4)[:25], 72, 0, 0},
		{"the quoted header claims a length of 60", capturetest.ICMP(&port4, changed(p4, 0, 0x4f)), 0, 0, 1},
		{"the quoted header claims a length of 16", capturetest.ICMP(&port4, changed(p4, 0, 0x44)), 0, 0, 0},
		{"the quoted header is of version 6", capturetest.ICMP(&port4, changed(p4, 0, 0x65)), 0, 0, 0},
		{"the quoted length lies", capturetest.ICMP(&port4, changed(p4, 2, 0xff)), 0, 1, 0},
		{"a later fragment is quoted", capturetest.ICMP(&port4, changed(p4, 7, 1)), 0, 0, 0},
		{"a first fragment is quoted", capturetest.ICMP(&port4, changed(p4, 6, 0x20)), 0, 1, 0},
		{"UDP is quoted", capturetest.ICMP(&port4, changed(p4, 9, 17)), 0, 0, 0},
		{"an echo request", capturetest.ICMP(&tcp.ICMPError{From: router4, Type: 8}, p4), 0, 0, 0},
		{"a redirect", capturetest.ICMP(&tcp.ICMPError{From: router4, Type: 5, Code: 1}, p4), 0, 0, 0},
		{"ICMP over IPv6", tunnel6(t, 1, capturetest.ICMP(&port4, p4)[20:]), 0, 0, 0},
		{"ICMPv6 over IPv4", tunnel4(t, 58, capturetest.ICMP(&port6, p6)[40:]), 0, 0, 0},
		{"IPv6", capturetest.ICMP(&port6, p6), 0, 1, 0},
		{"IPv6 with extension headers", capturetest.ICMP(&port6, extended(p6, 0, bin(t, "3c00 0104 00000000 0600 0104 00000000"))), 0, 1, 0},
		{"IPv6 with an authentication header", capturetest.ICMP(&port6, extended(p6, 51, bin(t, "0602 0000 00000001 00000001 00000000"))), 0, 1, 0},
		{"an IPv6 first fragment", capturetest.ICMP(&port6, extended(p6, 44, bin(t, "0600 0001 00000009"))), 0, 1, 0},
		{"an IPv6 later fragment", capturetest.ICMP(&port6, extended(p6, 44, bin(t, "0600 0009 00000009"))), 0, 0, 0},
		{"IPv6 on a source route", capturetest.ICMP(&port6, extended(p6, 43, bin(t, "0602 0001 00000000 20010db8000000000000000000000009"))), 0, 0, 1},
		{"an extension header that claims 2 KB", capturetest.ICMP(&port6, extended(p6, 0, bin(t, "06ff 0104 00000000"))), 0, 0, 0},
		{"ICMPv6 about nothing", capturetest.ICMP(&port6, p6)[:44], 120, 0, 0},
		{"neighbour discovery", capturetest.ICMP(&tcp.ICMPError{V6: true, From: router6, Type: 135}, p6), 0, 0, 0},
	} {
		all, stats := errorsIn(t, capture.LinkRaw, tt.wire, tt.ip)
		if len(all) != tt.errors || stats.Errors != tt.errors || stats.Cryptic != tt.unclear || stats.Segments != 0 || stats.Malformed != 0 {
			t.Errorf("%s: %+v, %+v", tt.name, all, stats)
		}
		if plain, stats := read(t, capture.LinkRaw, [][]byte{tt.ip}); len(plain) != 0 || stats.Segments != 0 {
			t.Errorf("%s: the quoted header is told as a segment: %+v", tt.name, plain)
		}
	}
}

// Segments stops at each ICMP error, and goes on behind it.
func TestICMPAmongSegments(t *testing.T) {
	_, frames := packets(t, raw4, "client S\nserver S.\nclient .\nclient P. 1:26(25)\nserver .")
	e := capturetest.ICMP(&tcp.ICMPError{From: router4, Type: 3, Code: 1}, frames[3][:28])
	frames = slices.Insert(frames, 4, e, e)
	frames = append(slices.Insert(frames, 0, e), e)
	b := capturetest.Header(capture.LinkRaw)
	for i, f := range frames {
		b = capturetest.Record(b, int64(i), f)
	}
	for size := 1; size < 7; size++ {
		r, err := capture.Open(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		r.Errors = true
		var story []byte
		for err == nil {
			into := make([]tcp.Segment, size)
			var n int
			if n, err = r.Segments(into); err != nil && err != io.EOF {
				t.Fatal(err)
			}
			story = append(story, bytes.Repeat([]byte("s"), n)...)
			if c, ok := r.ICMP(); ok {
				story = append(story, byte('0'+c.Number))
			}
		}
		if string(story) != "1ssss67s9" {
			t.Errorf("%d at a time: %s", size, story)
		}
	}
}

// An ICMP error costs what any packet does: nothing is left for the garbage
// collector where errors are passed over.
func TestICMPAllocates(t *testing.T) {
	frame := append(bin(t, mac+"0800"), capturetest.ICMP(&tcp.ICMPError{From: router4, Type: 3, Code: 1}, quoted(t, false)[:28])...)
	var d capture.Decoder
	if n := testing.AllocsPerRun(1000, func() { d.Decode(0, capture.LinkEthernet, frame) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
