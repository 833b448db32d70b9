//go:build !linux

package main

// These need Linux, as what they test does.
func load() {}
func leak() {}
