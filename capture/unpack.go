package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"lesson/lesson/lang"
)

// unpack returns the plain bytes of a stream that begins with the magic of
// gzip or zstd, nil for any other. They are unpacked as they are read and never
// kept: what a small file claims to expand to costs time, not memory. A zstd frame
// may ask to have memory bytes of them kept.
func unpack(in *input, magic []byte, memory int) io.Reader {
	r := io.MultiReader(bytes.NewReader(in.buf[in.at:in.to]), in.r)
	switch {
	case begins(magic, "\x1f\x8b"):
		return &unpacker{open: func() (io.Reader, error) { return gzip.NewReader(r) }, name: "gzip"}
	case begins(magic, "\x28\xb5\x2f\xfd"):
		return &unpacker{open: func() (io.Reader, error) {
			// One goroutine, this one: nothing is left running by a reader
			// that is given up.
			return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(uint64(memory)))
		}, name: "zstd", memory: memory}
	}
	return nil
}

func begins(magic []byte, with string) bool {
	return len(magic) >= len(with) && string(magic[:len(with)]) == with
}

// unpacker words what a decompressor finds wrong.
type unpacker struct {
	open   func() (io.Reader, error)
	name   string
	memory int
	r      io.Reader
}

// Read returns plain bytes. An end in the middle is io.ErrUnexpectedEOF, and
// damage a *lang.Problem.
func (u *unpacker) Read(b []byte) (n int, err error) {
	if u.r == nil {
		if u.r, err = u.open(); err != nil {
			u.r = failed{unexpected(err)}
		}
	}
	n, err = u.r.Read(b)
	var p *lang.Problem
	switch {
	case err == nil, err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &p):
		return n, err
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return n, &lang.Problem{
			What: lang.Text{
				EN: fmt.Sprintf("unpacking this zstd file takes more than %d MB of memory", u.memory>>20),
				ZH: fmt.Sprintf("解压这个 zstd 文件需要超过 %d MB 内存", u.memory>>20),
			},
			Hint: lang.Text{EN: "zstd --long=31 -dc FILE | lesson explain -", ZH: "zstd --long=31 -dc 文件 | lesson explain -"},
			Err:  err,
		}
	}
	return n, &lang.Problem{
		What: lang.Text{EN: "the " + u.name + " compression of the capture is damaged", ZH: "抓包文件的 " + u.name + " 压缩数据已损坏"},
		Hint: lang.Text{EN: "everything before the damage was read", ZH: "损坏之前的内容都已读出"},
		Err:  err,
	}
}

// failed is a reader that never worked.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }
