package tcp

import (
	"encoding/json"
	"testing"
)

// TestPathJSON wants every path to be read as it was written, and nothing else
// to be read as one.
func TestPathJSON(t *testing.T) {
	var p Path
	for id := range rules {
		p.add(RuleID(id)) // only the first few fit
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var q Path
		if err := json.Unmarshal(data, &q); err != nil || q != p {
			t.Errorf("%s became %v, %v", data, q, err)
		}
	}
	for _, bad := range []string{"[255]", "[-1]", "[0,1,2,3,4]", `"0"`, "{}"} {
		if err := json.Unmarshal([]byte(bad), &p); err == nil {
			t.Errorf("%s is taken for a path", bad)
		}
	}
}
