package tcp_test

import (
	"strings"
	"testing"
	"unicode"

	"lesson/lesson/tcp"
)

// What a passive observer must conclude, state by state, from the events that
// matter most. "-" stays, "x" cannot happen.
func TestAnswers(t *testing.T) {
	columns := []tcp.Event{tcp.SndSyn, tcp.SndFin, tcp.RcvSyn, tcp.RcvSynAck, tcp.RcvAckOfSyn, tcp.RcvAckOfFin, tcp.RcvFin, tcp.RcvRst}
	for _, row := range strings.Split(strings.TrimSpace(`
Unknown     -        -         -        -           -           -         -          -
CLOSED      SYN_SENT x         -        -           -           -         -          -
LISTEN      SYN_SENT x         SYN_RECV -           -           -         -          -
SYN_SENT    -        x         SYN_RECV ESTABLISHED -           x         -          CLOSED
SYN_RECV    x        FIN_WAIT1 -        -           ESTABLISHED x         CLOSE_WAIT CLOSED
ESTABLISHED x        FIN_WAIT1 -        -           -           x         CLOSE_WAIT CLOSED
FIN_WAIT1   x        -         -        -           -           FIN_WAIT2 CLOSING    CLOSED
FIN_WAIT2   x        x         -        -           -           -         TIME_WAIT  CLOSED
CLOSE_WAIT  x        LAST_ACK  -        -           -           x         -          CLOSED
CLOSING     x        -         -        -           -           TIME_WAIT -          CLOSED
LAST_ACK    x        -         -        -           -           CLOSED    -          CLOSED
TIME_WAIT   x        x         SYN_RECV -           -           -         -          CLOSED`), "\n") {
		cells := strings.Fields(row)
		from, ok := tcp.ParseState(cells[0])
		if !ok {
			t.Fatalf("no state %q", cells[0])
		}
		for i, on := range columns {
			rule, verdict := tcp.Answer(from, on)
			got := map[tcp.Verdict]string{tcp.Stays: "-", tcp.Impossible: "x"}[verdict]
			if verdict == tcp.Moves {
				got = rule.To.String()
			}
			if got != cells[i+1] {
				t.Errorf("%v, %v: got %s, want %s", from, on, got, cells[i+1])
			}
		}
	}
}

// Every state answers every event, and no pair is answered twice.
func TestTableIsComplete(t *testing.T) {
	seen := map[[2]uint8]bool{}
	for _, r := range tcp.Rules() {
		key := [2]uint8{uint8(r.From), uint8(r.On)}
		if seen[key] {
			t.Errorf("two rules for %v, %v", r.From, r.On)
		}
		seen[key] = true
		if got, verdict := tcp.Answer(r.From, r.On); verdict != tcp.Moves || got.To != r.To {
			t.Errorf("%v, %v: the table does not answer with its rule", r.From, r.On)
		}
		if r.From == r.To {
			t.Errorf("%v, %v leads nowhere", r.From, r.On)
		}
		if !strings.HasPrefix(r.Ref, "RFC ") || r.Why.EN == "" || !strings.HasSuffix(r.Why.EN, ".") || !strings.HasSuffix(r.Why.ZH, "。") {
			t.Errorf("%v, %v: needs a section and a whole sentence in both languages: %+v", r.From, r.On, r.Why)
		}
	}
	for _, s := range append(tcp.States(), tcp.Unknown) {
		for _, e := range tcp.Events() {
			rule, verdict := tcp.Answer(s, e)
			if (verdict == tcp.Moves) != (rule != nil) || verdict > tcp.Moves {
				t.Errorf("%v, %v: no clear answer", s, e)
			}
		}
	}
	if _, v := tcp.Answer(200, 200); v != tcp.Impossible {
		t.Error("nonsense is impossible")
	}
}

// All eleven states can be reached from CLOSED, and all lead back to it.
func TestReachability(t *testing.T) {
	reach := func(forward bool) map[tcp.State]bool {
		at := map[tcp.State]bool{tcp.Closed: true}
		for grown := true; grown; {
			grown = false
			for _, r := range tcp.Rules() {
				from, to := r.From, r.To
				if !forward {
					from, to = to, from
				}
				if at[from] && !at[to] {
					at[to], grown = true, true
				}
			}
		}
		return at
	}
	if n := len(tcp.States()); n != 11 {
		t.Errorf("%d states", n)
	}
	for _, s := range tcp.States() {
		if !reach(true)[s] || !reach(false)[s] {
			t.Errorf("%v: reached %v, leads back %v", s, reach(true)[s], reach(false)[s])
		}
	}
}

func TestNames(t *testing.T) {
	for _, s := range append(tcp.States(), tcp.Unknown) {
		if got, ok := tcp.ParseState(s.String()); !ok || got != s {
			t.Errorf("%v reads back as %v", s, got)
		}
		if got, ok := tcp.ParseState(s.RFC()); s != tcp.Unknown && (!ok || got != s) {
			t.Errorf("%v reads back as %v", s.RFC(), got)
		}
	}
	if tcp.State(99).String() == "" || tcp.State(99).RFC() == "" || tcp.Event(99).String() == "" || !tcp.Event(99).Text().IsZero() {
		t.Error("a number that names nothing must still print")
	}
	for i := 0; i < 32; i++ {
		f := tcp.Findings(1) << i
		if len(f.Names()) != len(f.Texts()) {
			t.Errorf("finding %d: name and sentence do not match", i)
		}
		for j, name := range f.Names() {
			if strings.ToLower(name) != name || strings.ContainsFunc(name, unicode.IsSpace) || f.Texts()[j].EN == "" || f.Texts()[j].ZH == "" {
				t.Errorf("finding %q: bad name, or a language is missing", name)
			}
		}
	}
	if got := (tcp.FIN | tcp.ACK).String(); got != "FIN ACK" {
		t.Error(got)
	}
	if got := (tcp.SYN | tcp.ACK).String(); got != "SYN ACK" {
		t.Error(got)
	}
	if tcp.Flags(0).String() != "none" {
		t.Error("no flags")
	}
}
