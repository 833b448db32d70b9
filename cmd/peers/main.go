// Command peers measures lesson against the programs that people use today,
// side by side on captures made from a seed: docs/performance.md. It alternates
// the programs, so that a machine that slows down slows all of them down, and
// reports the median of the ratios within a round.
//
// `make bench-peers` installs the programs and runs it.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"lesson/capture/capturetest/traffic"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run() error {
	lesson := flag.String("lesson", "bin/lesson", "the program to measure")
	rounds := flag.Int("rounds", 3, "how often each program runs")
	seed := flag.Uint64("seed", 1, "what the captures are made from")
	packets := flag.Int("packets", 1_000_000, "packets in the capture")
	out := flag.String("write", "", "only write the capture, to this file")
	flood := flag.Bool("flood", false, "with -write: SYNs alone")
	flag.Parse()
	if *out != "" {
		return write(*out, *seed, *packets, *flood)
	}
	dir, err := os.MkdirTemp("", "peers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := newBench(*lesson, dir, *rounds)
	if err != nil {
		return err
	}
	// A child makes the captures: this process's peak memory would count as
	// that of every program it starts.
	self, err := os.Executable()
	if err != nil {
		return err
	}
	capture := func(name string, n int, more ...string) (string, error) {
		file := filepath.Join(dir, name)
		args := append([]string{"-write", file, "-seed", fmt.Sprint(*seed), "-packets", fmt.Sprint(n)}, more...)
		_, err := b.run(command{args: append([]string{self}, args...)})
		return file, err
	}
	one, err1 := capture("one.pcap", *packets)
	four, err4 := capture("four.pcap", 4**packets)
	flooded, errF := capture("flood.pcap", *packets, "-flood")
	if err := errors.Join(err1, err4, errF); err != nil {
		return err
	}
	return b.report(one, four, flooded)
}

// write makes one capture, with a tenth as many connections as packets.
func write(name string, seed uint64, packets int, flood bool) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	o := traffic.Options{Seed: seed, Packets: packets, Connections: packets / 10, Flood: flood}
	if flood {
		o.Connections = packets
	}
	return errors.Join(traffic.Write(w, o), w.Flush(), f.Close())
}
