package main

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// terminal returns the file descriptor of a stream that is a terminal.
func terminal(stream any) (fd int, ok bool) {
	if c, ok := stream.(*checked); ok {
		stream = c.w
	}
	f, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	return int(f.Fd()), true
}

// Widths a ladder can be drawn in, in columns.
const (
	narrowest = 40
	widest    = 200
	usual     = 80
)

// size is how many columns and rows a stream has. Columns are its terminal's,
// else COLUMNS, else 80; rows are 0 where there is no terminal.
func (a *app) size(stream any) (columns, rows int) {
	if fd, ok := terminal(stream); ok {
		columns, rows, _ = term.GetSize(fd)
	}
	if columns <= 0 {
		columns, _ = strconv.Atoi(a.getenv("COLUMNS"))
	}
	if columns <= 0 {
		columns = usual
	}
	return columns, rows
}

// width is how many columns of a stream to write on.
func (a *app) width(stream any) int {
	columns, _ := a.size(stream)
	return min(max(columns, narrowest), widest)
}

// colorMode is the value of --color.
type colorMode string

const (
	colorAuto   colorMode = "auto"
	colorAlways colorMode = "always"
	colorNever  colorMode = "never"
)

func (m *colorMode) String() string { return string(*m) }
func (m *colorMode) Type() string   { return "auto|always|never" }

func (m *colorMode) Set(s string) error {
	switch c := colorMode(s); c {
	case colorAuto, colorAlways, colorNever:
		*m = c
		return nil
	}
	return usage(sayf("--color does not know %s", "--color 不认识 %s", shown(s)),
		say("--color auto, --color always or --color never", "--color auto、--color always 或 --color never"))
}

// colored decides whether to use colour on a stream (https://no-color.org).
func (a *app) colored(stream any) bool {
	switch a.color {
	case colorAlways:
		return true
	case colorNever:
		return false
	}
	_, tty := terminal(stream)
	return tty && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"
}

// ascii reports whether the locale says in so many words that its characters
// are not Unicode's; where there is no locale, most terminals know them.
func (a *app) ascii() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := strings.ToLower(a.getenv(name)); locale != "" {
			return !strings.Contains(locale, "utf-8") && !strings.Contains(locale, "utf8")
		}
	}
	return false
}
