package demo

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"inv/inspect/verify"
	"inv/internal/termsafe"
	"inv/internal/theme"
)

// The status shows the dashboard's address, since the line that printed it scrolls
// away, and still fits the terminal.
func TestStatusShowsDashboardAddress(t *testing.T) {
	var status bytes.Buffer
	s := NewScreen(&bytes.Buffer{}, &status, &theme.Theme{}, func() int { return 80 }, true, time.Now, 30*time.Second)
	s.Page = "http://127.0.0.1:8080/"
	products := []Product{{ID: "prod-123", Stock: 40, Peak: 40}, {ID: "prod-456", Stock: 30, Peak: 30}, {ID: "prod-789", Stock: 120, Peak: 120}}
	if err := s.Lines(nil, &Tally{Records: map[string]int64{"orders": 12}, Products: products}); err != nil {
		t.Fatal(err)
	}
	got := strings.TrimPrefix(status.String(), "\r\x1b[K")
	if !strings.Contains(got, "12 orders  http://127.0.0.1:8080/  prod-123 ") || len([]rune(strings.TrimRight(got, " "))) > 80 {
		t.Errorf("the status is %q", got)
	}
}

func TestStatusInASCII(t *testing.T) {
	var status bytes.Buffer
	s := NewScreen(&bytes.Buffer{}, &status, &theme.Theme{ASCII: true}, func() int { return 80 }, true, time.Now, 30*time.Second)
	products := []Product{{ID: "prod-123", Stock: 21, Peak: 40}}
	if err := s.Lines(nil, &Tally{Records: map[string]int64{}, Products: products}); err != nil {
		t.Fatal(err)
	}
	if got := status.String(); !strings.Contains(got, "prod-123 ####|... 21") {
		t.Errorf("the status is %q", got)
	}
	summary := (&Summary{Tally: Tally{Products: products}, Audit: &verify.Report{Verdict: verify.Holds}}).Write(&theme.Theme{ASCII: true})
	if i := bytes.IndexFunc(summary, func(r rune) bool { return r > '~' }); i >= 0 || !bytes.Contains(summary, []byte("+ verified")) {
		t.Errorf("the summary is %q", summary)
	}
}

// The summary is text: nothing in it acts on the terminal.
func TestSummaryIsHarmless(t *testing.T) {
	const hostile = "\x1bc\u009b1m\x9b\nFORGED\r\a\u202e\u2066"
	s := &Summary{topics: []topicCount{{"orders", hostile, 1}}, Audit: &verify.Report{
		Verdict:  verify.Undecided,
		Checks:   []verify.Check{{ID: "5.rest", Verdict: verify.Undecided, Why: hostile}},
		Findings: []verify.Finding{{Check: "5.rest", Product: hostile, Where: hostile, Expected: hostile, Seen: hostile}},
	}}
	s.Products = []Product{{ID: hostile, Name: hostile}}
	text := string(s.Write(&theme.Theme{}))
	for line := range strings.SplitSeq(text, "\n") {
		if safe := termsafe.String(line); safe != line || strings.HasPrefix(line, "FORGED") {
			t.Errorf("the summary has the line %q", line)
		}
	}
	if !strings.Contains(text, "FORGED") {
		t.Errorf("the names are missing in %q", text)
	}
}
