package recorded_test

// difference is a reason why some of what is told of a capture is not what was
// told live, and all that differs for it.
type difference struct{ why, lines string }

// known is what remains different. What the capture does not show comes first;
// at the end stands what it does show, and what is told wrong or not at all.
var known = []difference{
	{"A segment is taken to arrive at once. This one was lost or came later, and nothing in the capture shows that.", `
	closed-too-soon: row 3 server SYN_SENT, explained: ESTABLISHED
	reset-while-closing: row 8 client CLOSING, explained: TIME_WAIT
	reset-while-closing: row 9 client CLOSING, explained: TIME_WAIT
	reset-while-closing: client takes CLOSING, rcv RST; explained: CLOSING, rcv ACK of FIN · TIME_WAIT, rcv RST
	silent-abort: row 7 server LAST_ACK, explained: CLOSED
	silent-abort: server takes nothing; explained: LAST_ACK, rcv ACK of FIN
	silent-abort: handshake, half; explained: handshake, fin
	silent-abort --closing: row 6 client CLOSING, explained: TIME_WAIT
	silent-abort --closing: row 7 client CLOSING, explained: TIME_WAIT
	silent-abort --closing: row 7 server CLOSING, explained: TIME_WAIT
	silent-abort --closing: client takes nothing; explained: CLOSING, rcv ACK of FIN
	silent-abort --closing: server takes nothing; explained: CLOSING, rcv ACK of FIN
	silent-abort --closing: handshake, half; explained: handshake, fin
	cancelled: row 1 server LISTEN, explained: SYN_RECV
	cancelled: server takes nothing; explained: LISTEN, rcv SYN
	lost-syn: row 1 server LISTEN, explained: SYN_RECV
	lost-ack: row 3 server SYN_RECV, explained: ESTABLISHED
	early-fin: row 3 server SYN_RECV, explained: ESTABLISHED
	lost-ack-of-fin: row 5 client FIN_WAIT1, explained: FIN_WAIT2
	old-duplicate-syn: row 1 server LISTEN, explained: SYN_RECV
	`},
	{"A FIN is sent again, and nothing shows which of the two has come until its receiver is heard.", `
	lost-fin: row 4 server ESTABLISHED, explained: Unknown
	lost-fin: server takes ESTABLISHED, rcv FIN; explained: nothing
	`},
	{"Live tells this ACK after the data that came when it had left; explained, it stands where its number puts it.", `
	reordered: row 6 server CLOSE_WAIT, explained: ESTABLISHED
	`},
	{"What a receiver finds when a segment arrives: that it comes before its time, or had come already.", `
	lost-syn-ack: row 3 retransmission · repeated, explained: retransmission
	lost-ack --silent: row 4 retransmission · repeated, explained: retransmission
	lost-last-ack: row 8 retransmission · repeated, explained: retransmission
	duplicated: row 4 repeated, explained: nothing
	reordered: row 5 out-of-order, explained: nothing
	`},
	{"What the sender of a damaged segment meant to send is not known.", `
	corrupted: row 5 retransmission, explained: nothing
	`},
	{"An end that answers with a RST has lost its connection before, and nothing tells whether its program had closed it, its listener was closed, or its machine had restarted.", `
	write-after-close: client takes FIN_WAIT2, snd RST; explained: nothing
	write-after-close --crossing: client takes FIN_WAIT1, snd RST; explained: nothing
	stops-listening: server takes SYN_RECV, snd RST; explained: nothing
	`},
	{"A segment that was made up on the way is taken for its sender's.", `
	simultaneous-open --firewall: row 4 server SYN_RECV, explained: CLOSED
	simultaneous-open --firewall: row 5 server SYN_RECV, explained: CLOSED
	simultaneous-open --firewall: server takes SYN_RECV, rcv RST; explained: nothing
	old-duplicate-syn --two-listeners: row 1 client LISTEN, explained: SYN_SENT
	old-duplicate-syn --two-listeners: row 2 client LISTEN, explained: CLOSED
	old-duplicate-syn --two-listeners: row 3 client LISTEN, explained: CLOSED
	old-duplicate-syn --two-listeners: client takes nothing; explained: CLOSED, snd SYN
	challenge-ack: row 4 client ESTABLISHED, explained: SYN_SENT
	challenge-ack: row 5 client ESTABLISHED, explained: SYN_SENT
	challenge-ack: client takes nothing; explained: CLOSED, snd SYN
	`},
	{"Streams are numbered as tshark does, and counted from their own SYN.", `
	old-duplicate-syn: row 2 seq
	old-duplicate-syn: row 3 ack
	old-duplicate-syn: row 4 seq
	old-duplicate-syn: client takes nothing; explained: CLOSED, snd SYN
	old-duplicate-syn: server takes nothing; explained: LISTEN, rcv SYN
	old-duplicate-syn: handshake, open, RST by the client; explained: unanswered, never-open | handshake, open
	challenge-ack: row 4 seq
	challenge-ack: row 5 ack
	challenge-ack: row 4 unacceptable, explained: unacceptable · port-reused
	challenge-ack: handshake, open; explained: handshake, open | before-capture, open
	challenge-ack: row 5 nothing, explained: connection-before
	half-open --reconnect: row 5 nothing, explained: connection-before
	half-open --reconnect: handshake, reset, RST by the client | handshake, open; explained: handshake, open | handshake, open
	`},
	{"Told wrong: the old SYN begins another stream, and what belongs to the one before counts there.", `
	old-duplicate-syn: row 2 nothing, explained: port-reused
	old-duplicate-syn: row 3 client SYN_SENT, explained: CLOSED
	old-duplicate-syn: row 3 unacceptable, explained: nothing
	old-duplicate-syn: row 4 client SYN_SENT, explained: CLOSED
	`},
}
