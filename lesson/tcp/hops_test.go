package tcp

import (
	"strings"
	"testing"
)

// Each word is a segment of one end: what it is (nothing for an ACK), and its hop
// limit; ! stands where it differs from the end's others.
func TestHopLimits(t *testing.T) {
	flags := map[byte]Flags{'S': SYN, 'F': FIN | ACK, 'R': RST, 'A': SYN | ACK, 'C': ACK}
	for name, text := range map[string]string{
		"all alike":                      "S64 64 64 F64 R64",
		"a forged RST":                   "A64 64 R50! 64 64 F64",
		"three of them":                  "A64 64 R50! R49! R50! 64 64",
		"a firewall beside the server":   "A64 64 R63!",
		"a forged FIN":                   "A64 64 F50! 64 R64",
		"forged data":                    "A64 64 50! 64 64 64",
		"the first is a RST":             "R50 A64 64 R50!",
		"a route that changes a little":  "A57 57 56 57 56 55 F55 R55",
		"another route":                  "A57 57 50! 50! 50 50 F50 R50 57 R57",
		"two routes":                     "A57 57 50! 57 50! 57 50 57 50 57 F50",
		"a SYN proxy":                    "A255 64! 64! 64 64 64",
		"a copy behind a router":         "A64 C63 64 C63 R64 C63",
		"not known":                      "A64 0 R0 64",
		"a reset of another initial one": "S128 128 R255!",
	} {
		var h HopLimits
		for i, word := range strings.Fields(text) {
			s := Captured{Segment: Segment{Flags: ACK}}
			step := Step{From: Client}
			if f, ok := flags[word[0]]; ok {
				if s.Flags = f; word[0] == 'C' {
					step.Findings = Copy
				}
				word = word[1:]
			}
			word, differs := strings.CutSuffix(word, "!")
			for _, digit := range word {
				s.Hops = s.Hops*10 + uint8(digit-'0')
			}
			usual := h.Mark(&s, &step)
			if got := step.Findings.Has(HopLimitDiffers); got != differs || got != (usual != 0) || got && usual == s.Hops {
				t.Errorf("%s: segment %d, %s: differs %v, from %d", name, i+1, word, got, usual)
			}
		}
		if h[Server] != (hopLimits{}) {
			t.Errorf("%s: one end's hop limits are taken for the other's", name)
		}
	}
}
