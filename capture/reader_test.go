package capture_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"lesson/capture"
	"lesson/capture/capturetest"
	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// pcapFile makes a pcap file in all its kinds.
func pcapFile(order binary.AppendByteOrder, magic uint32, link uint32, frames [][]byte) []byte {
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = order.AppendUint32(b, 96) // a snap length that nothing keeps to
	b = order.AppendUint32(b, link)
	for i, f := range frames {
		b = order.AppendUint32(b, 1700000000)
		b = order.AppendUint32(b, uint32(i))
		b = order.AppendUint32(b, uint32(len(f)))
		b = order.AppendUint32(b, uint32(len(f)))
		if magic == 0xa1b2cd34 {
			b = append(b, 1, 0, 0, 0, 8, 0, 0, 0)
		}
		b = append(b, f...)
	}
	return b
}

// ng writes pcapng blocks.
type ng struct {
	order binary.AppendByteOrder
	b     []byte
}

func (n *ng) block(typ uint32, body ...[]byte) {
	all := slices.Concat(body...)
	for len(all)%4 != 0 {
		all = append(all, 0)
	}
	n.b = n.order.AppendUint32(n.b, typ)
	n.b = n.order.AppendUint32(n.b, uint32(len(all)+12))
	n.b = append(n.b, all...)
	n.b = n.order.AppendUint32(n.b, uint32(len(all)+12))
}

func (n *ng) u32(v ...uint32) (b []byte) {
	for _, v := range v {
		b = n.order.AppendUint32(b, v)
	}
	return b
}

func (n *ng) option(code int, value []byte) (b []byte) {
	b = n.order.AppendUint16(nil, uint16(code))
	b = n.order.AppendUint16(b, uint16(len(value)))
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func (n *ng) section(version uint16) {
	v := n.order.AppendUint16(nil, version)
	n.block(0x0a0d0d0a, n.u32(0x1a2b3c4d), v, []byte{0, 0}, n.u32(0xffffffff, 0xffffffff), n.option(1, []byte("Kommentar")))
}

func (n *ng) iface(link uint16, options ...[]byte) {
	n.block(1, n.order.AppendUint16(nil, link), []byte{0, 0}, n.u32(0), slices.Concat(options...))
}

func (n *ng) packet(iface uint32, t uint64, f []byte) {
	n.block(6, n.u32(iface, uint32(t>>32), uint32(t), uint32(len(f)), uint32(len(f))), f)
}

const shake = "client S <mss 1460>\nserver S.\nclient ."

func TestPcapKinds(t *testing.T) {
	want, frames := packets(t, raw4, shake)
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		for magic, unit := range map[uint32]int64{0xa1b2c3d4: 1000, 0xa1b23c4d: 1, 0xa1b2cd34: 1000} {
			for _, link := range []uint32{101, 0x14000065} { // with and without FCS bits
				got, _ := readBytes(t, pcapFile(order, magic, link, frames))
				if len(got) != len(want) {
					t.Fatalf("%v %x: %d segments", order, magic, len(got))
				}
				for i, g := range got {
					w := want[i]
					w.Time = 1700000000e9 + int64(i)*unit
					if bare(g.Segment) != w || g.Number != i+1 {
						t.Errorf("%v %x: %+v", order, magic, g)
					}
				}
			}
		}
	}
}

// TestRecords holds that blocks which hold no packet take a number where they
// do in Wireshark (tshark 4.0 numbers this file so), and nothing else.
func TestRecords(t *testing.T) {
	_, frames := packets(t, raw4, shake)
	for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
		n := ng{order: order}
		n.section(1)
		n.block(9, []byte("__REALTIME_TIMESTAMP=1500000000000000\nMESSAGE=hello\n"))
		n.iface(101)
		n.packet(0, 1_500_000, frames[0])
		n.block(0xbad, n.u32(32473))
		n.block(0x40000bad, n.u32(32473), []byte("custom"))
		n.block(4, n.u32(0))       // names
		n.block(5, n.u32(0, 0, 0)) // statistics
		n.block(10, n.u32(0x544c534b, 4), []byte("abcd"))
		n.packet(0, 1_500_001, frames[1])
		for _, typ := range []uint32{0x201, 0x204, 0x208, 0x216, 0x217, 0x221, 0x222} { // three of them are system calls
			n.block(typ, make([]byte, 40))
		}
		n.block(9, []byte("MESSAGE=and goodbye\n"))
		n.packet(0, 1_500_002, frames[2])
		got, stats := readBytes(t, n.b)
		var numbers []int
		for _, g := range got {
			numbers = append(numbers, g.Number)
		}
		if !slices.Equal(numbers, []int{2, 5, 10}) || stats.Packets != 10 || stats.Records != 7 || len(stats.Warnings()) != 0 {
			t.Errorf("%v: %v, %+v", order, numbers, stats)
		}
		if first, err := capture.FirstTime(bytes.NewReader(n.b), capture.Options{}); first != 1.5e9 || err != nil {
			t.Errorf("the first packet's time is %d, %v", first, err)
		}
	}
	n := ng{order: binary.BigEndian}
	n.section(1)
	n.block(9, []byte("MESSAGE=nothing else\n"))
	n.iface(105)
	n.packet(0, 1, frames[0])
	r, err := capture.Open(bytes.NewReader(n.b))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err == nil || !strings.Contains(err.Error(), "link type 105") {
		t.Errorf("nothing but a link type that cannot be read: %v", err)
	}
}

func TestPcapng(t *testing.T) {
	want, frames := packets(t, raw4, "client S\nserver S.\nclient .\nclient P. 1:26(25)\nserver .\nclient F.\nserver F.\nclient .")
	var n ng
	for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
		n.order = order
		n.section(1)
		n.block(0xbeef, n.u32(1, 2, 3))                           // unknown
		n.iface(101, n.option(2, []byte("lo")), n.option(0, nil)) // microseconds
		n.iface(276, n.option(9, []byte{9}))                      // nanoseconds
		n.iface(12, n.option(9, []byte{0x80 | 20}), n.option(14, order.AppendUint64(nil, 1000)))
		n.packet(0, 1_500_000, frames[0])
		n.packet(1, 1_500_000_000, append(bin(t, "0800 0000 00000001 0304 00 06 0000000000000000"), frames[1]...))
		n.packet(2, 3<<19, frames[2])
		n.iface(101, n.option(9, []byte{0})) // late, whole seconds
		n.packet(3, 7, frames[3])
		n.block(5, n.u32(0, 0, 0)) // statistics
		n.block(3, n.u32(uint32(len(frames[4]))), frames[4])
		n.block(2, order.AppendUint16(nil, 1), []byte{0, 9},
			n.u32(0, 5, uint32(len(frames[5]))+20, uint32(len(frames[5]))+20),
			bin(t, "0800 0000 00000001 0304 00 06 0000000000000000"), frames[5])
		n.packet(3, 8, []byte("no packet"))
		n.block(6, n.u32(0, 0, 9, uint32(len(frames[6])), uint32(len(frames[6]))), frames[6], n.option(1, []byte("seen")), n.option(0, nil))
	}
	got, stats := readBytes(t, n.b)
	times := []int64{1.5e9, 1.5e9, 1001.5e9, 7e9, 0, 5, 9000}
	if len(got) != 14 || stats.Packets != 16 {
		t.Fatalf("%d segments, %+v", len(got), stats)
	}
	for i, g := range got {
		w := want[i%7]
		w.Time = times[i%7]
		number := i%7 + 1 + i/7*8
		if i%7 == 6 {
			number++
		}
		if bare(g.Segment) != w || g.Number != number {
			t.Errorf("%d: number %d\n%+v, not\n%+v", i, g.Number, g.Segment, w)
		}
	}
}

func TestResolutions(t *testing.T) {
	_, frames := packets(t, raw4, "client S")
	for res, want := range map[byte]int64{
		0: 5e9, 3: 5e6, 6: 5000, 9: 5, 10: 0, 12: 0, 30: 0, 127: 0,
		0x80: 5e9, 0x80 | 1: 2.5e9, 0x80 | 10: 4882812, 0x80 | 32: 1, 0x80 | 63: 0, 0x80 | 64: 0, 0xff: 0,
	} {
		n := ng{order: binary.LittleEndian}
		n.section(1)
		n.iface(101, n.option(9, []byte{res}))
		n.packet(0, 5, frames[0])
		got, _ := readBytes(t, n.b)
		if len(got) != 1 || got[0].Time != want {
			t.Errorf("resolution %#x: %d, not %d", res, got[0].Time, want)
		}
	}
}

// TestDamage holds that all that stands before a damaged place is read, and
// that the problem names the packet.
func TestDamage(t *testing.T) {
	_, frames := packets(t, raw4, shake)
	good := pcapFile(binary.LittleEndian, 0xa1b2c3d4, 101, frames)
	record := len(frames[2]) + 16
	long := slices.Clone(good)
	binary.LittleEndian.PutUint32(long[len(long)-record+8:], 0xffffffff)
	with := func(f func(n *ng)) []byte {
		n := ng{order: binary.LittleEndian}
		n.section(1)
		n.iface(101)
		n.packet(0, 1, frames[0])
		f(&n)
		return n.b
	}
	for _, c := range []struct {
		name     string
		file     []byte
		segments int
		en       string
	}{
		{"cut in a packet", good[:len(good)-1], 2, "packet 3 is cut short"},
		{"cut in a record header", good[:len(good)-record+3], 2, "packet 3 is cut short"},
		{"4 GiB packet", long, 2, "packet 3 is damaged: it claims to be 4294967295 bytes long"},
		{"cut in a block", with(func(n *ng) { n.packet(0, 2, frames[1]); n.b = n.b[:len(n.b)-2] }), 1, "packet 2 is cut short"},
		{"cut in a block's head", with(func(n *ng) { n.b = append(n.b, 6, 0, 0) }), 1, "packet 2 is cut short"},
		{"block of 8 bytes", with(func(n *ng) { n.b = append(n.b, n.u32(9, 8, 8)...) }), 1, "packet 2 is damaged"},
		{"block of 13 bytes", with(func(n *ng) { n.b = append(n.b, n.u32(9, 13, 13)...) }), 1, "packet 2 is damaged"},
		{"packet block of 16 bytes", with(func(n *ng) { n.block(6, n.u32(0)) }), 1, "packet 2 is damaged"},
		{"4 GiB block", with(func(n *ng) { n.b = append(n.b, n.u32(6, 0xfffffff0, 0)...) }), 1, "packet 2 is damaged"},
		{"4 GiB of something", with(func(n *ng) { n.b = append(n.b, n.u32(9, 0xfffffff0, 0)...) }), 1, "packet 2 is cut short"},
		{"lengths that differ", with(func(n *ng) { n.packet(0, 2, frames[1]); n.b[len(n.b)-1]++ }), 1, "packet 2 is damaged: its block"},
		{"longer than its block", with(func(n *ng) { n.block(6, n.u32(0, 0, 0, 99, 99), frames[1]) }), 1, "packet 2 is damaged"},
		{"simple and too long", with(func(n *ng) { n.block(3, n.u32(99), frames[1]) }), 1, "packet 2 is damaged"},
		{"interface 7", with(func(n *ng) { n.packet(7, 2, frames[1]) }), 1, "packet 2 is damaged: it names interface 7"},
		{"interface before the section", with(func(n *ng) { n.section(1); n.packet(0, 2, frames[1]) }), 1, "packet 2 is damaged: it names interface 0"},
		{"option too long", with(func(n *ng) { n.iface(1, bin(t, "02000009"), n.u32(0)) }), 1, "packet 2 is damaged: an interface option"},
		{"version 2", with(func(n *ng) { n.section(2) }), 1, "packet 2 is damaged: the section is of pcapng version 2"},
		{"no byte order", with(func(n *ng) { n.block(0x0a0d0d0a, n.u32(1, 2, 3, 4)) }), 1, "packet 2 is damaged: its section has no byte order"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := capture.Open(bytes.NewReader(c.file))
		if err != nil {
			t.Fatal(c.name, err)
		}
		n := 0
		for err == nil {
			if _, err = r.Next(); err == nil {
				n++
			}
		}
		runtime.ReadMemStats(&after)
		p, ok := lang.AsProblem(err)
		if !ok || n != c.segments || !strings.HasPrefix(p.What.EN, c.en) {
			t.Errorf("%s: %d segments, then %v", c.name, n, err)
		} else if !strings.Contains(p.What.ZH, "个数据包") || p.Hint.EN == "" || p.Hint.ZH == "" {
			t.Errorf("%s: %+v", c.name, p)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
			t.Errorf("%s: took %d bytes of memory", c.name, used)
		}
		if _, again := r.Next(); again != err {
			t.Errorf("%s: then %v", c.name, again)
		}
	}
}

func TestOpenProblems(t *testing.T) {
	for _, c := range []struct{ in, en, hint string }{
		{"", "the capture is empty", "tcpdump"},
		{"\xd4\xc3", "neither a pcap nor a pcapng", "editcap"},
		{"{\"json\":true}", "neither a pcap nor a pcapng", "editcap"},
		{"\xd4\xc3\xb2\xa1\x02\x00", "ends in the middle of its own header", "tcpdump"},
		{"\xd4\xc3\xb2\xa1\x07\x00\x00\x00" + strings.Repeat("\x00", 16), "pcap version 7", ""},
		{"\x1f\x8b\x08\x00", "ends in the middle of its own header", "tcpdump"},
		{"\x1f\x8b", "ends in the middle of its own header", "tcpdump"},
		{"\x28\xb5\x2f\xfd", "ends in the middle of its own header", "tcpdump"},
		{"\x1f\x8b\x07\x00 not a method", "the gzip compression of the capture is damaged", "before the damage"},
		{"\x28\xb5\x2f\xfd\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "the zstd compression of the capture is damaged", "before the damage"},
		{"\xfd7zXZ\x00", "compressed with xz", "xz -dc FILE | lesson explain -"},
		{"BZh91", "compressed with bzip2", "bzip2 -dc FILE | lesson explain -"},
	} {
		_, err := capture.Open(strings.NewReader(c.in))
		p, ok := lang.AsProblem(err)
		if !ok || !strings.Contains(p.What.EN, c.en) || !strings.Contains(p.Hint.EN, c.hint) || p.What.ZH == "" || (p.Hint.ZH == "") != (p.Hint.EN == "") {
			t.Errorf("%q: %+v", c.in, err)
		}
	}
	broken := errors.New("the disk is on fire")
	_, err := capture.Open(iotest.ErrReader(broken))
	if _, ok := lang.AsProblem(err); !ok || !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	good := pcapFile(binary.LittleEndian, 0xa1b2c3d4, 101, nil)
	r, err := capture.Open(io.MultiReader(bytes.NewReader(good), iotest.ErrReader(broken)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// TestForeignLink holds that a capture of nothing but unreadable frames is a
// problem, and that a few of them are not.
func TestForeignLink(t *testing.T) {
	_, frames := packets(t, raw4, shake)
	r, err := capture.Open(bytes.NewReader(pcapFile(binary.LittleEndian, 0xa1b2c3d4, 105, frames)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Next()
	if p, ok := lang.AsProblem(err); !ok || !strings.Contains(p.What.EN, "link type 105") || !strings.Contains(p.What.ZH, "105") {
		t.Errorf("%v", err)
	}
	n := ng{order: binary.LittleEndian}
	n.section(1)
	n.iface(105)
	n.iface(101)
	n.packet(0, 1, frames[0])
	n.packet(1, 2, frames[1])
	if got, stats := readBytes(t, n.b); len(got) != 1 || got[0].Number != 2 || stats.OtherLink != 1 {
		t.Errorf("%d segments, %+v", len(got), stats)
	}
}

// TestPipe holds that each segment of a live pipe is told before the next is written.
func TestPipe(t *testing.T) {
	_, frames := packets(t, raw4, shake)
	n := ng{order: binary.LittleEndian}
	n.section(1)
	n.iface(101)
	var chunks [2][][]byte
	chunks[0] = [][]byte{pcapFile(binary.LittleEndian, 0xa1b2c3d4, 101, nil)}
	chunks[1] = [][]byte{n.b}
	for i, f := range frames {
		chunks[0] = append(chunks[0], capturetest.Record(nil, int64(i), f))
		n.b = nil
		n.packet(0, uint64(i), f)
		chunks[1] = append(chunks[1], n.b)
	}
	for _, parts := range chunks {
		in, out := io.Pipe()
		told := make(chan struct{})
		go func() {
			for _, p := range parts {
				_, _ = out.Write(p)
				if &p[0] != &parts[0][0] {
					<-told // before anything more is written
				}
			}
			_ = out.Close()
		}()
		r, err := capture.Open(in)
		if err != nil {
			t.Fatal(err)
		}
		for range frames {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
			told <- struct{}{}
		}
		if _, err := r.Next(); err != io.EOF {
			t.Error(err)
		}
	}
}

// TestSlowStream reads files that come one byte at a time, with packets longer
// than any buffer.
func TestSlowStream(t *testing.T) {
	_, frames := packets(t, raw4, shake)
	frames[1] = append(frames[1], make([]byte, 300<<10)...)
	n := ng{order: binary.BigEndian}
	n.section(1)
	n.iface(101)
	for i, f := range frames {
		n.packet(0, uint64(i), f)
	}
	for _, file := range [][]byte{pcapFile(binary.BigEndian, 0xa1b2c3d4, 101, frames), n.b} {
		r, err := capture.Open(iotest.OneByteReader(bytes.NewReader(file)))
		if err != nil {
			t.Fatal(err)
		}
		for i := range frames {
			c, err := r.Next()
			if err != nil || !bytes.Equal(c.Raw, frames[i]) {
				t.Fatalf("packet %d: %d bytes, %v", i+1, len(c.Raw), err)
			}
		}
		if _, err := r.Next(); err != io.EOF {
			t.Error(err)
		}
	}
}

// TestNoGarbage holds that a packet costs no allocation.
func TestNoGarbage(t *testing.T) {
	for name, n := range map[string]capturetest.Net{"v4": {}, "v6": capturetest.Loopback6} {
		one, err := n.Pcap("client P. 1:26(25) ack 1 <nop,nop,TS val 1 ecr 2>")
		if err != nil {
			t.Fatal(err)
		}
		file := one[:24:24]
		for range 2000 {
			file = append(file, one[24:]...)
		}
		r, err := capture.Open(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = r.Next()
		if allocs := testing.AllocsPerRun(1000, func() {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
		}); allocs > 0 {
			t.Errorf("%s: %v allocations a packet", name, allocs)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	one, err := capturetest.Net{}.Pcap("client P. 1:61(60) ack 1 <TS val 1 ecr 2>")
	if err != nil {
		b.Fatal(err)
	}
	file := one[:24:24]
	for range 1000 {
		file = append(file, one[24:]...)
	}
	b.ReportAllocs()
	var sum tcp.Seq
	for b.Loop() {
		r, err := capture.Open(bytes.NewReader(file))
		if err != nil {
			b.Fatal(err)
		}
		for {
			c, err := r.Next()
			if err != nil {
				break
			}
			sum += c.Seq
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/packet")
}

// A million interfaces are read; what goes on describing more is damaged.
func TestManyInterfaces(t *testing.T) {
	n := ng{order: binary.LittleEndian}
	n.section(1)
	at := len(n.b)
	n.iface(101)
	one := n.b[at:]
	n.b = append(n.b[:at:at], bytes.Repeat(one, 1<<20)...)
	_, frame := packet(t, raw4, "client S")
	n.packet(1<<20-1, 0, frame)
	if c, err := count(t, bytes.NewReader(n.b)); c != 1 || err != io.EOF {
		t.Errorf("%d segments, %v", c, err)
	}
	n.b = append(n.b, one...)
	if c, err := count(t, bytes.NewReader(n.b)); c != 1 || err == nil || !strings.Contains(err.Error(), "more than 1048576 interfaces") {
		t.Errorf("%d segments, %v", c, err)
	}
}
