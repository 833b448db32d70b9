package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// pidfd is a descriptor that becomes readable when the process ends.
func pidfd(pid int) (int, error) { return unix.PidfdOpen(pid, 0) }

// readable waits for a descriptor.
func readable(fd int, atMost time.Duration) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(p, int(atMost.Milliseconds()))
		if err != unix.EINTR {
			return n == 1
		}
	}
}
