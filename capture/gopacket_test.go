package capture

import (
	"bytes"
	"encoding/binary"
	"go/build"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"lesson/lesson/tcp"
)

// TestNoGopacketLayers holds that only tests import what is slow to start
// (layers.go).
func TestNoGopacketLayers(t *testing.T) {
	p, err := build.ImportDir(".", 0)
	if err != nil || !slices.Contains(p.Imports, "github.com/google/gopacket") {
		t.Fatal(p.Imports, err)
	}
	if slices.Contains(p.Imports, "github.com/google/gopacket/layers") {
		t.Error("gopacket's layers are imported")
	}
}

// TestAgainstGopacket holds that our layers read in every capture what
// gopacket's own read (AgainstGopacket).
func TestAgainstGopacket(t *testing.T) {
	compare := func(t *testing.T, files []string) {
		frames, same := 0, 0
		for _, name := range files {
			f, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Open(bytes.NewReader(f))
			if err != nil {
				continue // refused, as TestCorpus holds
			}
			for r.file.next(&r.frame) == nil {
				frames++
				p := &r.frame
				if AgainstGopacket(t, p.link, p.data, max(p.wire-len(p.data), 0)) {
					same++
				}
				if t.Failed() {
					t.Fatalf("%s: frame %d: %x", name, frames, p.data)
				}
			}
		}
		t.Logf("%d frames, %d of them with TCP that both read", frames, same)
		if same < frames/2 {
			t.Error("that is too few to mean anything")
		}
	}
	t.Run("kernel", func(t *testing.T) {
		files, err := filepath.Glob("../lesson/testdata/kernel/*.pcap")
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		compare(t, files)
	})
	t.Run("corpus", func(t *testing.T) {
		dir := corpus(t)
		var files []string
		for _, row := range table(t, filepath.Join(dir, "index.tsv")) {
			files = append(files, filepath.Join(dir, row["file"]))
		}
		compare(t, files)
	})
}

// AgainstGopacket holds one frame, the first of its capture, against what
// gopacket's own layers make of it, if both find a whole TCP header there, and
// reports whether they do. Where they differ, it is on purpose:
//
//   - A header that the snap length cut is a segment here; gopacket reads its
//     options not at all, and nothing when it has less than 20 bytes.
//   - Of an option list that breaks, gopacket keeps the option that breaks it:
//     a SACK-permitted of length 0 would permit.
//   - Behind an IPv6 hop-by-hop header gopacket counts the bytes of that header
//     twice, and takes padding for payload.
//   - Without a length in the IP header a packet of more than 65,535 bytes is
//     as long as it is, and IPv6 needs no jumbogram option.
//   - A header that reaches beyond the IP packet, or an IP header of the wrong
//     version, makes no segment here.
//   - Link types, tags and tunnels that gopacket does not know, or that it reads
//     by other rules (PPPoE), are left to TestWraps; fragments to TestFragments.
func AgainstGopacket(t testing.TB, link LinkType, data []byte, missing int) bool {
	t.Helper()
	theirs := gopacketReads(link, data)
	var d decoder
	var c tcp.Captured
	if d.decode(&packet{link: link, data: data, wire: len(data) + missing}, &c.Segment) != isSegment ||
		theirs == nil || d.frame.guessed && len(data) > 0xffff {
		return false
	}
	c.Header, c.Payload = d.seg.header, d.seg.payload
	got, want := c.Segment, theirs.segment()
	got.BadChecksum, got.VLAN = false, 0 // gopacket does not verify, and keeps tags elsewhere
	got.ID, got.Hops = 0, 0              // of the IP header
	want.Len = uint32(len(theirs.Payload) + d.frame.missing)
	payload := theirs.Payload
	if theirs.hopByHop && bytes.HasPrefix(payload, c.Payload) {
		payload, want.Len = c.Payload, got.Len
	}
	cut := len(theirs.Contents) < int(theirs.DataOffset)*4
	if cut {
		got.Options, want.Len = tcp.Options{}, got.Len
	}
	if got != want {
		t.Errorf("%v: we read\n%+v, gopacket\n%+v", link, got, want)
	}
	if !bytes.Equal(c.Header, theirs.Contents) || !bytes.Equal(c.Payload, payload) {
		t.Errorf("%v: we read %x and %x, gopacket %x and %x", link, c.Header, c.Payload, theirs.Contents, payload)
	}
	return !cut
}

// reading is a TCP header that gopacket found.
type reading struct {
	*layers.TCP
	src, dst []byte
	hopByHop bool
	broken   bool // in its options
}

// gopacketReads returns the innermost TCP header with its 20 bytes; nil where
// there is none, or one in layers that are not to be compared.
func gopacketReads(link LinkType, data []byte) *reading {
	first := map[LinkType]gopacket.LayerType{
		LinkEthernet: layers.LayerTypeEthernet, LinkSLL: layers.LayerTypeLinuxSLL,
		LinkIPv4: layers.LayerTypeIPv4, LinkIPv6: layers.LayerTypeIPv6,
	}[link]
	if link == LinkRaw || link == LinkRawBSD || link == LinkRawOBSD {
		first = layers.LayerTypeIPv4
		if len(data) > 0 && data[0]>>4 == 6 {
			first = layers.LayerTypeIPv6
		}
	}
	if first == gopacket.LayerTypeZero {
		return nil
	}
	var r reading
	p := gopacket.NewPacket(data, first, gopacket.DecodeOptions{NoCopy: true})
	for _, l := range p.Layers() {
		switch l := l.(type) {
		case *layers.Ethernet, *layers.Dot1Q, *layers.LLC, *layers.SNAP, *layers.LinuxSLL, *layers.MPLS,
			*layers.GRE, *layers.UDP, *layers.VXLAN, *layers.IPv6Destination, *layers.IPv6Routing, *layers.IPSecAH:
		case *layers.IPv4:
			r.src, r.dst, r.hopByHop = l.SrcIP.To16(), l.DstIP.To16(), false
		case *layers.IPv6:
			r.src, r.dst, r.hopByHop = l.SrcIP, l.DstIP, false
		case *layers.IPv6HopByHop:
			r.hopByHop = true
		case *layers.TCP:
			r.TCP = l
		case *gopacket.Payload:
		case *gopacket.DecodeFailure:
			r.broken = true
		default:
			return nil
		}
	}
	if r.TCP == nil || len(r.Contents) < headerLen {
		return nil
	}
	return &r
}

// segment is the reading in our words, but for its length.
func (r *reading) segment() (s tcp.Segment) {
	s.Src = tcp.Endpoint{IP: [16]byte(r.src), Port: uint16(r.SrcPort)}
	s.Dst = tcp.Endpoint{IP: [16]byte(r.dst), Port: uint16(r.DstPort)}
	s.Seq, s.Ack = tcp.Seq(r.Seq), tcp.Seq(r.Ack)
	s.Window, s.Urgent = r.Window, r.Urgent
	for i, set := range []bool{r.FIN, r.SYN, r.RST, r.PSH, r.ACK, r.URG, r.ECE, r.CWR, r.NS} {
		if set {
			s.Flags |= 1 << i
		}
	}
	list := r.Options
	if r.broken && len(list) > 0 {
		list = list[:len(list)-1]
	}
	for _, option := range list {
		v, o := option.OptionData, &s.Options
		switch kind, n := option.OptionType, len(v); {
		case kind == layers.TCPOptionKindMSS && n == 2:
			o.MSS, o.HasMSS = binary.BigEndian.Uint16(v), true
		case kind == layers.TCPOptionKindWindowScale && n == 1:
			o.WindowScale, o.HasScale = v[0], true
		case kind == layers.TCPOptionKindSACKPermitted && n == 0:
			o.SACKPermitted = true
		case kind == layers.TCPOptionKindTimestamps && n == 8:
			o.TSVal, o.TSEcr, o.HasTimestamps = binary.BigEndian.Uint32(v), binary.BigEndian.Uint32(v[4:]), true
		case kind == layers.TCPOptionKindSACK:
			o.SACKBlocks = uint8(min(n/8, len(o.SACK)))
			for i := range o.SACKBlocks {
				o.SACK[i].Left = tcp.Seq(binary.BigEndian.Uint32(v[8*i:]))
				o.SACK[i].Right = tcp.Seq(binary.BigEndian.Uint32(v[8*i+4:]))
			}
		case kind == 34, kind == 254 && bytes.HasPrefix(v, []byte{0xf9, 0x89}):
			o.HasFastOpen = true
		}
	}
	return s
}
