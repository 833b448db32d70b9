package ladder

import (
	"encoding/binary"
	"fmt"
	"strings"

	"lesson/lesson/lang"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
)

// field is a piece of a TCP header with its meaning (RFC 9293 §3.1).
type field struct {
	at    int // offset in the header
	bytes []byte
	name  lang.Text
	value string
}

// fields takes a header apart as far as it was captured; what is cut short or
// damaged is shown as bytes.
func fields(h []byte) (out []field) {
	take := func(at, n int, en, zh string, value func(b []byte) string) bool {
		if at >= len(h) {
			return false
		}
		b := h[at:min(at+n, len(h))]
		f := field{at: at, bytes: b, name: lang.Text{EN: en, ZH: zh}, value: "…"}
		if len(b) == n {
			f.value = value(b)
		}
		out = append(out, f)
		return len(b) == n
	}
	u16 := func(b []byte) string { return fmt.Sprint(binary.BigEndian.Uint16(b)) }
	u32 := func(b []byte) string { return fmt.Sprint(binary.BigEndian.Uint32(b)) }
	size := 20
	take(0, 2, "source port", "源端口", u16)
	take(2, 2, "destination port", "目的端口", u16)
	take(4, 4, "sequence", "序号", u32)
	take(8, 4, "acknowledgement", "确认号", u32)
	take(12, 1, "header length", "首部长度", func(b []byte) string {
		size = int(b[0]>>4) * 4
		return fmt.Sprint(size)
	})
	take(13, 1, "flags", "标志", func(b []byte) string {
		return (tcp.Flags(b[0]) | tcp.Flags(h[12]&1)<<8).String()
	})
	take(14, 2, "window", "窗口", u16)
	take(16, 2, "checksum", "校验和", func(b []byte) string { return fmt.Sprintf("%x", b) })
	take(18, 2, "urgent pointer", "紧急指针", u16)
	for at := 20; at < min(size, len(h)); {
		n, en, zh := option(h[at:min(size, len(h))])
		if !take(at, n, en, zh, optionValue) {
			break
		}
		at += n
	}
	if missing := size - len(h); missing > 0 {
		out = append(out, field{at: len(h), name: lang.Text{
			EN: fmt.Sprintf("%s not captured", count(uint64(missing), "byte")), ZH: fmt.Sprintf("%d 字节未捕获", missing),
		}})
	}
	return out
}

// option is the length and the name of the option that o begins with.
func option(o []byte) (n int, en, zh string) {
	switch o[0] {
	case 0:
		return len(o), "end of options", "选项结束"
	case 1:
		return 1, "no-op", "空操作"
	}
	n = len(o)
	if len(o) > 1 && o[1] >= 2 {
		n = int(o[1])
	}
	switch o[0] {
	case 2:
		return n, "MSS", "MSS"
	case 3:
		return n, "window scale", "窗口扩大"
	case 4:
		return n, "SACK permitted", "允许 SACK"
	case 5:
		return n, "SACK", "SACK"
	case 8:
		return n, "timestamps", "时间戳"
	case 34:
		return n, "fast open", "快速打开"
	}
	return n, fmt.Sprintf("option %d", o[0]), fmt.Sprintf("选项 %d", o[0])
}

func optionValue(o []byte) string {
	var v []string
	switch {
	case o[0] == 2 && len(o) == 4:
		v = append(v, fmt.Sprint(binary.BigEndian.Uint16(o[2:])))
	case o[0] == 3 && len(o) == 3:
		v = append(v, fmt.Sprintf("%d (× %d)", o[2], 1<<min(o[2], 14)))
	case (o[0] == 5 || o[0] == 8) && len(o)%4 == 2:
		for i := 2; i < len(o); i += 4 {
			v = append(v, fmt.Sprint(binary.BigEndian.Uint32(o[i:])))
		}
	}
	return strings.Join(v, " ")
}

// header draws a header's fields: offset, four bytes a row, name and value.
func (p *pen) header(h []byte, width int, indent string) (out []row) {
	const hexAt, nameAt = 3, 16
	for _, f := range fields(h) {
		meaning := text.Wrap(p.clean(p.join2(p.say(f.name), f.value)), width-nameAt)
		bytes := f.bytes
		for i := 0; len(bytes) > 0 || i < len(meaning); i++ {
			n := min(4, len(bytes))
			at := ""
			if i == 0 {
				at = fmt.Sprint(f.at)
			}
			left := text.PadLeft(at, hexAt-1) + " " + text.Pad(fmt.Sprintf("% x", bytes[:n]), nameAt-hexAt)
			r := row{{none, indent}, {faintInk, left}}
			if i < len(meaning) {
				r = append(r, span{none, meaning[i]})
			}
			out = append(out, r)
			bytes = bytes[n:]
		}
	}
	return out
}

// join2 puts a name and its value together.
func (p *pen) join2(name, value string) string {
	if value == "" {
		return name
	}
	return name + " " + value
}
