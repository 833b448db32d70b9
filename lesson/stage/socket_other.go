//go:build !linux

package stage

import (
	"errors"
	"net/netip"
)

// Lessons are played on Linux: their promises are about its kernel, and so are
// the means to see what it does. Elsewhere no socket opens, and nothing below
// is reached but open.
type socket int

const none socket = -1

type address = netip.AddrPort

const most = 1024

var errElsewhere = errors.New("live lessons need Linux")

func open(address, bool) (socket, error)      { return none, errElsewhere }
func (socket) bound() (address, error)        { return address{}, errElsewhere }
func (socket) listen() error                  { return errElsewhere }
func (socket) accept(address) (socket, error) { return none, errElsewhere }
func (socket) connect(address, signal) error  { return errElsewhere }
func (socket) send([]byte) (int, error)       { return 0, errElsewhere }
func (socket) recv() (int, error)             { return 0, errElsewhere }
func (socket) unread() int                    { return 0 }
func (socket) shutdownWrite() error           { return errElsewhere }
func (socket) shutdownBoth() error            { return errElsewhere }
func (socket) close() error                   { return nil }
func (socket) abort() error                   { return nil }
func (socket) wake()                          {}

type signal int

func newSignal() (signal, error) { return 0, errElsewhere }
func (signal) send()             {}
func (signal) close()            {}

func errno(err error) string { return err.Error() }

var (
	errInUse       = errors.New("address in use")
	errNoRight     = errors.New("permission denied")
	errNoAddress   = errors.New("address not available")
	errNoFamily    = errors.New("no such address family")
	errUnreachable = errors.New("unreachable")
	errReset       = errors.New("reset")
	errRefused     = errors.New("refused")
	errPipe        = errors.New("broken pipe")
	errTimedOut    = errors.New("timed out")
)
