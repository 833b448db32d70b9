//go:build !linux

package owners

// Finder finds nothing here.
type Finder struct{}

// Of finds nothing here.
func (*Finder) Of(uint32) (Process, bool) { return Process{}, false }

// Partly reports false.
func (*Finder) Partly() bool { return false }
