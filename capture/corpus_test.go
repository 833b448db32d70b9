package capture

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// corpus is the folder of captures that is kept beside the checkout, or where
// LESSON_CORPUS says.
func corpus(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("LESSON_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "corpus")
	}
	if _, err := os.Stat(filepath.Join(dir, "index.tsv")); err != nil {
		t.Skipf("no corpus of captures: %v (LESSON_CORPUS names its folder)", err)
	}
	return dir
}

func table(t *testing.T, name string) []map[string]string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	heads := strings.Split(lines[0], "\t")
	var out []map[string]string
	for _, line := range lines[1:] { // a quotation mark is nothing special here
		m := make(map[string]string)
		for i, v := range strings.Split(line, "\t") {
			m[heads[i]] = v
		}
		out = append(out, m)
	}
	return out
}

// readFile reads a whole capture; the error is what ended it, nil for its end.
func readFile(t *testing.T, name string) ([]tcp.Captured, Stats, error) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return readAll(f)
}

func readAll(in io.Reader) ([]tcp.Captured, Stats, error) {
	r, err := Open(in)
	if err != nil {
		return nil, Stats{}, err
	}
	var all []tcp.Captured
	for {
		c, err := r.Next()
		if err == io.EOF {
			err = nil
		} else if err == nil {
			c.Raw, c.Header, c.Payload = slices.Clone(c.Raw), slices.Clone(c.Header), slices.Clone(c.Payload)
			all = append(all, c)
			continue
		}
		return all, r.Stats(), err
	}
}

// TestCorpus reads every capture there is: none may panic, hang or end with
// anything but its end or a problem, and each has the packets it should.
func TestCorpus(t *testing.T) {
	dir := corpus(t)
	segments := 0
	for _, row := range table(t, filepath.Join(dir, "index.tsv")) {
		all, stats, err := readFile(t, filepath.Join(dir, row["file"]))
		segments += len(all)
		if err != nil {
			if p, ok := lang.AsProblem(err); !ok || p.What.ZH == "" {
				t.Errorf("%s: not a problem in both languages: %v", row["file"], err)
			}
		}
		for _, c := range all {
			if len(c.Payload) > int(c.Len) || len(c.Header) < flagsEnd || len(c.Raw) > c.RawLen {
				t.Errorf("%s: packet %d: %d of %d payload bytes, %d header bytes, %d of %d in all",
					row["file"], c.Number, len(c.Payload), c.Len, len(c.Header), len(c.Raw), c.RawLen)
			}
		}
		ours := strings.HasPrefix(row["file"], "kernel/") || strings.HasPrefix(row["file"], "packetdrill/")
		if want, _ := strconv.Atoi(row["packets"]); ours && (err != nil || stats.Packets != want) {
			t.Errorf("%s: %d packets, not %d; %v", row["file"], stats.Packets, want, err)
		}
		if streams, _ := strconv.Atoi(row["tcp_streams"]); err == nil && (streams > 0) != (len(all) > 0) &&
			!slices.ContainsFunc(differ, func(s string) bool { return strings.Contains(row["file"], s) }) {
			t.Errorf("%s: %d segments, %d streams; %+v", row["file"], len(all), streams, stats)
		}
	}
	t.Logf("%d segments", segments)
}

// differ names captures in which tshark finds TCP where we do not, or the
// other way round.
var differ = []string{
	".null-10.", ".null-23.", // address families that tshark 4.0 does not know
	".snap-tcp14.",  // tshark wants the whole header
	"v6.zerolen.",   // tshark does not take an IPv6 length of 0
	"tcp-malformed", // a data offset beyond the end: a receiver drops it

	"http_PPI", // IEEE 802.11 within PPI
}

// TestTwins holds that what wraps a segment does not change it.
func TestTwins(t *testing.T) {
	for _, version := range []string{"v4", "v6"} {
		dir := filepath.Join(corpus(t), "twins", "close_client_4seg-"+version)
		base, _, err := readFile(t, filepath.Join(dir, "base.pcap"))
		if err != nil || len(base) != 11 {
			t.Fatalf("base: %d segments, %v", len(base), err)
		}
		for _, row := range table(t, filepath.Join(dir, "twins.tsv")) {
			_, name, _ := strings.Cut(row["file"], version+".")
			t.Run(version+"/"+name, func(t *testing.T) {
				testTwin(t, base, filepath.Join(dir, row["file"]), row["cut"])
			})
		}
	}
}

func testTwin(t *testing.T, base []tcp.Captured, file, cut string) {
	got, stats, err := readFile(t, file)
	want, problem := base, ""
	mask := func(*tcp.Captured) {}
	switch {
	case cut == "may be refused, must not be misread": // packed by gzip
	case cut == "", cut == "payload not captured", cut == "payload cut":
	case cut == "TCP options not captured":
		mask = func(c *tcp.Captured) { c.Options = tcp.Options{} }
	case strings.HasPrefix(cut, "window, checksum"):
		mask = func(c *tcp.Captured) { c.Options, c.Window, c.CutOff = tcp.Options{}, 0, 0 }
	case cut == "no flags: states cannot be known":
		if len(got) != 0 || stats.CutShort != len(base) {
			t.Fatalf("%d segments, %+v", len(got), stats)
		}
		return
	case cut == "last frame missing":
		want, problem = base[:10], "packet 11 is cut short"
	case cut == "error on the last frame":
		want, problem = base[:10], "packet 11 is damaged"
	case cut == "error at frame 4":
		want, problem = base[:3], "packet 4 is damaged"
	case cut == "must be refused":
		want, problem = nil, "packet 1 is damaged"
	case strings.HasPrefix(cut, "error after the last frame"):
		problem = "packet 12 is damaged"
	case strings.HasPrefix(cut, "twice the frames"):
		want = nil
		for _, c := range base {
			want = append(want, c, c)
		}
	case strings.HasPrefix(cut, "frames "):
		want = pick(t, base, cut)
	default:
		t.Fatalf("no rule for %q", cut)
	}
	if problem == "" && err != nil || problem != "" && (err == nil || !strings.HasPrefix(err.Error(), problem)) {
		t.Errorf("error %v, not %q", err, problem)
	}
	if len(got) != len(want) {
		t.Fatalf("%d segments, not %d; %+v", len(got), len(want), stats)
	}
	for i := range got {
		g, w := got[i], want[i]
		mask(&g)
		mask(&w)
		g.Time, w.Time = 0, 0
		g.VLAN, w.VLAN = 0, 0
		if cut != "" && g.Options.Cut { // TestCut holds what is left of them
			g.Options, w.Options = tcp.Options{}, tcp.Options{}
		}
		if g.Segment != w.Segment {
			t.Errorf("segment %d is\n%+v, not\n%+v", i+1, g.Segment, w.Segment)
		}
		if g.Number != stats.Records+i+1 { // they come first, where there are any
			t.Errorf("segment %d is packet %d", i+1, g.Number)
		}
		if cut == "" && (string(g.Payload) != string(w.Payload) || len(g.Header) != len(w.Header)) {
			t.Errorf("segment %d: payload or header differ", i+1)
		}
	}
}

// pick reads "frames 2..11 of the base" and "frames 1,3,4 of the base".
func pick(t *testing.T, base []tcp.Captured, cut string) (out []tcp.Captured) {
	t.Helper()
	list := strings.Fields(cut)[1]
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if a, b, ok := strings.Cut(list, ".."); ok {
		return base[number(a)-1 : number(b)]
	}
	for _, n := range strings.Split(list, ",") {
		out = append(out, base[number(n)-1])
	}
	return out
}

// TestTwinTimes holds the file formats that keep the time in full against the base.
func TestTwinTimes(t *testing.T) {
	dir := filepath.Join(corpus(t), "twins", "close_client_4seg-v4")
	base, _, err := readFile(t, filepath.Join(dir, "base.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	for name, unit := range map[string]int64{
		"raw-us-le.pcap": 1000, "raw-us-be.pcap": 1000, "raw-ns-be.pcap": 1, "raw-modified.pcap": 1000,
		"ng-le.pcapng": 1000, "ng-be.pcapng": 1000, "ng-ns-le.pcapng": 1, "ng-ns-be.pcapng": 1,
		"ng-tsres2.pcapng": 1000, "ng-tsres-s.pcapng": 1e9, "ng-tsoffset.pcapng": 1000,
		"ng-opb.pcapng": 1000, "ng-two-sections.pcapng": 1000,
	} {
		got, _, err := readFile(t, filepath.Join(dir, "close_client_4seg-v4."+name))
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range got {
			if d := base[i].Time - c.Time; d < 0 || d >= unit {
				t.Errorf("%s: packet %d is %d ns off", name, i+1, d)
			}
		}
	}
}

// TestBadChecksum holds that exactly the segments which the kernel ignored for
// their checksum are called wrong, and none on a loopback interface.
func TestBadChecksum(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpus(t), "kernel", "*", "*.pcap"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		all, _, err := readFile(t, f)
		if err != nil {
			t.Fatal(f, err)
		}
		var bad, want []int
		for _, c := range all {
			if c.BadChecksum {
				bad = append(bad, c.Number)
			}
		}
		switch base := filepath.Base(f); {
		case strings.HasPrefix(base, "bad_checksum") && !strings.HasSuffix(base, ".A.pcap"):
			want = []int{8, 9} // its sender made them wrong behind the interface
		case strings.HasPrefix(base, "matrix"), strings.HasPrefix(base, "walk"):
			want = wrongOnPurpose(t, strings.TrimSuffix(f, ".pcap")+".truth.json")
		}
		if !slices.Equal(bad, want) {
			t.Errorf("%s: wrong are packets %v, not %v", f, bad, want)
		}
	}
}

// wrongOnPurpose lists the frames that a truth file says had a bad checksum.
func wrongOnPurpose(t *testing.T, name string) (frames []int) {
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var truth struct {
		Cases []struct {
			Steps []struct {
				Frame int
				Event string
			}
		}
	}
	if err := json.Unmarshal(data, &truth); err != nil {
		t.Fatal(err)
	}
	for _, c := range truth.Cases {
		for _, s := range c.Steps {
			if strings.HasSuffix(s.Event, "_badsum") {
				frames = append(frames, s.Frame)
			}
		}
	}
	slices.Sort(frames)
	return frames
}
