package tcp_test

import (
	"testing"
	"testing/quick"

	"lesson/lesson/tcp"
)

// The properties of RFC 9293 §3.4 hold wherever the numbers wrap.
func TestSeqProperties(t *testing.T) {
	const half = 1<<31 - 1
	for name, property := range map[string]any{
		"what is added can be taken away": func(s tcp.Seq, n uint32) bool { return s.Add(n).Sub(s) == n },
		"a later number is not less":      func(s tcp.Seq, n uint32) bool { n &= half; return !s.Add(n).Less(s) && s.LessEq(s.Add(n)) },
		"less is strict":                  func(s tcp.Seq, n uint32) bool { n = n&half | 1; return s.Less(s.Add(n)) && !s.Add(n).LessEq(s) },
		"a window starts with its edge":   func(s tcp.Seq, n uint32) bool { return s.In(s, n|1) && !s.In(s, 0) },
		"a window holds what is in it":    func(s tcp.Seq, n, i uint32) bool { n |= 1; return s.Add(i%n).In(s, n) && !s.Add(n).In(s, n) },
		"moving all moves nothing": func(a, b tcp.Seq, n uint32) bool {
			return a.Less(b) == a.Add(n).Less(b.Add(n)) && a.In(b, 99) == a.Add(n).In(b.Add(n), 99)
		},
	} {
		if err := quick.Check(property, &quick.Config{MaxCount: 20000}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !tcp.Seq(0xffffffff).Less(0) || tcp.Seq(0).Less(0xffffffff) {
		t.Error("0xffffffff comes just before 0")
	}
}
