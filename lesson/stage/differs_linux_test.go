package stage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/stage"
	"lesson/lesson/tcp"
)

func itoa(n uint16) string { return strconv.Itoa(int(n)) }

// promising is a lesson with this script and these promises.
func promising(t *testing.T, script, expect string) *lesson.Lesson {
	t.Helper()
	const header = "title.en: x\ntitle.zh: x\nteaches.en: x\nteaches.zh: x\n"
	l, err := lesson.Parse("promising", []byte(header+"-- script --\n"+script+"\n-- expect --\n"+expect+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

const (
	opening = `server listen
server accept
client connect
wait client ESTABLISHED, server ESTABLISHED
`
	opens = `client S  | SYN_SENT SYN_RECV
server S. | ESTABLISHED SYN_RECV
client .  | ESTABLISHED ESTABLISHED
`
)

// TestLiveDiffers plays lessons that promise something else than this kernel
// does. What came instead is said, and why.
func TestLiveDiffers(t *testing.T) {
	for _, c := range []struct{ name, script, expect, want string }{
		{
			"ACK and FIN apart", "server recv\nclient send x\nwait acked\nserver recv\nserver close\nclient close\nwait client TIME_WAIT, server CLOSED",
			"client P. | ESTABLISHED ESTABLISHED\nserver . | ESTABLISHED ESTABLISHED\nclient F. | FIN_WAIT1 CLOSE_WAIT\nserver . | FIN_WAIT2 CLOSE_WAIT",
			"segment 7 differs. Promised: ACK from the server, then client FIN_WAIT2, server CLOSE_WAIT. " +
				"Seen: FIN ACK from the server, then client TIME_WAIT, server LAST_ACK. close() came while the kernel was still delaying its ACK",
		},
		{
			"ACK and FIN together", "server recv\nclient close\nwait client FIN_WAIT2\nserver close\nwait client TIME_WAIT, server CLOSED",
			"client F. | FIN_WAIT1 CLOSE_WAIT\nserver F. | TIME_WAIT LAST_ACK",
			"segment 5 differs. Promised: FIN ACK from the server, then client TIME_WAIT, server LAST_ACK. " +
				"Seen: ACK from the server, then client FIN_WAIT2, server CLOSE_WAIT. close() came too late: the kernel had already sent the ACK by itself",
		},
		{
			"RST", "client abort\nwait client CLOSED, server CLOSED", "client F. | FIN_WAIT1 CLOSE_WAIT",
			"segment 4 differs. Promised: FIN ACK from the client, then client FIN_WAIT1, server CLOSE_WAIT. " +
				"Seen: RST ACK from the client, then client CLOSED, server CLOSED. A RST ends the connection at once",
		},
		{
			"one too many", "client abort\nwait client CLOSED, server CLOSED", "",
			"segment 4 was not promised: RST ACK from the client, then client CLOSED, server CLOSED.",
		},
		{
			"one too few", "", "client F. | FIN_WAIT1 CLOSE_WAIT",
			"a promised segment did not come: FIN ACK from the client, then client FIN_WAIT1, server CLOSE_WAIT.",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := live(t)
			var r record
			err := stage.Play(context.Background(), promising(t, opening+c.script, opens+c.expect), n.Options, &r)
			problem(t, err, lang.ExitDiffers, "not what the lesson promises")
			var notes []*lesson.Note
			for _, e := range r {
				if n, ok := e.(*lesson.Note); ok {
					notes = append(notes, n)
				}
			}
			if len(notes) != 1 || notes[0].Kind != lesson.Differs || !strings.HasPrefix(notes[0].Text.EN, c.want) || notes[0].Text.ZH == "" {
				t.Errorf("want one note: %s\n%s", c.want, r)
			}
			if ending(t, r).Kept {
				t.Error("the promise is said to be kept")
			}
		})
	}
}

// TestLiveOver: a connection that is gone cannot reach a state any more, so
// nobody waits for it.
func TestLiveOver(t *testing.T) {
	n := live(t)
	n.Patience = time.Minute
	var r record
	begin := time.Now()
	err := stage.Play(context.Background(), promising(t, opening+"client abort\nwait client FIN_WAIT2", opens+"client R. | CLOSED CLOSED"), n.Options, &r)
	problem(t, err, lang.ExitDiffers, "waited in vain for the client to be in FIN_WAIT2")
	if d := time.Since(begin); d > 30*time.Second {
		t.Errorf("waited %v", d)
	}
}

// TestLiveDisagreement gives the kernel a wrong word: it is shown on the last
// row alone, and counted.
func TestLiveDisagreement(t *testing.T) {
	n := live(t)
	n.Settle = 10 * time.Millisecond
	n.Ask = func(_ tcp.End, local, _ netip.AddrPort) (lesson.Kernel, error) {
		if local.Port() == n.Port {
			return lesson.Kernel{State: tcp.Closing}, nil
		}
		return lesson.Kernel{State: tcp.Established}, nil
	}
	var r record
	if err := stage.Play(context.Background(), promising(t, opening, opens), n.Options, &r); err != nil {
		t.Error(err)
	}
	var shown []string
	for _, e := range r {
		if s, ok := e.(*lesson.Segment); ok {
			shown = append(shown, fmt.Sprint(s.Kernel[0].State, " ", s.Kernel[1].State))
		}
	}
	if got, want := strings.Join(shown, ", "), "Unknown Unknown, ESTABLISHED Unknown, ESTABLISHED CLOSING"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if e := ending(t, r); e.Disagreed != 3 || !e.Kept { // both ends before connect(), and one at last
		t.Errorf("%+v", e)
	}
}

// TestLiveDeaf: a kernel that cannot be asked is a warning, told once.
func TestLiveDeaf(t *testing.T) {
	n := live(t)
	n.Ask = func(_ tcp.End, _, _ netip.AddrPort) (lesson.Kernel, error) {
		return lesson.Kernel{}, errors.New("no netlink")
	}
	var r record
	if err := stage.Play(context.Background(), find(t, "handshake"), n.Options, &r); err != nil {
		t.Error(err)
	}
	if got := strings.Count(r.String(), "note warning the kernel could not be asked for its states: no netlink"); got != 1 {
		t.Errorf("%d warnings\n%s", got, r)
	}
}

// TestLivePortInTimeWait: where the server's end of an earlier connection still
// stands in TIME_WAIT, the client takes another port.
func TestLivePortInTimeWait(t *testing.T) {
	n := live(t)
	var taken []netip.AddrPort
	ask := n.Ask
	n.Ask = func(e tcp.End, local, remote netip.AddrPort) (lesson.Kernel, error) {
		if len(taken) < 3 {
			taken = append(taken, remote)
			return lesson.Kernel{State: tcp.TimeWait}, nil
		}
		return ask(e, local, remote)
	}
	var r record
	if err := stage.Play(context.Background(), find(t, "handshake"), n.Options, &r); err != nil {
		t.Error(err)
	}
	if client := r[0].(*lesson.Opening).Ends[tcp.Client]; len(taken) != 3 || slices.Contains(taken, client) {
		t.Errorf("%s is one of %s", client, taken)
	}
	if e := ending(t, r); e.Disagreed != 0 {
		t.Errorf("%+v", e)
	}
}

// TestLivePauses steps through the close: what comes next is said, and the
// states are those of the wire.
func TestLivePauses(t *testing.T) {
	n := live(t)
	var got []string
	n.Pause = func(_ context.Context, p stage.Pause) error {
		got = append(got, fmt.Sprintf("%s %s: %s", p.State[0], p.State[1], p.Next.EN))
		return nil
	}
	var r record
	if err := stage.Play(context.Background(), find(t, "teardown"), n.Options, &r); err != nil {
		t.Error(err)
	}
	want := []string{
		"ESTABLISHED ESTABLISHED: the client calls close()",
		"FIN_WAIT2 CLOSE_WAIT: the server calls close()",
		"TIME_WAIT CLOSED: the lesson ends",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestLiveLongTalk pauses in FIN_WAIT2 for longer than the kernel keeps an
// abandoned socket there.
func TestLiveLongTalk(t *testing.T) {
	if os.Getenv(private) == "" {
		t.Skip("changes a setting: only in the namespace")
	}
	const setting = "/proc/sys/net/ipv4/tcp_fin_timeout"
	if err := os.WriteFile(setting, []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	defer os.WriteFile(setting, []byte("60"), 0)
	n := live(t)
	n.Pause = func(_ context.Context, p stage.Pause) error {
		if p.State[0] == tcp.FinWait2 {
			<-time.After(2500 * time.Millisecond)
		}
		return nil
	}
	var r record
	if err := stage.Play(context.Background(), find(t, "teardown"), n.Options, &r); err != nil {
		t.Errorf("%v\n%s", err, r)
	}
}

// TestLiveStrangers plays while others connect to the same port, some of them
// before the lesson's client does. None of it enters the story.
func TestLiveStrangers(t *testing.T) {
	n := live(t)
	ctx, cancel := context.WithCancel(context.Background())
	crowd := make(chan int)
	go func() {
		served := 0
		defer func() { crowd <- served }()
		for ctx.Err() == nil {
			c, err := net.Dial("tcp4", "127.0.0.2:"+itoa(n.Port))
			if err != nil {
				continue
			}
			fmt.Fprintln(c, "hello")
			io.ReadAll(c)
			c.Close()
			served++
		}
	}()
	n.Pause = func(context.Context, stage.Pause) error {
		<-time.After(5 * time.Millisecond)
		return nil
	}
	var first record
	for i := range 20 {
		var r record
		if err := stage.Play(context.Background(), find(t, "teardown"), n.Options, &r); err != nil {
			t.Fatalf("%v\n%s", err, r)
		}
		if i == 0 {
			first = r
		} else if r.String() != first.String() {
			t.Fatalf("run %d differs:\n%s\nthe first was:\n%s", i+1, r, first)
		}
	}
	cancel()
	t.Logf("%d strangers came", <-crowd)
}

// leftover is a wire on which the end of an earlier connection between the
// same two ports still comes before the lesson's own first segment.
type leftover struct {
	stage.Wire
	next *tcp.Captured
	came bool
}

func (l *leftover) Next() (tcp.Captured, error) {
	if l.next != nil {
		c := *l.next
		l.next = nil
		return c, nil
	}
	c, err := l.Wire.Next()
	if err == nil && !l.came {
		own := c
		own.Raw = bytes.Clone(c.Raw)
		own.Header, own.Payload = nil, nil
		l.next, l.came = &own, true
		c.Flags, c.Seq, c.Ack = tcp.FIN|tcp.ACK, 1, 1
	}
	return c, err
}

func TestLiveLeftover(t *testing.T) {
	n := live(t)
	n.Wire = &leftover{Wire: n.wire}
	var r record
	if err := stage.Play(context.Background(), find(t, "handshake"), n.Options, &r); err != nil {
		t.Errorf("%v\n%s", err, r)
	}
	if e := ending(t, r); e.Segments != 3 {
		t.Errorf("%d segments told", e.Segments)
	}
}
