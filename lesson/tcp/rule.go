package tcp

import "lesson/lesson/lang"

// Event is something that can move one end from state to state. A segment on
// the wire is Snd… at its sender and Rcv… at its receiver; conditions on
// numbers have been decided before an event is named.
type Event uint8

// RuleID is a rule's place in the table.
type RuleID uint8

// Rule is one arrow of the state machine (RFC 9293 Figure 5).
type Rule struct {
	From State
	On   Event
	To   State
	Ref  string    // the RFC section: "RFC 9293 §3.10.7.4"
	Why  lang.Text // one sentence
}
