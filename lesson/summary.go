package lesson

import (
	"net/netip"
	"time"

	"lesson/lesson/tcp"
)

// summarize sums a connection up.
func summarize(into *Connection, stream int, c *tcp.Conn, s *tcp.Summary) {
	client, server := &s.End[tcp.Client], &s.End[tcp.Server]
	*into = Connection{
		Stream:       stream,
		Ends:         [2]netip.AddrPort{c.Endpoint(tcp.Client).AddrPort(), c.Endpoint(tcp.Server).AddrPort()},
		Opened:       opened(client, server),
		Closed:       closed(client, server),
		State:        [2]tcp.State{client.State, server.State},
		Segments:     int(s.Segments),
		Reset:        [2]bool{client.Reset, server.Reset},
		Bytes:        [2]uint64{client.Bytes, server.Bytes},
		Start:        time.Unix(0, s.First).UTC(),
		Duration:     time.Duration(s.Last - s.First),
		Completeness: int(s.Completeness),
		ConnState:    s.ConnState(),
	}
}

func opened(client, server *tcp.EndSummary) Opened {
	switch {
	case client.Active && server.Active:
		return OpenedBoth
	case !client.Active:
		return OpenedBefore
	case server.Reset && !server.Answered:
		return OpenedRefused
	case !server.Seen:
		return OpenedNot
	case server.Answered && client.Open, server.Open:
		return OpenedHandshake
	}
	return OpenedHalf
}

func closed(client, server *tcp.EndSummary) Closed {
	wasOpen := client.Open || server.Open || !client.Active
	switch {
	case client.Fin && server.Fin && client.FinAcked && server.FinAcked:
		return ClosedFIN
	case !wasOpen:
		return ClosedNever
	case client.Reset && client.State == tcp.Closed, server.Reset && server.State == tcp.Closed:
		return ClosedReset
	case client.Fin || server.Fin:
		return ClosedHalf
	}
	return ClosedNot
}
