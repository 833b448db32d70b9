package capture_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"testing"

	"lesson/capture"
	"lesson/capture/capturetest"
	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// check reads a stream to its end and holds what every segment promises.
func check(t *testing.T, file []byte) {
	r, err := capture.Open(bytes.NewReader(file))
	if err == nil {
		r.Errors = true
	}
	for n := 0; err == nil; n++ {
		if n > len(file) && !packedFile(file) {
			t.Fatal("it never ends")
		}
		c, nextErr := r.Next()
		if err = nextErr; err != nil {
			break
		}
		if c.ICMP != nil {
			if c.Src != c.ICMP.Src || c.Dst != c.ICMP.Dst || c.Seq != c.ICMP.Seq || len(c.Header) < 8 || len(c.Header) > 60 || c.ICMP.Name() == "" {
				t.Fatalf("%+v", c)
			}
			continue
		}
		if len(c.Raw) > c.RawLen || len(c.Header) < 14 || len(c.Header) > 60 || len(c.Payload) > int(c.Len) ||
			c.Number < 1 || int(c.Options.SACKBlocks) > len(c.Options.SACK) {
			t.Fatalf("%+v", c)
		}
	}
	if err != io.EOF {
		if p, ok := lang.AsProblem(err); !ok || p.What.EN == "" || p.What.ZH == "" {
			t.Fatalf("not a problem: %v", err)
		}
	}
	if r != nil {
		s := r.Stats()
		unopened := 0
		for _, n := range s.Unopened {
			unopened += n
		}
		if s.Segments+s.CutShort+s.Fragments+s.Malformed+s.OtherLink+s.Unclear+s.Records+s.Errors+s.Cryptic+unopened > s.Packets {
			t.Fatalf("%+v", s)
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, n := range []capturetest.Net{{}, capturetest.Loopback6} {
		file, err := n.Pcap(talk)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
		f.Add(file[:len(file)-9])
	}
	_, frames := packets(f, raw4, shake)
	for _, magic := range []uint32{0xa1b2c3d4, 0xa1b2cd34} {
		f.Add(pcapFile(binary.BigEndian, magic, 101, frames))
	}
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		n := ng{order: order}
		n.section(1)
		n.iface(101, n.option(9, []byte{0x94}), n.option(14, make([]byte, 8)), n.option(0, nil))
		n.iface(276)
		n.packet(0, 1<<40, frames[0])
		n.block(3, n.u32(uint32(len(frames[1]))), frames[1])
		n.block(2, n.u32(0, 0, 5, uint32(len(frames[2])), 99), frames[2])
		n.block(0xbad, n.u32(1, 2, 3))
		n.section(1)
		f.Add(n.b)
	}
	f.Fuzz(check)
}

// seedFrames adds a segment in everything it may travel in.
func seedFrames(f *testing.F) {
	seed := func(link capture.LinkType, frame []byte) { f.Add(uint16(link), uint16(0), frame) }
	for _, n := range []capturetest.Net{raw4, raw6} {
		_, ip := packet(f, n, "client SFPUEWe. 1:26(25) ack 7 win 512 urg 3 <mss 1460,sackOK,TS val 1 ecr 2,wscale 7,FO>")
		kind := "0800"
		if n.Ends == raw6.Ends {
			kind = "86dd"
			for _, g := range fragments6(ip, 8, 40) {
				seed(capture.LinkRaw, g)
			}
			seed(capture.LinkRaw, extended(ip, 43, bin(f, "0602 0001 00000000 20010db8000000000000000000000009")))
			long := extended(ip, 0, slices.Concat(bin(f, "0620 1efe"), make([]byte, 254), bin(f, "c204 00000000")))
			long[4], long[5] = 0, 0
			seed(capture.LinkRaw, long)
			seed(capture.LinkRaw, extended(ip, 60, bin(f, "0000 0104 00000000")))
			seed(capture.LinkRaw, extended(ip, 0, bin(f, "3c00 c204 00010000 2b00 0104 00000000 2c00 0000 00000000 0600 0001 00000001")))
		} else {
			for _, g := range fragments4(ip, 8, 40) {
				seed(capture.LinkRaw, g)
			}
		}
		for _, c := range []struct {
			link   capture.LinkType
			prefix string
		}{
			{capture.LinkRaw, ""}, {capture.LinkEthernet, mac + kind},
			{capture.LinkEthernet, mac + "88a8 0001 8100 0002" + kind},
			{capture.LinkEthernet, mac + "8847 00001040 00002140"},
			{capture.LinkEthernet, mac + "8864 1100 0001 0055 0021"},
			{capture.LinkEthernet, mac + "0060 aaaa03 000000" + kind},
			{capture.LinkPPP, "ff03 0021"}, {capture.LinkCiscoHDLC, "0f00" + kind},
			{capture.LinkNull, "1e000000"}, {capture.LinkSLL, "0000 0304 0006 0000000000000000" + kind},
			{capture.LinkSLL2, kind + "0000 00000001 0304 00 06 0000000000000000"},
		} {
			seed(c.link, append(bin(f, c.prefix), ip...))
		}
		bounce := tcp.ICMPError{From: router4, Type: 3, Code: 4, MTU: 1400}
		if kind == "86dd" {
			bounce = tcp.ICMPError{V6: true, From: router6, Type: 2, MTU: 1400}
			seed(capture.LinkRaw, capturetest.ICMP(&bounce, extended(ip, 0, bin(f, "3c00 c204 00010000 2b00 0104 00000000 2c00 0000 00000000 0600 0001 00000001"))))
		}
		seed(capture.LinkRaw, capturetest.ICMP(&bounce, ip))
		seed(capture.LinkEthernet, append(bin(f, mac+"8100 0002"+kind), capturetest.ICMP(&bounce, ip[:len(ip)-40])...))
		seed(capture.LinkRaw, tunnel4(f, 47, append(bin(f, "b000"+kind+"00000000 00000001 00000002"), ip...)))
		seed(capture.LinkRaw, tunnel6(f, 17, append(bin(f, "0001 12b5 0000 0000 08000000 00000100"+mac+kind), ip...)))
		seed(capture.LinkRaw, tunnel4(f, 4, tunnel6(f, 41, ip)))
		for _, udp := range []string{
			"17c1 0000 0000 0540 6558 00000700 0102 8301 11111111 0103 0402 22222222 33333333" + mac + kind,
			"17c1 0000 0000 0000 " + kind + "00000700",
			"0868 0000 0000 34ff 0000 00000001 0000 00 85 01 1000 c0 02 00000000 0000 00",
			"06a5 0000 0000 4a02 0000 0007 0001 0000 0000 0002 ffff ff03 0021",
			"0dd8 0000 0000 0001 0201 aabb cc 0000000000000001 00 0000 1234 01020304",
			"12b6 0000 0000 0c000004 00000700 0fc20203 00002aff" + mac + kind,
			"1194 0000 0000 05000001", "1292 0000 0000 0000" + kind, "17c0 0000 0000", "10f5 0000 0000 80000001 00000000",
		} {
			seed(capture.LinkRaw, tunnel4(f, 17, append(bin(f, "1234"+udp), ip...)))
		}
		for _, gre := range []string{"1000 22eb 00000001 20010001 00000000 00000001 0000000000000000" + mac + kind, "1000 88be 00000001 10010001 00000000" + mac + kind, "0000 883e 00000000"} {
			seed(capture.LinkRaw, tunnel6(f, 47, append(bin(f, gre), ip...)))
		}
		seed(capture.LinkRaw, tunnel4(f, 51, append(bin(f, "3301 0000 00000001 00000001 2904 0000 00000002 00000001 000000000000000000000000"), ip...)))
		seed(capture.LinkPPI, append(bin(f, "0000 0c00 01000000 0000 0000"+mac+kind), ip...))
		for _, tag := range []string{"88e7 00000007" + mac + kind, "893f 0000 0001 0000" + kind, "8926 0000 0001" + kind, "88e5 2000 00000001 0200000000010001" + kind, "88e5 0c00 00000001"} {
			seed(capture.LinkEthernet, append(bin(f, mac+tag), ip...))
		}
	}
}

// FuzzDecode reads any frame, and holds both ways to read it against each
// other and against gopacket.
func FuzzDecode(f *testing.F) {
	seedFrames(f)
	f.Fuzz(func(t *testing.T, link, missing uint16, frame []byte) {
		b := capturetest.Header(capture.LinkType(link))
		for i := range int64(2) { // the second with what the first has left behind
			at := len(b)
			b = capturetest.Record(b, i, frame)
			binary.LittleEndian.PutUint32(b[at+12:], uint32(len(frame)+int(missing)))
		}
		check(t, b)
		capture.FastIsTheSame(t, capture.LinkType(link), frame, int(missing))
		capture.AgainstGopacket(t, capture.LinkType(link), frame, int(missing))
	})
}
