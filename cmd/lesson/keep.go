package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"lesson/capture"
	"lesson/capture/privilege"
	"lesson/lesson"
	"lesson/lesson/tcp"
)

// keeper writes what was captured to a file, each packet with a comment that
// tells what it did to both ends.
type keeper struct {
	name    string
	out     *capture.Writer
	flush   func() error // writes what waits, if anything may
	close   func() error
	packets lesson.Packets
}

// Tell writes the packet a segment came in, when it is first told; other events
// are no packets.
func (k *keeper) Tell(e lesson.Event) error {
	s, ok := e.(*lesson.Segment)
	if !ok || !k.packets.First(s) {
		return nil
	}
	if err := k.out.Write(&s.Captured, comment(s)); err != nil {
		return fileProblem(k.name, err)
	}
	return nil
}

// comment is the annotation of one packet: "client ESTABLISHED -> FIN_WAIT1, server ESTABLISHED".
func comment(s *lesson.Segment) string {
	text := ""
	if s.Fate != lesson.Delivered {
		text = s.Fate.String() + ": "
	}
	for e := tcp.Client; e <= tcp.Server; e++ {
		if e > tcp.Client {
			text += ", "
		}
		text += fmt.Sprintf("%s %s", e, s.Step.Before[e])
		if s.Step.After[e] != s.Step.Before[e] {
			text += fmt.Sprintf(" -> %s", s.Step.After[e])
		}
	}
	return text
}

// keep opens the file that -w names; "-" is stdout. Each packet is written at
// once; where there are many, wait lets them wait for flush.
func (a *app) keep(name string, link capture.LinkType, wait bool) (*keeper, error) {
	k := &keeper{name: name, flush: func() error { return nil }, close: func() error { return nil }}
	w := a.stdout
	if name == "-" {
		k.name = a.in(say("stdout", "标准输出"))
	} else {
		f, err := privilege.Create(name)
		if err != nil {
			p := fileProblem(name, err)
			if errors.Is(err, fs.ErrPermission) {
				here := filepath.Join("~", filepath.Base(name))
				p.Hint = sayf("write where you may: -w %s", "请写到您有权限的地方：-w %s", shown(here))
			}
			return nil, p
		}
		k.close = func() error {
			if err := f.Close(); err != nil {
				return fileProblem(name, err)
			}
			return nil
		}
		w = f
	}
	if wait {
		b := &buffered{w: w}
		w = b
		k.flush = func() error {
			if err := b.flush(); err != nil {
				return fileProblem(k.name, err)
			}
			return nil
		}
	}
	var err error
	if k.out, err = capture.NewWriter(w, link); err != nil {
		return nil, errors.Join(fileProblem(k.name, err), k.close())
	}
	return k, nil
}

// buffered collects what is written until it is flushed, or enough of it.
type buffered struct {
	w   io.Writer
	buf []byte
}

func (b *buffered) Write(p []byte) (int, error) {
	b.buf = append(b.buf, p...)
	if len(b.buf) >= 64<<10 {
		return len(p), b.flush()
	}
	return len(p), nil
}

func (b *buffered) flush() error {
	if len(b.buf) == 0 {
		return nil
	}
	_, err := b.w.Write(b.buf)
	b.buf = b.buf[:0]
	return err
}
