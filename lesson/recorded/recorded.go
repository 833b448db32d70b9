// Package recorded holds a run of every lesson in the catalogue as two kernels
// once played it, for machines that let nothing be captured. A run is a file of
// JSON lines, packed with gzip; it is read only when it is asked for.
package recorded

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"lesson/lesson"
)

//go:embed runs/*.gz
var runs embed.FS

// Play tells a recorded run of a lesson with the one option, or with none
// where it is empty. The error is fs.ErrNotExist where there is no such run,
// or the teller's.
func Play(name, option string, t lesson.Teller) error {
	data, err := runs.ReadFile("runs/" + File(name, option))
	if err != nil {
		return err
	}
	return Read(data, t)
}

// Has reports whether there is a run of the lesson with the option.
func Has(name, option string) bool {
	_, err := fs.Stat(runs, "runs/"+File(name, option))
	return err == nil
}

// File is the name of the file that holds a run.
func File(name, option string) string {
	if option != "" {
		name += "." + option
	}
	return name + ".jsonl.gz"
}

// line is one event: exactly one field is set.
type line struct {
	Opening    *lesson.Opening    `json:",omitempty"`
	Call       *lesson.Call       `json:",omitempty"`
	Segment    *lesson.Segment    `json:",omitempty"`
	Rest       *lesson.Rest       `json:",omitempty"`
	Note       *lesson.Note       `json:",omitempty"`
	Connection *lesson.Connection `json:",omitempty"`
	Ending     *lesson.Ending     `json:",omitempty"`
}

func (l *line) event() lesson.Event {
	switch {
	case l.Opening != nil:
		return l.Opening
	case l.Call != nil:
		return l.Call
	case l.Segment != nil:
		return l.Segment
	case l.Rest != nil:
		return l.Rest
	case l.Note != nil:
		return l.Note
	case l.Connection != nil:
		return l.Connection
	case l.Ending != nil:
		return l.Ending
	}
	return nil
}

// Read tells the run that Write has packed.
func Read(data []byte, t lesson.Teller) error {
	unpacked, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	for d := json.NewDecoder(unpacked); ; {
		var l line
		switch err := d.Decode(&l); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		e := l.event()
		if e == nil {
			return errors.New("a line without an event")
		}
		if err := t.Tell(e); err != nil {
			return err
		}
	}
}

// Write packs a run that was played on the kernel named ("Linux 6.18"). Of the
// frames it keeps what is shown of them: the TCP headers and the payloads.
func Write(w io.Writer, kernel string, run []lesson.Event) error {
	packed, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	lines := json.NewEncoder(packed)
	lines.SetEscapeHTML(false)
	for _, e := range run {
		var l line
		switch e := e.(type) {
		case *lesson.Opening:
			o := *e
			o.Place, o.Interface = lesson.Recorded, kernel
			l.Opening = &o
		case *lesson.Call:
			l.Call = e
		case *lesson.Segment:
			s := *e
			s.Raw, s.RawLen = nil, 0
			l.Segment = &s
		case *lesson.Rest:
			l.Rest = e
		case *lesson.Note:
			l.Note = e
		case *lesson.Connection:
			l.Connection = e
		case *lesson.Ending:
			l.Ending = e
		default:
			return fmt.Errorf("a recording has no place for %s", strings.TrimPrefix(fmt.Sprintf("%T", e), "*lesson."))
		}
		if err := lines.Encode(l); err != nil {
			return err
		}
	}
	return packed.Close()
}
