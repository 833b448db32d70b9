//go:build !linux

package trial

import (
	"errors"
	"os"
	"syscall"

	"lesson/lesson/tcp"
)

// program is never started where there are no hosts to run it on.
type program struct {
	printed lines
	state   *os.ProcessState
}

func startProgram(Options, tcp.End) (*program, error) {
	return nil, errors.ErrUnsupported
}

func (p *program) wait() *os.ProcessState { return nil }
func (p *program) readable() bool         { return false }
func (p *program) read() []byte           { return nil }
func (p *program) signal(syscall.Signal)  {}
func (p *program) close()                 {}
func endAll()                             {}
