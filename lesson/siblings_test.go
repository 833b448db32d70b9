package lesson_test

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"lesson/capture"
	"lesson/capture/capturetest"
	"lesson/lesson/tcp"
)

// sibling is a capture of the same kind as one of those in testdata/cases. Each
// line of text is a segment in notation, "=>", and what its row has to be, as
// compare reads it. A line "hops N" gives the next segment another hop limit.
type sibling struct {
	name, text string
	never      string
	ends       string // by connection, with "; " between
	copies     bool   // what is in it twice was sent once
	oneWay     bool   // it cannot be told of the other end
	skip       string // why it is told wrong today
	skipOther  string // the same of the other end
}

// variant is how the same story is told with other numbers.
type variant struct {
	name     string
	first    [2]tcp.Seq
	v6       bool
	mirrored bool // from the end of the handshake on, the ends change places
	stamped  bool // with TCP timestamps, SACK and window scaling
}

var variants = []variant{
	{name: "as it is", first: [2]tcp.Seq{1000, 5000}},
	{name: "numbers that begin anew", first: [2]tcp.Seq{0xffffffff, 0xfffffffc}, v6: true},
	{name: "numbers that begin anew later", first: [2]tcp.Seq{0xffffff9c, 0xfffff000}, stamped: true},
	{name: "numbers around 2^31", first: [2]tcp.Seq{0x7ffffffe, 0x80000001}},
	{name: "other end", first: [2]tcp.Seq{77, 0xfffffff0}, mirrored: true},
	{name: "other end, stamped", first: [2]tcp.Seq{0xfffffffe, 4000000000}, v6: true, mirrored: true, stamped: true},
}

// swap exchanges two words.
func swap(s, a, b string) string { return strings.NewReplacer(a, b, b, a).Replace(s) }

// row is one line of a sibling.
type row struct {
	segment, want string
	hops          byte
}

// siblingRows reads a sibling's text. After the handshake (three lines, or those with a
// SYN, where its last ACK is missing) mirrored ends change places.
func siblingRows(text string, mirrored bool) (rows []row) {
	hops, at := byte(0), 0
	for _, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if n, err := strconv.Atoi(strings.TrimPrefix(line, "hops ")); err == nil {
			hops = byte(n)
			continue
		}
		segment, want, _ := strings.Cut(line, " => ")
		if mirrored && at > 1 && segment != "client ." {
			segment = swap(segment, "client", "server")
			words := strings.Fields(want)
			words[0], words[1] = words[1], words[0]
			want = strings.Join(words, " ")
		}
		rows = append(rows, row{segment, want, hops})
		hops = 0
		at++
	}
	return rows
}

// timed gives each segment a time, a millisecond after the one before if it has none.
func timed(rows []row) string {
	var b strings.Builder
	now := 0.0
	for _, r := range rows {
		first, rest, _ := strings.Cut(r.segment, " ")
		if t, err := strconv.ParseFloat(first, 64); err == nil {
			now = t
		} else {
			now, rest = now+0.001, r.segment
		}
		fmt.Fprintf(&b, "%.6f %s\n", now, rest)
	}
	return b.String()
}

// stamp gives segments the options of a current system: a clock of milliseconds.
// A RST has none; a copy has those of its original.
func stamp(segments []tcp.Segment, copies bool) {
	sent := map[string]tcp.Options{}
	latest := map[tcp.Endpoint]uint32{}
	for i := range segments {
		s := &segments[i]
		if s.Flags.Has(tcp.RST) {
			continue
		}
		o := &s.Options
		o.HasTimestamps, o.TSVal, o.TSEcr = true, uint32(s.Time/1e6)+4294967290, latest[s.Dst]
		if s.Flags.Has(tcp.SYN) {
			o.SACKPermitted, o.HasScale, o.WindowScale = true, true, 7
		}
		key := fmt.Sprint(s.Src, s.Flags, s.Seq, s.Ack, s.Len)
		if before, ok := sent[key]; ok && copies {
			*o = before
		}
		sent[key] = *o
		latest[s.Src] = o.TSVal
	}
}

// segments are those of a variant.
func (v *variant) segments(t testing.TB, rows []row, copies bool) []tcp.Segment {
	t.Helper()
	n := net4
	if v.v6 {
		n = net6
	}
	n.First = v.first
	segments, err := n.Segments(timed(rows))
	if err != nil {
		t.Fatal(err)
	}
	for i := range segments {
		s := &segments[i]
		if s.Window == 0 {
			s.Window = 64240
		}
		if s.Flags.Has(tcp.SYN) {
			s.Options.HasMSS, s.Options.MSS = true, 1460
		}
	}
	if v.stamped {
		stamp(segments, copies)
	}
	return segments
}

// captured makes the capture of a variant.
func (v *variant) captured(t testing.TB, rows []row, copies bool) []byte {
	t.Helper()
	segments := v.segments(t, rows, copies)
	file := capturetest.Header(capture.LinkRaw)
	for i := range segments {
		file = capturetest.Record(file, segments[i].Time, withHops(net4.Frame(&segments[i]), rows[i].hops))
	}
	return file
}

// withHops is a packet with another hop limit; 0 leaves it as it is.
func withHops(packet []byte, hops byte) []byte {
	switch {
	case hops == 0:
	case packet[0]>>4 == 6:
		packet[7] = hops
	default: // RFC 1624: the checksum follows what was changed
		sum := uint32(binary.BigEndian.Uint16(packet[10:])) + uint32(packet[8]-hops)<<8
		binary.BigEndian.PutUint16(packet[10:], uint16(sum)+uint16(sum>>16))
		packet[8] = hops
	}
	return packet
}

// check tells every variant of a sibling.
func (s *sibling) check(t *testing.T) {
	t.Helper()
	for _, v := range variants {
		if v.mirrored && s.oneWay {
			continue
		}
		t.Run(v.name, func(t *testing.T) {
			if s.skip != "" {
				t.Skip(s.skip)
			}
			if v.mirrored && s.skipOther != "" {
				t.Skip(s.skipOther)
			}
			rows := siblingRows(s.text, v.mirrored)
			l := listen(t, v.captured(t, rows, s.copies))
			var want []string
			for _, r := range rows {
				want = append(want, r.want)
			}
			compare(t, l.segments, want, s.never)
			ends := strings.Split(s.ends, "; ")
			if v.mirrored {
				for i := range ends {
					words := strings.Fields(swap(ends[i], "client", "server"))
					words[2], words[3] = words[3], words[2]
					ends[i] = strings.Join(words, " ")
				}
			}
			compareEnds(t, l.connections, ends)
			if t.Failed() {
				t.Log("\n" + timed(rows))
			}
		})
	}
}

const (
	toldSYN  = "client S => SYN_SENT SYN_RECV|Unknown\nserver S. => ESTABLISHED SYN_RECV\n"
	toldOpen = toldSYN + "client . => ESTABLISHED ESTABLISHED\n"
)

func checkAll(t *testing.T, kind string, all []sibling) {
	for i := range all {
		t.Run(kind+all[i].name, all[i].check)
	}
}

// Siblings of f1: only SYN, FIN and RST were captured, whatever was transferred.
func TestFilteredForTheFlags(t *testing.T) {
	for _, sent := range [][2]int{{0, 0}, {1, 0}, {0, 1}, {100, 5000}, {0, 5000000}, {70000, 1}, {300, 900000000}} {
		c, s := sent[0]+1, sent[1]+1
		const never = "unacceptable reset-ignored contradiction"
		fin := func(client, server string) string {
			return fmt.Sprintf("server F. %d:%d(0) ack %d => %s %s\n", s, s, c, client, server)
		}
		closing := fin("CLOSE_WAIT|Unknown", "FIN_WAIT1|Unknown")
		last := fmt.Sprintf("client F. %d:%d(0) ack %d => LAST_ACK TIME_WAIT\n", c, c, s+1)
		perhaps := strings.Replace(last, "TIME_WAIT", "TIME_WAIT|Unknown", 1)
		// Where nothing was transferred, nothing shows that the handshake was completed.
		reset, resets := "handshake reset CLOSED CLOSED ", "CLOSED"
		if sent == [2]int{} {
			reset, resets = "handshake|incomplete reset|never-open CLOSED CLOSED ", "CLOSED|LISTEN"
		}
		resetAlone, aloneCloses := reset, resets
		if s == 1 { // it has no ACK that says more
			resetAlone, aloneCloses = "handshake|incomplete reset|never-open CLOSED CLOSED ", "CLOSED|LISTEN"
		}
		all := []sibling{
			{name: "closed by FINs", text: toldSYN + closing + last,
				never: never + " retransmission", ends: "handshake half LAST_ACK TIME_WAIT"},
			{name: "the FIN twice", text: toldSYN + closing + "0.3 " + closing + last,
				never: never, ends: "handshake half LAST_ACK TIME_WAIT"},
			{name: "both FINs twice", text: toldSYN + closing + "0.3 " + closing + perhaps + "0.7 " + perhaps,
				never: never, ends: "handshake half LAST_ACK TIME_WAIT|Unknown"},
			{name: "the FINs cross", text: toldSYN + fin("CLOSE_WAIT|ESTABLISHED|Unknown", "FIN_WAIT1|Unknown") +
				fmt.Sprintf("client F. %d:%d(0) ack %d => CLOSING|FIN_WAIT1|Unknown CLOSING|FIN_WAIT1|Unknown\n", c, c, s),
				never: never, ends: "handshake half CLOSING|FIN_WAIT1|Unknown CLOSING|FIN_WAIT1|Unknown"},
			{name: "the FIN is answered by RST with ACK", text: toldSYN + closing +
				fmt.Sprintf("client R. %d:%d(0) ack %d => CLOSED CLOSED", c, c, s+1),
				never: never, ends: reset + "client"},
			{name: "the FIN is answered by RST", text: toldSYN + fin("CLOSE_WAIT|CLOSED|Unknown", "FIN_WAIT1|Unknown") +
				fmt.Sprintf("client R %d:%d(0) => CLOSED CLOSED", c, c),
				never: never, ends: reset + "client"},
			{name: "RST after both FINs", text: toldSYN + closing + strings.Replace(last, "TIME_WAIT", "TIME_WAIT|CLOSED", 1) +
				fmt.Sprintf("server R %d:%d(0) => CLOSED CLOSED", s+1, s+1),
				never: never, ends: "handshake reset|half|fin CLOSED CLOSED server"},
			{name: "RST with ACK", text: toldSYN + fmt.Sprintf("server R. %d:%d(0) ack %d => %s CLOSED", s, s, c, resets),
				never: never, ends: strings.Replace(reset, "CLOSED CLOSED", resets+" CLOSED", 1) + "server"},
			{name: "RST", text: strings.Replace(toldSYN, "ESTABLISHED", "ESTABLISHED|CLOSED", 1) + fmt.Sprintf("server R %d:%d(0) => %s CLOSED", s, s, aloneCloses),
				never: never, ends: strings.Replace(resetAlone, "CLOSED CLOSED", aloneCloses+" CLOSED", 1) + "server"},
		}
		for i := range all {
			if c == 1 && s > 65535 && all[i].name == "RST with ACK" {
				all[i].skipOther = "a client's RST with ACK beyond the first window, which acknowledges nothing new, is taken for forged"
			}
		}
		checkAll(t, fmt.Sprintf("%d and %d bytes, ", c-1, s-1), all)
	}
}
