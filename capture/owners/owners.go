// Package owners finds the process that holds a socket, as ss -p does: by the
// socket's inode among the open files of every process.
package owners

// Process is a running program.
type Process struct {
	PID  int
	Name string // its own name for itself; it may hold anything
	fd   string // where it holds the socket
}

// Holders knows which process holds a socket: a Finder, or a Helper.
type Holders interface {
	// Of returns the process that holds the socket with an inode. Of several,
	// as after a fork, it is the one with the lowest number.
	Of(inode uint32) (Process, bool)
	// Partly reports whether the last look was not allowed to see all processes.
	Partly() bool
	// Close ends the Helper, if it is one.
	Close() error
}
