package main

import (
	"io"
	"testing"
)

// chunks are what a terminal sends at once, each for one Read.
type chunks []string

func (c *chunks) Read(b []byte) (int, error) {
	if len(*c) == 0 {
		return 0, io.EOF
	}
	n := copy(b, (*c)[0])
	*c = (*c)[1:]
	return n, nil
}

// Arrows, function keys, Insert and Alt with a letter decide nothing.
func TestOnlyKeys(t *testing.T) {
	for _, tt := range []struct {
		sent chunks
		want string
	}{
		{chunks{"ab ", "q"}, "ab q"},
		{chunks{"\x1b[A", "\x1bOC", "n"}, "n"},
		{chunks{"\x1b[15~\x1b[2~\x1b[1;2Cd"}, "d"},
		{chunks{"\x1b[1;", "2Cd"}, "d"},
		{chunks{"\x1bd", "c"}, "c"},
		{chunks{"\x1b", "d"}, "d"},
		{chunks{"\x1b\x1b[2~r"}, "r"},
	} {
		sent := tt.sent
		k, typed, got := &keyboard{input: &sent}, make(chan byte), ""
		go k.read(typed)
		for key := range typed {
			got += string(key)
		}
		if got != tt.want {
			t.Errorf("%q are the keys %q, want %q", tt.sent, got, tt.want)
		}
	}
}
