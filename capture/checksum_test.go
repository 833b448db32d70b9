package capture_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"lesson/capture"
	"lesson/capture/capturetest"
)

// setSum puts v into the checksum field of a bare packet.
func setSum(ip []byte, v uint16) []byte {
	b := slices.Clone(ip)
	at := 20
	if b[0]>>4 == 6 {
		at = 40
	}
	binary.BigEndian.PutUint16(b[at+16:], v)
	return b
}

func sumOf(ip []byte) uint16 {
	if ip[0]>>4 == 6 {
		return binary.BigEndian.Uint16(ip[56:])
	}
	return binary.BigEndian.Uint16(ip[36:])
}

// pseudo is the ones' complement sum of the pseudo-header, the slow way.
func pseudo(ip []byte, withLength bool) uint16 {
	addresses, length := ip[12:20], len(ip)-20
	if ip[0]>>4 == 6 {
		addresses, length = ip[8:40], len(ip)-40
	}
	sum := uint32(6)
	if withLength {
		sum += uint32(length)
	}
	for i := 0; i < len(addresses); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(addresses[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

const talk = `
client S <mss 1460>
server S.
client .
client P. 1:26(25)
server .
client P. 26:2000(1974)
server .
client F.
server F.
client .
`

// TestChecksums holds when a checksum is called wrong.
func TestChecksums(t *testing.T) {
	for name, n := range map[string]capturetest.Net{"v4": raw4, "v6": raw6} {
		_, right := packets(t, n, talk)
		spoil := func(ip []byte) []byte { return setSum(ip, sumOf(ip)^0x5a5a) }
		each := func(f func([]byte) []byte) (out [][]byte) {
			for _, p := range right {
				out = append(out, f(p))
			}
			return out
		}
		one := func(i int, f func([]byte) []byte) [][]byte {
			out := slices.Clone(right)
			out[i] = f(out[i])
			return out
		}
		for _, c := range []struct {
			name   string
			frames [][]byte
			bad    []int
		}{
			{"all right", right, nil},
			{"all wrong", each(spoil), nil},
			{"all empty", each(func(p []byte) []byte { return setSum(p, 0) }), nil},
			{"all partial", each(func(p []byte) []byte { return setSum(p, pseudo(p, true)) }), nil},
			{"all partial, without length", each(func(p []byte) []byte { return setSum(p, pseudo(p, false)) }), nil},
			{"the FIN wrong", one(7, spoil), []int{8}},
			{"data wrong", one(5, spoil), []int{6}},
			{"an odd bit", one(5, func(p []byte) []byte {
				p = slices.Clone(p)
				p[len(p)-1] ^= 1
				return p
			}), []int{6}},
			{"the first of all wrong", one(0, spoil), nil},
			{"cut, so not looked at", one(7, func(p []byte) []byte { return spoil(p)[:len(p)-1] }), nil},
		} {
			wire := make([]int, len(right))
			for i := range wire {
				wire[i] = len(right[i])
			}
			got, _ := read(t, capture.LinkRaw, c.frames, wire...)
			var bad []int
			for _, g := range got {
				if g.BadChecksum {
					bad = append(bad, g.Number)
				}
			}
			if !slices.Equal(bad, c.bad) || len(got) != len(right) {
				t.Errorf("%s, %s: wrong are %v, not %v", name, c.name, bad, c.bad)
			}
		}
	}
}
