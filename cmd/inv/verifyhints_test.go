package main

import (
	"strings"
	"testing"

	"inv/inspect/verify"
)

// What may be done about a report follows from what it shows: nobody is told to start
// a processor over the outputs of another one.
func TestVerifyHints(t *testing.T) {
	unread := verify.Report{Verdict: verify.Undecided, Signs: verify.Signs{Unrest: verify.Unread}}
	with := func(change func(*verify.Report)) *verify.Report {
		r := unread
		change(&r)
		return &r
	}
	for name, c := range map[string]struct {
		report *verify.Report
		args   []string
		app    string
		names  []string
		want   string // in the only hint; "": there is none
	}{
		"at rest":            {report: &verify.Report{Verdict: verify.Holds}, app: "inv"},
		"records are unread": {report: &unread, app: "inv", want: "`inv process --drain`"},
		"of another policy":  {report: &unread, app: "shop", args: []string{"--policy", "reference"}, want: "`inv process --app-id shop --policy reference --drain`"},
		"of some topologies": {report: &unread, app: "inv", names: []string{"inventory"}, want: "`inv process inventory --drain`"},
		"where another system delivers": {report: with(func(r *verify.Report) { r.Signs.Unrest, r.Counts.Updates = verify.NothingRead, 1 }), app: "inv",
			want: "`inv verify inventory`"},
		"before the processor's first start": {report: with(func(r *verify.Report) { r.Signs.Unrest = verify.NothingRead }), app: "inv", want: "`inv process --drain`"},
		"of another processor":               {report: with(func(r *verify.Report) { r.Signs.Foreign = true }), app: "inv", want: "name its consumer groups with --group"},
		"by another writer":                  {report: with(func(r *verify.Report) { r.Signs.Foreign, r.Signs.Writer = true, "a\x1bb" }), app: "inv", want: `If a\x1bb is an application`},
		"of a named group":                   {report: &unread, app: "inv", args: []string{"--group", "streams"}},
		"of a mistyped group":                {report: with(func(r *verify.Report) { r.Signs.Unrest = verify.NothingRead }), app: "inv", args: []string{"--group", "streams"}, want: "`inv groups list`"},
		"without facts, at rest":             {report: &verify.Report{Verdict: verify.Undecided, Signs: verify.Signs{Factless: true}}, app: "inv", want: "--policy reference"},
		"after a reset":                      {report: with(func(r *verify.Report) { r.Verdict, r.Signs.Restarted = verify.Violated, true }), app: "shop", want: "`inv reset --app-id shop --outputs`"},
		"with accepted totals":               {report: &unread, app: "inv", args: []string{"--accept-totals"}, want: "`inv process --accept-totals --drain`"},
		"of wrong totals":                    {report: &verify.Report{Verdict: verify.Undecided, Signs: verify.Signs{Argued: true}}, app: "inv", want: "ran with --accept-totals"},
		"more findings": {report: &verify.Report{Verdict: verify.Violated, Checks: []verify.Check{{Violations: 6}, {Violations: 7}}}, app: "inv",
			want: "5 findings are shown; --findings N shows more"},
	} {
		v := &verifyFlags{}
		if err := verifyCommandWith(&streams{}, &sharedFlags{}, v).ParseFlags(c.args); err != nil {
			t.Fatal(err)
		}
		hints := strings.Join(v.hints(c.report, c.app, c.names), "\n")
		if c.want == "" && hints != "" || !strings.Contains(hints, c.want) || strings.Contains(hints, "\n") {
			t.Errorf("%s: %q, want %q", name, hints, c.want)
		}
		if strings.Contains(hints, "inv process") != strings.Contains(c.want, "process") && !c.report.Signs.Restarted {
			t.Errorf("%s: %q", name, hints)
		}
	}
}
