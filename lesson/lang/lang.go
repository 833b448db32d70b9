// Package lang holds the two languages the program speaks: a sentence in both,
// the choice between them, and the problems that are told to a person.
package lang

import (
	"errors"
	"strings"
)

// Lang is one of the two languages.
type Lang uint8

// The languages. English is the zero value.
const (
	English Lang = iota
	Chinese
)

// String returns the language's code as --lang takes it: "en" or "zh".
func (l Lang) String() string {
	if l == Chinese {
		return "zh"
	}
	return "en"
}

// Parse reads a language code or a POSIX locale ("zh", "zh_CN.UTF-8", "en",
// "C"); ok is false when it names neither language.
func Parse(s string) (l Lang, ok bool) {
	s, _, _ = strings.Cut(s, ".")
	s, _, _ = strings.Cut(s, "@")
	s = strings.ToLower(strings.ReplaceAll(s, "-", "_"))
	switch base, _, _ := strings.Cut(s, "_"); base {
	case "zh":
		return Chinese, true
	case "en", "c", "posix":
		return English, true
	}
	return English, false
}

// FromEnv chooses the language a process's locale asks for, in POSIX's order
// (LC_ALL, LC_MESSAGES, LANG); English where it asks for neither.
func FromEnv(getenv func(string) string) Lang {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := getenv(name); v != "" {
			l, _ := Parse(v)
			return l
		}
	}
	return English
}

// Text is one sentence in both languages.
type Text struct{ EN, ZH string }

// In returns the sentence in the language l.
func (t Text) In(l Lang) string {
	if l == Chinese {
		return t.ZH
	}
	return t.EN
}

// IsZero reports whether there is no sentence at all.
func (t Text) IsZero() bool { return t == Text{} }

// Problem is an error meant for a person: what is wrong, in both languages,
// and the way out. Error() is its English form; the command line prints What
// and then Hint in the reader's language.
type Problem struct {
	What Text  // one sentence, lower case, no full stop
	Hint Text  // what to do about it: an exact command or flag; may be empty
	Code int   // exit code; 0 leaves the choice to the command line
	Err  error // the cause, may be nil
}

func (p *Problem) Error() string {
	if p.Err != nil {
		return p.What.EN + ": " + p.Err.Error()
	}
	return p.What.EN
}

func (p *Problem) Unwrap() error { return p.Err }

// Exit codes of the command line; documented in its help.
const (
	ExitFailure = 1 // something went wrong: a damaged file, a port in use
	ExitUsage   = 2 // an unknown lesson, verb or flag
	ExitRefused = 3 // this needs a capture, which the machine does not allow; the hint says what helps
	ExitDiffers = 4 // the lesson ran, but the kernel did not do what it promises
	ExitSignal  = 130
)

// AsProblem finds the Problem in err's chain.
func AsProblem(err error) (*Problem, bool) {
	var p *Problem
	ok := errors.As(err, &p)
	return p, ok
}
