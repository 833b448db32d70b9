package csv_test

import (
	"bytes"
	stdcsv "encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"lesson/lesson"
	"lesson/lesson/render/csv"
	"lesson/lesson/render/events"
	"lesson/lesson/render/rendertest"
)

// Every value is the one that stands under the same name in JSON, in the same
// order.
func TestAsJSON(t *testing.T) {
	stories := rendertest.All()
	for i, d := range []time.Duration{0, 1, 10, -1500, 1639900488, 60 * time.Second, 100 * time.Second, 1<<63 - 1} {
		stories[d.String()] = []lesson.Event{&lesson.Connection{Stream: i, Duration: d}}
	}
	for name, story := range stories {
		var out bytes.Buffer
		e := csv.New(&out)
		var objects []string
		for _, event := range story {
			if err := e.Tell(event); err != nil {
				t.Fatal(err)
			}
			if _, ok := event.(*lesson.Connection); ok {
				var b bytes.Buffer
				if err := events.New(&b).Tell(event); err != nil {
					t.Fatal(err)
				}
				objects = append(objects, b.String())
			}
		}
		rows, err := stdcsv.NewReader(&out).ReadAll()
		if err != nil || len(rows) != len(objects)+1 {
			t.Fatalf("%s: %d rows for %d connections, %v", name, len(rows), len(objects), err)
		}
		for i, object := range objects {
			at := 0
			for j, column := range rows[0] {
				next := strings.Index(object, `"`+column+`":`)
				if next < at {
					t.Errorf("%s: %s does not stand in its place", name, column)
				}
				at = next
				var values map[string]json.RawMessage
				if err := json.Unmarshal([]byte(object), &values); err != nil {
					t.Fatal(err)
				}
				want := strings.Trim(string(values[column]), `"`)
				if want == "null" {
					want = ""
				}
				if rows[i+1][j] != want {
					t.Errorf("%s: %s is %q, in JSON %q", name, column, rows[i+1][j], want)
				}
				if n := strings.Count(object, `":`) - strings.Count(object, `"event"`); n != len(rows[0]) {
					t.Errorf("%d columns, %d fields", len(rows[0]), n)
				}
			}
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, fmt.Errorf("full") }

func TestWriteError(t *testing.T) {
	if err := csv.New(broken{}).Tell(&lesson.Connection{}); err == nil {
		t.Error("a write error is lost")
	}
}
