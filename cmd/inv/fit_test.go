package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"inv/inspect/verify"
	"inv/internal/theme"
	"inv/processor"
)

func TestProcessLine(t *testing.T) {
	began := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	s := &streams{now: func() time.Time { return began }, width: func() int { return 80 }}
	working := processor.Summary{
		Records: map[processor.Tally]int64{{Topic: "orders", Outcome: processor.Accepted}: 1234, {Topic: "orders", Outcome: processor.DeadLettered}: 1},
		Counts:  map[string]int64{"update": 2468, "reorder": 1}, Stages: map[string]processor.StageSummary{"ingest": {Assigned: 6, Ready: 6}},
	}
	restoring := processor.Summary{Restored: 20_000, Stages: map[string]processor.StageSummary{"ledger": {Assigned: 6, Ready: 2}}}
	for want, c := range map[string]struct {
		counts processor.Summary
		drain  bool
	}{
		"waiting for partitions; Ctrl-C ends it":                                           {processor.Summary{}, false},
		"restoring: 20,000 records read again; Ctrl-C ends it":                             {restoring, false},
		"1,235 records processed, 2,468 updates, 1 reorder, 0 alerts, 1 dead-lettered; 3s": {working, true},
	} {
		if got := newProcessLine(s, nil, []string{"update", "reorder", "alert"}, c.drain).status(c.counts, began.Add(3*time.Second)); got != fit(want, 80) {
			t.Errorf("the line is %q, want %q", got, want)
		}
	}
}

// The log appears above the line, which is erased at the end.
func TestProcessLineBelowTheLog(t *testing.T) {
	var screen bytes.Buffer
	s := &streams{err: &screen, errTerminal: true, now: time.Now, width: func() int { return 0 }}
	line := newProcessLine(s, &processor.Stats{}, nil, false)
	line.draw("busy")
	slog.New(slog.NewTextHandler(line, nil)).Info("hello")
	line.draw("")
	if got := screen.String(); !strings.HasPrefix(got, eraseLine+"busy"+eraseLine+"time=") || !strings.HasSuffix(got, "msg=hello\nbusy"+eraseLine) {
		t.Errorf("on the terminal: %q", got)
	}
}

// A table's last column is truncated on a terminal, and complete in a pipe.
func TestTablesFitTheTerminal(t *testing.T) {
	table := rows{header: []string{"NAME", "ABOUT"}}
	table.add("inventory", strings.Repeat("long ", 20))
	for terminal, want := range map[bool]int{true: 40, false: 112} {
		var out bytes.Buffer
		if err := table.write(&streams{out: &out, outTerminal: terminal, getenv: func(string) string { return "" }, width: func() int { return 40 }}, "text"); err != nil {
			t.Fatal(err)
		}
		last := strings.Split(out.String(), "\n")[1]
		if got := len([]rune(last)); got > want || got < want-2 {
			t.Errorf("terminal %v: %d columns, want about %d: %q", terminal, got, want, last)
		}
	}
}

// In a locale of ASCII a table is in ASCII.
func TestTableInASCII(t *testing.T) {
	table := &rows{header: []string{"GROUP", "RECORDS"}, cells: [][]any{{"grün", "≤64"}}}
	for locale, want := range map[string]string{"": "grün   ≤64\n", "C": `gr\u00fcn  <=64` + "\n"} {
		var out bytes.Buffer
		if err := table.write(&streams{out: &out, getenv: func(string) string { return locale }, width: func() int { return 0 }}, "text"); err != nil {
			t.Fatal(err)
		}
		if _, row, _ := strings.Cut(out.String(), "\n"); row != want {
			t.Errorf("locale %q: %q, want %q", locale, row, want)
		}
	}
}

// Usage wraps at the terminal's width; other texts fit any terminal.
func TestUsageFitsTheTerminal(t *testing.T) {
	var out bytes.Buffer
	s := &streams{out: &out, err: &out, in: strings.NewReader(""), getenv: func(string) string { return "" }, now: time.Now, width: func() int { return 80 }}
	if code := run([]string{"produce", "--help"}, s); code != exitDone {
		t.Fatalf("exit code %d", code)
	}
	_, flags, _ := strings.Cut(out.String(), "\nFlags:\n")
	for line := range strings.Lines(flags) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	out.Reset()
	if code := run([]string{}, s); code != exitDone || strings.Count(out.String(), "\n") > 23 {
		t.Errorf("exit code %d, and more lines than a small terminal has:\n%s", code, out.String())
	}
	for line := range strings.Lines(out.String()) {
		if n := len([]rune(line)); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	var report bytes.Buffer
	if err := writeReport(&streams{out: &report, outTerminal: true, width: func() int { return 80 }}, &verify.Report{Verdict: verify.Undecided,
		Checks: []verify.Check{{ID: "5.rest", Title: "the system is at rest", Verdict: verify.Undecided, Why: strings.Repeat("why ", 30)}}}, "text", &theme.Theme{}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(report.String()) {
		if n := len([]rune(line)); n > 81 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// Rows whose other columns leave little are one line each.
func TestNarrowLastColumn(t *testing.T) {
	table := rows{header: []string{"DEAD LETTER", "MESSAGE"}}
	table.add(strings.Repeat("x", 88), "no such product in the catalogue")
	var out bytes.Buffer
	if err := table.write(&streams{out: &out, outTerminal: true, getenv: func(string) string { return "" }, width: func() int { return 100 }}, "text"); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Split(out.String(), "\n")[1], strings.Repeat("x", 88)+"  no such p…"; got != want {
		t.Errorf("the row is\n%q, want\n%q", got, want)
	}
}
