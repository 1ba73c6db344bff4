package declared

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"inv/inspect/verify"
	"inv/internal/theme"
)

// Report is the outcome of the audit of a topology.
type Report struct {
	// Verdict is Violated if any check is, else Undecided if any check is.
	Verdict  verify.Verdict   `json:"verdict"`
	Topology string           `json:"topology"`
	AtRest   bool             `json:"at_rest"`
	Checks   []verify.Check   `json:"checks"`
	Counts   Counts           `json:"counts"`
	Findings []verify.Finding `json:"findings"`
	// Warnings are things worth knowing that violate nothing.
	Warnings []string `json:"warnings"`
}

// Counts is how many records there were of each kind. What is in flight has been read
// only in part: the processor was running, or was stopped before it had read everything.
type Counts struct {
	Inputs          int64 `json:"inputs"`
	InputsInFlight  int64 `json:"inputs_in_flight"` // that the topology has not read
	Lines           int64 `json:"lines"`            // of the log
	LinesInFlight   int64 `json:"lines_in_flight"`  // that have not been applied
	Ticks           int64 `json:"ticks"`            // of the log
	Held            int64 `json:"held"`             // lines that wait for their time
	Keys            int64 `json:"keys"`             // with state, or windows
	Outputs         int64 `json:"outputs"`
	OutputsInFlight int64 `json:"outputs_in_flight"` // that the log calls for, and that are not written yet
	DeadLetters     int64 `json:"dead_letters"`
}

// OutputsOnce is the id of the check that finds outputs that are there twice.
const OutputsOnce = "2.once"

// The checks, in the order in which they are reported.
const (
	checkLines = iota
	checkOnce
	checkInputs
	checkRows
	checkTicks
	checkOutputs
	checkOutputsOnce
	checkLetters
	checkEnvelope
	checkRest
	checkCount
)

func newChecks() [checkCount]verify.Check {
	return [checkCount]verify.Check{
		checkLines:       {ID: "1.lines", Title: "each line of the log is what its record calls for"},
		checkOnce:        {ID: "1.once", Title: "no line is there twice, and each source's are in its order"},
		checkInputs:      {ID: "1.inputs", Title: "each record that was read has its lines or its dead letter"},
		checkRows:        {ID: "1.rows", Title: "joined rows are those that the tables had"},
		checkTicks:       {ID: "1.ticks", Title: "the log can be read, and its times don't go back"},
		checkOutputs:     {ID: "2.outputs", Title: "outputs are exactly those that are called for"},
		checkOutputsOnce: {ID: OutputsOnce, Title: "no output is there twice"},
		checkLetters:     {ID: "3.letters", Title: "dead letters are exactly those that are called for"},
		checkEnvelope:    {ID: "envelope", Title: "outputs have the right key, partition, timestamp and headers"},
		checkRest:        {ID: "4.rest", Title: "the topology is at rest"},
	}
}

// WriteText writes the report for a reader, as [verify.Report] does.
func (r *Report) WriteText(w io.Writer, t *theme.Theme, columns int) error {
	counts := new(strings.Builder)
	c := &r.Counts
	fmt.Fprintf(counts, "\n%s%s", verify.Counted(c.Inputs, "input"), flying(c.InputsInFlight))
	if c.Lines > 0 || c.Ticks > 0 {
		fmt.Fprintf(counts, ", %s%s, %s\n", verify.Counted(c.Lines, "line"), flying(c.LinesInFlight), verify.Counted(c.Ticks, "tick"))
		fmt.Fprintf(counts, "%s, %s", verify.Counted(c.Keys, "key"), verify.Counted(c.Held, "line")+" held")
	}
	fmt.Fprintf(counts, "\n%s%s, %s\n\n", verify.Counted(c.Outputs, "output"), flying(c.OutputsInFlight), verify.Counted(c.DeadLetters, "dead letter"))
	x := &verify.Text{Checks: r.Checks, Findings: r.Findings, Warnings: r.Warnings, Counts: counts.String(), Verdict: r.Verdict}
	return x.Write(w, t, columns)
}

func flying(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s in flight)", strconv.FormatInt(n, 10))
}
