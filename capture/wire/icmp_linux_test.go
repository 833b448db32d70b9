package wire

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"lesson/capture/capturetest"
	"lesson/lesson/tcp"
)

// icmpErrors are the errors of one version of ICMP: every code there is, and one
// beyond.
func icmpErrors(v6 bool) (all []tcp.ICMPError) {
	add := func(typ uint8, codes int) {
		for code := range codes {
			m := tcp.ICMPError{V6: v6, Type: typ, Code: uint8(code)}
			if m.TooBig() {
				m.MTU = 1400
			}
			all = append(all, m)
		}
	}
	if v6 {
		add(1, 10)
		add(2, 1)
		add(3, 2)
		add(4, 4)
		return all
	}
	add(3, 17)
	add(4, 1)
	add(11, 2)
	add(12, 3)
	return all
}

// icmpStates are the states in which an end is told of an error: each is played,
// and returns the end and what it has sent last.
var icmpStates = []struct {
	state tcp.State
	how   string
	play  func(v *walk) tcp.End
}{
	{tcp.SynSent, "", func(v *walk) tcp.End { v.connect(tcp.Client); return tcp.Client }},
	{tcp.SynRecv, "passive", func(v *walk) tcp.End {
		v.listen(tcp.Server)
		v.connect(tcp.Client)
		v.pass(0, "arrives")
		return tcp.Server
	}},
	{tcp.SynRecv, "active", func(v *walk) tcp.End {
		v.connect(tcp.Client)
		v.connect(tcp.Server)
		v.pass(0, "arrives")
		return tcp.Server
	}},
	{tcp.Established, "", func(v *walk) tcp.End {
		v.open()
		v.send(tcp.Client, 10)
		return tcp.Client
	}},
	{tcp.FinWait1, "", func(v *walk) tcp.End {
		v.open()
		v.shutdown(tcp.Client, tcp.Shutdown)
		return tcp.Client
	}},
	{tcp.FinWait2, "", func(v *walk) tcp.End {
		v.open()
		v.shutdown(tcp.Client, tcp.Shutdown)
		v.all()
		return tcp.Client
	}},
	{tcp.CloseWait, "", func(v *walk) tcp.End {
		v.open()
		v.shutdown(tcp.Client, tcp.Shutdown)
		v.all()
		v.send(tcp.Server, 10)
		return tcp.Server
	}},
	{tcp.Closing, "", func(v *walk) tcp.End {
		v.open()
		v.shutdown(tcp.Client, tcp.Shutdown)
		v.shutdown(tcp.Server, tcp.Shutdown)
		v.all(0, 1)
		for len(v.flight) > 0 {
			v.lose(0)
		}
		return tcp.Client
	}},
	{tcp.LastAck, "", func(v *walk) tcp.End {
		v.open()
		v.shutdown(tcp.Client, tcp.Shutdown)
		v.all()
		v.shutdown(tcp.Server, tcp.Shutdown)
		return tcp.Server
	}},
	{tcp.TimeWait, "", func(v *walk) tcp.End {
		v.open()
		v.shutdown(tcp.Client, tcp.Shutdown)
		v.all()
		v.shutdown(tcp.Server, tcp.Shutdown)
		v.all()
		return tcp.Client
	}},
}

// TestLinuxICMP holds what Linux makes of every ICMP error in every state: two
// kernels are asked, and agree with us each time; and so does the error that
// connect() fails with.
func TestLinuxICMP(t *testing.T) {
	need(t, refusal)
	for _, v6 := range []bool{false, true} {
		t.Run(map[bool]string{false: "IPv4", true: "IPv6"}[v6], func(t *testing.T) {
			k := newWalks(t, Options{IPv6: v6})
			port := firstPort
			for _, m := range icmpErrors(v6) {
				for _, at := range icmpStates {
					v := k.begin(uint16(port), rand.New(rand.NewPCG(0, 0)))
					port++
					to := at.play(v)
					if v.c.State(to) != at.state {
						v.fail(fmt.Sprintf("the %v is in %v", to, v.c.State(to)))
					}
					v.kept(to, &m, v.bounce(to, m, 0))
					v.end()
				}
			}
		})
	}
}

// kept holds the error that an end's socket has kept: where the error has ended
// an attempt, connect() has failed with it, and in an open connection it is a
// soft one, which SO_ERROR gives once too.
func (v *walk) kept(to tcp.End, m *tcp.ICMPError, effect tcp.Effect) {
	fd := v.programs[to].fd
	if fd < 0 {
		return // the kernel's alone, as in SYN_RECV
	}
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		v.t.Fatal(err)
	}
	want := ""
	if effect == tcp.Aborts || effect == tcp.SoftError {
		want = m.Errno()
	}
	got := unix.ErrnoName(unix.Errno(n))
	if unix.Errno(n) == unix.EOPNOTSUPP {
		got = "EOPNOTSUPP" // one number, two names
	}
	if got != want {
		v.fail(fmt.Sprintf("%s %d/%d: the socket's error is %q, we say %q", m.Protocol(), m.Type, m.Code, got, want))
	}
}

// An error counts only if the number it quotes is between the oldest one that is
// not acknowledged and the next one to be sent (RFC 5927 §4.1); that of a
// connection request must be the number of its SYN,ACK.
func TestLinuxICMPNumbers(t *testing.T) {
	need(t, refusal)
	k := newWalks(t, Options{})
	for i, tt := range []struct {
		at     int // of icmpStates
		offset int
		want   tcp.State
	}{
		{0, -1, tcp.SynSent}, {0, 0, tcp.Closed}, {0, 1, tcp.Closed}, {0, 2, tcp.SynSent}, {0, 1 << 31, tcp.SynSent},
		{1, -1, tcp.SynRecv}, {1, 0, tcp.Listen}, {1, 1, tcp.SynRecv},
		{2, -1, tcp.SynRecv}, {2, 0, tcp.Closed}, {2, 1, tcp.Closed}, {2, 2, tcp.SynRecv},
	} {
		v := k.begin(uint16(firstPort+i), rand.New(rand.NewPCG(0, 0)))
		to := icmpStates[tt.at].play(v)
		v.bounce(to, tcp.ICMPError{Type: 3, Code: 1}, tt.offset)
		if got := v.c.State(to); got != tt.want {
			v.fail(fmt.Sprintf("at %+d: %v, want %v", tt.offset, got, tt.want))
		}
		v.end()
	}
}

// A message whose checksum is wrong does nothing.
func TestLinuxICMPChecksum(t *testing.T) {
	need(t, refusal)
	for _, v6 := range []bool{false, true} {
		k := newWalks(t, Options{IPv6: v6})
		v := k.begin(firstPort, rand.New(rand.NewPCG(0, 0)))
		v.connect(tcp.Client)
		v.bounce(tcp.Client, tcp.ICMPError{V6: v6, Type: 1, Code: 1, BadChecksum: true}, 0)
		v.end()
	}
}

// bounce sends an end an ICMP error about what it has sent last, its number
// moved by an offset, and holds both kernels to what we say of it.
func (v *walk) bounce(to tcp.End, m tcp.ICMPError, offset int) tcp.Effect {
	last, ok := v.sentLast(to)
	if !ok {
		v.t.Fatal("nothing has been sent")
	}
	at := len(last.Raw) - len(last.Payload) - len(last.Header)
	quoted := append([]byte(nil), last.Raw[ethernetLen:at+len(last.Header)]...)
	if !m.V6 {
		quoted = quoted[:at-ethernetLen+8] // no more is promised
	}
	m.Seq = last.Seq.Add(uint32(offset))
	binary.BigEndian.PutUint32(quoted[at-ethernetLen+offSeq:], uint32(m.Seq))
	m.From, m.Src, m.Dst = last.Dst.IP, last.Src, last.Dst
	v.compare()
	if err := v.w.send(to, icmpFrame(to, &m, quoted)); err != nil {
		v.t.Fatal(err)
	}
	step := v.c.ArriveICMP(&m)
	for e := range step.Taken {
		for _, r := range step.Taken[e].Rules() {
			v.taken[*r]++
		}
	}
	v.note("%s %d/%d to the %v: %v, %v %v", m.Protocol(), m.Type, m.Code, to, step.Effect, step.After[tcp.Client], step.After[tcp.Server])
	v.compare()
	return step.Effect
}

// sentLast is what an end has sent last, whatever became of it.
func (v *walk) sentLast(e tcp.End) (last Frame, ok bool) {
	for _, list := range [][]Frame{v.past, v.flight} {
		for i := range list {
			if f := &list[i]; f.From == e && (!ok || last.Time <= f.Time) {
				last, ok = *f, true
			}
		}
	}
	return last, ok
}

// icmpFrame is an ICMP error to one host, from the other.
func icmpFrame(to tcp.End, m *tcp.ICMPError, quoted []byte) []byte {
	kind := []byte{8, 0}
	if m.V6 {
		kind = []byte{0x86, 0xdd}
	}
	return slices.Concat(hardware(to), hardware(to.Peer()), kind, capturetest.ICMP(m, quoted))
}
