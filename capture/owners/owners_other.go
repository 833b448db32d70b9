//go:build !linux

package owners

import "errors"

// Finder finds nothing here.
type Finder struct{}

// Of finds nothing here.
func (*Finder) Of(uint32) (Process, bool) { return Process{}, false }

// Partly reports false.
func (*Finder) Partly() bool { return false }

// Close does nothing.
func (*Finder) Close() error { return nil }

// Start fails: there is nothing to find.
func Start() (Holders, error) { return nil, errors.ErrUnsupported }

// IsHelper reports false.
func IsHelper() bool { return false }

// Serve does nothing.
func Serve() {}
