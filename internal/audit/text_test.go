package audit

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
	for name, colors := range map[string]*theme.Theme{"report.txt": {}, "report-color.txt": theme.New(termenv.ANSI)} {
		var b strings.Builder
		if err := r.WriteText(&b, colors); err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if b.String() != string(want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, b.String(), want)
		}
		if name == "report.txt" && strings.ContainsAny(b.String(), "\x1b\x07") {
			t.Errorf("an escape sequence came through:\n%q", b.String())
		}
	}
}
