package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// untilWritten waits until there is something to read, or whoever had opened the
// other end has closed it.
func untilWritten(f *os.File) {
	for {
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLIN}}, -1); !errors.Is(err, unix.EINTR) {
			return
		}
	}
}
