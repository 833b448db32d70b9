package capture_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"testing"

	"lesson/capture"
	"lesson/capture/capturetest"
)

// endless is a capture without end in which there is no TCP.
func endless(t *testing.T) io.Reader {
	t.Helper()
	frame := make([]byte, 60)
	frame[12], frame[13] = 0x88, 0xcc // LLDP
	return io.MultiReader(bytes.NewReader(capturetest.Header(capture.LinkEthernet)), &repeated{what: capturetest.Record(nil, 0, frame)})
}

// repeated yields the same bytes for ever.
type repeated struct {
	what []byte
	at   int
}

func (r *repeated) Read(b []byte) (n int, err error) {
	for n < len(b) {
		m := copy(b[n:], r.what[r.at:])
		n, r.at = n+m, (r.at+m)%len(r.what)
	}
	return n, nil
}

// closing closes a channel when it is read for the nth time.
type closing struct {
	io.Reader
	n    int
	stop chan struct{}
}

func (c *closing) Read(b []byte) (int, error) {
	if c.n--; c.n == 0 {
		close(c.stop)
	}
	return c.Reader.Read(b)
}

// Whatever a capture holds, packed or not, its reading ends when it is told to.
func TestStopped(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := io.CopyN(z, endless(t), 64<<20); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		r io.Reader
		n int // when it is told
	}{
		"at once":          {endless(t), 1},
		"later":            {endless(t), 9},
		"unpacked":         {bytes.NewReader(bomb.Bytes()), 1},
		"blocks of pcapng": {io.MultiReader(bytes.NewReader(section), &repeated{what: custom}), 4},
	} {
		t.Run(name, func(t *testing.T) {
			stop := make(chan struct{})
			r, err := capture.OpenWith(&closing{tt.r, tt.n, stop}, capture.Options{Stop: stop})
			if err == nil {
				_, err = r.Next()
			}
			if !errors.Is(err, capture.Stopped) {
				t.Errorf("ends with %v", err)
			}
		})
	}
	stop := make(chan struct{})
	if _, err := capture.FirstTime(&closing{io.MultiReader(bytes.NewReader(section), &repeated{what: custom}), 4, stop}, capture.Options{Stop: stop}); !errors.Is(err, capture.Stopped) {
		t.Errorf("looking for the first packet ends with %v", err)
	}
}

// The beginning of a pcapng file, and a block of it that holds no packet.
var (
	section = []byte("\x0a\x0d\x0d\x0a\x1c\x00\x00\x00\x4d\x3c\x2b\x1a\x01\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x1c\x00\x00\x00")
	custom  = []byte("\xad\x0b\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00")
)

// A capture that was packed twice says so.
func TestPackedTwice(t *testing.T) {
	file, err := capturetest.Net{}.Pcap("client S")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		if _, err := z.Write(file); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		file = packed.Bytes()
	}
	if _, err := capture.Open(bytes.NewReader(file)); err == nil || err.Error() != "the capture is packed twice" {
		t.Errorf("%v", err)
	}
}
