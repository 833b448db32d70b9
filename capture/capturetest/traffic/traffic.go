// Package traffic makes captures of any size from a seed: many short
// connections at once, over IPv4 and IPv6, with options, retransmissions, loss
// and every way to open and to close. The same seed gives the same bytes.
package traffic

import (
	"bufio"
	"container/heap"
	"io"
	"math/rand/v2"

	"lesson/capture"
	"lesson/capture/capturetest"
)

// Options say what a capture holds.
type Options struct {
	Seed        uint64
	Packets     int // exactly so many, unless the connections need more to open and close
	Connections int // exactly so many
	// Flood makes every connection a lone SYN that nobody answers, whatever
	// Packets says.
	Flood bool
}

// Write writes the capture as a pcap of Ethernet frames.
func Write(w io.Writer, o Options) error {
	out := bufio.NewWriterSize(w, 1<<20)
	g := &generator{
		rand:  rand.New(rand.NewPCG(o.Seed, 0x7c93)),
		out:   out,
		now:   1_700_000_000e9,
		past:  make([]ends, 0, 1024),
		frame: make([]byte, 0, 256),
	}
	for i := range g.noise {
		g.noise[i] = byte(g.rand.Uint32())
	}
	if _, err := out.Write(capturetest.Header(capture.LinkEthernet)); err != nil {
		return err
	}
	for i := range o.Connections {
		if o.Flood {
			g.now += 10_000 // a hundred thousand a second
			g.flood(i)
			continue
		}
		g.now += int64(g.rand.ExpFloat64() * spacing)
		g.drain(g.now)
		budget := (i+1)*o.Packets/o.Connections - g.planned
		last := i == o.Connections-1
		if !last { // short ones and long ones
			budget += g.rand.IntN(7) - 3
		}
		c := g.connect(max(budget, 1), last)
		g.planned += len(c.plan)
		heap.Push(&g.open, c)
	}
	g.drain(1 << 62)
	return out.Flush()
}

// spacing is the mean time between two connections' first segments, in ns:
// 2,000 a second.
const spacing = 500e3

// generator holds the connections that still have something to send.
type generator struct {
	rand    *rand.Rand
	out     *bufio.Writer
	now     int64
	planned int
	open    schedule
	past    []ends // ended some time ago: their ports may be used again
	noise   [4096]byte
	frame   []byte
	record  []byte
}

// drain writes what is sent before a time. Errors stay with the writer until
// it is flushed.
func (g *generator) drain(until int64) {
	for len(g.open) > 0 && g.open[0].plan[g.open[0].next].at < until {
		c := g.open[0]
		g.write(c, &c.plan[c.next])
		if c.next++; c.next < len(c.plan) {
			heap.Fix(&g.open, 0)
			continue
		}
		heap.Pop(&g.open)
		if len(g.past) < cap(g.past) {
			g.past = append(g.past, c.ends)
		}
	}
}

// flood writes one SYN of a SYN flood.
func (g *generator) flood(i int) {
	c := &connection{ends: g.ends()}
	c.client[0], c.port[0] = uint32(i), uint16(1024+i%60000)
	g.write(c, &packet{at: g.now, flags: syn, seq: g.rand.Uint32(), options: synOptions})
}

// ends picks the addresses and ports of a new connection: one in a hundred
// uses again those of an earlier one.
func (g *generator) ends() ends {
	if len(g.past) == cap(g.past) && g.rand.IntN(100) == 0 {
		i := g.rand.IntN(len(g.past))
		e := g.past[i]
		g.past[i] = g.past[len(g.past)-1]
		g.past = g.past[:len(g.past)-1]
		e.again = true
		return e
	}
	return ends{
		v6:     g.rand.IntN(10) < 3,
		client: [2]uint32{g.rand.Uint32N(5000), g.rand.Uint32N(64)},
		port:   [2]uint16{uint16(32768 + g.rand.Uint32N(28000)), uint16(20000 + g.rand.Uint32N(20))},
	}
}

// schedule is a heap of connections by the time of what they send next.
type schedule []*connection

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].plan[s[i].next].at < s[j].plan[s[j].next].at }
func (s schedule) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *schedule) Push(x any)        { *s = append(*s, x.(*connection)) }
func (s *schedule) Pop() any {
	last := len(*s) - 1
	c := (*s)[last]
	*s = (*s)[:last]
	return c
}
