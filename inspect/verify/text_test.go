package verify

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inv/internal/event"
	"inv/internal/theme"

	"github.com/muesli/termenv"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestReportAsText(t *testing.T) {
	h := plain(t)
	h.editUpdate("chair", 6, func(u *event.Update) { u.CurrentStock++ })
	h.put("reorders", 0, "x", []byte(`{"event_id":"\u001b[31mred\u202e","product_id":"chair\u0007"}`))
	for range 30 {
		h.put("alerts", 0, "x", []byte("x"))
	}
	o := testOptions()
	o.MaxFindings = 2
	r := h.audit(o, "")
	r.Warnings = append(r.Warnings, "3 orders are copies\x1b[2J")
	golden(t, "report.txt", r, &theme.Theme{}, 0)
	golden(t, "report-color.txt", r, theme.New(termenv.ANSI), 0)
	golden(t, "report-ascii.txt", r, &theme.Theme{ASCII: true}, 0)
}

// Reports of systems that are right, and of one that can't be judged whole.
func TestOtherReportsAsText(t *testing.T) {
	golden(t, "report-holds.txt", plain(t).audit(testOptions(), ""), &theme.Theme{}, 0)
	golden(t, "report-reference.txt", oursByReference(t).audit(referenceOptions(), ""), &theme.Theme{}, 0)
	golden(t, "report-samples.txt", samples(t).audit(referenceOptions(), ""), &theme.Theme{}, 0)
	h := plain(t)
	h.remove(h.by("alerts", "alert-chair-4"))
	running := h.audit(testOptions(), "group inv-ingest has more to read on orders partition 0")
	golden(t, "report-running.txt", running, &theme.Theme{}, 0)
	golden(t, "report-running-80.txt", running, &theme.Theme{}, 80)
}

// golden compares a report's text with a file.
func golden(t *testing.T, name string, r *Report, colors *theme.Theme, columns int) {
	t.Helper()
	var b strings.Builder
	if err := r.WriteText(&b, colors, columns); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("%s:\n%s\nwant\n%s", name, b.String(), want)
	}
	if i := strings.IndexFunc(b.String(), func(r rune) bool { return r > '~' }); colors.ASCII && i >= 0 {
		t.Errorf("%q in a report in ASCII", b.String()[i:])
	}
	if colors.Reset == "" && strings.ContainsAny(b.String(), "\x1b\x07") {
		t.Errorf("an escape sequence came through:\n%q", b.String())
	}
}
