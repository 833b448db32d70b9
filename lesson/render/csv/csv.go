// Package csv writes a story's connections as comma-separated values (RFC
// 4180), one a line below a line of names. The columns are the fields of
// "connection" in docs/events.md, in the same order and with the same names.
package csv

import (
	"encoding/csv"
	"io"
	"net/netip"
	"strconv"
	"time"

	"lesson/lesson"
	"lesson/lesson/render/text"
	"lesson/lesson/tcp"
)

// Columns are the names in the first line.
var Columns = []string{"stream", "client", "server", "opened", "closed", "reset_by", "client_state", "server_state", "segments",
	"bytes", "client_bytes", "server_bytes", "start", "duration", "complete", "completeness", "conn_state", "icmp_errors", "icmp", "icmp_from"}

// Encoder is a lesson.Teller that writes every connection and passes over all
// else.
type Encoder struct {
	w      *csv.Writer
	opened bool
}

// New returns an Encoder that writes to w.
func New(w io.Writer) *Encoder { return &Encoder{w: csv.NewWriter(w)} }

// Tell writes a connection. The error is the writer's.
func (e *Encoder) Tell(event lesson.Event) error {
	if !e.opened {
		e.opened = true
		_ = e.w.Write(Columns) // Flush tells
	}
	c, ok := event.(*lesson.Connection)
	if ok {
		_ = e.w.Write([]string{
			strconv.Itoa(c.Stream), address(c.Ends[tcp.Client]), address(c.Ends[tcp.Server]), c.Opened.String(), c.Closed.String(), resetBy(c),
			c.State[tcp.Client].String(), c.State[tcp.Server].String(), strconv.Itoa(c.Segments),
			strconv.FormatUint(c.Bytes[0]+c.Bytes[1], 10), strconv.FormatUint(c.Bytes[tcp.Client], 10), strconv.FormatUint(c.Bytes[tcp.Server], 10),
			c.Start.UTC().Format(time.RFC3339Nano), string(text.AppendSeconds(nil, c.Duration)),
			strconv.FormatBool(c.Complete()), strconv.Itoa(c.Completeness), c.ConnState,
			strconv.Itoa(c.ICMP.Count), c.ICMP.Name, sender(c),
		})
	}
	switch event.(type) {
	case *lesson.Connection, *lesson.Ending:
		e.w.Flush()
	}
	return e.w.Error()
}

// address is "127.0.0.1:2023"; empty where there is none.
func address(ap netip.AddrPort) string {
	if !ap.Addr().IsValid() {
		return ""
	}
	return ap.String()
}

func resetBy(c *lesson.Connection) string {
	for e, yes := range c.Reset {
		if yes {
			return tcp.End(e).String()
		}
	}
	return ""
}

// sender is who has sent the ICMP error that is named.
func sender(c *lesson.Connection) string {
	if c.ICMP.Count == 0 {
		return ""
	}
	return c.ICMP.From.String()
}
