package capture_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"lesson/capture"
	"lesson/capture/capturetest"
)

// packers pack a capture in every way that is read directly.
var packers = map[string]func(io.Writer) io.WriteCloser{
	"gzip": func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	"zstd": func(w io.Writer) io.WriteCloser {
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(8<<20))
		if err != nil {
			panic(err)
		}
		return z
	},
}

func packed(t testing.TB, how string, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := packers[how](&b)
	if _, err := z.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func count(t *testing.T, in io.Reader) (n int, err error) {
	t.Helper()
	r, err := capture.Open(in)
	if err != nil {
		return 0, err
	}
	for {
		if _, err := r.Next(); err != nil {
			return n, err
		}
		n++
	}
}

// A packed capture reads as the plain one does, also when two of them stand
// one after the other, and its damage is told as such, after what came before.
func TestPacked(t *testing.T) {
	plain, err := capturetest.Net{}.Pcap(strings.Repeat("client S\nserver S.\nclient .\nclient F.\nserver F.\nclient .\n", 400))
	if err != nil {
		t.Fatal(err)
	}
	for how := range packers {
		z := packed(t, how, plain)
		if n, err := count(t, bytes.NewReader(z)); n != 2400 || err != io.EOF {
			t.Errorf("%s: %d segments, %v", how, n, err)
		}
		two := append(packed(t, how, plain[:1000]), packed(t, how, plain[1000:])...)
		if n, err := count(t, bytes.NewReader(two)); n != 2400 || err != io.EOF {
			t.Errorf("%s in two parts: %d segments, %v", how, n, err)
		}
		if _, err := count(t, bytes.NewReader(z[:len(z)-10])); err == nil || !strings.Contains(err.Error(), "is cut short") {
			t.Errorf("%s, cut: %v", how, err)
		}
		z[len(z)-6] ^= 0x55
		if _, err := count(t, bytes.NewReader(z)); err == nil || !strings.Contains(err.Error(), how+" compression of the capture is damaged") {
			t.Errorf("%s, damaged: %v", how, err)
		}
	}
}

// zeros is a stream of a great many of them.
type zeros struct{ left int }

func (z *zeros) Read(b []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(len(b), z.left)
	clear(b[:n])
	z.left -= n
	return n, nil
}

// A file of a few kilobytes that unpacks to 128 MB costs no more
// memory than any other.
func TestPackedBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("packing takes a minute under the race detector")
	}
	for how := range packers {
		var b bytes.Buffer
		z := packers[how](&b)
		_, _ = z.Write(capturetest.Header(capture.LinkEthernet))
		if _, err := io.Copy(z, &zeros{128 << 20}); err != nil {
			t.Fatal(err)
		}
		_ = z.Close()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		n, err := count(t, bytes.NewReader(b.Bytes()))
		runtime.ReadMemStats(&after)
		if n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("%s: %d segments, %v", how, n, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 48<<20 {
			t.Errorf("%s: %d bytes unpack at the cost of %d MB", how, b.Len(), used>>20)
		}
	}
}

// A zstd frame may not ask for a gigabyte of memory.
func TestPackedWindow(t *testing.T) {
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 20 << 3, 0x01, 0x00, 0x00} // a window of 1 GB, an empty last block
	for memory, want := range map[int]string{0: "more than 128 MB", 25 << 20: "more than 25 MB"} {
		r, err := capture.OpenWith(bytes.NewReader(frame), capture.Options{Memory: memory})
		if err == nil {
			_, err = r.Next()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v", memory, err)
		}
	}
	// What fits is read.
	plain, err := capturetest.Net{}.Pcap("client S")
	if err != nil {
		t.Fatal(err)
	}
	r, err := capture.OpenWith(bytes.NewReader(packed(t, "zstd", plain)), capture.Options{Memory: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err != nil {
		t.Error(err)
	}
}

// So does what the interfaces of pcapng take.
func TestInterfaces(t *testing.T) {
	one := []byte("\x01\x00\x00\x00\x14\x00\x00\x00\x01\x00\x00\x00\x00\x00\x04\x00\x14\x00\x00\x00")
	file := append(bytes.Clone(section), bytes.Repeat(one, 70_000)...)
	for memory, want := range map[int]string{0: "EOF", 8 << 20: "packet 1 is damaged: its section describes more than 65536 interfaces"} {
		r, err := capture.OpenWith(bytes.NewReader(file), capture.Options{Memory: memory})
		if err == nil {
			_, err = r.Next()
		}
		if err == nil || err.Error() != want {
			t.Errorf("%d: %v, want %s", memory, err, want)
		}
	}
}

func packedFile(b []byte) bool {
	return bytes.HasPrefix(b, []byte("\x1f\x8b")) || bytes.HasPrefix(b, []byte("\x28\xb5\x2f\xfd"))
}

// FuzzPacked reads damaged packings, and what is packed well as if it were not.
func FuzzPacked(f *testing.F) {
	plain, err := capturetest.Net{}.Pcap(talk)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(plain, false)
	for how := range packers {
		z := packed(f, how, plain)
		f.Add(z, false)
		f.Add(z[:len(z)-5], true)
	}
	f.Fuzz(func(t *testing.T, b []byte, whole bool) {
		if len(b) > 1<<14 { // what a large bomb unpacks to takes its time
			t.Skip()
		}
		check(t, b)
		if !whole || packedFile(b) {
			return
		}
		n, err := count(t, bytes.NewReader(b))
		for how := range packers {
			m, packedErr := count(t, bytes.NewReader(packed(t, how, b)))
			// Where there is nothing, only the packed file has a beginning.
			if m != n || len(b) > 0 && fmt.Sprint(packedErr) != fmt.Sprint(err) {
				t.Fatalf("%s: %d segments and %v, not %d and %v", how, m, packedErr, n, err)
			}
		}
	})
}
