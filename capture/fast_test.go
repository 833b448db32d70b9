package capture

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"lesson/lesson/tcp"
)

// FastIsTheSame holds that a frame read straight through is what the layers
// make of it, and reports whether it was.
func FastIsTheSame(t testing.TB, link LinkType, data []byte, missing int) bool {
	t.Helper()
	var straight, layered decoder
	straight.seg.frame, layered.seg.frame = &straight.frame, &layered.frame
	p := &packet{time: 7, link: link, data: data, wire: len(data) + missing}
	var got, want tcp.Segment
	if !straight.fast(p, &got) {
		if got != (tcp.Segment{}) {
			t.Errorf("%v: %x is not ordinary, and yet we read %+v", link, data, got)
		}
		return false
	}
	if o := layered.layered(p, &want); o != isSegment {
		t.Errorf("%v: %x is read straight through; the layers say %d", link, data, o)
	} else if a, b := &straight.frame, &layered.frame; got != want || a.id != b.id || a.hops != b.hops || !bytes.Equal(straight.seg.header, layered.seg.header) || !bytes.Equal(straight.seg.payload, layered.seg.payload) {
		t.Errorf("%v: %x is read straight through as\n%+v, by the layers as\n%+v", link, data, got, want)
	} else if a, b := straight.seg.sum(&got.Src.IP, &got.Dst.IP), layered.seg.sum(&want.Src.IP, &want.Dst.IP); a != b {
		t.Errorf("%v: %x: checksum %d, by the layers %d", link, data, a, b)
	}
	return true
}

// TestFastIsTheSame holds both decoders against each other on every capture
// there is, and that ordinary frames are read straight through at all.
func TestFastIsTheSame(t *testing.T) {
	compare := func(t *testing.T, files []string) {
		segments, straight := 0, 0
		for _, name := range files {
			f, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Open(bytes.NewReader(f))
			if err != nil {
				continue // refused, as TestCorpus holds
			}
			var d decoder
			for r.file.next(&r.frame) == nil {
				p := &r.frame
				var s tcp.Segment
				if d.decode(p, &s) == isSegment {
					segments++
				}
				if FastIsTheSame(t, p.link, p.data, p.wire-len(p.data)) {
					straight++
				}
				if t.Failed() {
					t.Fatal(name)
				}
			}
		}
		t.Logf("%d segments, %d of them straight through", segments, straight)
		if straight < segments*9/10 {
			t.Error("ordinary frames are left to the layers")
		}
	}
	t.Run("kernel", func(t *testing.T) {
		files, err := filepath.Glob("../lesson/testdata/kernel/*.pcap")
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		compare(t, files)
	})
	t.Run("corpus", func(t *testing.T) {
		dir := corpus(t)
		var files []string
		for _, row := range table(t, filepath.Join(dir, "index.tsv")) {
			files = append(files, filepath.Join(dir, row["file"]))
		}
		compare(t, files)
	})
}

// A sum taken eight bytes at a time is the sum taken two at a time.
func TestAdd(t *testing.T) {
	data := make([]byte, 100)
	for i := range data {
		data[i] = byte(255 - i*i)
	}
	for n := 8; n <= len(data); n++ {
		for _, before := range []uint64{0, 1<<64 - 1, 0x1234} {
			want := fold(before)
			for i, v := range data[:n] {
				want += uint64(v) << (8 * (1 - i&1))
			}
			if got := fold(add(before, data[:n])); got%0xffff != want%0xffff {
				t.Errorf("%d bytes: %x, want %x", n, got, fold(want))
			}
		}
	}
}
