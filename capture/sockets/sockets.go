// Package sockets asks the kernel what it thinks of a connection: the state of
// one end's socket and the timer that runs in it (NETLINK_SOCK_DIAG, the
// interface behind ss(8)). It needs no privilege.
package sockets

import (
	"net/netip"
	"time"

	"lesson/lesson/tcp"
)

// Socket is what the kernel says of one end of a connection.
type Socket struct {
	// State is never Unknown. It is CLOSED where no socket has the asked
	// addresses, and LISTEN where only the server's listener would answer.
	State tcp.State
	// Timer names what the kernel is waiting to do: "retransmit",
	// "keepalive", "timewait" (the end of 2MSL, or of an abandoned
	// FIN_WAIT2), "probe" (of a zero window), or "" for nothing.
	Timer string
	// Remaining is the time until Timer fires, to the millisecond.
	Remaining time.Duration
}

// Listed is one socket of the machine, as List tells it.
type Listed struct {
	Socket
	Local, Remote netip.AddrPort // Remote is unspecified for a listener
	// Inode names the socket in /proc/PID/fd; 0 where no program holds it:
	// not accepted yet, or closed already.
	Inode uint32
	// Quiet is how long ago the peer last acknowledged anything, to the
	// millisecond: in CLOSE_WAIT its FIN came then, or earlier.
	Quiet time.Duration
}
