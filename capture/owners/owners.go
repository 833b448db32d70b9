// Package owners finds the process that holds a socket, as ss -p does: by the
// socket's inode among the open files of every process.
package owners

// Process is a running program.
type Process struct {
	PID  int
	Name string // its own name for itself; it may hold anything
	fd   string // where it holds the socket
}
