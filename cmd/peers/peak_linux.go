package main

import (
	"os"
	"syscall"
)

// peakOf is the most memory that a program which has ended had resident, in MB.
func peakOf(p *os.ProcessState) float64 {
	if r, ok := p.SysUsage().(*syscall.Rusage); ok {
		return float64(r.Maxrss) * 1024 / 1e6
	}
	return 0
}
