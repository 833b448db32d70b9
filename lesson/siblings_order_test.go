package lesson_test

import (
	"fmt"
	"strings"
	"testing"
)

const (
	toldData  = "client P. 1:4(3) ack 1 => ESTABLISHED ESTABLISHED\nserver . 1:1(0) ack 4 => ESTABLISHED ESTABLISHED\n"
	toldClose = `client F. 4:4(0) ack 1 => FIN_WAIT1 CLOSE_WAIT
		server . 1:1(0) ack 5 => FIN_WAIT2 CLOSE_WAIT
		server F. 1:1(0) ack 5 => TIME_WAIT LAST_ACK
		client . 5:5(0) ack 2 => TIME_WAIT CLOSED
		`
	told3Close = `client F. 4:4(0) ack 1 => FIN_WAIT1 CLOSE_WAIT
		server F. 1:1(0) ack 5 => TIME_WAIT LAST_ACK
		client . 5:5(0) ack 2 => TIME_WAIT CLOSED
		`
	toldBoth = `client F. 4:4(0) ack 1 => FIN_WAIT1|CLOSING CLOSE_WAIT|ESTABLISHED
		server F. 1:1(0) ack 4 => CLOSING FIN_WAIT1|CLOSING
		client . 5:5(0) ack 2 => CLOSING|TIME_WAIT TIME_WAIT
		server . 2:2(0) ack 5 => TIME_WAIT TIME_WAIT
		`
	closedByClient = "handshake fin TIME_WAIT CLOSED"
	anything       = "ESTABLISHED|FIN_WAIT1|FIN_WAIT2|Unknown ESTABLISHED|CLOSE_WAIT|Unknown"
)

// Siblings of f2: segments were captured in another order than they were sent.
// Each is in the file once, so none is sent again.
func TestCapturedInAnotherOrder(t *testing.T) {
	const never = "retransmission unacceptable contradiction port-reused copy"
	perhapsData := strings.ReplaceAll(toldData, "=> ESTABLISHED ESTABLISHED", "=> ESTABLISHED|Unknown ESTABLISHED|Unknown")
	checkAll(t, "", []sibling{
		{name: "an ACK before the FIN it acknowledges", text: toldOpen + toldData + `
			server . 1:1(0) ack 5 => ` + anything + `
			client F. 4:4(0) ack 1 => FIN_WAIT2 CLOSE_WAIT
			server F. 1:1(0) ack 5 => TIME_WAIT LAST_ACK
			client . 5:5(0) ack 2 => TIME_WAIT CLOSED`, never: never, ends: closedByClient},
		{name: "an ACK before the data and FIN it acknowledges", text: toldOpen + toldData + `
			server . 1:1(0) ack 1005 => ` + anything + `
			client FP. 4:1004(1000) ack 1 => FIN_WAIT2 CLOSE_WAIT
			server F. 1:1(0) ack 1005 => TIME_WAIT LAST_ACK
			client . 1005:1005(0) ack 2 => TIME_WAIT CLOSED`, never: never, ends: closedByClient},
		{name: "a FIN,ACK before the FIN it acknowledges", text: toldOpen + perhapsData + `
			server F. 1:1(0) ack 5 => TIME_WAIT|Unknown|FIN_WAIT2 LAST_ACK|Unknown
			client F. 4:4(0) ack 1 => TIME_WAIT|FIN_WAIT1|FIN_WAIT2|Unknown LAST_ACK
			client . 5:5(0) ack 2 => TIME_WAIT CLOSED`, never: never, ends: closedByClient},
		{name: "the last ACK before the FIN it acknowledges", text: toldOpen + toldData + `
			client F. 4:4(0) ack 1 => FIN_WAIT1 CLOSE_WAIT
			server . 1:1(0) ack 5 => FIN_WAIT2|Unknown CLOSE_WAIT|Unknown
			client . 5:5(0) ack 2 => FIN_WAIT2|TIME_WAIT|Unknown CLOSE_WAIT|LAST_ACK|CLOSED|Unknown
			server F. 1:1(0) ack 5 => TIME_WAIT CLOSED`, never: never, ends: closedByClient},
		{name: "an ACK before the data it acknowledges", text: toldOpen + `
			server . 1:1(0) ack 4 => ESTABLISHED|Unknown ESTABLISHED|Unknown
			client P. 1:4(3) ack 1 => ESTABLISHED ESTABLISHED
			` + toldClose, never: never, ends: closedByClient},
		{name: "an ACK before a single byte it acknowledges", text: toldOpen + `
			server . 1:1(0) ack 2 => ESTABLISHED|Unknown ESTABLISHED|Unknown
			client P. 1:2(1) ack 1 => ESTABLISHED ESTABLISHED
			client P. 2:4(2) ack 1 => ESTABLISHED ESTABLISHED
			` + toldClose, never: never, ends: closedByClient},
		{name: "the SYN last", oneWay: true, text: `
			server S. 0:0(0) ack 1 => ESTABLISHED|Unknown SYN_RECV|Unknown
			client . 1:1(0) ack 1 => ESTABLISHED ESTABLISHED
			client P. 1:4(3) ack 1 => ESTABLISHED ESTABLISHED
			` + toldClose + "client S 0:0(0) => TIME_WAIT CLOSED", never: never, ends: closedByClient},
		{name: "the SYN last, the server closes", oneWay: true, text: `
			server S. 0:0(0) ack 1 => ESTABLISHED|Unknown SYN_RECV|Unknown
			client . 1:1(0) ack 1 => ESTABLISHED ESTABLISHED
			server F. 1:1(0) ack 1 => CLOSE_WAIT FIN_WAIT1
			client F. 1:1(0) ack 2 => LAST_ACK TIME_WAIT
			server . 2:2(0) ack 2 => CLOSED TIME_WAIT
			client S 0:0(0) => CLOSED TIME_WAIT`, never: never, ends: "handshake fin CLOSED TIME_WAIT"},
		{name: "the SYN,ACK before the SYN", oneWay: true, text: `
			server S. 0:0(0) ack 1 => ESTABLISHED|Unknown SYN_RECV|Unknown
			client S 0:0(0) => ESTABLISHED|SYN_SENT SYN_RECV
			client . 1:1(0) ack 1 => ESTABLISHED ESTABLISHED
			` + toldData + toldClose, never: never, ends: closedByClient},
		{name: "the ACK before the SYN,ACK", oneWay: true, text: `
			client S 0:0(0) => SYN_SENT|ESTABLISHED SYN_RECV|Unknown
			client . 1:1(0) ack 1 => ESTABLISHED|Unknown ESTABLISHED|Unknown
			server S. 0:0(0) ack 1 => ESTABLISHED ESTABLISHED|SYN_RECV
			` + toldData + toldClose, never: never, ends: closedByClient},
	})
}

// Siblings of f3: a copy of any segment comes ten seconds late. Every row is told
// as without it.
func TestLateCopies(t *testing.T) {
	for name, closes := range map[string]string{"four segments": toldClose, "three segments": told3Close, "both at once": toldBoth} {
		ends := closedByClient
		if closes == toldBoth {
			ends = "handshake fin TIME_WAIT TIME_WAIT"
		}
		story := siblingRows(toldOpen+toldData+closes, false)
		last := story[len(story)-1].want
		var all []sibling
		copies := ""
		for i, r := range story {
			segment := r.segment
			if whole := completed[segment]; whole != "" {
				segment = whole
			}
			lateCopy := "%d.5 " + segment + " => " + last + "\n"
			copies += fmt.Sprintf(lateCopy, 20+i)
			text, ends := toldOpen+toldData+closes+fmt.Sprintf(lateCopy, 10), ends
			if strings.HasPrefix(segment, "server F.") && closes != toldBoth { // only its identification or time stamp tells it from one that is sent again
				text = strings.ReplaceAll(text, "TIME_WAIT CLOSED", "TIME_WAIT CLOSED|LAST_ACK")
				ends = "handshake fin|half TIME_WAIT CLOSED|LAST_ACK"
			}
			all = append(all, sibling{name: fmt.Sprintf("segment %d again", i+1), never: "contradiction port-reused", copies: true,
				text: text, ends: ends, oneWay: i < 3})
		}
		text := toldOpen + toldData + closes + copies
		if closes != toldBoth {
			text, ends = strings.ReplaceAll(text, "TIME_WAIT CLOSED", "TIME_WAIT CLOSED|LAST_ACK"), "handshake fin TIME_WAIT CLOSED"
		}
		all = append(all, sibling{name: "everything again", copies: true, never: "contradiction port-reused", text: text, ends: ends, oneWay: true})
		checkAll(t, name+", ", all)
	}
}

// completed are the segments whose numbers depend on what came before, with these.
var completed = map[string]string{
	"client S": "client S 0:0(0)", "server S.": "server S. 0:0(0) ack 1", "client .": "client . 1:1(0) ack 1",
}

// Siblings of f5: two different answers to one SYN.
func TestTwoAnswers(t *testing.T) {
	var all []sibling
	for _, other := range []uint32{3000000000, 1, 100000, 0xfffff000, 0x80000000, 70} {
		rest := toldData + toldClose
		second := strings.NewReplacer("server . 1:1(0)", fmt.Sprintf("server . %d:%d(0)", other+1, other+1), "server F. 1:1(0)", fmt.Sprintf("server F. %d:%d(0)", other+1, other+1),
			" ack 1 ", fmt.Sprintf(" ack %d ", other+1), " ack 2 ", fmt.Sprintf(" ack %d ", other+2)).Replace(rest)
		answer := fmt.Sprintf("server S. %d:%d(0) ack 1 => ESTABLISHED SYN_RECV", other, other)
		all = append(all,
			sibling{name: fmt.Sprintf("the first is taken, not %d", other), oneWay: true, never: "contradiction gap acked-unseen",
				text: toldSYN + answer + " +unacceptable\nclient . 1:1(0) ack 1 => ESTABLISHED ESTABLISHED -unacceptable =1\n" + rest, ends: closedByClient},
			sibling{name: fmt.Sprintf("the second is taken, %d", other), oneWay: true, never: "contradiction gap acked-unseen",
				text: toldSYN + answer + fmt.Sprintf("\nclient . 1:1(0) ack %d => ESTABLISHED ESTABLISHED -unacceptable =1\n", other+1) + second, ends: closedByClient},
			sibling{name: fmt.Sprintf("the first comes once more, after %d", other), oneWay: true, never: "contradiction gap acked-unseen",
				text: toldSYN + answer + " +unacceptable\nserver S. 0:0(0) ack 1 => ESTABLISHED SYN_RECV\nclient . 1:1(0) ack 1 => ESTABLISHED ESTABLISHED -unacceptable =1\n" + rest, ends: closedByClient},
		)
	}
	checkAll(t, "", all)
}
