package wire

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// both runs a test over IPv4 and IPv6.
func both(t *testing.T, test func(*rig)) {
	for name, o := range map[string]Options{"IPv4": {}, "IPv6": {IPv6: true}} {
		t.Run(name, func(t *testing.T) { test(newRig(t, o)) })
	}
}

const (
	client = tcp.Client
	server = tcp.Server
)

// When Deliver returns, the receiver's state is final and its answer is there.
func TestDelivery(t *testing.T) {
	connections := 1000
	if testing.Short() {
		connections = 50
	}
	both(t, func(r *rig) {
		for range connections {
			c, syn := r.connect()
			r.states(tcp.SynSent, tcp.Listen)
			r.deliver(syn)
			r.states(tcp.SynSent, tcp.SynRecv)
			r.deliver(r.poll(server, tcp.SYN|tcp.ACK))
			r.states(tcp.Established, tcp.SynRecv)
			r.deliver(r.poll(client, tcp.ACK))
			r.states(tcp.Established, tcp.Established)
			s := r.accept()
			r.write(c, "hello")
			r.deliver(r.poll(client, tcp.PSH|tcp.ACK))
			if got := r.read(s); got != "hello" {
				t.Fatalf("the server read %q", got)
			}
			r.deliver(r.poll(server, tcp.ACK))
			r.must(unix.Close(c))
			r.states(tcp.FinWait1, tcp.Established)
			r.deliver(r.poll(client, tcp.FIN|tcp.ACK))
			r.states(tcp.FinWait1, tcp.CloseWait)
			r.deliver(r.poll(server, tcp.ACK))
			r.states(tcp.FinWait2, tcp.CloseWait)
			r.must(unix.Close(s))
			r.states(tcp.FinWait2, tcp.LastAck)
			r.deliver(r.poll(server, tcp.FIN|tcp.ACK))
			r.states(tcp.TimeWait, tcp.LastAck)
			r.deliver(r.poll(client, tcp.ACK))
			r.states(tcp.TimeWait, tcp.Listen)
			r.quiet()
		}
	})
}

// What was sent first is read first, whoever sent it.
func TestOrder(t *testing.T) {
	r := newRig(t, Options{})
	c, s := r.open()
	for _, fd := range []int{c, s} {
		r.must(unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
	}
	for round := range 200 {
		ends := []tcp.End{client, server, server, client, server, client}
		if round%2 == 1 {
			ends = []tcp.End{server, server, client, client}
		}
		for _, e := range ends {
			r.write([2]int{c, s}[e], "x")
		}
		var frames []Frame
		for _, e := range ends {
			frames = append(frames, r.poll(e, tcp.PSH|tcp.ACK))
		}
		for i, f := range frames {
			if i > 0 && f.Number != frames[i-1].Number+1 {
				t.Fatalf("frame %d after frame %d", f.Number, frames[i-1].Number)
			}
			r.deliver(f)
		}
		for f, ok, err := r.Poll(); ok; f, ok, err = r.Poll() {
			r.must(err)
			r.deliver(f)
		}
		r.read(c)
		r.read(s)
	}
	r.reset(c, s)
}

// A segment that is not delivered is sent again, by the kernel's own timer.
func TestHeld(t *testing.T) {
	r := newRig(t, Options{})
	c, s := r.open()
	defer r.reset(c, s)
	r.write(c, "lost")
	first := r.poll(client, tcp.PSH|tcp.ACK)
	again := r.next(client, tcp.PSH|tcp.ACK)
	if again.Seq != first.Seq || string(again.Payload) != "lost" {
		t.Errorf("sent again: %d %q, want %d", again.Seq, again.Payload, first.Seq)
	}
	if got := r.read(s); got != unix.EAGAIN.Error() {
		t.Errorf("the server read %q of what never came", got)
	}
	r.deliver(again)
	if got := r.read(s); got != "lost" {
		t.Errorf("the server read %q", got)
	}
	r.deliver(first) // a duplicate now
	if got := r.read(s); got != unix.EAGAIN.Error() {
		t.Errorf("the server read %q twice", got)
	}
}

// A corrupt segment is as good as none: the receiver stays as it was.
func TestCorrupt(t *testing.T) {
	both(t, func(r *rig) {
		c, syn := r.connect()
		bad := syn.Corrupt()
		if !bad.BadChecksum || syn.BadChecksum {
			t.Error("which of the two is corrupt?")
		}
		r.deliver(bad)
		r.states(tcp.SynSent, tcp.Listen)
		r.quiet()
		r.deliver(syn)
		r.states(tcp.SynSent, tcp.SynRecv)
		r.deliver(r.poll(server, tcp.SYN|tcp.ACK))
		r.deliver(r.poll(client, tcp.ACK))
		s := r.accept()
		r.write(c, "intact")
		f := r.poll(client, tcp.PSH|tcp.ACK)
		bad = f.Corrupt()
		if string(bad.Payload) != "intacu" || string(f.Payload) != "intact" {
			t.Errorf("corrupt %q, as sent %q", bad.Payload, f.Payload)
		}
		r.deliver(bad)
		r.quiet()
		r.deliver(f)
		if got := r.read(s); got != "intact" {
			t.Errorf("the server read %q", got)
		}
		r.reset(c, s)
	})
}

// An altered segment is believed. An old SYN arrives first (RFC 9293 §3.5,
// Figure 8): the server answers it, and the client refuses the answer.
func TestAltered(t *testing.T) {
	both(t, func(r *rig) {
		c, syn := r.connect()
		old := syn.Altered(func(s *tcp.Segment) { s.Seq = s.Seq.Add(1 << 30) })
		if old.Seq != syn.Seq.Add(1<<30) || old.Options != syn.Options || old.BadChecksum {
			t.Errorf("altered to %+v", old.Segment)
		}
		r.deliver(old)
		r.states(tcp.SynSent, tcp.SynRecv)
		answer := r.poll(server, tcp.SYN|tcp.ACK)
		if answer.Ack != old.Seq.Add(1) {
			t.Errorf("acknowledged %d, want %d", answer.Ack, old.Seq.Add(1))
		}
		r.deliver(answer)
		r.deliver(r.poll(client, tcp.RST))
		r.states(tcp.SynSent, tcp.Listen)
		r.deliver(syn)
		r.deliver(r.poll(server, tcp.SYN|tcp.ACK))
		ack := r.poll(client, tcp.ACK)
		r.deliver(ack)
		s := r.accept()
		r.states(tcp.Established, tcp.Established)
		r.write(c, "data")
		data := r.poll(client, tcp.PSH|tcp.ACK)
		r.deliver(data)
		r.deliver(r.poll(server, tcp.ACK))
		r.deliver(data.Altered(func(s *tcp.Segment) { s.Flags, s.Seq = tcp.RST, s.Seq.Add(4) }))
		r.states(tcp.Established, tcp.Listen)
		r.must(unix.Close(s))
		r.must(unix.Close(c))
		f := r.poll(client, tcp.FIN|tcp.ACK)
		r.deliver(f)
		r.deliver(r.poll(server, tcp.RST))
	})
}

// What is not TCP goes through by itself: here UDP and the ICMP error that
// answers it.
func TestPassedOn(t *testing.T) {
	both(t, func(r *rig) {
		var fd int
		r.must(r.Do(client, func() (err error) {
			family := unix.AF_INET
			if r.options.IPv6 {
				family = unix.AF_INET6
			}
			fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
			return err
		}))
		defer unix.Close(fd)
		r.must(unix.Connect(fd, sockaddr(r.at[server])))
		r.write(fd, "anybody?")
		r.quiet()
		if got := r.read(fd); got != unix.ECONNREFUSED.Error() {
			t.Errorf("the answer is %q", got)
		}
	})
}

func TestDeadline(t *testing.T) {
	r := newRig(t, Options{})
	r.must(r.SetDeadline(time.Now()))
	if _, err := r.Next(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Next: %v", err)
	}
	r.must(r.SetDeadline(time.Time{}))
	ended := make(chan error)
	go func() { _, err := r.Next(); ended <- err }()
	r.must(r.Close())
	if err := <-ended; !errors.Is(err, os.ErrClosed) {
		t.Errorf("Next after Close: %v", err)
	}
	if err := r.Deliver(&Frame{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Deliver after Close: %v", err)
	}
	if _, _, err := r.Poll(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Poll after Close: %v", err)
	}
	if err := r.Do(client, func() error { return nil }); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Do after Close: %v", err)
	}
}

// Enter moves one thread and no other.
func TestEnter(t *testing.T) {
	r := newRig(t, Options{})
	namespace := func() string {
		s, _ := os.Readlink("/proc/thread-self/ns/net")
		return s
	}
	here := namespace()
	seen := map[string]bool{here: true}
	for e := client; e <= server; e++ {
		inside := make(chan string)
		go func() {
			if err := r.Enter(e); err != nil {
				t.Error(err)
			}
			inside <- namespace()
		}()
		ns := <-inside
		var same string
		r.must(r.Do(e, func() error { same = namespace(); return nil }))
		if ns != same {
			t.Errorf("Enter leads to %s, Do to %s", ns, same)
		}
		seen[ns] = true
	}
	if len(seen) != 3 || namespace() != here {
		t.Errorf("namespaces %v, now in %s", seen, namespace())
	}
}

// Few namespaces may be in use: one that stayed behind each time would soon be
// one too many. The kernel takes a moment to count them as gone. The limit is
// that of a user namespace made for this test alone.
func TestClose(t *testing.T) {
	need(t, refusal)
	if os.Getenv(limited) == "" {
		c := exec.Command("/proc/self/exe", "-test.run", "^TestClose$")
		c.Env = append(os.Environ(), limited+"=1")
		c.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  unix.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
		}
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	// One for the test itself, three for a wire, and four that are going.
	if err := os.WriteFile("/proc/sys/user/max_net_namespaces", []byte("8"), 0); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		var w *Wire
		for late := time.After(10 * time.Second); w == nil; {
			var err error
			if w, err = New(Options{}); err != nil && !errors.Is(err, unix.ENOSPC) {
				t.Fatal(err)
			}
			select {
			case <-late:
				t.Fatal("namespaces stayed behind")
			default:
			}
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}

// limited, in the environment, says that this is TestClose's own namespace.
const limited = "WIRE_TEST_LIMITED"

// Whatever refuses is explained in both languages, with a way out.
func TestProblem(t *testing.T) {
	for _, err := range []error{unix.EOPNOTSUPP, unix.EAFNOSUPPORT, unix.ENOSPC, unix.EPERM, unix.EINVAL} {
		p := problem(err)
		if !errors.Is(p, err) || p.Code != lang.ExitRefused || p.What.EN == p.What.ZH || p.Hint.EN == p.Hint.ZH {
			t.Errorf("%v: %+v", err, p)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	need(b, refusal)
	for b.Loop() {
		w, err := New(Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		w.Close()
		b.StartTimer()
	}
}

// The handshake, data and a reset: seven deliveries.
func BenchmarkConnection(b *testing.B) {
	r := newRig(b, Options{})
	for b.Loop() {
		c, s := r.open()
		r.write(c, "hello")
		r.reset(c, s)
	}
}
