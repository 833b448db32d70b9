// Package damage does to a capture what happens to captures: packets are
// missed, filtered away, cut short, doubled, replayed, and captured in another
// order than that in which they passed. All chance comes from the caller's
// source of random numbers, so that a seed repeats a run.
package damage

import (
	"math/rand/v2"
	"slices"
	"time"

	"lesson/lesson/tcp"
)

// Packet is a packet of a damaged capture. The zero Copy is the packet itself.
type Packet struct {
	tcp.Captured
	Was  int  // its index in the whole capture
	Copy bool // it is there once more; nothing was sent
}

// Kind is one way to damage a capture, and what is asked of what is told of it
// after all: percentages of the captures.
type Kind struct {
	Name  string
	Right float64 // at least
	Wrong float64 // at most; the rest is told as Unknown
	// Late says that a packet comes again when it may have been sent again.
	Late bool
	// Do damages a copy of a capture whose packets are in the order of time.
	// It returns none if this capture cannot be damaged in this way.
	Do func(r *rand.Rand, all []Packet) []Packet
}

// Kinds are the ways to damage a capture, all but cutting packets short.
func Kinds() []Kind {
	return []Kind{
		{"whole", 99.5, 0.5, false, func(_ *rand.Rand, all []Packet) []Packet { return all }},
		{"only SYN, FIN and RST", 90, 1, false, onlyFlags},
		{"one missed", 92, 1, false, func(r *rand.Rand, all []Packet) []Packet { return without(r, all, 1) }},
		{"a run missed", 80, 1, false, func(r *rand.Rand, all []Packet) []Packet { return without(r, all, 2+r.IntN(2)) }},
		{"two swapped", 93, 1, false, swapped},
		{"one moved", 93, 2, false, moved},
		{"late copy, 0.2 s", 97, 0.5, true, func(r *rand.Rand, all []Packet) []Packet { return lateCopy(r, all, 200*time.Millisecond) }},
		{"late copy, 1 s", 97, 0.5, true, func(r *rand.Rand, all []Packet) []Packet { return lateCopy(r, all, time.Second) }},
		{"late copy, 10 s", 97, 0.5, true, func(r *rand.Rand, all []Packet) []Packet { return lateCopy(r, all, 10*time.Second) }},
		{"doubled", 98, 0.5, false, doubled},
		{"replayed", 98, 0.5, false, replayed},
		{"one direction", 0, 1, false, oneDirection},
	}
}

// Whole is a capture as it is.
func Whole(all []tcp.Captured) []Packet {
	out := make([]Packet, len(all))
	for i, c := range all {
		out[i] = Packet{Captured: c, Was: i}
	}
	return out
}

// Last is the index, in the whole capture, of the last packet that is left;
// -1 if none is.
func Last(all []Packet) int {
	last := -1
	for _, p := range all {
		last = max(last, p.Was)
	}
	return last
}

func onlyFlags(_ *rand.Rand, all []Packet) []Packet {
	return slices.DeleteFunc(all, func(p Packet) bool { return !p.Flags.Any(tcp.SYN | tcp.FIN | tcp.RST) })
}

// without lacks n packets in a row.
func without(r *rand.Rand, all []Packet, n int) []Packet {
	if len(all) <= n {
		return nil
	}
	at := r.IntN(len(all) - n + 1)
	return slices.Delete(all, at, at+n)
}

// swapped has two neighbours of different directions in the other order, as two
// network cards may have captured them.
func swapped(r *rand.Rand, all []Packet) []Packet {
	var at []int
	for i := 1; i < len(all); i++ {
		if all[i].Src != all[i-1].Src {
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		return nil
	}
	return move(all, at[r.IntN(len(at))], -1)
}

// moved has one packet up to four places earlier or later than it passed.
func moved(r *rand.Rand, all []Packet) []Packet {
	if len(all) < 2 {
		return nil
	}
	at, by := r.IntN(len(all)), 1+r.IntN(4)
	if r.IntN(2) == 0 {
		by = -by
	}
	return move(all, at, by)
}

// move moves a packet by some places. The times stay where they are.
func move(all []Packet, at, by int) []Packet {
	to := max(0, min(len(all)-1, at+by))
	times := make([]int64, len(all))
	for i := range all {
		times[i] = all[i].Time
	}
	p := all[at]
	all = slices.Insert(slices.Delete(all, at, at+1), to, p)
	for i := range all {
		all[i].Time = times[i]
	}
	return all
}

// lateCopy holds one packet once more, some time later, as a mirror port with a
// long queue gives it.
func lateCopy(r *rand.Rand, all []Packet, after time.Duration) []Packet {
	if len(all) == 0 {
		return nil
	}
	p := all[r.IntN(len(all))]
	p.Copy = true
	p.Time += after.Nanoseconds()
	to := len(all)
	for to > 0 && all[to-1].Time > p.Time {
		to--
	}
	return slices.Insert(all, to, p)
}

// doubled holds each packet twice, as a mirror port of both directions gives
// them.
func doubled(_ *rand.Rand, all []Packet) []Packet {
	out := make([]Packet, 0, 2*len(all))
	for _, p := range all {
		out = append(out, p)
		p.Copy = true
		p.Time += 5000
		out = append(out, p)
	}
	return out
}

// replayed holds everything once more, a minute after the end.
func replayed(_ *rand.Rand, all []Packet) []Packet {
	if len(all) == 0 {
		return nil
	}
	shift := all[len(all)-1].Time - all[0].Time + time.Minute.Nanoseconds()
	out := slices.Clone(all)
	for _, p := range all {
		p.Copy = true
		p.Time += shift
		out = append(out, p)
	}
	return out
}

// oneDirection lacks what one of the ends has sent.
func oneDirection(r *rand.Rand, all []Packet) []Packet {
	if len(all) == 0 {
		return nil
	}
	src := all[0].Src
	if r.IntN(2) == 0 {
		src = all[0].Dst
	}
	return slices.DeleteFunc(all, func(p Packet) bool { return p.Src != src })
}
