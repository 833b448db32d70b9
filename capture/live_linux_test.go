package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// inNamespace is set in the environment of a test that was started again in a
// network namespace of its own.
const inNamespace = "LESSON_CAPTURE_TEST_NAMESPACE"

// private runs the calling test again in a private user and network namespace
// with lo up, and returns true there. On a user's machine that refuses such
// namespaces the test is skipped, in CI it fails.
func private(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inNamespace) != "" {
		loopback(t, true)
		return true
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		why := fmt.Sprintf("no private namespace on this machine: %v", err)
		if os.Getenv("CI") != "" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("in a private namespace: %v\n%s", err, out.String())
	}
	return false
}

// loopback switches lo on or off.
func loopback(t *testing.T, up bool) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	if up {
		req.SetUint16(unix.IFF_UP)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, name string, port uint16) *LiveSource {
	t.Helper()
	l, err := Live(name, port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// exchange opens a connection, sends size bytes each way and closes it.
func exchange(server net.Listener, size int) (client, peer netip.AddrPort, err error) {
	done := make(chan error, 1)
	go func() {
		c, err := server.Accept()
		if err == nil {
			_, err = io.Copy(c, io.LimitReader(c, int64(size)))
			_, _ = io.Copy(io.Discard, c)
			err = errors.Join(err, c.Close())
		}
		done <- err
	}()
	c, err := net.Dial("tcp", server.Addr().String())
	if err != nil {
		return client, peer, err
	}
	client, peer = c.LocalAddr().(*net.TCPAddr).AddrPort(), c.RemoteAddr().(*net.TCPAddr).AddrPort()
	go func() { _, _ = c.Write(make([]byte, size)) }()
	if _, err = io.ReadFull(c, make([]byte, size)); err != nil {
		return client, peer, err
	}
	err = errors.Join(c.Close(), <-done)
	return client, peer, err
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	// Not MPTCP, which Go listens with when it can: its options are not ours.
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	l, err := config.Listen(context.Background(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func portOf(l net.Listener) uint16 { return uint16(l.Addr().(*net.TCPAddr).Port) }

// noise keeps connections to other ports busy until the test ends.
func noise(t *testing.T, address string) {
	other := listen(t, address)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_, _, _ = exchange(other, 1000)
			}
		}
	})
	t.Cleanup(func() { close(stop); wg.Wait() })
}

// flow follows one direction of one connection.
type flow struct {
	next     tcp.Seq
	syn, fin int
	bytes    uint64
}

// TestLive runs many connections at once on one port, beside other traffic,
// and holds that every one is captured whole: each sequence number once and in
// order, from SYN to FIN.
func TestLive(t *testing.T) {
	if !private(t) {
		return
	}
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		server := listen(t, address)
		noise(t, address)
		l := open(t, "lo", portOf(server))
		testLive(t, l, server, 40, 1000)
	}
}

// TestLiveHost is TestLive on the host's own loopback interface.
func TestLiveHost(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: TestLive does the same in a namespace")
	}
	server := listen(t, "127.0.0.1:0")
	l, err := Live("lo", portOf(server))
	if p, ok := lang.AsProblem(err); ok && p.Code == lang.ExitRefused {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	testLive(t, l, server, 20, 1000)
}

func testLive(t *testing.T, l *LiveSource, server net.Listener, connections, size int) {
	t.Helper()
	resent := resentSegments(t)
	errs := make(chan error, connections)
	for range connections {
		go func() {
			_, _, err := exchange(server, size)
			errs <- err
		}()
	}
	flows, again := collect(t, l, 2*connections)
	for range connections {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	if len(flows) != 2*connections {
		t.Fatalf("%d directions, not %d", len(flows), 2*connections)
	}
	for ends, f := range flows {
		if f.syn != 1 || f.fin != 1 || f.bytes != uint64(size) {
			t.Errorf("%v > %v: %d SYN, %d FIN, %d bytes", ends[0], ends[1], f.syn, f.fin, f.bytes)
		}
	}
	if n := resentSegments(t) - resent; again > n {
		t.Errorf("%d segments came again, but the kernel sent only %d again", again, n)
	}
	if n := l.Dropped(); n != 0 {
		t.Errorf("%d frames dropped", n)
	}
}

// resentSegments is how many segments this namespace has retransmitted.
func resentSegments(t *testing.T) int {
	t.Helper()
	data, err := os.ReadFile("/proc/thread-self/net/snmp")
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); f[0] == "Tcp:" {
			rows = append(rows, f)
		}
	}
	n, err := strconv.Atoi(rows[1][slices.Index(rows[0], "RetransSegs")])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// collect reads until as many FINs have come, and then until all is quiet. It
// counts the segments that came again.
func collect(t *testing.T, l *LiveSource, fins int) (flows map[[2]tcp.Endpoint]*flow, again int) {
	t.Helper()
	flows = make(map[[2]tcp.Endpoint]*flow)
	number := 0
	for {
		wait := 10 * time.Second
		if fins <= 0 {
			wait = 50 * time.Millisecond
		}
		if err := l.SetDeadline(time.Now().Add(wait)); err != nil {
			t.Fatal(err)
		}
		c, err := l.Next()
		if errors.Is(err, os.ErrDeadlineExceeded) && fins <= 0 {
			return flows, again
		} else if err != nil {
			t.Fatalf("%v, %d FINs to come", err, fins)
		}
		if number++; c.Number != number {
			t.Fatalf("packet %d is called %d", number, c.Number)
		}
		if age := time.Since(time.Unix(0, c.Time)); age < -time.Second || age > time.Minute {
			t.Fatalf("a segment of %v ago", age)
		}
		if len(c.Raw) != c.RawLen || len(c.Payload) != int(c.Len) || c.BadChecksum {
			t.Fatalf("not whole: %+v", c)
		}
		key := [2]tcp.Endpoint{c.Src, c.Dst}
		f := flows[key]
		if f == nil {
			f = &flow{next: c.Seq}
			flows[key] = f
		}
		if c.End().Less(f.next) || c.End() == f.next && c.SeqLen() > 0 {
			again++
			continue
		}
		if c.Flags.Has(tcp.SYN) {
			f.syn++
		}
		if c.Flags.Has(tcp.FIN) {
			f.fin++
			fins--
		}
		if c.Seq != f.next {
			t.Fatalf("%v > %v: %v at %d, not %d: lost or out of order", c.Src, c.Dst, c.Flags, c.Seq, f.next)
		}
		f.next = c.End()
		f.bytes += uint64(c.Len)
	}
}

// TestLiveLong captures segments as long as the loopback interface makes them.
// It sends no more at a time than the queue of an ordinary user holds.
func TestLiveLong(t *testing.T) {
	if !private(t) {
		return
	}
	server := listen(t, "127.0.0.1:0")
	l := open(t, "lo", portOf(server))
	const size = 60_000
	var longest, sum int
	for range 10 {
		if _, _, err := exchange(server, size); err != nil {
			t.Fatal(err)
		}
		for fins := 0; fins < 2; {
			_ = l.SetDeadline(time.Now().Add(10 * time.Second))
			c, err := l.Next()
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Raw) != c.RawLen || len(c.Payload) != int(c.Len) {
				t.Fatalf("%d of %d bytes", len(c.Raw), c.RawLen)
			}
			longest, sum = max(longest, len(c.Payload)), sum+len(c.Payload)
			if c.Flags.Has(tcp.FIN) {
				fins++
			}
		}
	}
	if sum != 10*2*size || longest < size/2 {
		t.Errorf("%d bytes, the longest segment has %d", sum, longest)
	}
	if n := l.Dropped(); n != 0 {
		t.Errorf("%d frames dropped", n)
	}
}

// TestLiveDrops overruns a small queue and holds that what is missing is counted.
func TestLiveDrops(t *testing.T) {
	if !private(t) {
		return
	}
	server := listen(t, "127.0.0.1:0")
	l := open(t, "lo", portOf(server))
	_ = l.raw.Control(func(fd uintptr) {
		if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1); err != nil {
			t.Error(err)
		}
	})
	if _, _, err := exchange(server, 1<<20); err != nil {
		t.Fatal(err)
	}
	n := l.Dropped()
	if n == 0 {
		t.Error("no frame was dropped, or none was counted")
	}
	if again := l.Dropped(); again != n {
		t.Errorf("%d drops have become %d", n, again)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if again := l.Dropped(); again != n {
		t.Errorf("after Close %d drops have become %d", n, again)
	}
}

// TestLiveRetransmission holds that what is sent twice is told twice, however
// alike the copies are.
func TestLiveRetransmission(t *testing.T) {
	if !private(t) {
		return
	}
	l := open(t, "lo", 7)
	raw, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(raw)
	packet := []byte("E\x00\x00\x28\x00\x01\x40\x00\x40\x06\x00\x00\x7f\x00\x00\x01\x7f\x00\x00\x01" +
		"\x00\x09\x00\x07\x00\x00\x00\x01\x00\x00\x00\x00\x50\x02\x00\x01\x00\x00\x00\x00")
	for range 3 {
		if err := unix.Sendto(raw, packet, 0, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
	}
	_ = l.SetDeadline(time.Now().Add(10 * time.Second))
	for i := range 3 {
		c, err := l.Next()
		if err != nil || c.Seq != 1 || c.Flags.Has(tcp.RST) {
			t.Fatalf("copy %d: %v %v", i+1, c.Segment, err)
		}
	}
}

func TestLiveClose(t *testing.T) {
	if !private(t) {
		return
	}
	l := open(t, "lo", 1)
	got := make(chan error, 1)
	reading := make(chan struct{})
	go func() {
		close(reading)
		_, err := l.Next()
		got <- err
	}()
	<-reading
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-got:
		if err != os.ErrClosed {
			t.Errorf("the reader was told %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the reader still waits")
	}
	if _, err := l.Next(); err != os.ErrClosed {
		t.Errorf("after Close: %v", err)
	}
}

func TestLiveDeadline(t *testing.T) {
	if !private(t) {
		return
	}
	l := open(t, "lo", 1)
	_ = l.SetDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := l.Next(); err != os.ErrDeadlineExceeded {
		t.Fatalf("%v", err)
	}
	// It can be used again, and other ports are not heard.
	_ = l.SetDeadline(time.Time{})
	server := listen(t, "127.0.0.1:0")
	if _, _, err := exchange(server, 1); err != nil {
		t.Fatal(err)
	}
	_ = l.SetDeadline(time.Now().Add(10 * time.Millisecond))
	if c, err := l.Next(); err != os.ErrDeadlineExceeded {
		t.Fatalf("%v %v", c.Segment, err)
	}
}
