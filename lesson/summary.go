package lesson

import (
	"time"

	"lesson/lesson/tcp"
)

// summarize sums a connection up, in memory that serves for one after another.
// early is how long before its first segment another one was, by a clock that was
// set back or in files of several clocks.
func summarize(into *Connection, stream int, c *tcp.Conn, s *tcp.Summary, early time.Duration) {
	client, server := &s.End[tcp.Client], &s.End[tcp.Server]
	for e, end := range [...]*tcp.EndSummary{client, server} {
		into.Ends[e] = c.Endpoint(tcp.End(e)).AddrPort()
		into.State[e], into.Reset[e], into.Bytes[e] = end.State, end.Reset, end.Bytes
	}
	into.Stream, into.Segments = stream, int(s.Segments)
	into.Opened, into.Closed = opened(client, server), closed(client, server)
	switch state := &into.State; {
	case (into.Opened == OpenedNot || into.Opened == OpenedUnreached) && state[tcp.Server] == tcp.SynRecv:
		state[tcp.Server] = tcp.Unknown // nothing ever came of it: perhaps there is no such end
	case into.Opened == OpenedHalf && *state == [2]tcp.State{tcp.Established, tcp.SynRecv}:
		state[tcp.Client] = tcp.Unknown // perhaps no answer has come
	}
	into.Start, into.Duration = time.Unix(0, s.First).UTC(), max(time.Duration(s.Last-s.First)+early, 0)
	into.Completeness, into.ConnState = int(s.Completeness), s.ConnState()
}

func opened(client, server *tcp.EndSummary) Opened {
	switch {
	case client.Active && server.Active:
		return OpenedBoth
	case client.Before || server.Before:
		return OpenedBefore
	case !client.Active && !server.Answered:
		return OpenedBefore
	case client.Open || server.Open:
		return OpenedHandshake
	case server.Reset && !server.Answered && client.State != tcp.SynSent: // there, it has ignored the RST
		return OpenedRefused
	case client.Bounced:
		return OpenedUnreached
	case !server.Seen:
		return OpenedNot
	}
	return OpenedHalf
}

func closed(client, server *tcp.EndSummary) Closed {
	wasOpen := client.Open || server.Open || client.Before || server.Before || !client.Active && !server.Answered
	unknown := client.State == tcp.Unknown && server.State == tcp.Unknown
	switch {
	case client.Fin && server.Fin && client.FinAcked && server.FinAcked:
		return ClosedFIN
	case !wasOpen:
		return ClosedNever
	case client.Reset && (client.State == tcp.Closed || unknown), server.Reset && (server.State == tcp.Closed || unknown):
		return ClosedReset
	case client.WasReset && client.State == tcp.Closed, server.WasReset && server.State == tcp.Closed: // by somebody else
		return ClosedReset
	case client.Fin || server.Fin:
		return ClosedHalf
	}
	return ClosedNot
}
