package follow

import (
	"cmp"
	"slices"
	"time"

	"lesson/lesson/tcp"
)

// Reason is what an end of a connection waits for.
type Reason uint8

// The reasons, the ones that a program is to blame for first.
const (
	NotClosed   Reason = iota // CLOSE_WAIT: its own program has not called close()
	NotRead                   // its window is 0: its own program does not read
	PeerOpen                  // FIN_WAIT2: the peer has not closed
	FinUnacked                // FIN_WAIT1, CLOSING, LAST_ACK: no ACK of its FIN
	NoAnswer                  // SYN_SENT: nothing answers its SYN
	NoHandshake               // SYN_RECV: no ACK of its SYN,ACK
	DataUnacked               // what it sent is not acknowledged
)

// Wait is an end that has been waiting.
type Wait struct {
	Stream     int
	Ends       [2]tcp.Endpoint // by tcp.End
	End        tcp.End         // which of them waits
	State      tcp.State
	FromKernel bool // State is what the kernel said
	Reason     Reason
	For        time.Duration // how long; 0 where that is not known
	AtLeast    bool          // it may have been longer
	// NotAccepted is for the caller to set, who can ask the kernel: the
	// connection waits in a listener's queue, no program has it yet.
	NotAccepted bool
}

// Waiting lists the connections in which an end has waited for least or
// longer, and which are wanted (nil: all are): one end of each, the one that
// explains the wait. The longest waits for each reason come first. most bounds
// the list.
func (t *Table) Waiting(now int64, least time.Duration, most int, wanted func(*Wait) bool) []Wait {
	var out []Wait
	for r := t.open.first; r != none; r = t.at(r).next {
		if w, ok := t.at(r).waits(max(now, t.now)); ok && (w.For >= least || w.For == 0 && w.AtLeast) && (wanted == nil || wanted(&w)) {
			out = append(out, w)
		}
	}
	slices.SortFunc(out, func(a, b Wait) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(b.For, a.For), cmp.Compare(a.Stream, b.Stream))
	})
	return out[:min(len(out), most)]
}

var reasons = map[tcp.State]Reason{
	tcp.CloseWait: NotClosed, tcp.FinWait2: PeerOpen,
	tcp.FinWait1: FinUnacked, tcp.Closing: FinUnacked, tcp.LastAck: FinUnacked,
	tcp.SynSent: NoAnswer, tcp.SynRecv: NoHandshake,
}

// waits is the most telling wait of a connection.
func (f *Flow) waits(now int64) (w Wait, ok bool) {
	take := func(e tcp.End, s tcp.State, kernel bool, why Reason, since int64) {
		if ok && w.Reason <= why {
			return
		}
		ok = true
		w = Wait{
			Stream: f.Stream, Ends: [2]tcp.Endpoint{f.Conn.Endpoint(0), f.Conn.Endpoint(1)},
			End: e, State: s, FromKernel: kernel, Reason: why, AtLeast: kernel,
		}
		if since != 0 {
			w.For = time.Duration(max(now-since, 0))
		}
	}
	for e := tcp.Client; e <= tcp.Server; e++ {
		s, kernel := f.State(e)
		since := f.Since[e]
		if kernel {
			since = f.socket[e].since
		}
		if why, waits := reasons[s]; waits {
			take(e, s, kernel, why, since)
			continue
		}
		if s == tcp.Established && !kernel {
			if f.full[e] != 0 {
				take(e, s, false, NotRead, f.full[e])
			} else if f.last != 0 && !f.Conn.AllAcked() {
				take(e, s, false, DataUnacked, f.moved)
			}
		}
	}
	return w, ok
}
