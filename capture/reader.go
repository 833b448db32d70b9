package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// Reader reads the TCP segments of a pcap or pcapng stream.
type Reader struct {
	file  container
	frame packet
	count counter
	err   error // sticks
	// Errors lets Next return ICMP errors that quote a segment too, and
	// Segments stop at them. They are passed over otherwise.
	Errors bool
	quoted bool // Segments has stopped at one
}

// container is a file format: it yields packets until io.EOF, a *damage, or
// an error of the stream below.
type container interface {
	next(*packet) error
}

// Open reads the beginning of a capture and says by its first bytes what it
// is: pcap (either byte order, micro- or nanoseconds, also the modified kind
// with longer records) or pcapng, either of them packed by gzip or zstd. It
// reads no further ahead than r has bytes to give, so that a live pipe yields
// each packet at once. What cannot be read is a *lang.Problem.
func Open(r io.Reader) (*Reader, error) { return OpenWith(r, Options{}) }

// Options limit the reading of a capture.
type Options struct {
	// Stop ends the capture with Stopped when it is closed.
	Stop <-chan struct{}
	// Memory is how many bytes a capture may make the Reader keep at most, beyond
	// one record and a little: a zstd frame may ask for so many, and a section
	// of pcapng describe so many interfaces as fit. 0 is MaxMemory.
	Memory int
}

// MaxMemory is the bound of the zstd program.
const MaxMemory = 128 << 20

// OpenWith is Open with limits.
func OpenWith(r io.Reader, o Options) (*Reader, error) {
	if o.Memory == 0 {
		o.Memory = MaxMemory
	}
	in := newInput(stoppable{r, o.Stop})
	magic, err := in.peek(4)
	if plain := unpack(in, magic, o.Memory); plain != nil {
		in = newInput(stoppable{plain, o.Stop})
		if magic, err = in.peek(4); unpack(in, magic, o.Memory) != nil {
			return nil, packedTwice
		}
	}
	if len(magic) == 0 && errors.Is(err, io.EOF) {
		return nil, &lang.Problem{
			What: lang.Text{EN: "the capture is empty", ZH: "抓包文件是空的"},
			Hint: hintRecord,
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, explainDamage(err, 0)
	}
	if p := packed(magic); p != nil {
		return nil, p
	}
	if len(magic) < 4 {
		return nil, NotACapture
	}
	var c container
	if binary.BigEndian.Uint32(magic) == blockSection {
		c = &pcapng{in: in, most: o.Memory / interfaceCost}
	} else if c, err = openPcap(in); err != nil {
		return nil, explainDamage(err, 0)
	}
	return &Reader{file: c}, nil
}

// Next returns the next TCP segment, or ICMP error (see Errors). Its Number counts every packet of the
// stream, TCP or not. At the end it returns io.EOF; at damage a *lang.Problem
// that names the packet, after all the segments before it. The slices in the
// segment are valid until the next call.
func (r *Reader) Next() (c tcp.Captured, err error) {
	for r.read() {
		if r.count.take(&r.frame, &c) || r.Errors && r.count.error(&r.frame, &c) {
			return c, nil
		}
	}
	return tcp.Captured{}, r.err
}

// Segments reads the next segments without the bytes they came in, until into
// is full, and returns how many there are. An error is as that of Next, and
// comes with the segments before it. Where fewer come without one, an ICMP
// error follows them, which ICMP returns (see Errors).
func (r *Reader) Segments(into []tcp.Segment) (n int, err error) {
	r.quoted = false
	for n < len(into) && r.read() {
		if r.count.segment(&r.frame, &into[n]) {
			n++
		} else if r.quoted = r.Errors && r.count.quotes; r.quoted {
			return n, nil
		}
	}
	if n < len(into) {
		err = r.err
	}
	return n, err
}

// ICMP returns the ICMP error at which the latest call of Segments has stopped;
// false where it has not. The slices in it are valid until the next call of
// Segments.
func (r *Reader) ICMP() (c tcp.Captured, ok bool) {
	ok = r.quoted && r.count.error(&r.frame, &c)
	return c, ok
}

// read reads the next packet; false when there is none, and r.err says why.
func (r *Reader) read() bool {
	if r.err != nil {
		return false
	}
	if r.err = r.file.next(&r.frame); r.err == nil {
		return true
	}
	s := &r.count.stats
	r.err = explainDamage(r.err, s.Packets+1)
	if r.err == io.EOF && s.OtherLink > 0 && s.OtherLink+s.Records == s.Packets {
		r.err = foreignLink(r.count.decoder.frame.foreign)
	}
	return false
}

// Stats counts what has been read so far.
func (r *Reader) Stats() Stats { return r.count.Stats() }

// Warnings says what in the file could not be told, in whole sentences.
func (r *Reader) Warnings() []lang.Text { return r.Stats().Warnings() }

// Warnings says what could not be told, in whole sentences.
func (s Stats) Warnings() []lang.Text {
	var out []lang.Text
	warn := func(n int, en, zh string) {
		if n > 0 {
			out = append(out, lang.Text{EN: fmt.Sprintf(en, n), ZH: fmt.Sprintf(zh, n)})
		}
	}
	warn(s.CutShort, "The capture cuts packets off before their TCP flags: %d could not be told.", "抓包截断了数据包，连 TCP 标志位都没有保留：有 %d 个无法讲解。")
	warn(s.Malformed, "Packets whose headers contradict themselves, as no receiver would take them: %d.", "首部自相矛盾、接收端不会接受的数据包：%d 个。")
	warn(s.Fragments, "IP fragments whose datagram is not complete: %d. Their segments are not told.", "数据报不完整的 IP 分片：%d 个，其中的报文段无法讲解。")
	warn(s.Cryptic, "ICMP errors that quote too little of a segment to tell its connection: %d.", "所引用的报文段过短、无法判断属于哪个连接的 ICMP 差错：%d 个。")
	kind := lang.Text{EN: s.Foreign.String(), ZH: s.Foreign.zh()}
	if s.Various {
		kind.EN += " and others"
		kind.ZH = "有" + kind.ZH + "，也有其他类型"
	}
	warn(s.OtherLink, "Packets of a link type that cannot be read here: %d, of "+kind.EN+".", "链路类型无法识别的数据包：%d 个，"+kind.ZH+"。")
	warn(s.Unclear, "Packets that the capture cuts off before it is clear whether they hold TCP: %d.", "抓包截断得太早、看不出是否含有 TCP 的数据包：%d 个。")
	if t, some := s.Unopened.text(); some {
		out = append(out, t)
	}
	return out
}

// damage is a place where a file breaks its own format.
type damage struct{ what lang.Text }

func (d *damage) Error() string { return d.what.EN }

func damagef(en, zh string, args ...any) *damage {
	return &damage{lang.Text{EN: fmt.Sprintf(en, args...), ZH: fmt.Sprintf(zh, args...)}}
}

var (
	hintRecord = lang.Text{
		EN: "record one with: sudo tcpdump -i lo -w FILE tcp",
		ZH: "可以这样录制一个：sudo tcpdump -i lo -w FILE tcp",
	}
	// NotACapture is Open's error for a stream that is no capture at all.
	NotACapture = &lang.Problem{
		What: lang.Text{EN: "this is neither a pcap nor a pcapng capture", ZH: "这既不是 pcap 文件，也不是 pcapng 文件"},
		Hint: lang.Text{
			EN: "convert another tool's capture with: editcap FILE NEW.pcapng",
			ZH: "其他工具的抓包可以先转换：editcap FILE NEW.pcapng",
		},
	}
)

// packedTwice is Open's error where a packed capture holds another packed one.
var packedTwice = &lang.Problem{
	What: lang.Text{EN: "the capture is packed twice", ZH: "抓包文件被压缩了两次"},
	Hint: lang.Text{
		EN: "unpack it once: zcat FILE | lesson explain -, or zstdcat for zstd",
		ZH: "先解压一次：zcat 文件 | lesson explain -；zstd 用 zstdcat",
	},
}

func unreadable(err error) *lang.Problem {
	return &lang.Problem{What: lang.Text{EN: "the capture cannot be read", ZH: "无法读取抓包文件"}, Err: err}
}

func foreignLink(l LinkType) *lang.Problem {
	return &lang.Problem{
		What: lang.Text{
			EN: fmt.Sprintf("every packet here is of %v, which this program cannot read", l),
			ZH: fmt.Sprintf("这里的数据包全都是%s，本程序无法读取", l.zh()),
		},
		Hint: lang.Text{
			EN: "capture on an Ethernet, loopback or \"any\" interface: sudo tcpdump -i any -w FILE tcp",
			ZH: "请在以太网、环回或 any 接口上抓包：sudo tcpdump -i any -w FILE tcp",
		},
	}
}

// explainDamage turns an error of a container into what a person is told;
// n is the packet that could not be read, 0 for the file's header.
func explainDamage(err error, n int) error {
	var d *damage
	if _, ok := lang.AsProblem(err); ok || err == io.EOF {
		return err
	}
	switch {
	case errors.As(err, &d) && n == 0:
		return &lang.Problem{What: d.what}
	case errors.As(err, &d):
		return &lang.Problem{What: lang.Text{
			EN: fmt.Sprintf("packet %d is damaged: %s", n, d.what.EN),
			ZH: fmt.Sprintf("第 %d 个数据包已损坏：%s", n, d.what.ZH),
		}, Hint: lang.Text{
			EN: "everything before it was read; captures are joined with: mergecap -w FILE ONE TWO",
			ZH: "它之前的内容都已读出；合并抓包文件要用：mergecap -w FILE ONE TWO",
		}}
	case errors.Is(err, io.ErrUnexpectedEOF) && n == 0:
		return &lang.Problem{
			What: lang.Text{EN: "the capture ends in the middle of its own header", ZH: "抓包文件在文件头中间就结束了"},
			Hint: hintRecord,
		}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &lang.Problem{What: lang.Text{
			EN: fmt.Sprintf("packet %d is cut short: the capture ends in the middle of it", n),
			ZH: fmt.Sprintf("第 %d 个数据包不完整：抓包文件在它中间就结束了", n),
		}, Hint: lang.Text{
			EN: "everything before it was read; to write every packet whole: tcpdump -U -w FILE",
			ZH: "它之前的内容都已读出；要让每个数据包都完整写入：tcpdump -U -w FILE",
		}}
	}
	return unreadable(err)
}

// packed names the compression that a stream begins with.
func packed(magic []byte) *lang.Problem {
	for _, z := range []struct{ magic, name, tool string }{
		{"\xfd7zX", "xz", "xz -dc"},
		{"BZh", "bzip2", "bzip2 -dc"},
		{"\x04\x22\x4d\x18", "lz4", "lz4 -dc"},
	} {
		if begins(magic, z.magic) {
			command := z.tool + " FILE | lesson explain -"
			return &lang.Problem{
				What: lang.Text{
					EN: "the capture is compressed with " + z.name,
					ZH: "抓包文件用 " + z.name + " 压缩过",
				},
				Hint: lang.Text{EN: "unpack it while reading: " + command, ZH: "请边解压边读取：" + command},
			}
		}
	}
	return nil
}
