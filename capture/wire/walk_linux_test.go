package wire

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"lesson/capture/sockets"
	"lesson/lesson/tcp"
)

// patience is how long a kernel is asked again that contradicts us: a machine
// may be so busy that it has not come to what was delivered.
const patience = 3 * time.Second

// walks are the connections of one test, all over one wire.
type walks struct {
	t    *testing.T
	w    *Wire
	diag [2]*sockets.Diag
	now  map[uint16]*walk // by port; a walk has the same at both ends

	left, arrived, asked, disagreed int
	late                            int           // answers of a kernel that came only when asked again
	latest                          time.Duration // and after how long
	taken                           map[tcp.Rule]int
	anywhere, here                  graded
}

// walk is one connection, or several one after the other between the same
// addresses and ports.
type walk struct {
	*walks
	rnd      *rand.Rand
	port     uint16
	c        tcp.Conn
	programs [2]program
	flight   []Frame      // what has left and not yet arrived
	past     []Frame      // what has arrived or was lost, and may come again
	found    tcp.Findings // so far
	seen     [2][]seen    // by the end at which it was captured
	log      []string
	wrong    bool

	born           time.Time
	steps          int       // that are left
	until          time.Time // the walk rests until then, or until something leaves
	faults, forges int       // percent
	narrow         bool      // its buffers are small
	hasty          bool      // its sockets give up soon
}

func newWalks(t *testing.T, o Options) *walks {
	w, err := New(o)
	need(t, err)
	t.Cleanup(func() { w.Close() })
	k := &walks{t: t, w: w, now: map[uint16]*walk{}, taken: map[tcp.Rule]int{}}
	for e := range k.diag {
		if err := w.Do(tcp.End(e), func() (err error) {
			k.diag[e], err = sockets.Open()
			return err
		}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { k.diag[e].Close() })
	}
	return k
}

func (k *walks) addr(e tcp.End, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(k.w.Addr(e), port)
}

func (k *walks) begin(port uint16, rnd *rand.Rand) *walk {
	v := &walk{walks: k, rnd: rnd, port: port, born: time.Now()}
	v.c = tcp.NewConn(tcp.EndpointFrom(k.addr(tcp.Client, port)), tcp.EndpointFrom(k.addr(tcp.Server, port)))
	for e := range v.programs {
		v.c.Know(tcp.End(e), tcp.Closed)
		v.programs[e] = program{fd: -1, listener: -1}
	}
	k.now[port] = v
	return v
}

// poll takes off the wire what has left.
func (k *walks) poll() (out []Frame) {
	for {
		f, ok, err := k.w.Poll()
		if err != nil {
			k.t.Fatal(err)
		}
		if !ok {
			return out
		}
		out = append(out, f)
	}
}

func (k *walks) drain() {
	for _, f := range k.poll() {
		k.leaves(f)
	}
}

// wait waits for something to leave.
func (k *walks) wait(until time.Time) bool {
	_ = k.w.SetDeadline(until)
	f, err := k.w.Next()
	if err != nil {
		return false
	}
	k.leaves(f)
	k.drain()
	return true
}

func (k *walks) leaves(f Frame) {
	v := k.now[f.Src.Port]
	if v == nil {
		return // the rest of a walk that is over
	}
	k.left++
	v.tell("leaves", v.c.Depart(&f.Segment), &f)
	v.record(f.From, &f)
	v.flight = append(v.flight, f)
	v.until = time.Time{}
}

// reaches delivers a segment, and takes off the wire what it draws.
func (v *walk) reaches(f *Frame, how string) {
	v.arrived++
	v.compare() // a kernel may just have given up
	now := time.Now().UnixNano()
	if err := v.w.Deliver(f); err != nil {
		v.t.Fatal(err)
	}
	answers := v.poll()
	for ; len(answers) > 0 && answers[0].Time < now; answers = answers[1:] {
		v.leaves(answers[0]) // a timer was faster than the delivery
	}
	v.tell(how, v.c.ArriveOn(v.w.Linux(), &f.Segment), f)
	v.record(f.From.Peer(), f)
	v.ask(func() {}) // before its answers, if any, are told
	for _, f := range answers {
		v.leaves(f)
	}
	v.compare()
}

// pass lets a segment in flight arrive.
func (v *walk) pass(i int, how string) {
	f := v.land(i)
	v.reaches(&f, how)
}

// lose takes a segment in flight off the wire for good.
func (v *walk) lose(i int) {
	f := v.land(i)
	v.note("lost: %v %v", f.From, f.Flags)
}

func (v *walk) land(i int) Frame {
	f := v.flight[i]
	v.flight = append(v.flight[:i], v.flight[i+1:]...)
	v.past = append(v.past, f)
	return f
}

// forge delivers what an end has not sent: change is given its last segment,
// moved to the number that would come next.
func (v *walk) forge(from tcp.End, change func(*tcp.Segment)) {
	for i := len(v.past) - 1; i >= 0; i-- {
		if last := v.past[i]; last.From == from {
			forged := last.Altered(func(s *tcp.Segment) {
				s.Seq = last.End()
				change(s)
			})
			v.reaches(&forged, "forged")
			return
		}
	}
}

// happens tells of a call that has been made.
func (v *walk) happens(e tcp.End, on tcp.Event) {
	v.drain()
	v.note("%v: %v", e, on)
	v.tell("", v.c.Happen(e, on), nil)
	v.compare()
}

func (v *walk) tell(how string, step tcp.Step, f *Frame) {
	for e := range step.Taken {
		for _, r := range step.Taken[e].Rules() {
			v.taken[*r]++
		}
	}
	v.found |= step.Findings
	if f != nil {
		v.note("%s: %v %v seq %d len %d ack %d win %d (%d, %d)", how, step.From, f.Flags, step.Seq, f.Len, step.Ack, f.Window, f.Seq, f.Ack)
	}
	v.note("\t%v %v %v", step.After[tcp.Client], step.After[tcp.Server], step.Findings.Names())
	if step.Findings.Has(tcp.Contradiction) {
		v.fail("that contradicts what went before")
	}
}

func (v *walk) note(format string, args ...any) { v.log = append(v.log, fmt.Sprintf(format, args...)) }

func (v *walk) fail(why string) {
	if v.wrong {
		return
	}
	v.wrong = true
	if v.disagreed++; v.disagreed <= 5 {
		v.t.Errorf("port %d: %s\n\t%s", v.port, why, strings.Join(v.log, "\n\t"))
	}
}

// compare asks both kernels, with nothing on the way to us.
func (v *walk) compare() {
	v.drain()
	v.ask(v.drain)
}

// ask asks both kernels. One that is very busy may hand work over to a thread
// of its own, so it is given a moment.
func (v *walk) ask(meanwhile func()) {
	begin := time.Now()
	for again := false; ; again = true {
		wrong := v.differs(tcp.Client) + v.differs(tcp.Server)
		took := time.Since(begin)
		switch {
		case wrong == "" && again:
			v.late++
			v.latest = max(v.latest, took)
			return
		case wrong == "":
			return
		case took > patience:
			v.fail(wrong)
			return
		}
		meanwhile()
	}
}

// differs says how an end's kernel contradicts us.
func (v *walk) differs(e tcp.End) string {
	s, err := v.diag[e].Ask(v.addr(e, v.port), v.addr(e.Peer(), v.port))
	if err != nil {
		v.t.Fatal(err)
	}
	v.asked++
	if same(s.State, v.c.State(e)) {
		return ""
	}
	if idle(s.State) && v.gaveUp(e) {
		v.note("%v: %v", e, tcp.TimeoutUser)
		v.tell("", v.c.Happen(e, tcp.TimeoutUser), nil)
		return ""
	}
	return fmt.Sprintf("the %v's kernel says %v, and we say %v. ", e, s.State, v.c.State(e))
}

// same takes LISTEN and CLOSED for one: where a connection has no socket, the
// kernel shows the listener.
func same(a, b tcp.State) bool { return a == b || idle(a) && idle(b) }

func idle(s tcp.State) bool { return s == tcp.Closed || s == tcp.Listen }
