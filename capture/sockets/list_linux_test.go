package sockets

import (
	"net"
	"net/netip"
	"testing"

	"lesson/lesson/tcp"
)

func TestList(t *testing.T) {
	d, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, at := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Skip(err)
		}
		defer l.Close()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(make([]byte, 1)); err == nil { // the FIN has come
			t.Fatal("there is something to read")
		}
		address := func(a net.Addr) netip.AddrPort { return netip.MustParseAddrPort(a.String()) }
		local, remote := address(s.LocalAddr()), address(s.RemoteAddr())
		all, err := d.List(tcp.CloseWait)
		if err != nil {
			t.Fatal(err)
		}
		one, ok, err := d.Find(local, remote)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		found := 0
		for _, x := range all {
			if x.State != tcp.CloseWait {
				t.Errorf("%+v was not asked for", x)
			}
			if x.Local == local && x.Remote == remote {
				found++
				if x.Inode == 0 || x.Inode != one.Inode {
					t.Errorf("inodes %d and %d", x.Inode, one.Inode)
				}
			}
		}
		if found != 1 || one.Local != local || one.Remote != remote {
			t.Errorf("%v: found %d times, and %+v", at, found, one)
		}
		if _, ok, err := d.Find(local, netip.AddrPortFrom(remote.Addr(), 1)); err != nil || !ok {
			t.Errorf("its listener would answer: %v %v", ok, err)
		}
	}
}
