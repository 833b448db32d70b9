package lesson_test

import (
	"testing"

	"lesson/lesson/tcp"
)

// Siblings of f1 to f10 in which one more thing is missing, or comes late.
func TestOneThingMore(t *testing.T) {
	const serverCloses = `server F. 1:1(0) ack 4 => CLOSE_WAIT FIN_WAIT1
		client F. 4:4(0) ack 2 => LAST_ACK TIME_WAIT
		server . 2:2(0) ack 5 => CLOSED TIME_WAIT
		`
	const next = "50.0 client S 900000:900000(0) => SYN_SENT SYN_RECV|Unknown +port-reused\n"
	const nextGoesOn = `client P. 900001:900078(77) ack 7000001 => ESTABLISHED ESTABLISHED
		server . 7000001:7000001(0) ack 900078 => ESTABLISHED|Unknown ESTABLISHED|Unknown
		server P. 7000001:7000100(99) ack 900078 => ESTABLISHED ESTABLISHED
		client . 900078:900078(0) ack 7000100 => ESTABLISHED ESTABLISHED
		client F. 900078:900078(0) ack 7000100 => FIN_WAIT1 CLOSE_WAIT
		server F. 7000100:7000100(0) ack 900079 => TIME_WAIT LAST_ACK
		client . 900079:900079(0) ack 7000101 => TIME_WAIT CLOSED
		`
	const never = "unacceptable contradiction reset-ignored"
	checkAll(t, "", []sibling{
		{name: "both ends have sent much, and only the flags were captured", never: never, text: toldSYN +
			`client F. 70001:70001(0) ack 80001 => FIN_WAIT1|Unknown CLOSE_WAIT|Unknown
			server F. 80001:80001(0) ack 70002 => TIME_WAIT LAST_ACK`, ends: "handshake half TIME_WAIT LAST_ACK"},
		{name: "the SYN,ACK of the next connection is missing", oneWay: true, never: never, text: toldOpen + toldData + serverCloses + next +
			"client . 900001:900001(0) ack 7000001 => ESTABLISHED ESTABLISHED\n" + nextGoesOn, ends: "handshake fin CLOSED TIME_WAIT; " + closedByClient},
		{name: "that and the end of the one before", oneWay: true, never: never, text: toldOpen + toldData + next +
			"client . 900001:900001(0) ack 7000001 => ESTABLISHED ESTABLISHED\n" + nextGoesOn, ends: "handshake open ESTABLISHED ESTABLISHED; " + closedByClient},
		{name: "the ACK of the next connection is captured before its SYN,ACK", oneWay: true, never: never, text: toldOpen + toldData + serverCloses + next +
			`client . 900001:900001(0) ack 7000001 => ESTABLISHED ESTABLISHED
			server S. 7000000:7000000(0) ack 900001 => ESTABLISHED ESTABLISHED
			` + nextGoesOn, ends: "handshake fin CLOSED TIME_WAIT; " + closedByClient},
		{name: "the last ACK of the connection before is missing", oneWay: true, never: never, text: toldOpen + toldData +
			`client F. 4:4(0) ack 1 => FIN_WAIT1 CLOSE_WAIT
			server F. 1:1(0) ack 5 => TIME_WAIT LAST_ACK
			50.0 client S 900000:900000(0) => SYN_SENT SYN_RECV +port-reused
			server S. 7000000:7000000(0) ack 900001 => ESTABLISHED SYN_RECV
			client . 900001:900001(0) ack 7000001 => ESTABLISHED ESTABLISHED
			` + nextGoesOn, ends: "handshake half TIME_WAIT LAST_ACK; " + closedByClient},
		{name: "the RST of the connection before is missing", oneWay: true, never: never, text: toldOpen + toldData +
			`50.0 client S 900000:900000(0) => SYN_SENT SYN_RECV +port-reused
			server S. 7000000:7000000(0) ack 900001 => ESTABLISHED SYN_RECV
			client . 900001:900001(0) ack 7000001 => ESTABLISHED ESTABLISHED
			` + nextGoesOn, ends: "handshake open ESTABLISHED ESTABLISHED; " + closedByClient},
		{name: "the ACK of the handshake is missing, and the server greets", never: never, text: toldSYN +
			`server P. 1:86(85) ack 1 => ESTABLISHED ESTABLISHED
			0.2 server P. 1:86(85) ack 1 => ESTABLISHED ESTABLISHED +retransmission
			client R. 1:1(0) ack 86 => CLOSED CLOSED`, ends: "handshake reset CLOSED CLOSED client"},
		{name: "an ACK comes again after the RST of its sender", never: never, copies: true, text: toldOpen + toldData +
			`server P. 1:601(600) ack 4 => ESTABLISHED ESTABLISHED
			client . 4:4(0) ack 601 => ESTABLISHED ESTABLISHED
			server R. 601:601(0) ack 4 => CLOSED CLOSED
			1.0 server . 1:1(0) ack 4 => CLOSED CLOSED`, ends: "handshake reset CLOSED CLOSED server"},
		{name: "a RST stands alone long after", never: never, text: toldOpen + toldData +
			`server P. 1:601(600) ack 4 => ESTABLISHED ESTABLISHED
			client . 4:4(0) ack 601 => ESTABLISHED ESTABLISHED
			60.0 server R 601:601(0) => CLOSED CLOSED`, ends: "handshake reset CLOSED CLOSED server"},
		{name: "somebody else resets one end, and the other goes on", never: never, text: toldOpen + toldData +
			`server P. 1:201(200) ack 4 => ESTABLISHED ESTABLISHED
			hops 20
			client R 4:4(0) => ESTABLISHED|CLOSED CLOSED
			client . 4:4(0) ack 201 => ESTABLISHED CLOSED`, ends: "handshake reset ESTABLISHED CLOSED"},
		{name: "a single byte is captured after its acknowledgement", never: never + " keep-alive retransmission", text: toldOpen +
			`server P. 1:2(1) ack 2 => ESTABLISHED|Unknown ESTABLISHED|Unknown
			client P. 1:2(1) ack 1 => ESTABLISHED ESTABLISHED
			client . 2:2(0) ack 2 => ESTABLISHED ESTABLISHED`, ends: "handshake open ESTABLISHED ESTABLISHED"},
		{name: "a window is offered before its scale is known", never: never, text: `client S <wscale 7> => SYN_SENT SYN_RECV
			client . 1:1(0) ack 1 win 501 => ESTABLISHED ESTABLISHED
			server S. 0:0(0) ack 1 <wscale 7> => ESTABLISHED ESTABLISHED
			server . 1:1449(1448) ack 1 => ESTABLISHED ESTABLISHED
			server . 1449:2897(1448) ack 1 => ESTABLISHED ESTABLISHED`, oneWay: true, ends: "handshake open ESTABLISHED ESTABLISHED"},
		{name: "the FINs cross in a connection from before the capture", never: never, text: `server . 1:1(0) ack 1 => Unknown Unknown
			server P. 1:301(300) ack 1 => Unknown Unknown
			client . 1:1(0) ack 301 => Unknown Unknown|ESTABLISHED
			client F. 1:1(0) ack 301 => FIN_WAIT1 Unknown|CLOSE_WAIT
			server F. 301:301(0) ack 1 => CLOSING FIN_WAIT1
			client . 2:2(0) ack 302 => CLOSING TIME_WAIT
			server . 302:302(0) ack 2 => TIME_WAIT TIME_WAIT`, oneWay: true, ends: "before-capture fin TIME_WAIT TIME_WAIT"},
	})
}

// A SYN that turns out to have been answered has come to an end that listened.
func TestAnsweredFromListen(t *testing.T) {
	rows := siblingRows(toldOpen+toldData+"50.0 client S 900000:900000(0)\nserver S. 7000000:7000000(0) ack 900001", false)
	l := listen(t, variants[0].captured(t, rows, false))
	syn := l.segments[len(l.segments)-2]
	if syn.Step.Before[tcp.Server] != tcp.Listen || syn.Step.After[tcp.Server] != tcp.SynRecv || syn.Step.Findings.Has(tcp.Unacceptable) {
		t.Errorf("from %v to %v %v", syn.Step.Before, syn.Step.After, syn.Step.Findings.Names())
	}
}
