package private

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// machine is what a refusal is explained from.
type machine struct {
	files    fs.FS // the root directory
	filtered bool  // a seccomp filter forbids making namespaces
	root     bool
	program  string // as it was typed
	path     string // the executable
	args     []string
}

func thisMachine(args []string) machine {
	exe, _ := os.Executable()
	return machine{
		files:   os.DirFS("/"),
		root:    os.Geteuid() == 0,
		program: os.Args[0],
		path:    exe,
		args:    args,
	}
}

// filtered asks for what the kernel itself never refuses with EPERM: a process
// of several threads, as every Go process is, cannot change its user namespace
// and gets EINVAL, unless a filter in front of the kernel answers first.
func filtered() bool {
	err := unix.Unshare(unix.CLONE_NEWUSER)
	return err != nil && !errors.Is(err, unix.EINVAL)
}

// says reports whether a file of /proc or /sys begins with want.
func (m machine) says(name, want string) bool {
	b, err := fs.ReadFile(m.files, name)
	return err == nil && strings.HasPrefix(string(b), want)
}

func (m machine) has(name string) bool {
	_, err := fs.Stat(m.files, name)
	return err == nil
}

func (m machine) sudo() string {
	if m.root {
		return ""
	}
	return "sudo "
}

// chrooted reports whether this process cannot see where its root directory
// is mounted.
func (m machine) chrooted() bool {
	b, err := fs.ReadFile(m.files, "proc/self/mountinfo")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 4 && f[4] == "/" {
			return false
		}
	}
	return true
}

// command is the command line as root has to type it, without --private and
// --host, and with the flag given, if any. Root searches other directories.
func (m machine) command(flag string) string {
	program := m.program
	if !strings.Contains(program, "/") {
		switch path.Dir(m.path) {
		case "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin":
		default:
			program = m.path
		}
	}
	return m.as(program, flag)
}

func (m machine) as(program, flag string) string {
	words := []string{quote(program)}
	own, command := m.args, []string(nil)
	if i := slices.Index(m.args, "--"); i >= 0 {
		own, command = m.args[:i], m.args[i:]
	}
	for _, a := range own {
		if a != "--private" && a != "--host" {
			words = append(words, quote(a))
		}
	}
	if flag != "" {
		words = append(words, flag)
	}
	for _, a := range command {
		words = append(words, quote(a))
	}
	return strings.Join(words, " ")
}

// quote writes a word so that a shell reads it as it is.
func quote(word string) string {
	plain := func(r rune) bool {
		return strings.ContainsRune("%+,-./:=@_", r) || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r > 127
	}
	if word != "" && strings.TrimLeftFunc(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
