package capture

import (
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// whole is the length of a frame that is not cut.
const whole = 1 << 30

// segmentFilter is the program that the kernel runs on each frame: TCP from or
// to one of the ports (none: any), over IPv4 without fragments or over IPv6,
// where TCP may stand behind the hop-by-hop header of a jumbogram; the first
// snap bytes are taken. On a loopback interface each frame is seen twice,
// leaving and arriving; the leaving one is skipped.
//
// Offsets count from the network header, so that the same program fits every
// kind of link.
func segmentFilter(ports []uint16, snap uint32) (*unix.SockFprog, error) {
	const net = 0xfff00000             // SKF_NET_OFF
	const ip, ipv6, choose = 4, 13, 20 // where jumps lead
	drop := choose + 2 + 2*len(ports)
	if len(ports) == 0 {
		drop = choose + 1
	}
	to := func(target, from int) uint8 { return uint8(target - from - 1) }
	program := []bpf.Instruction{
		0: bpf.LoadExtension{Num: bpf.ExtType},
		1: bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.PACKET_OUTGOING, SkipTrue: to(ip, 1)},
		2: bpf.LoadExtension{Num: bpf.ExtLinkLayerType},
		3: bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ARPHRD_LOOPBACK, SkipTrue: to(drop, 3)},

		ip: bpf.LoadExtension{Num: bpf.ExtProto},
		5:  bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ETH_P_IPV6, SkipTrue: to(ipv6, 5)},
		6:  bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.ETH_P_IP, SkipTrue: to(drop, 6)},

		7:  bpf.LoadAbsolute{Off: net + 9, Size: 1},
		8:  bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protoTCP, SkipTrue: to(drop, 8)},
		9:  bpf.LoadAbsolute{Off: net + 6, Size: 2},
		10: bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x3fff, SkipTrue: to(drop, 10)}, // a fragment
		11: bpf.LoadMemShift{Off: net},                                             // X: where TCP begins
		12: bpf.Jump{Skip: choose - 13},

		ipv6: bpf.LoadConstant{Dst: bpf.RegX, Val: 40},
		14:   bpf.LoadAbsolute{Off: net + 6, Size: 1},
		15:   bpf.JumpIf{Cond: bpf.JumpEqual, Val: protoTCP, SkipTrue: to(choose, 15)},
		16:   bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protoHopByHop, SkipTrue: to(drop, 16)},
		17:   bpf.LoadConstant{Dst: bpf.RegX, Val: 48},
		18:   bpf.LoadAbsolute{Off: net + 40, Size: 2}, // the next header, and no length beyond 8
		19:   bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protoTCP << 8, SkipTrue: to(drop, 19)},
	}
	if len(ports) > 0 {
		for side := range uint32(2) { // from, and to
			program = append(program, bpf.LoadIndirect{Off: net + 2*side, Size: 2})
			for _, p := range ports {
				program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(p), SkipTrue: to(drop+1, len(program))})
			}
		}
	} else {
		program = append(program, bpf.Jump{Skip: 1})
	}
	program = append(program, bpf.RetConstant{Val: 0}, bpf.RetConstant{Val: snap})
	raw, err := bpf.Assemble(program)
	if err != nil {
		return nil, err
	}
	code := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		code[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return &unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}, nil
}
