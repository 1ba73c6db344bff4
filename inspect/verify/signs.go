package verify

// Signs are what an audit shows about its options and about how the system was run.
// They are no part of the verdict.
type Signs struct {
	// Unrest is why the system was not at rest.
	Unrest Unrest
	// Foreign is set if there are outputs and none of them names [Options.App] as
	// its writer.
	Foreign bool
	// Writer is the other application that wrote all outputs, "" if there is none.
	// It comes from a record: quote it before it reaches a terminal.
	Writer string
	// Factless is set if updates have neither seq nor thresholds, as those of the
	// reference system, and its policy was not chosen.
	Factless bool
	// Argued is set if orders were applied whose total is not the sum of their lines,
	// and [Options.AcceptTotals] is not.
	Argued bool
	// Restarted is set if the outputs hold more than one history, see [Check] 2.seq.
	Restarted bool
}

// Unrest is why a system is not at rest.
type Unrest uint8

// The reasons.
const (
	NoUnrest    Unrest = iota
	NoGroups           // no consumer group was named, so it can't be seen
	NothingRead        // a group has committed nothing
	Unread             // a group has more to read
	Busy               // a transaction is open, records came in, or receipts are pending
)

// signs reports what the records suggest. The warnings are for the reader of the
// report.
func (a *auditor) signs() Signs {
	source := &a.checks[checkSource]
	outputs := a.counts.Updates + a.counts.Reorders + a.counts.Alerts
	s := Signs{
		Unrest:    a.unrest,
		Foreign:   a.o.App != "" && outputs > 0 && source.Checked == source.Violations,
		Factless:  a.factsAbsent && !a.numbered && !a.reference(),
		Restarted: a.restarted,
		Argued:    a.argued && !a.o.AcceptTotals,
	}
	if s.Foreign && source.Violations > 0 && len(a.writers) == 1 {
		for name := range a.writers {
			s.Writer = name
		}
	}
	return s
}

// advise warns of options that were probably wrong.
func (a *auditor) advise() {
	s := a.signs()
	if s.Writer != "" {
		a.warnings = append(a.warnings, "all outputs were written by "+s.Writer)
	}
	if s.Factless {
		a.warnings = append(a.warnings, "updates have neither seq nor thresholds, like the reference system's")
	}
}
