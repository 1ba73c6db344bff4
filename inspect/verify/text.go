package verify

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"inv/internal/termsafe"
	"inv/internal/theme"
)

// WriteText writes the report for a reader: each check with its mark, what was
// found, what there was, and the verdict. Nothing that comes from a record
// reaches the terminal as it is. In a terminal of so many columns what a check
// says goes below its title if it doesn't fit beside it; 0: there is none.
func (r *Report) WriteText(w io.Writer, t *theme.Theme, columns int) error {
	counts := new(strings.Builder)
	r.writeCounts(counts)
	return r.text(counts.String()).Write(w, t, columns)
}

func (r *Report) text(counts string) *Text {
	return &Text{Checks: r.Checks, Findings: r.Findings, Warnings: r.Warnings, Counts: counts, Verdict: r.Verdict}
}

// Text is what a report tells a reader, also that of another audit.
type Text struct {
	Checks   []Check
	Findings []Finding
	Warnings []string
	Counts   string // lines about what there was, with their line feeds
	Verdict  Verdict
}

// Write writes it, as [Report.WriteText] does.
func (x *Text) Write(w io.Writer, t *theme.Theme, columns int) error {
	out := new(strings.Builder)
	for i := range x.Checks {
		x.Checks[i].write(out, t, columns)
	}
	x.writeFindings(out, t)
	for _, warning := range x.Warnings {
		fmt.Fprintf(out, "\n%s! %s%s\n", t.Warning, termsafe.String(warning), t.Reset)
	}
	out.WriteString(x.Counts)
	mark, color := x.Verdict.mark(t)
	lines := []string{x.summary()}
	if columns > 0 {
		lines = termsafe.Wrap(lines[0], columns-2)
	}
	fmt.Fprintf(out, "%s%s %s%s\n", color, mark, strings.Join(lines, "\n  "), t.Reset)
	_, err := io.WriteString(w, t.Glyphs(out.String()))
	return err
}

func (r *Report) writeCounts(out io.Writer) {
	c := &r.Counts
	causeless := c.Applied == 0 && c.Ordered == 0 && c.Updates > 0 // which the checks say, too
	fmt.Fprintf(out, "\n%s", Counted(c.Orders, "order"))
	if !causeless {
		fmt.Fprintf(out, ", %s applied", grouped(c.Applied))
	}
	fmt.Fprintf(out, "; of all inputs %s, %s dead-lettered, %s skipped\n", Counted(c.Duplicates, "duplicate"), grouped(c.DeadLettered), grouped(c.Skipped))
	fmt.Fprintf(out, "%s of %s, %s, %s, %s\n", Counted(c.Updates, "update"), Counted(c.Products, "product"),
		Counted(c.Reorders, "reorder"), Counted(c.Alerts, "alert"), Counted(c.Receipts, "receipt"))
	switch {
	case causeless:
	case r.Policy == PolicyReference && c.Unmet == 0: // it forgets what it could not fill
		fmt.Fprintf(out, "%s ordered: %s filled\n", Counted(c.Ordered, "unit"), grouped(c.Filled))
	default:
		fmt.Fprintf(out, "%s ordered: %s filled, %s unmet\n", Counted(c.Ordered, "unit"), grouped(c.Filled), grouped(c.Unmet))
	}
	fmt.Fprintln(out)
}

func (v Verdict) mark(t *theme.Theme) (mark, color string) {
	switch v {
	case Holds:
		return "✓", t.Good
	case Violated:
		return "✗", t.Critical
	case Undecided:
		return "?", t.Warning
	}
	return "-", t.Dim
}

// idColumns and titleColumns are where a check's columns end.
const idColumns, titleColumns = 16, 81

func (c *Check) write(out io.Writer, t *theme.Theme, columns int) {
	mark, color := c.Verdict.mark(t)
	said, saidColor := grouped(c.Checked), t.Dim
	switch {
	case c.Verdict == Violated:
		said, saidColor = Counted(c.Violations, "finding"), t.Critical
	case c.Why != "":
		said, saidColor = termsafe.String(c.Why), color
	}
	fmt.Fprintf(out, "%s%s%s %-13s ", color, mark, t.Reset, c.ID)
	switch {
	case columns == 0 || titleColumns+termsafe.Width([]byte(said)) <= columns:
		fmt.Fprintf(out, "%-64s %s%s%s\n", c.Title, saidColor, said, t.Reset)
	case c.Why == "" && c.Verdict != Violated:
		fmt.Fprintln(out, c.Title) // how many were checked is worth no line
	default:
		fmt.Fprintln(out, c.Title)
		for _, line := range termsafe.Wrap(said, columns-idColumns) {
			fmt.Fprintf(out, "%*s%s%s%s\n", idColumns, "", saidColor, line, t.Reset)
		}
	}
}

func (x *Text) writeFindings(out io.Writer, t *theme.Theme) {
	for i := range x.Checks {
		c := &x.Checks[i]
		shown := int64(0)
		for _, f := range x.Findings {
			if f.Check != c.ID {
				continue
			}
			shown++
			fmt.Fprintf(out, "\n%s✗ %s%s", t.Critical, f.Check, t.Reset)
			for _, where := range []string{f.Product, f.Key, f.Where} {
				if where != "" {
					fmt.Fprintf(out, "  %s", termsafe.String(where))
				}
			}
			fmt.Fprintf(out, "\n    expected  %s\n    seen      %s\n", termsafe.String(f.Expected), termsafe.String(f.Seen))
		}
		if c.Violations > shown {
			fmt.Fprintf(out, "\n  … and %s of %s\n", Counted(c.Violations-shown, "more finding"), c.ID)
		}
	}
}

// summary returns the verdict in words.
func (x *Text) summary() string {
	var violated, undecided []string
	for _, c := range x.Checks {
		switch c.Verdict {
		case Violated:
			violated = append(violated, c.ID)
		case Undecided:
			undecided = append(undecided, c.ID)
		}
	}
	switch {
	case x.Verdict == Violated && len(undecided) > 0:
		return "violated: " + strings.Join(violated, ", ") + "; not decided: " + strings.Join(undecided, ", ")
	case x.Verdict == Violated:
		return "violated: " + strings.Join(violated, ", ")
	case x.Verdict == Undecided:
		return "undecided: nothing is wrong in what could be checked; not decided: " + strings.Join(undecided, ", ")
	}
	return "all invariants hold"
}

// Counted returns a number and what it counts, such as 1 order or 1,200 orders.
func Counted(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return grouped(n) + " " + what + "s"
}

// grouped writes a number with a comma at each thousand.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
