package trial

import (
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	tests := []struct {
		name    string
		printed []string
		now     string // the lines that are whole
		rest    string // and what is left
	}{
		{"one line", []string{"hello\r\n"}, "hello", ""},
		{"in pieces", []string{"he", "llo", "\r\nwor", "ld"}, "hello", "world"},
		{"a prompt", []string{"name? "}, "", "name? "},
		{"written over", []string{"10%\r50%\r100%\r\n"}, "100%", ""},
		{"empty lines", []string{"\n\r\n"}, "|", ""},
		{"nothing", nil, "", ""},
		{"without end", []string{strings.Repeat("x", longest+3)}, strings.Repeat("x", longest), "xxx"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var l lines
			for _, s := range tt.printed {
				l.add([]byte(s))
			}
			take := func(all bool) string {
				var out []string
				for _, s := range l.take(all) {
					out = append(out, s.EN)
				}
				return strings.Join(out, "|")
			}
			if got := take(false); got != tt.now {
				t.Errorf("lines %q, want %q", got, tt.now)
			}
			if got := take(true); got != tt.rest {
				t.Errorf("the rest is %q, want %q", got, tt.rest)
			}
			if got := take(true); got != "" {
				t.Errorf("and %q again", got)
			}
		})
	}
}

func TestManyLines(t *testing.T) {
	var l lines
	l.add([]byte(strings.Repeat("y\n", most+1)))
	if a, b := len(l.take(true)), len(l.take(true)); a != most || b != 1 {
		t.Errorf("%d and %d lines at a time", a, b)
	}
}
