package capture

import (
	"encoding/binary"
	"io"
	"math/bits"
)

// input is a stream read a record at a time. It asks the stream for no more
// than is missing, and takes what it gives: a live pipe yields each record as
// soon as it is whole.
type input struct {
	r      io.Reader
	buf    []byte
	at, to int // buf[at:to] has been read and not been taken
	used   int // bytes before at that the last take handed out
	err    error
	big    []byte // holds a record longer than buf
}

// maxRecord bounds one record. Frames of half a megabyte exist (BIG TCP).
const maxRecord = 16 << 20

func newInput(r io.Reader) *input { return &input{r: r, buf: make([]byte, 256<<10)} }

// peek returns the next n bytes, at most as many as the buffer holds, or what
// there is of them and why there is no more.
func (in *input) peek(n int) ([]byte, error) {
	if in.to-in.at < n {
		if err := in.fill(n); err != nil {
			return in.buf[in.at:in.to], err
		}
	}
	return in.buf[in.at:][:n], nil
}

// fill reads until the buffer holds n bytes that were not taken.
func (in *input) fill(n int) error {
	if len(in.buf)-in.at < n {
		in.to = copy(in.buf, in.buf[in.at:in.to])
		in.at, in.used = 0, 0
	}
	for tries := 0; in.to-in.at < n; {
		if in.err != nil {
			return in.err
		}
		m, err := in.r.Read(in.buf[in.to:])
		in.to += m
		in.err = err
		if m > 0 || err != nil {
			tries = 0
		} else if tries++; tries == 100 {
			in.err = io.ErrNoProgress
		}
	}
	return nil
}

// take returns the next n bytes, valid until the next call. At the end of the
// stream it returns io.EOF if there was nothing at all, io.ErrUnexpectedEOF if
// there was less than n. A length that lies costs no more memory than the
// stream has bytes.
func (in *input) take(n int) ([]byte, error) {
	if in.to-in.at >= n {
		b := in.buf[in.at:][:n]
		in.at, in.used = in.at+n, n
		return b, nil
	}
	return in.takeMore(n)
}

func (in *input) takeMore(n int) ([]byte, error) {
	in.used = 0
	if n <= len(in.buf) {
		b, err := in.peek(n)
		if err != nil {
			if err == io.EOF && len(b) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		in.at, in.used = in.at+n, n
		return b, nil
	}
	in.big = append(in.big[:0], in.buf[in.at:in.to]...)
	in.at = in.to
	for len(in.big) < n {
		at := len(in.big)
		in.big = append(in.big, make([]byte, min(n-at, 1<<20))...)
		if _, err := io.ReadFull(in.r, in.big[at:]); err != nil {
			return nil, unexpected(err)
		}
	}
	return in.big, nil
}

// skip passes over n bytes, however many they claim to be.
func (in *input) skip(n int64) error {
	in.used = 0
	here := min(n, int64(in.to-in.at))
	in.at += int(here)
	if _, err := io.CopyN(io.Discard, in.r, n-here); err != nil {
		return unexpected(err)
	}
	return nil
}

// ready is what is in the buffer and has not been taken.
func (in *input) ready() []byte { return in.buf[in.at:in.to] }

// untake gives back what the last take handed out of the buffer.
func (in *input) untake() { in.at, in.used = in.at-in.used, 0 }

// byteOrder is the byte order of a file: big-endian, or not.
type byteOrder bool

const (
	littleEndian byteOrder = false
	bigEndian    byteOrder = true
)

func (o byteOrder) Uint16(b []byte) uint16 {
	v := binary.LittleEndian.Uint16(b)
	if o {
		v = bits.ReverseBytes16(v)
	}
	return v
}

func (o byteOrder) Uint32(b []byte) uint32 {
	v := binary.LittleEndian.Uint32(b)
	if o {
		v = bits.ReverseBytes32(v)
	}
	return v
}

func (o byteOrder) Uint64(b []byte) uint64 {
	v := binary.LittleEndian.Uint64(b)
	if o {
		v = bits.ReverseBytes64(v)
	}
	return v
}
