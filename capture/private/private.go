// Package private runs this program a second time as a supervised child: in a
// user and network namespace of its own, where an ordinary user may capture on
// a loopback interface that nobody else uses, or on the host as it is.
//
// The parent does nothing but wait, so that it is there to put the terminal
// back whatever becomes of the child. The child ends with the parent.
package private

import "os"

// Options say how the second run goes.
type Options struct {
	// Args are the command line without the program's name, the same for the
	// child as for this process. Hints repeat them.
	Args []string
	// Host leaves the child where this process is. It is supervised, no more.
	Host bool
	// Processes gives a child that is not on the Host its own processes too:
	// it is the first of them, and when it ends, however that may be, the
	// kernel ends all that it has started and all that those have started.
	Processes bool
	// Stdin, Stdout and Stderr are the child's; nil means this process's own.
	Stdin, Stdout, Stderr *os.File
	// Started, unless nil, is called once the child runs: the parent needs no
	// privilege from then on. Its error ends the child.
	Started func() error
}
