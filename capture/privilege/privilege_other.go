//go:build !linux

package privilege

import "os"

// GiveUp does nothing: nothing here runs with privileges outside Linux.
func GiveUp() error { return nil }

// Shield does nothing: no trial runs outside Linux.
func Shield() error { return nil }

// Create is os.Create.
func Create(name string) (*os.File, error) { return os.Create(name) }
