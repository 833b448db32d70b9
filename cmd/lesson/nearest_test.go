package main

import "testing"

func TestNearest(t *testing.T) {
	verbs := []string{"handshake", "teardown", "explain", "states", "list", "help", "三次握手"}
	for word, want := range map[string]string{
		"hanshake": "handshake", "HANDSHAKE": "handshake", "handshaek": "handshake",
		"hand": "handshake", "tear": "teardown", "explian": "explain", "state": "states",
		"lst": "list", "三次握": "三次握手", "xyzzy": "", "": "", "h": "",
	} {
		if got := nearest(word, verbs); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1}} {
		if got := distance([]rune(c.a), []rune(c.b)); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance([]rune(c.b), []rune(c.a)); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}
