package main

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

//go:embed loop/flags.c
var loop []byte

// command is a program as it is started.
type command struct {
	name string
	args []string
	env  []string
}

// usage is what one run took.
type usage struct {
	seconds float64
	mega    float64 // peak resident memory, in MB
}

type bench struct {
	lesson, loop string
	rounds       int
}

// newBench compiles the loop over libpcap.
func newBench(lesson, dir string, rounds int) (*bench, error) {
	lesson, err := filepath.Abs(lesson)
	if err != nil {
		return nil, err
	}
	source, program := filepath.Join(dir, "flags.c"), filepath.Join(dir, "flags")
	if err := os.WriteFile(source, loop, 0o600); err != nil {
		return nil, err
	}
	if out, err := exec.Command("cc", "-O2", "-o", program, source, "-lpcap").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("cc: %w\n%s", err, out)
	}
	return &bench{lesson: lesson, loop: program, rounds: rounds}, nil
}

// run starts a program, lets it write to /dev/null, and waits.
func (b *bench) run(c command) (usage, error) {
	cmd := exec.Command(c.args[0], c.args[1:]...)
	cmd.Env = append(os.Environ(), c.env...)
	start := time.Now()
	err := cmd.Run()
	u := usage{seconds: time.Since(start).Seconds()}
	if err != nil {
		return u, fmt.Errorf("%v: %w", c.args, err)
	}
	u.mega = peakOf(cmd.ProcessState)
	return u, nil
}

// often is how many times in a round the programs run that take a few seconds
// at most: one run of these tells little on a machine that others use too.
const often = 7

// alternate runs every program in turn, round after round, and returns what
// each run took, by program and round. The first quick ones run in turn often.
func (b *bench) alternate(commands []command, quick int) ([][][]usage, error) {
	all := make([][][]usage, len(commands))
	for round := range b.rounds {
		for i := range commands {
			all[i] = append(all[i], nil)
		}
		for n := range often {
			for i, c := range commands {
				if n > 0 && i >= quick {
					break
				}
				u, err := b.run(c)
				if err != nil {
					return nil, err
				}
				all[i][round] = append(all[i][round], u)
			}
		}
	}
	return all, nil
}

// median of some numbers.
func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// ratio is the median of how many times as long a took as b in the same round.
func ratio(a, b [][]usage) float64 {
	var v []float64
	for i := range min(len(a), len(b)) {
		v = append(v, seconds(a[i:i+1])/seconds(b[i:i+1]))
	}
	return median(v)
}

func seconds(rounds [][]usage) float64 {
	var v []float64
	for _, u := range slices.Concat(rounds...) {
		v = append(v, u.seconds)
	}
	return median(v)
}

// peak is the most memory any run took.
func peak(rounds [][]usage) (most float64) {
	for _, u := range slices.Concat(rounds...) {
		most = max(most, u.mega)
	}
	return most
}
