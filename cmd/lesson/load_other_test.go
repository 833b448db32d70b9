//go:build !linux

package main

import "github.com/rogpeppe/go-internal/testscript"

// These need Linux, as what they test does.
func load()                                       {}
func leak()                                       {}
func dead(*testscript.TestScript, bool, []string) {}
