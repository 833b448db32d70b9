package lesson_test

import (
	"encoding/csv"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lesson/lesson"
	"lesson/lesson/tcp"
)

// rowsOf reads a table of the corpus.
func rowsOf(t *testing.T, file string) (out []map[string]string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = '\t', true, -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, v := range row {
			if name := rows[0][i]; m[name] == "" {
				m[name] = v
			}
		}
		out = append(out, m)
	}
	return out
}

func endpoint(t *testing.T, host, port string) netip.AddrPort {
	t.Helper()
	addr, err := netip.ParseAddr(host)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return netip.AddrPortFrom(addr, uint16(n))
}

// zeekDiffers are the traces of which Zeek says something else; docs/known-issues.md
// says why.
var zeekDiffers = []string{
	"pbb.pcap", "vntag_vlan_sandwich_clean.pcap", "tunnels/teredo_bubble_with_payload.pcap", // encapsulations that are not opened
	"tunnels/Teredo.pcap", // and connections that Zeek's timers have cut in pieces
}

// What Zeek's own tests expect of a connection's conn_state, we say.
func TestAgreesWithZeek(t *testing.T) {
	dir := corpus(t)
	same, all := 0, 0
	for _, row := range rowsOf(t, filepath.Join(dir, "public/zeek_expected.tsv")) {
		if row["proto"] != "tcp" || row["orig_h"] == "-" {
			continue
		}
		s, _ := explain(t, filepath.Join(dir, row["file"]))
		if s == nil {
			continue
		}
		orig, resp := endpoint(t, row["orig_h"], row["orig_p"]), endpoint(t, row["resp_h"], row["resp_p"])
		var states []string
		for _, c := range s.connections {
			if c.Ends == [2]netip.AddrPort{orig, resp} || c.Ends == [2]netip.AddrPort{resp, orig} {
				states = append(states, c.ConnState)
			}
		}
		all++
		if ok := strings.Contains(" "+strings.Join(states, " ")+" ", " "+row["conn_state"]+" "); ok {
			same++
		} else if !slices.Contains(zeekDiffers, row["trace"]) {
			t.Errorf("%s %s (%v, %v, %s): Zeek says %s, we say %v", row["trace"], row["test"], orig, resp, row["history"], row["conn_state"], states)
		}
	}
	t.Logf("%d of %d", same, all)
}

// suricataDiffers are the tests of which Suricata says something else;
// docs/known-issues.md says why.
var suricataDiffers = []string{
	"tests/app-layer-template", "tests/bug-4702-02", "tests/smb1-02", // closed, where an end is in TIME_WAIT
	"tests/flow-drop-iponly-01",                                                                            // it has dropped the rest itself
	"tests/stream-async/http/stream-async-6063-cli-01", "tests/stream-async/http/stream-async-6063-cli-02", // one direction alone was captured
}

// suricata is Suricata's state for what we say of both ends.
func suricata(c *lesson.Connection) string {
	a, b := c.State[tcp.Client], c.State[tcp.Server]
	either := func(s tcp.State) bool { return a == s || b == s }
	switch {
	case either(tcp.TimeWait):
		return "time_wait"
	case a == tcp.Closed && b == tcp.Closed:
		return "closed"
	case either(tcp.LastAck):
		return "last_ack"
	case either(tcp.Closing):
		return "closing"
	case either(tcp.CloseWait):
		return "close_wait"
	case either(tcp.FinWait2):
		return "fin_wait2"
	case either(tcp.FinWait1):
		return "fin_wait1"
	case either(tcp.Established):
		return "established"
	case b == tcp.SynRecv && c.Completeness&2 != 0:
		return "syn_recv"
	case a == tcp.SynSent:
		return "syn_sent"
	}
	return "none"
}

func TestAgreesWithSuricata(t *testing.T) {
	dir := corpus(t)
	same, all := 0, 0
	for _, row := range rowsOf(t, filepath.Join(dir, "public/suricata_expected.tsv")) {
		s, _ := explain(t, filepath.Join(dir, row["file"]))
		if s == nil || row["tcp_state"] == "" {
			continue
		}
		count := map[string]int{}
		for _, c := range s.connections {
			count[suricata(c)]++
		}
		all++
		if want, _ := strconv.Atoi(row["count"]); count[row["tcp_state"]] == want {
			same++
		} else if !slices.Contains(suricataDiffers, row["test"]) {
			t.Errorf("%s: Suricata says %s %s, we say %v; %s", row["test"], row["count"], row["tcp_state"], count, row["flow"])
		}
	}
	t.Logf("%d of %d", same, all)
}
