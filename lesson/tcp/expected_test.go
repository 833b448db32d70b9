package tcp_test

import (
	"bytes"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"lesson/capture"
	"lesson/capture/capturetest/traffic"
	"lesson/lesson/tcp"
)

// twice is one connection observed by header prediction, without it, and
// without a Step.
type twice struct{ quick, long, silent tcp.Conn }

// observe reports whether prediction served.
func (c *twice) observe(t *testing.T, s *tcp.Segment) bool {
	t.Helper()
	before := c.long
	want, served := c.long.ObserveAtLength(s)
	got := c.quick.Observe(s)
	c.silent.Follow(s)
	if got != want || c.quick != c.long || c.silent != c.long {
		t.Fatalf("%+v\nafter %+v:\n got  %+v, %+v\n want %+v, %+v\n without a step %+v", *s, before, got, c.quick, want, c.long, c.silent)
	}
	return served
}

// twiceEach observes every connection of a capture so.
func twiceEach(t *testing.T, file []byte) (served, all int) {
	r, err := capture.Open(bytes.NewReader(file))
	if err != nil {
		return 0, 0 // hostile files are among them
	}
	latest := map[[2]tcp.Endpoint]*twice{}
	for {
		s, err := r.Next()
		if err != nil {
			return served, all
		}
		c := latest[[2]tcp.Endpoint{s.Src, s.Dst}]
		if c == nil || c.long.StartsNew(&s.Segment) {
			c = new(twice)
			latest[[2]tcp.Endpoint{s.Src, s.Dst}], latest[[2]tcp.Endpoint{s.Dst, s.Src}] = c, c
		}
		all++
		if c.observe(t, &s.Segment) {
			served++
		}
	}
}

// Header prediction tells what the long way tells, to the last bit.
func TestExpected(t *testing.T) {
	t.Run("traffic", func(t *testing.T) {
		var file bytes.Buffer
		if err := traffic.Write(&file, traffic.Options{Seed: rand.Uint64(), Packets: 100_000, Connections: 10_000}); err != nil {
			t.Fatal(err)
		}
		if served, all := twiceEach(t, file.Bytes()); served < all*9/10 {
			t.Errorf("it served %d of %d segments", served, all)
		}
	})
	t.Run("walks", func(t *testing.T) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 3))
		served := 0
		for range 30_000 {
			var c twice
			nxt := [2]tcp.Seq{tcp.Seq(r.Uint32()), tcp.Seq(r.Uint32())}
			opens := r.IntN(8) > 0
			var finished [2]bool
			for i := range 30 {
				was := nxt
				s := gambler(r, &nxt)
				if i < 3 && opens {
					nxt = was
					s = greeting(&nxt, i, r)
				} else if r.IntN(6) > 0 { // as it should be
					from := fromOf(&s)
					nxt = was
					s.Flags, s.Seq, s.Ack, s.BadChecksum = tcp.ACK, nxt[from], nxt[from.Peer()], false
					if finished[from] {
						s.Len = 0
					} else if r.IntN(12) == 0 {
						s.Flags, finished[from] = tcp.FIN|tcp.ACK, true
					}
					nxt[from] = s.End()
				}
				if c.observe(t, &s) {
					served++
				}
			}
		}
		if served < 300_000 {
			t.Errorf("it served %d segments", served)
		}
	})
	t.Run("corpus", func(t *testing.T) {
		dir := os.Getenv("LESSON_CORPUS")
		if dir == "" {
			dir = "../../../shared/corpus"
		}
		if _, err := os.Stat(filepath.Join(dir, "index.tsv")); err != nil {
			t.Skipf("the large corpus is not here: %v", err)
		}
		served, all := 0, 0
		err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			file, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			n, of := twiceEach(t, file)
			served, all = served+n, all+of
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("it served %d of %d segments", served, all)
	})
}

// fromOf is which of the tests' two ends sent a segment.
func fromOf(s *tcp.Segment) tcp.End {
	if s.Src == ends[tcp.Client] {
		return tcp.Client
	}
	return tcp.Server
}

// greeting is the i-th segment of a handshake.
func greeting(nxt *[2]tcp.Seq, i int, r *rand.Rand) tcp.Segment {
	from := tcp.End(i % 2)
	s := tcp.Segment{
		Src: ends[from], Dst: ends[from.Peer()], Seq: nxt[from], Ack: nxt[from.Peer()],
		Flags: []tcp.Flags{tcp.SYN, tcp.SYN | tcp.ACK, tcp.ACK}[i], Window: uint16(r.IntN(3) * 500),
		Options: tcp.Options{HasScale: r.IntN(4) > 0, WindowScale: uint8(r.IntN(15))},
	}
	nxt[from] = s.End()
	return s
}
