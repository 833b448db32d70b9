// Package tcp is RFC 9293 as data: sequence numbers, segments, the eleven
// states, the rules that lead from one to another, and Conn, which follows a
// connection from outside. It does no I/O and reads no clock.
//
// Reading order: seq.go and segment.go (what is on the wire), state.go, rule.go
// and rules.go (the machine), conn.go (one segment observed), departs.go (what
// a segment says of its sender), arrives.go (what it does to its receiver),
// vantage.go (what is known to have arrived where), exact.go and happen.go
// (departures, arrivals and calls told apart), late.go, hole.go and succeed.go
// (what a capture has late, lacks, or has of the connection before), icmp.go (an
// error that quotes a segment), linux.go (what Linux does
// otherwise), half.go (the numbers kept of each end), step.go and finding.go
// (what is told: states, and what is notable), summary.go (a connection as a
// whole), ends.go and missed.go (what a table of many asks, and tells where the
// capture lost frames), expected.go (the same for the segment that had to come,
// in a few comparisons).
//
// What an end's own segments prove and what is only taken for granted are kept
// apart: the first is never taken back, and the second as soon as a segment shows
// otherwise.
//
// A label means the state after the departure or arrival of the segment
// (RFC 9293 §3.5). The two ends move at their own times, so every step has a
// state before and after for each.
package tcp
