package lesson_test

import (
	"fmt"
	"strings"
	"testing"

	"lesson/capture"
	"lesson/capture/capturetest"
)

// Siblings of f8: somebody else has sent a RST in the server's name, and the
// server goes on. What it acknowledges proves what it had.
func TestForgedResets(t *testing.T) {
	sent := toldOpen + "client P. 1:144(143) ack 1 => ESTABLISHED ESTABLISHED\n"
	const never = "contradiction retransmission unacceptable reset-ignored"
	var all []sibling
	for _, forged := range []struct{ name, rst string }{
		{"RST", "server R 1:1(0)"}, {"RST with ACK", "server R. 1:1(0) ack 144"}, {"RST that acknowledges less", "server R. 1:1(0) ack 1"},
	} {
		for _, hops := range []string{"", "hops 50\n", "hops 250\n"} {
			found := "-hop-limit-differs"
			if hops != "" {
				found = "+hop-limit-differs"
			}
			name := forged.name + " " + strings.TrimSpace(hops)
			before := sent + hops + forged.rst + " => CLOSED ESTABLISHED " + found + "\n"
			all = append(all,
				sibling{name: name + ", and data", never: never, text: before + `
					server . 1:1(0) ack 144 => CLOSED ESTABLISHED
					server P. 1:101(100) ack 144 => CLOSED ESTABLISHED
					client R 144:144(0) => CLOSED CLOSED`, ends: "handshake reset CLOSED CLOSED client|server"},
				sibling{name: name + ", and much data at once", never: never, text: before + `
					server P. 1:30001(30000) ack 144 => CLOSED ESTABLISHED
					client R 144:144(0) => CLOSED CLOSED`, ends: "handshake reset CLOSED CLOSED client|server"},
				sibling{name: name + ", and FIN", never: never, text: before + `
					server . 1:1(0) ack 144 => CLOSED ESTABLISHED
					server F. 1:1(0) ack 144 => CLOSED FIN_WAIT1
					client R 144:144(0) => CLOSED CLOSED`, ends: "handshake reset CLOSED CLOSED client|server"},
				sibling{name: name + ", and the client does not heed it", never: never,
					text: sent + hops + forged.rst + " => CLOSED|ESTABLISHED|Unknown ESTABLISHED " + found + `
					server . 1:1(0) ack 144 => CLOSED|ESTABLISHED|Unknown ESTABLISHED
					server P. 1:101(100) ack 144 => CLOSED|ESTABLISHED|Unknown ESTABLISHED
					client . 144:144(0) ack 101 => ESTABLISHED ESTABLISHED
					client F. 144:144(0) ack 101 => FIN_WAIT1 CLOSE_WAIT
					server F. 101:101(0) ack 145 => TIME_WAIT LAST_ACK
					client . 145:145(0) ack 102 => TIME_WAIT CLOSED`, ends: "handshake fin|reset TIME_WAIT CLOSED"},
			)
		}
	}
	checkAll(t, "", all)
}

// Siblings of f9: a FIN is repeated, and it depends on what comes back whether it
// has arrived.
func TestRepeatedFins(t *testing.T) {
	const never = "unacceptable contradiction"
	for name, s := range map[string]struct{ fin, data, acked, before string }{
		"FIN":                               {"client F. 4:4(0) ack 1", "", "5", "4"},
		"FIN and data":                      {"client FP. 4:104(100) ack 1", "", "105", "4"},
		"a FIN after data that has arrived": {"client F. 1004:1004(0) ack 1", "client P. 4:1004(1000) ack 1 => ESTABLISHED ESTABLISHED\nserver . 1:1(0) ack 1004 => ESTABLISHED ESTABLISHED\n", "1005", "1004"},
	} {
		begun := toldOpen + toldData + s.data
		lone := func(peer string) string { return s.fin + " => FIN_WAIT1 " + peer + "\n" }
		again := func(peer string) string { return s.fin + " => FIN_WAIT1 " + peer + " +retransmission\n" }
		checkAll(t, name+", ", []sibling{
			{name: "once more", never: never, text: begun + lone("Unknown") + "0.3 " + again("Unknown"), ends: "handshake half FIN_WAIT1 Unknown"},
			{name: "twice more", never: never, text: begun + lone("Unknown") + "0.3 " + again("Unknown") + "0.8 " + again("Unknown"), ends: "handshake half FIN_WAIT1 Unknown"},
			{name: "six times, slowly", never: never, text: begun + lone("Unknown") + "3 " + again("Unknown") + "9 " + again("Unknown") +
				"21 " + again("Unknown") + "45 " + again("Unknown") + "93 " + again("Unknown") + "180 " + again("Unknown"), ends: "handshake half FIN_WAIT1 Unknown"},
			{name: "and then acknowledged", never: never, text: begun + lone("CLOSE_WAIT|ESTABLISHED|Unknown") + "0.3 " + again("CLOSE_WAIT|Unknown") + `
				0.4 server . 1:1(0) ack ` + s.acked + ` => FIN_WAIT2 CLOSE_WAIT`, ends: "handshake half FIN_WAIT2 CLOSE_WAIT"},
			{name: "and then answered by a FIN", never: never, text: begun + lone("CLOSE_WAIT|ESTABLISHED|Unknown") + "0.3 " + again("CLOSE_WAIT|Unknown") + `
				0.4 server F. 1:1(0) ack ` + s.acked + ` => TIME_WAIT LAST_ACK`, ends: "handshake half TIME_WAIT LAST_ACK"},
			{name: "and data shows that it has not come", never: never, text: begun + lone("ESTABLISHED|Unknown") + "0.3 " + again("ESTABLISHED|Unknown") + `
				0.4 server P. 1:11(10) ack ` + s.before + ` => FIN_WAIT1 ESTABLISHED|Unknown`, ends: "handshake half FIN_WAIT1 ESTABLISHED|Unknown"},
			{name: "and then given up", never: never, text: begun + lone("Unknown") + "0.3 " + again("Unknown") +
				"9 client R. " + s.acked + ":" + s.acked + "(0) ack 1 => CLOSED CLOSED|Unknown", ends: "handshake reset CLOSED CLOSED|Unknown client"},
		})
	}
}

// Siblings of f4 and f10: a SYN finds the connection before in TIME_WAIT at the
// server.
func TestSynMeetsTimeWait(t *testing.T) {
	const never = "contradiction gap acked-unseen unacceptable"
	before := toldOpen + toldData + `
		server F. 1:1(0) ack 4 => CLOSE_WAIT FIN_WAIT1
		client . 4:4(0) ack 2 => CLOSE_WAIT FIN_WAIT2
		client F. 4:4(0) ack 2 => LAST_ACK TIME_WAIT
		server . 2:2(0) ack 5 => CLOSED TIME_WAIT
		`
	closed := "handshake fin CLOSED TIME_WAIT; "
	for _, isn := range []uint32{3294967301, 2147483000, 100000, 4294900000} {
		n := func(i int) uint32 { return isn + uint32(i) }
		syn := fmt.Sprintf("client S %d:%d(0)", isn, isn)
		meets := "5.0 " + syn + " => SYN_SENT TIME_WAIT +port-reused\n"
		refused := "server . 2:2(0) ack 5 => SYN_SENT TIME_WAIT\nclient R 5:5(0) => SYN_SENT CLOSED|LISTEN\n"
		opens := fmt.Sprintf(`server S. 900000:900000(0) ack %d => ESTABLISHED SYN_RECV
			client . %d:%d(0) ack 900001 => ESTABLISHED ESTABLISHED
			client F. %d:%d(0) ack 900001 => FIN_WAIT1 CLOSE_WAIT
			server F. 900001:900001(0) ack %d => TIME_WAIT LAST_ACK
			client . %d:%d(0) ack 900002 => TIME_WAIT CLOSED
			`, n(1), n(1), n(1), n(1), n(1), n(2), n(2), n(2))
		checkAll(t, fmt.Sprintf("%d, ", isn), []sibling{
			{name: "refused, and tried again", oneWay: true, never: never, text: before + meets + refused + "6.0 " + syn + " => SYN_SENT SYN_RECV\n" + opens, ends: closed + closedByClient},
			{name: "refused, and given up", oneWay: true, never: never, text: before + meets + refused, ends: closed + "unanswered|refused|incomplete never-open SYN_SENT CLOSED|LISTEN client"},
			{name: "answered, and not refused", oneWay: true, never: never, text: before + meets + "server . 2:2(0) ack 5 => SYN_SENT TIME_WAIT\n", ends: closed + "unanswered|incomplete never-open SYN_SENT TIME_WAIT"},
			{name: "answered at the second SYN", oneWay: true, never: never, text: before +
				"5.0 " + syn + " => SYN_SENT TIME_WAIT|Unknown +port-reused\n6.0 " + syn + " => SYN_SENT TIME_WAIT|Unknown\n" + refused +
				"7.0 " + syn + " => SYN_SENT SYN_RECV\n" + opens, ends: closed + closedByClient},
			{name: "refused twice", oneWay: true, never: never, text: before + meets +
				"server . 2:2(0) ack 5 => SYN_SENT TIME_WAIT\nserver . 2:2(0) ack 5 => SYN_SENT TIME_WAIT\nclient R 5:5(0) => SYN_SENT CLOSED|LISTEN\nclient R 5:5(0) => SYN_SENT CLOSED|LISTEN\n" +
				"6.0 " + syn + " => SYN_SENT SYN_RECV\n" + opens, ends: closed + closedByClient},
			{name: "ends TIME_WAIT", oneWay: true, never: never, text: before + "5.0 " + syn + " => SYN_SENT SYN_RECV +port-reused\n" + opens, ends: closed + closedByClient},
		})
	}
}

// An end that has not heard that its peer is gone goes on in the connection
// before, and closes it.
func TestStaysInTheConnectionBefore(t *testing.T) {
	for _, at := range []struct{ name, from, before, fin string }{
		{"open", "", "ESTABLISHED", "FIN_WAIT1"},
		{"closed by the client", "client F. 4:4(0) ack 1 => FIN_WAIT1 CLOSE_WAIT\nserver . 1:1(0) ack 5 => FIN_WAIT2 CLOSE_WAIT\n", "CLOSE_WAIT", "LAST_ACK"},
	} {
		ack := 4
		if at.from != "" {
			ack = 5
		}
		checkAll(t, at.name+", ", []sibling{{name: "sends data, and its FIN", oneWay: true, never: "contradiction", text: toldOpen + toldData + at.from +
			"50.0 client S 900000:900000(0) => SYN_SENT " + at.before + " +port-reused\n" +
			fmt.Sprintf("server . 1:1(0) ack %d => SYN_SENT %s +connection-before\n", ack, at.before) +
			fmt.Sprintf("server P. 1:6(5) ack %d => SYN_SENT %s\n", ack, at.before) +
			fmt.Sprintf("server F. 6:6(0) ack %d => SYN_SENT %s\n", ack, at.fin), ends: "handshake open|half ESTABLISHED|FIN_WAIT2 " + at.before + "; before-capture|unanswered|incomplete open|never-open SYN_SENT " + at.fin}})
	}
}

// An end that opens the next connection has left the one before, whatever was
// seen of that; how much of a SYN with data it takes is its own affair.
func TestLeavesTheConnectionBefore(t *testing.T) {
	for name, before := range map[string]struct{ text, states, ends string }{
		"open":      {"", "ESTABLISHED ESTABLISHED", "open"},
		"LAST_ACK":  {"client F. 4:4(0) ack 1 => FIN_WAIT1 CLOSE_WAIT\nserver F. 1:1(0) ack 5 => TIME_WAIT LAST_ACK\n", "TIME_WAIT LAST_ACK", "fin"},
		"FIN_WAIT2": {"server F. 1:1(0) ack 4 => CLOSE_WAIT FIN_WAIT1\nclient . 4:4(0) ack 2 => CLOSE_WAIT FIN_WAIT2\n", "CLOSE_WAIT FIN_WAIT2", "half"},
	} {
		for _, syn := range []struct{ len, taken int }{{0, 0}, {10, 0}, {10, 10}} {
			acked := 900001 + syn.taken
			checkAll(t, fmt.Sprintf("%s, %d of %d bytes, ", name, syn.taken, syn.len), []sibling{{name: "opens", oneWay: true, never: "contradiction", text: toldOpen + toldData + before.text +
				fmt.Sprintf("50.0 client S 900000:%d(%d) => SYN_SENT SYN_RECV|Unknown|%s +port-reused\n", 900000+syn.len, syn.len, strings.Fields(before.states)[1]) +
				fmt.Sprintf("server S. 7000000:7000000(0) ack %d => ESTABLISHED SYN_RECV\n", acked) +
				fmt.Sprintf("client . %d:%d(0) ack 7000001 => ESTABLISHED ESTABLISHED\n", acked, acked),
				ends: "handshake " + before.ends + "|half " + before.states + "; handshake open ESTABLISHED ESTABLISHED"}})
		}
	}
}

// Siblings of f12: every packet is doubled, whatever the connection.
func TestMirrorPorts(t *testing.T) {
	for name, text := range map[string]string{
		"four segments": toldOpen + toldData + toldClose, "three segments": toldOpen + toldData + told3Close, "both at once": toldOpen + toldData + toldBoth,
		"reset": toldOpen + toldData + "server R. 1:1(0) ack 4 => CLOSED CLOSED\n",
	} {
		for _, later := range []int64{1000, 5000, 20000} {
			for _, v := range variants {
				t.Run(fmt.Sprintf("%s, %d ns, %s", name, later, v.name), func(t *testing.T) {
					rows := siblingRows(text, v.mirrored)
					var want []string
					for _, r := range rows {
						want = append(want, r.want+" -copy", r.want+" +copy")
					}
					l := listen(t, v.doubled(t, rows, later))
					compare(t, l.segments, want, "retransmission duplicate-ack unacceptable port-reused")
				})
			}
		}
	}
}

// doubled is the capture of a variant with every packet twice.
func (v *variant) doubled(t testing.TB, rows []row, later int64) []byte {
	t.Helper()
	file := capturetest.Header(capture.LinkRaw)
	for _, s := range v.segments(t, rows, true) {
		packet := net4.Frame(&s)
		file = capturetest.Record(file, s.Time, packet)
		file = capturetest.Record(file, s.Time+later, packet)
	}
	return file
}
