package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"
)

// pager is a terminal to write on. What is longer than the screen goes through
// the caller's pager, as git does it: $PAGER, or less with LESS=FRX.
type pager struct {
	out     io.Writer // the terminal
	lines   int       // that fit on it; 0: as many as come
	command string
	getenv  func(string) string

	held bytes.Buffer // what may yet fit on the screen
	seen int          // lines in it
	cmd  *exec.Cmd
	in   io.WriteCloser
}

// paged returns a pager on stdout, or stdout itself where there is nobody to
// turn pages.
func (a *app) paged(wanted bool) *pager {
	p := &pager{out: a.stdout, getenv: a.getenv}
	fd, ok := terminal(a.stdout)
	if !ok || !wanted || a.getenv("TERM") == "dumb" {
		return p
	}
	switch p.command = a.getenv("PAGER"); p.command {
	case "cat":
		return p
	case "":
		if _, err := exec.LookPath("less"); err != nil {
			return p
		}
		p.command = "less"
	}
	// A shell that does not find the pager would swallow what is written to it.
	if word, _, _ := strings.Cut(p.command, " "); !strings.ContainsAny(word, "=$\"'") {
		if _, err := exec.LookPath(word); err != nil {
			return p
		}
	}
	if _, rows, err := term.GetSize(fd); err == nil {
		p.lines = rows
	}
	return p
}

// Write writes to the terminal, or to the pager once there is too much for a
// screen.
func (p *pager) Write(b []byte) (int, error) {
	switch {
	case p.in != nil:
		return p.in.Write(b)
	case p.lines == 0:
		return p.out.Write(b)
	}
	p.held.Write(b)
	if p.seen += bytes.Count(b, []byte{'\n'}); p.seen < p.lines {
		return len(b), nil
	}
	var to io.Writer = p.out
	if p.start() {
		to = p.in
	}
	p.lines = 0
	if _, err := p.held.WriteTo(to); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (p *pager) start() bool {
	cmd := exec.Command("sh", "-c", p.command)
	cmd.Env = os.Environ()
	for name, value := range map[string]string{"LESS": "FRX", "LV": "-c", "LESSCHARSET": "utf-8"} {
		if p.getenv(name) == "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Stdout, cmd.Stderr = p.out, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil || cmd.Start() != nil {
		return false
	}
	// Ctrl-C is a key of the pager's: we end when it does.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGQUIT)
	p.cmd, p.in = cmd, in
	return true
}

// close writes what is still held, and waits until the pager is left.
func (p *pager) close() error {
	if p.in == nil {
		_, err := p.held.WriteTo(p.out)
		return err
	}
	_ = p.in.Close()
	_ = p.cmd.Wait() // what a pager thinks of it is its own affair
	return nil
}
