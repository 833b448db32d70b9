//go:build !linux

package privilege

import "os/exec"

// AsCaller does nothing.
func AsCaller(*exec.Cmd) {}

// KeepSight does nothing.
func KeepSight() error { return nil }
