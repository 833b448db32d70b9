//go:build !linux

package sockets

import (
	"errors"
	"net/netip"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// Diag is an open line to the kernel's socket table.
type Diag struct{}

// Open fails: only Linux can be asked this way. The error is a *lang.Problem.
func Open() (*Diag, error) {
	return nil, &lang.Problem{
		What: lang.Text{
			EN: "only Linux can be asked for the states of sockets",
			ZH: "只有 Linux 才能查询套接字的状态",
		},
		Err: errors.ErrUnsupported,
	}
}

// Ask always fails.
func (*Diag) Ask(local, remote netip.AddrPort) (Socket, error) {
	return Socket{}, errors.ErrUnsupported
}

// List always fails.
func (*Diag) List(...tcp.State) ([]Listed, error) { return nil, errors.ErrUnsupported }

// Find always fails.
func (*Diag) Find(local, remote netip.AddrPort) (Listed, bool, error) {
	return Listed{}, false, errors.ErrUnsupported
}

// Close does nothing.
func (*Diag) Close() error { return nil }
