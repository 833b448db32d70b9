//go:build !linux

package main

import (
	"errors"
	"os"
)

func cbreak(int) error { return errors.ErrUnsupported }

func whenContinued(chan<- os.Signal) {}
