package lesson_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"lesson/capture"
	"lesson/capture/capturetest"
	"lesson/lesson"
	"lesson/lesson/tcp"
)

// talk is one connection as notation has it, between the same two ends always,
// with first sequence numbers of its own and tags for each direction.
type talk struct {
	text  string
	first tcp.Seq // added to all numbers
	tags  [2][]uint16
}

const fullTalk = `client S
server S.
client .
client P. 1:6(5) ack 1
server . ack 6
server P. 1:9(8) ack 6
client . ack 9
client F.
server .
server F.
client .`

// tagFrame is an Ethernet frame with tags around an IP packet.
func tagFrame(ip []byte, tags []uint16) []byte {
	frame := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}
	for i, id := range tags {
		kind := uint16(0x8100)
		if i < len(tags)-1 {
			kind = 0x88a8
		}
		frame = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(frame, kind), id)
	}
	kind := uint16(0x0800)
	if ip[0]>>4 == 6 {
		kind = 0x86dd
	}
	return append(binary.BigEndian.AppendUint16(frame, kind), ip...)
}

// packets are a connection's, and what they are tagged with.
func (k talk) packets(t *testing.T, v6 bool) (ips [][]byte, tags [][]uint16) {
	t.Helper()
	n := capturetest.Net{Raw: true}
	if v6 {
		n.Ends = capturetest.Loopback6.Ends
	}
	segments, err := n.Segments(k.text)
	if err != nil {
		t.Fatal(err)
	}
	client := segments[0].Src
	for i := range segments {
		s := &segments[i]
		s.Seq, s.Window = s.Seq.Add(uint32(k.first)), 1000
		if s.Flags.Has(tcp.ACK) {
			s.Ack = s.Ack.Add(uint32(k.first))
		}
		ip := slices.Clone(n.Frame(s))
		if !v6 {
			binary.BigEndian.PutUint16(ip[4:], uint16(i+1)+uint16(k.first>>8)) // each packet its own identification
		}
		ips = append(ips, ip)
		way := k.tags[1]
		if s.Src == client {
			way = k.tags[0]
		}
		tags = append(tags, way)
	}
	return ips, tags
}

// explainBytes tells all of a capture, and the table of it read ahead.
func explainBytes(t *testing.T, file []byte) (*story, []lesson.Connection) {
	t.Helper()
	all, _ := tellAll(t, file)
	var table list
	read(t, file, lesson.ExplainOptions{Detail: lesson.Table}, &table)
	if len(table.connections) != len(all.connections) {
		t.Fatalf("%d connections, in a table %d", len(all.connections), len(table.connections))
	}
	for i := range table.connections {
		if table.connections[i] != *all.connections[i] {
			t.Errorf("%+v, in a table %+v", *all.connections[i], table.connections[i])
		}
	}
	return all, table.connections
}

// alike are the same tags for both directions.
func alike(id ...uint16) [2][]uint16 { return [2][]uint16{id, id} }

// One five-tuple in two VLANs is two connections, however their packets mix; and
// a single one in two VLANs, by its directions or by a router between, is one.
func TestVLANs(t *testing.T) {
	for _, c := range []struct {
		name  string
		talks []talk
		want  int // connections, each of all of its packets
	}{
		{"two", []talk{{fullTalk, 0, alike(10)}, {fullTalk, 1 << 30, alike(20)}}, 2},
		{"two with numbers that are near", []talk{{fullTalk, 0, alike(10)}, {fullTalk, 40000, alike(20)}}, 2},
		{"three", []talk{{fullTalk, 0, alike(10)}, {fullTalk, 1 << 30, alike(20)}, {fullTalk, 1 << 31, alike(30)}}, 3},
		{"one without a tag", []talk{{fullTalk, 0, alike()}, {fullTalk, 1 << 30, alike(20)}}, 2},
		{"one without a tag, later", []talk{{fullTalk, 0, alike(20)}, {fullTalk, 1 << 30, alike()}}, 2},
		{"behind two tags", []talk{{fullTalk, 0, alike(1, 10)}, {fullTalk, 1 << 30, alike(2, 10)}}, 2},
		{"behind three", []talk{{fullTalk, 0, alike(1, 7, 10)}, {fullTalk, 1 << 30, alike(2, 7, 10)}}, 2},
		{"a tag for each direction", []talk{{fullTalk, 0, [2][]uint16{{10}, {20}}}}, 1},
		{"a tag for one direction", []talk{{fullTalk, 0, [2][]uint16{{10}, nil}}}, 1},
		{"two, with a tag for each direction", []talk{{fullTalk, 0, [2][]uint16{{10}, {11}}}, {fullTalk, 1 << 30, [2][]uint16{{20}, {21}}}}, 2},
		{"two that answer in the same VLAN", []talk{{fullTalk, 0, [2][]uint16{{10}, {30}}}, {fullTalk, 1 << 30, [2][]uint16{{20}, {30}}}}, 2},
		{"a priority alone", []talk{{fullTalk, 0, [2][]uint16{{0}, nil}}}, 1},
		{"open before", []talk{{fullTalk[strings.Index(fullTalk, "client P"):], 0, alike(10)}, {fullTalk[strings.Index(fullTalk, "client P"):], 1 << 30, alike(20)}}, 2},
		{"refused in one", []talk{{"client S\nserver R.", 0, alike(10)}, {fullTalk, 1 << 30, alike(20)}}, 2},
	} {
		for _, v6 := range []bool{false, true} {
			file := capturetest.Header(capture.LinkEthernet)
			var order []string // whose packet each frame is
			rows := 0
			for more, i := true, 0; more; i++ {
				more = false
				for k, talk := range c.talks {
					ips, tags := talk.packets(t, v6)
					if i < len(ips) {
						more = true
						file = capturetest.Record(file, int64(rows)*1e6, tagFrame(ips[i], tags[i]))
						order = append(order, fmt.Sprint(k))
						rows++
					}
				}
			}
			all, connections := explainBytes(t, file)
			if len(connections) != c.want {
				t.Errorf("%s: %d connections, want %d", c.name, len(connections), c.want)
				continue
			}
			for i, s := range all.segments {
				if fmt.Sprint(s.Stream) != order[i] {
					t.Errorf("%s: frame %d is in stream %d, not %s", c.name, i+1, s.Stream, order[i])
				}
				if s.Step.Findings != 0 && c.talks[0].text == fullTalk {
					t.Errorf("%s: frame %d is called %v", c.name, i+1, s.Step.Findings.Names())
				}
			}
		}
	}
}

// So many connections between the same ends that looking for one among them
// would never end, as only a hostile capture has them, are told all the same.
func TestManyVLANs(t *testing.T) {
	ips, _ := talk{text: "client S\nserver S.\nclient ."}.packets(t, false)
	file := capturetest.Header(capture.LinkEthernet)
	const outer, inner = 200, 500
	for a := range uint16(outer) {
		for b := range uint16(inner) {
			ip := slices.Clone(ips[0])
			binary.BigEndian.PutUint32(ip[24:], uint32(a)<<20|uint32(b)<<4) // its own first number
			ip[36], ip[37] = 0, 0                                           // and no checksum
			file = capturetest.Record(file, 0, tagFrame(ip, []uint16{a + 1, b + 1}))
		}
	}
	_, connections := explainBytes(t, file)
	if len(connections) != outer*inner {
		t.Errorf("%d connections", len(connections))
	}
}

// Connections in VLANs are forgotten like others, when there are very many, and
// both ways to read a capture make the same of them.
func TestForgottenInVLANs(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	file := capturetest.Header(capture.LinkEthernet)
	const ports, networks = 9000, 3
	var all [networks][][]byte
	for v := range all {
		all[v], _ = talk{text: fullTalk, first: tcp.Seq(rng.Uint32())}.packets(t, false)
	}
	for port := range uint16(ports) {
		for i := range all[0] {
			for v := range all {
				ip := slices.Clone(all[v][i])
				at := 20 // the client's port
				if ip[12] != all[v][0][12] || !bytes.Equal(ip[12:16], all[v][0][12:16]) {
					at = 22
				}
				binary.BigEndian.PutUint16(ip[at:], 10000+port)
				ip[36], ip[37] = 0, 0 // no checksum
				file = capturetest.Record(file, int64(port)*1e6+int64(i)*1000, tagFrame(ip, []uint16{uint16(v + 1)}))
			}
		}
	}
	_, connections := explainBytes(t, file)
	if len(connections) != ports*networks {
		t.Fatalf("%d connections", len(connections))
	}
	for _, c := range connections {
		if c.Segments != len(all[0]) || c.Closed != lesson.ClosedFIN || c.Opened != lesson.OpenedHandshake {
			t.Fatalf("%+v", c)
		}
	}
}

// A router between two VLANs shows each packet in both: the second is a copy.
func TestRouterOnAStick(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		ips, _ := talk{text: fullTalk}.packets(t, v6)
		file := capturetest.Header(capture.LinkEthernet)
		for i, ip := range ips {
			file = capturetest.Record(file, int64(i)*1e6, tagFrame(ip, []uint16{10}))
			routed := slices.Clone(ip)
			if v6 {
				routed[7]--
			} else {
				routed[8]--
			}
			file = capturetest.Record(file, int64(i)*1e6+1000, tagFrame(routed, []uint16{20}))
		}
		all, connections := explainBytes(t, file)
		if len(connections) != 1 || connections[0].Closed != lesson.ClosedFIN {
			t.Fatalf("%d connections: %+v", len(connections), connections)
		}
		for i, s := range all.segments {
			if copied := s.Step.Findings == tcp.Copy; copied != (i%2 == 1) {
				t.Errorf("frame %d is called %v", i+1, s.Step.Findings.Names())
			}
		}
	}
}

// A SYN in the same VLAN takes the ports anew there, and nothing of what goes on
// in another.
func TestPortsReusedInOneVLAN(t *testing.T) {
	file := capturetest.Header(capture.LinkEthernet)
	at := int64(0)
	add := func(k talk, from, to int) {
		ips, tags := k.packets(t, false)
		for i := from; i < to; i++ {
			file = capturetest.Record(file, at, tagFrame(ips[i], tags[i]))
			at += 1e6
		}
	}
	ten, twenty, anew := talk{fullTalk, 0, alike(10)}, talk{fullTalk, 1 << 30, alike(20)}, talk{fullTalk, 1 << 31, alike(10)}
	add(ten, 0, 5)
	add(twenty, 0, 5)
	add(anew, 0, 11)
	add(twenty, 5, 11)
	all, connections := explainBytes(t, file)
	if len(connections) != 3 || connections[0].Segments != 5 || connections[1].Segments != 11 || connections[2].Segments != 11 ||
		connections[1].Closed != lesson.ClosedFIN || connections[2].Closed != lesson.ClosedFIN {
		t.Errorf("%+v", connections)
	}
	for i, s := range all.segments {
		if s.Step.Findings.Has(tcp.PortReused) != (i == 10) {
			t.Errorf("frame %d is called %v", i+1, s.Step.Findings.Names())
		}
	}
}
