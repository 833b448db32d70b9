package main

import (
	"strings"

	"lesson/lesson/lang"
)

// languageOf finds the language before flags are read, so that help and
// mistakes in flags are worded in it: the last --lang, or the locale.
func languageOf(args []string, getenv func(string) string) lang.Lang {
	l := lang.FromEnv(getenv)
	for i, arg := range args {
		value, given := strings.CutPrefix(arg, "--lang=")
		if arg == "--lang" && i+1 < len(args) {
			value, given = args[i+1], true
		}
		if arg == "--" {
			break
		}
		if x, ok := lang.Parse(value); given && ok {
			l = x
		}
	}
	return l
}

// languageFlag is the value of --lang.
type languageFlag struct{ l *lang.Lang }

func (f languageFlag) String() string {
	if f.l == nil {
		return ""
	}
	return f.l.String()
}

func (f languageFlag) Type() string { return "en|zh" }

func (f languageFlag) Set(s string) error {
	l, ok := lang.Parse(s)
	if !ok {
		return usage(sayf("--lang does not know %s", "--lang 不认识 %s", shown(s)),
			say("--lang en or --lang zh", "--lang en 或 --lang zh"))
	}
	*f.l = l
	return nil
}
