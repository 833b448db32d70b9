package capture

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lesson/lesson/lang"
)

// TestLiveProblems provokes each reason why Live or Next cannot go on.
func TestLiveProblems(t *testing.T) {
	if !private(t) {
		return
	}
	problem := func(err error, code int, en, hint string) {
		t.Helper()
		p, ok := lang.AsProblem(err)
		if !ok || p.Code != code || !strings.Contains(p.What.EN, en) || !strings.Contains(p.Hint.EN, hint) {
			t.Errorf("%#v, not %q with %q", err, en, hint)
		} else if p.What.ZH == "" || p.Hint.ZH == "" {
			t.Errorf("not in Chinese: %#v", p)
		}
	}
	_, err := Live("nowhere", 1)
	problem(err, 0, `there is no network interface "nowhere"`, "ip link")

	l := open(t, "lo", 1)
	loopback(t, false)
	_ = l.SetDeadline(time.Now().Add(10 * time.Second))
	_, err = l.Next()
	problem(err, 0, `the network interface "lo" is down`, "sudo ip link set lo up")
	_, err = Live("lo", 1)
	problem(err, 0, `the network interface "lo" is down`, "sudo ip link set lo up")
	loopback(t, true)

	// Without CAP_NET_RAW, which this thread may give up and is never used after.
	runtime.LockOSThread()
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&head, &none[0]); err != nil {
		t.Fatal(err)
	}
	_, err = Live("lo", 1)
	problem(err, lang.ExitRefused, `may not capture on "lo"`, "--private")
}

// tun makes a link without a header of its own; what is sent arrives on it.
func tun(t *testing.T) (name string, send func(packet string)) {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	skip := t.Skip
	if os.Getenv("CI") != "" {
		skip = t.Fatal
	}
	if err != nil {
		skip("no /dev/net/tun for this user: ", err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	req, _ := unix.NewIfreq("t" + strconv.Itoa(os.Getpid()%1e6))
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		skip("no tun device: ", err)
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s)
	req.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, req); err != nil {
		t.Fatal(err)
	}
	return req.Name(), func(packet string) {
		if _, err := unix.Write(fd, []byte(packet)); err != nil {
			t.Fatal(err)
		}
	}
}

// synTo7 is an IPv4 packet with a SYN for port 7.
const synTo7 = "E\x00\x00\x28\x00\x01\x40\x00\x40\x06\x00\x00\x0a\x00\x00\x01\x0a\x00\x00\x02" +
	"\x00\x09\x00\x07\x00\x00\x00\x01\x00\x00\x00\x00\x50\x02\x00\x01\x00\x00\x00\x00"

func TestLiveTun(t *testing.T) {
	if !private(t) {
		return
	}
	name, send := tun(t)
	l := open(t, name, 7)
	if l.LinkType() != LinkRaw {
		t.Errorf("link type %v", l.LinkType())
	}
	send(synTo7)
	_ = l.SetDeadline(time.Now().Add(10 * time.Second))
	if c, err := l.Next(); err != nil || c.Dst.Port != 7 || len(c.Raw) != len(synTo7) {
		t.Errorf("%v %v", c.Segment, err)
	}
}
