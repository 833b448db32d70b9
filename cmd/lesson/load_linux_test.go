package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// load is a program that opens and closes connections on the loopback
// interface of its network namespace, one after the other: load COUNT RATE,
// a RATE of 0 being as fast as it can. At the end it prints how many segments
// the kernel has received in this namespace, and how long it took. With "lone"
// behind, it prints the time before each connect().
func load() {
	count, rate := number(1), number(2)
	lone := len(os.Args) > 3 && os.Args[3] == "lone"
	var listeners [16]int
	for i := range listeners {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		must(err)
		must(unix.Bind(fd, address(i)))
		must(unix.Listen(fd, 128))
		listeners[i] = fd
	}
	before := received()
	start := time.Now()
	for n := range count {
		if rate > 0 {
			time.Sleep(time.Until(start.Add(time.Duration(n) * time.Second / time.Duration(rate))))
		}
		if lone {
			fmt.Println(time.Now().UnixNano())
		}
		exchange(listeners[n%len(listeners)], address(n%len(listeners)))
	}
	took := time.Since(start)
	if !lone {
		fmt.Println(received()-before, took.Nanoseconds())
	}
}

func address(i int) *unix.SockaddrInet4 {
	return &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(i + 1)}, Port: 2023}
}

// exchange is one connection, with ten bytes each way.
func exchange(listener int, to *unix.SockaddrInet4) {
	c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	must(err)
	must(unix.Connect(c, to))
	s, _, err := unix.Accept(listener)
	must(err)
	var b [10]byte
	for _, way := range [2][2]int{{c, s}, {s, c}} {
		_, err = unix.Write(way[0], b[:])
		must(err)
		_, err = unix.Read(way[1], b[:])
		must(err)
	}
	must(unix.Close(c))
	must(unix.Close(s))
}

// received is the kernel's own count of segments (RFC 4022, tcpInSegs).
func received() int {
	f, err := os.Open("/proc/net/snmp")
	must(err)
	defer f.Close()
	var rows [][]string
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasPrefix(s.Text(), "Tcp:") {
			rows = append(rows, strings.Fields(s.Text()))
		}
	}
	for i, name := range rows[0] {
		if name == "InSegs" {
			n, err := strconv.Atoi(rows[1][i])
			must(err)
			return n
		}
	}
	panic("no InSegs")
}

func number(i int) int {
	n, err := strconv.Atoi(os.Args[i])
	must(err)
	return n
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// leaks is how many connections leak leaves open: more than are told at once.
const leaks = 2 * waitMost

// leak is a program whose server never closes: its client has, and only the
// program's end closes the sockets. It comes when the test has seen enough, and
// closes its standard input.
func leak() {
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	must(err)
	must(unix.Bind(listener, address(0)))
	must(unix.Listen(listener, 1))
	for range leaks {
		c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		must(err)
		must(unix.Connect(c, address(0)))
		_, _, err = unix.Accept(listener)
		must(err)
		must(unix.Close(c))
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	must(err)
}
