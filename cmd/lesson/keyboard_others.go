//go:build !linux

package main

import "errors"

func cbreak(int) error { return errors.ErrUnsupported }
