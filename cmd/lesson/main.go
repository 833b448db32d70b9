// Command lesson teaches TCP in a terminal: it lets a real client and a real
// server talk on this machine and draws what the kernel did.
//
// Flags in, exit code out, a hint on failure; one file a verb. What a lesson
// is about stands in the lessons, not here.
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"lesson/capture/owners"
	"lesson/capture/privilege"
	"lesson/lesson/lang"
)

func main() {
	if owners.IsHelper() {
		if err := privilege.KeepSight(); err != nil {
			fmt.Fprintln(os.Stderr, "lesson:", err)
			os.Exit(lang.ExitFailure)
		}
		owners.Serve()
		return
	}
	// Without this a closed pipe would kill the process before it has put the
	// terminal back; with it, the write returns EPIPE.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}

// app is one run of the command line: its streams, its environment and the
// language it speaks.
type app struct {
	args   []string
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	getenv func(string) string
	lang   lang.Lang
	color  colorMode
	verbs  []*cobra.Command // in the order help shows them
	told   checked          // what is written without looking at the error
}

// checked writes to stdout, and keeps the first error.
type checked struct {
	w   io.Writer
	err error
}

func (c *checked) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

// run is the whole program, for main and for tests: it returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) (code int) {
	a := &app{args: args, stdin: stdin, stdout: stdout, stderr: stderr, getenv: getenv}
	a.lang = languageOf(args, getenv)
	defer func() {
		// The catalogue panics when a lesson does not parse. Its author is to
		// read the line and what was expected there, not our stack.
		switch p := recover().(type) {
		case nil:
		case *lang.Problem:
			code = a.report(p)
		default:
			panic(p)
		}
	}()
	a.told.w = stdout
	err := a.root().Execute()
	if err == nil {
		err = a.told.err
	}
	return a.report(err)
}

// say is a sentence in both languages.
func say(en, zh string) lang.Text { return lang.Text{EN: en, ZH: zh} }

// in returns the sentence in the reader's language.
func (a *app) in(t lang.Text) string { return t.In(a.lang) }
