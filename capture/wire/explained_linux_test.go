package wire

import (
	"io"
	"testing"

	"lesson/lesson"
	"lesson/lesson/tcp"
)

// seen is a segment as a capture at one end has it, and the state which that
// end's kernel was in right after it.
type seen struct {
	captured tcp.Captured
	from     tcp.End
	state    tcp.State
}

// graded counts what explain says of the end at which a capture was taken.
type graded struct{ right, wrong, unknown int }

// record notes a segment in the capture at an end.
func (v *walk) record(at tcp.End, f *Frame) {
	v.seen[at] = append(v.seen[at], seen{f.Captured, f.From, v.c.State(at)})
}

// explained grades what is made of both captures: without knowing where each
// was taken, and knowing it.
func (v *walk) explained() {
	if v.wrong || v.forges > 0 {
		return // what no end has sent proves nothing
	}
	for e, all := range v.seen {
		v.grade(all, tcp.End(e), tcp.Anywhere, &v.anywhere)
		opened := true // by the client, each time
		for _, s := range all {
			opened = opened && (s.from == tcp.Client || s.captured.Flags&(tcp.SYN|tcp.ACK) != tcp.SYN)
		}
		if opened {
			v.grade(all, tcp.End(e), tcp.AtClient+tcp.Vantage(e), &v.here)
		}
	}
}

func (v *walk) grade(all []seen, me tcp.End, from tcp.Vantage, g *graded) {
	var told steps
	if err := lesson.Explain(&recorded{all: all}, lesson.ExplainOptions{Detail: lesson.Everything, Terse: true, Vantage: from}, &told); err != nil {
		v.t.Fatal(err)
	}
	for i, s := range all {
		end := told[i].From
		if s.from != me {
			end = end.Peer()
		}
		switch got := told[i].After[end]; {
		case got == tcp.Unknown:
			g.unknown++
		case same(got, s.state):
			g.right++
		default:
			g.wrong++
		}
	}
}

// check fails where more than one state in a hundred is told wrong, once there
// are enough of them: they come in clumps, a connection with many segments having
// many, and on a slow machine kernels send again and again. What no segment shows is: close() before there is an
// answer, a FIN that waits behind data, a SYN of another attempt in the midst of a
// connection.
func (g graded) check(t *testing.T, where string) {
	t.Logf("explained %s: %d states right, %d wrong, %d Unknown", where, g.right, g.wrong, g.unknown)
	if all := g.right + g.wrong + g.unknown; all > 100_000 && (100*g.wrong > all || 100*g.unknown > all) {
		t.Errorf("explained %s: too many of %d states are not what the kernel said", where, all)
	}
}

// recorded is a lesson.Source.
type recorded struct {
	all []seen
	at  int
}

func (c *recorded) Next() (tcp.Captured, error) {
	if c.at == len(c.all) {
		return tcp.Captured{}, io.EOF
	}
	c.at++
	return c.all[c.at-1].captured, nil
}

// steps is a lesson.Teller that keeps what each segment did.
type steps []tcp.Step

func (s *steps) Tell(e lesson.Event) error {
	if segment, ok := e.(*lesson.Segment); ok {
		*s = append(*s, segment.Step)
	}
	return nil
}
