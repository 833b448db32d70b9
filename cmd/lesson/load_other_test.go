//go:build !linux

package main

// load needs Linux, as what it tests does.
func load() {}
