package capture

import (
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// segmentFilter is the program that the kernel runs on each frame: TCP from or
// to port, over IPv4 without fragments or over IPv6, where TCP may stand
// behind the hop-by-hop header of a jumbogram. On a loopback interface each
// frame is seen twice, leaving and arriving; once skips the leaving one.
//
// Offsets count from the network header, so that the same program fits every
// kind of link.
func segmentFilter(port uint16, once bool) (*unix.SockFprog, error) {
	const net = 0xfff00000 // SKF_NET_OFF
	skip := uint32(0xff)   // no packet type
	if once {
		skip = unix.PACKET_OUTGOING
	}
	const ipv6, ports, take, drop = 11, 18, 22, 23 // where jumps lead
	raw, err := bpf.Assemble([]bpf.Instruction{
		0: bpf.LoadExtension{Num: bpf.ExtType},
		1: bpf.JumpIf{Cond: bpf.JumpEqual, Val: skip, SkipTrue: drop - 2},
		2: bpf.LoadExtension{Num: bpf.ExtProto},
		3: bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ETH_P_IPV6, SkipTrue: ipv6 - 4},
		4: bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.ETH_P_IP, SkipTrue: drop - 5},

		5:  bpf.LoadAbsolute{Off: net + 9, Size: 1},
		6:  bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protoTCP, SkipTrue: drop - 7},
		7:  bpf.LoadAbsolute{Off: net + 6, Size: 2},
		8:  bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x3fff, SkipTrue: drop - 9}, // a fragment
		9:  bpf.LoadMemShift{Off: net},                                         // X: where TCP begins
		10: bpf.Jump{Skip: ports - 11},

		ipv6: bpf.LoadConstant{Dst: bpf.RegX, Val: 40},
		12:   bpf.LoadAbsolute{Off: net + 6, Size: 1},
		13:   bpf.JumpIf{Cond: bpf.JumpEqual, Val: protoTCP, SkipTrue: ports - 14},
		14:   bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protoHopByHop, SkipTrue: drop - 15},
		15:   bpf.LoadConstant{Dst: bpf.RegX, Val: 48},
		16:   bpf.LoadAbsolute{Off: net + 40, Size: 2}, // the next header, and no length beyond 8
		17:   bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protoTCP << 8, SkipTrue: drop - 18},

		ports: bpf.LoadIndirect{Off: net, Size: 2},
		19:    bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(port), SkipTrue: take - 20},
		20:    bpf.LoadIndirect{Off: net + 2, Size: 2},
		21:    bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(port), SkipTrue: drop - 22},

		take: bpf.RetConstant{Val: 1 << 30}, // whole
		drop: bpf.RetConstant{Val: 0},
	})
	if err != nil {
		return nil, err
	}
	code := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		code[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return &unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}, nil
}
