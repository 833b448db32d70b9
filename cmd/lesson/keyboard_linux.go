package main

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// cbreak makes a terminal hand keys over one by one, unechoed.
func cbreak(fd int) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Lflag &^= unix.ICANON | unix.ECHO
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

// whenContinued tells when the program goes on after having been stopped.
func whenContinued(c chan<- os.Signal) { signal.Notify(c, unix.SIGCONT) }
