// Package events writes a story as JSON, one object a line. docs/events.md is
// the schema: what stands there and what is written here is held together by a
// test.
package events

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"lesson/lesson"
	"lesson/lesson/tcp"
)

// Encoder is a lesson.Teller that writes every event as one line of JSON, in
// one Write. Reading a large file, give it a bufio.Writer.
type Encoder struct {
	w   io.Writer
	buf []byte
}

// New returns an Encoder that writes to w.
func New(w io.Writer) *Encoder { return &Encoder{w: w} }

// Tell writes one event. The error is the writer's.
func (e *Encoder) Tell(event lesson.Event) error {
	l := line(e.buf[:0])
	switch event := event.(type) {
	case *lesson.Opening:
		l.opening(event)
	case *lesson.Call:
		l.call(event)
	case *lesson.Segment:
		l.segment(event)
	case *lesson.ICMP:
		l.icmp(event)
	case *lesson.Rest:
		l.rest(event)
	case *lesson.Note:
		l.note(event)
	case *lesson.Connection:
		l.connection(event)
	case *lesson.Socket:
		l.socket(event)
	case *lesson.Ending:
		l.ending(event)
	default:
		return fmt.Errorf("no JSON form for %T", event)
	}
	l = append(l, '}', '\n')
	e.buf = l
	_, err := e.w.Write(l)
	return err
}

func (l *line) opening(o *lesson.Opening) {
	l.event("lesson")
	l.string("name", o.Name)
	l.text("title", o.Title)
	l.string("refs", o.Refs)
	l.string("place", o.Place.String())
	l.string("interface", o.Interface)
	l.endpoint("client", o.Ends[tcp.Client])
	l.endpoint("server", o.Ends[tcp.Server])
	l.bool("checked", o.Checked)
	if o.Vantage != tcp.Anywhere {
		l.string("vantage", o.Vantage.String())
	}
}

func (l *line) call(c *lesson.Call) {
	l.event("call")
	l.seconds("time", c.Time)
	l.string("end", c.End.String())
	l.string("name", c.Name)
	l.string("phase", c.Phase.String())
	l.text("text", c.Text)
	if c.Exit != nil {
		l.int("exit", int64(*c.Exit))
	}
	l.key("console")
	l.open('[')
	for _, t := range c.Console {
		l.item()
		l.both(t)
	}
	l.close(']')
}

func (l *line) segment(s *lesson.Segment) {
	l.event("segment")
	l.int("n", int64(s.N))
	l.int("stream", int64(s.Stream))
	if !s.Live {
		l.int("frame", int64(s.Number))
		if s.File != "" {
			l.string("file", s.File)
		}
	}
	l.seconds("time", s.Since)
	l.string("from", s.Step.From.String())
	l.key("src")
	l.address(s.Src)
	l.key("dst")
	l.address(s.Dst)
	l.flags(s.Flags)
	l.int("seq", s.Step.Seq)
	l.int("ack", s.Step.Ack) // 0 without the ACK flag
	l.int("seq_abs", int64(s.Seq))
	l.int("ack_abs", int64(s.Ack))
	l.int("len", int64(s.Len))
	if s.HasWindow() {
		l.int("win", int64(s.Window))
	} else {
		l.null("win")
	}
	l.options(s)
	if s.Options.Cut {
		l.bool("cut", true)
	}
	l.vlans(s.VLAN)
	if !s.Live {
		l.int("hop_limit", int64(s.Hops))
		if s.IPv4() {
			l.int("ip_id", int64(s.ID))
		} else {
			l.null("ip_id")
		}
	}
	for end, name := range [2]string{"client", "server"} {
		l.key(name)
		l.open('{')
		l.string("before", s.Step.Before[end].String())
		l.string("after", s.Step.After[end].String())
		l.bool("inferred", s.Step.Inferred[end])
		if s.Live {
			l.answer("kernel_before", s.Before[end])
			l.answer("kernel_in_flight", s.InFlight[end])
		}
		l.kernel(s.Kernel[end])
		l.close('}')
	}
	if s.Live {
		l.fate(s)
	}
	l.findings(s.Step.Findings)
	if r := s.Step.Revised; r.Since != 0 {
		l.key("revised")
		l.open('{')
		l.string("end", r.End.String())
		l.int("since", int64(r.Since))
		l.string("state", r.State.String())
		l.close('}')
	}
	l.explain(s.Explain)
}

func (l *line) explain(list []lesson.Explanation) {
	l.key("explain")
	l.open('[')
	for _, x := range list {
		l.item()
		l.open('{')
		l.text("text", x.Text)
		l.string("ref", x.Ref)
		l.close('}')
	}
	l.close(']')
}

func (l *line) fate(s *lesson.Segment) {
	l.string("fate", s.Fate.String())
	l.times("repeats", s.Repeats)
	l.times("provoked", s.Provoked)
}

func (l *line) times(name string, list []time.Duration) {
	l.key(name)
	l.open('[')
	for _, d := range list {
		l.item()
		l.duration(d)
	}
	l.close(']')
}

func (l *line) rest(r *lesson.Rest) {
	l.event("state")
	l.seconds("time", r.Time)
	l.int("after", int64(r.After))
	for end, name := range [2]string{"client", "server"} {
		k := r.Kernel[end]
		l.key(name)
		l.open('{')
		l.string("state", r.State[end].String())
		l.kernel(k)
		if k.Timer == "" {
			l.null("timer")
			l.null("remaining")
		} else {
			l.string("timer", k.Timer)
			l.seconds("remaining", k.Remaining)
		}
		l.close('}')
	}
}

func (l *line) note(n *lesson.Note) {
	l.event("note")
	l.string("kind", n.Kind.String())
	l.text("text", n.Text)
	l.string("ref", n.Ref)
}

func (l *line) connection(c *lesson.Connection) {
	l.event("connection")
	l.int("stream", int64(c.Stream))
	l.endpoint("client", c.Ends[tcp.Client])
	l.endpoint("server", c.Ends[tcp.Server])
	l.string("opened", c.Opened.String())
	l.string("closed", c.Closed.String())
	l.end("reset_by", c.Reset)
	l.string("client_state", c.State[tcp.Client].String())
	l.string("server_state", c.State[tcp.Server].String())
	l.int("segments", int64(c.Segments))
	l.uint("bytes", c.Bytes[tcp.Client]+c.Bytes[tcp.Server])
	l.uint("client_bytes", c.Bytes[tcp.Client])
	l.uint("server_bytes", c.Bytes[tcp.Server])
	l.key("start")
	*l = append(*l, '"')
	*l = c.Start.UTC().AppendFormat(*l, time.RFC3339Nano)
	*l = append(*l, '"')
	l.seconds("duration", c.Duration)
	l.bool("complete", c.Complete())
	l.int("completeness", int64(c.Completeness))
	l.string("conn_state", c.ConnState)
	l.int("icmp_errors", int64(c.ICMP.Count))
	if c.ICMP.Count == 0 {
		l.null("icmp")
		l.null("icmp_from")
	} else {
		l.string("icmp", c.ICMP.Name)
		l.host("icmp_from", c.ICMP.From)
	}
	l.vlans(c.VLAN)
}

// vlans writes the identifiers of the VLANs around something, if there are any.
func (l *line) vlans(tags uint32) {
	ids, n := tcp.VLANs(tags)
	if n == 0 {
		return
	}
	l.key("vlan")
	l.open('[')
	for _, id := range ids[:n] {
		l.item()
		*l = strconv.AppendUint(*l, uint64(id), 10)
	}
	l.close(']')
}

func (l *line) ending(e *lesson.Ending) {
	l.event("end")
	l.int("segments", int64(e.Segments))
	l.int("connections", int64(e.Connections))
	l.uint("dropped", e.Dropped)
	l.bool("kept", e.Kept)
	l.bool("stopped", e.Stopped)
	l.int("disagreed", int64(e.Disagreed))
	l.seconds("duration", e.Duration)
}
