package private

import (
	"os"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// modes are how a terminal was found: whether it echoes, whether it collects
// lines. Nil is no terminal.
type modes struct {
	file  *os.File
	state *term.State
}

// terminalModes reads the modes of the terminal that keys come from: stdin, or
// else the one this process was started on.
func terminalModes(stdin *os.File) *modes {
	file := stdin
	if !term.IsTerminal(int(file.Fd())) {
		var err error
		if file, err = os.OpenFile("/dev/tty", os.O_RDWR, 0); err != nil {
			return nil
		}
	}
	state, err := term.GetState(int(file.Fd()))
	if err != nil {
		return nil
	}
	return &modes{file, state}
}

// ours reports whether the terminal is this process's to change. Where another
// job has it, it does as that job likes.
func (m *modes) ours() bool {
	if m == nil {
		return false
	}
	group, err := unix.IoctlGetInt(int(m.file.Fd()), unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}

// restore puts the modes back.
func (m *modes) restore() {
	if m != nil {
		_ = term.Restore(int(m.file.Fd()), m.state) // a terminal that is gone needs nothing
	}
}

// reset undoes what a program leaves that was killed in the middle of a line:
// a colour, a hidden cursor, the line.
func (m *modes) reset() {
	_, _ = m.file.WriteString("\x1b[0m\x1b[?25h\r\n")
}
