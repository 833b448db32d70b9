package lesson_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lesson/lesson/tcp"
)

// corpus finds the captures nobody here wrote: a folder beside the checkout,
// or where LESSON_CORPUS says.
func corpus(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("LESSON_CORPUS")
	if dir == "" {
		dir = "../../shared/corpus"
	}
	if _, err := os.Stat(filepath.Join(dir, "index.tsv")); err != nil {
		t.Skipf("the large corpus is not here: %v", err)
	}
	return dir
}

type indexed struct {
	file         string
	streams      int
	completeness []string // of the first fifty streams, as tshark -2 says
}

func index(t *testing.T, dir string) []indexed {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "index.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var out []indexed
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		row := strings.Split(line, "\t")
		n, _ := strconv.Atoi(row[4])
		x := indexed{file: row[0], streams: n}
		if row[6] != "" {
			x.completeness = strings.Split(row[6], ",")
		}
		out = append(out, x)
	}
	return out
}

// streamsDiffer are captures in which tshark counts other streams, and
// completenessDiffers those with a stream whose completeness is another;
// docs/known-issues.md says why.
var (
	streamsDiffer = []string{
		"http_PPI",                                                     // IEEE 802.11, which is not opened
		"drop-protocol-change",                                         // a header quoted by ICMP
		"tcp-malformed", "snap-tcp14", "null-10", "null-23", "zerolen", // tshark takes what a receiver would not, or the other way round
	}
	completenessDiffers = []string{
		"kernel/matrix/", "rcv-syn-fin-with-data-listen", "walk-1-v4", // contradictory flags on a SYN that reuses the ports
		"walk-1-v6",                    // a SYN,FIN that tshark takes for a retransmission, and the streams after it
		"h323", "kday4", "atomic-frag", // frames that tshark counts for another layer
	}
)

func named(list []string, file string) bool {
	return slices.ContainsFunc(list, func(part string) bool { return strings.Contains(file, part) })
}

// Every file is explained to its end, whatever is in it, and what is told is
// whole: the streams are numbered without a gap, and no end moves without a row.
func TestCorpusIsExplained(t *testing.T) {
	dir := corpus(t)
	files, sameStreams, sameCompleteness, streams := 0, 0, 0, 0
	for _, x := range index(t, dir) {
		done := make(chan struct{})
		timer := time.AfterFunc(2*time.Minute, func() { panic(x.file + " is never explained") })
		go func() {
			defer close(done)
			s, err := explain(t, filepath.Join(dir, x.file))
			if s == nil {
				if err == nil {
					t.Errorf("%s: nothing, and no error", x.file)
				}
				return
			}
			files++
			if len(s.connections) == x.streams {
				sameStreams++
			} else if !named(streamsDiffer, x.file) {
				t.Errorf("%s: %d connections, tshark says %d (err %v)", x.file, len(s.connections), x.streams, err)
			}
			for i, c := range s.connections {
				if c.Stream != i {
					t.Errorf("%s: stream %d stands in place %d", x.file, c.Stream, i)
				}
				if i < len(x.completeness) && len(s.connections) == x.streams {
					streams++
					if strconv.Itoa(c.Completeness) == x.completeness[i] {
						sameCompleteness++
					} else if !named(completenessDiffers, x.file) {
						t.Errorf("%s stream %d: completeness %d, tshark says %s", x.file, i, c.Completeness, x.completeness[i])
					}
				}
			}
			last := map[int][2]tcp.State{}
			for _, seg := range s.segments {
				prev, ok := last[seg.Stream]
				if ok && prev != seg.Step.Before {
					t.Errorf("%s frame %d: states jump from %v to %v between rows", x.file, seg.Number, prev, seg.Step.Before)
				}
				last[seg.Stream] = seg.Step.After
			}
		}()
		<-done
		timer.Stop()
	}
	t.Logf("%d files; same number of streams in %d; same completeness in %d of %d streams", files, sameStreams, sameCompleteness, streams)
}

// A capture wrapped in another link type or file format tells the same story.
func TestTwinsTellTheSameStory(t *testing.T) {
	dir := corpus(t)
	lists, err := filepath.Glob(filepath.Join(dir, "twins/*/twins.tsv"))
	if err != nil || len(lists) == 0 {
		t.Fatal("no twins", err)
	}
	for _, list := range lists {
		base, err := explain(t, filepath.Join(filepath.Dir(list), "base.pcap"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		same, other := 0, 0
		for _, row := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
			cells := strings.Split(row, "\t")
			s, err := explain(t, filepath.Join(filepath.Dir(list), cells[0]))
			switch {
			case s == nil:
				other++
				t.Logf("%s: refused: %v", cells[0], err)
			case told(s) == told(base):
				same++
			case strings.HasPrefix(cells[3], "same") && cells[2] == "":
				t.Errorf("%s (%s): another story than its base (err %v):\n%s\nbase:\n%s", cells[0], cells[1], err, told(s), told(base))
			default:
				other++
				t.Logf("%s (%s; tshark: %s): err %v\n%s", cells[0], cells[1]+" "+cells[2], cells[3], err, told(s))
			}
		}
		t.Logf("%s: %d of the same story, %d cut or refused", filepath.Base(filepath.Dir(list)), same, other)
	}
}

// told is a story in short: what was sent, and where it led both ends.
func told(s *story) string {
	var b strings.Builder
	for _, seg := range s.segments {
		fmt.Fprintf(&b, "%v %v seq %d ack %d len %d: %v %v\n", seg.Step.From, seg.Flags, seg.Step.Seq, seg.Step.Ack, seg.Len, seg.Step.After[0], seg.Step.After[1])
	}
	return b.String()
}
