package declared

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"inv/inspect/verify"
	"inv/internal/event"
	"inv/internal/kafka/fetch"
	"inv/internal/registry"
	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Options selects the topology to check.
type Options struct {
	Scenario *scenario.Scenario
	Topology *scenario.Topology
	App      string // the application id
	// Shared are aliases of topics that built-in topologies write, too.
	Shared []string
	// Schemas decodes topics that have a format, and inputs and tables that a schema
	// registry describes; nil: there are none.
	Schemas *registry.Topics
	// MaxFindings bounds the findings kept for each check; all are counted.
	MaxFindings int
	// Progress, if not nil, is called from time to time, by the goroutine that called
	// Run, with the number of records read and expected.
	Progress func(read, total int64)
}

// Records are the topics' records, as far as a snapshot goes.
type Records interface {
	// Each calls visit with each committed record of a topic, in the order of each
	// partition. The record is valid until visit returns.
	Each(ctx context.Context, topic string, visit func(*kgo.Record)) error
	// AppendTime reports whether the timestamps of a topic that was read are the broker's.
	AppendTime(topic string) bool
}

// Progress is what is known of the topics and consumer groups.
type Progress struct {
	Starts, Ends map[fetch.ID]int64
	Read         map[fetch.ID]int64 // the offsets of the inputs that the topology had committed before the snapshot
	Applied      map[fetch.ID]int64 // those of the log
	Unrest       string             // why the topology is not at rest; "": it is
}

// audit compares what a topology wrote with what it should have written.
type audit struct {
	o        Options
	t        *Topology
	progress *Progress
	records  Records
	checks   [checkCount]verify.Check
	blind    [checkCount]bool // those that can't find anything
	findings []verify.Finding
	warnings []string
	counts   Counts
	rows     []*joinedTable // of each table, by alias
	letters  *letters
	outputs  *outputs
	log      *logbook
	away     error // the registry did not answer
}

// Audit checks a topology. The error is one of reading.
func Audit(ctx context.Context, o Options, p *Progress, records Records) (*Report, error) {
	a := &audit{o: o, t: Compile(o.Scenario, o.Topology), progress: p, records: records, checks: newChecks()}
	if o.Schemas != nil {
		a.t.schema = a.schema
	}
	a.letters, a.outputs, a.log = newLetters(), newOutputs(), newLogbook()
	steps := []func(context.Context) error{a.readTables, a.readLetters, a.readOutputs}
	if o.Topology.Keyed() {
		steps = append(steps, a.readLog)
	} else {
		a.skip("a topology without keys has no log", checkLines, checkOnce, checkRows, checkTicks)
		a.checks[checkInputs].Title = "each record that was read has its outputs or its dead letter"
	}
	for _, step := range append(steps, a.readInputs) {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	a.finish()
	return a.report(), nil
}

func (a *audit) skip(why string, checks ...int) {
	for _, check := range checks {
		a.checks[check].Verdict, a.checks[check].Why = verify.Skipped, why
	}
}

// topic returns a topic's name; "" if the scenario has none of the alias.
func (a *audit) topic(alias string) string {
	t, _ := a.o.Scenario.Topic(alias)
	return t.NameFor(a.o.App)
}

// stage returns the name of the stage that decides the inputs, and of the one that
// applies the log.
func (a *audit) deciding() string {
	if a.t.Keyed() {
		return a.t.Name + "-route"
	}
	return a.t.Name
}

func (a *audit) applying() string { return a.t.Name + "-state" }

// note counts a finding, and keeps it if there is room.
func (a *audit) note(check int, f verify.Finding) {
	if a.blind[check] {
		return
	}
	c := &a.checks[check]
	if c.Violations++; c.Violations <= int64(a.o.MaxFindings) {
		f.Check, f.Expected, f.Seen = c.ID, cut(f.Expected), cut(f.Seen)
		a.findings = append(a.findings, f)
	}
}

// mostShown bounds the texts of a finding, in bytes.
const mostShown = 500

func cut(s string) string {
	if len(s) <= mostShown {
		return strings.Clone(s)
	}
	return strings.ToValidUTF8(s[:mostShown], "") + "…"
}

// doubt makes a check undecided unless it finds a violation. The first reason stays.
func (a *audit) doubt(why string, checks ...int) {
	for _, check := range checks {
		if c := &a.checks[check]; c.Why == "" {
			c.Why = why
		}
	}
}

// trimmedTopic makes checks undecided, whatever is found, if the beginning of a topic has
// been deleted.
func (a *audit) trimmedTopic(topic string, checks ...int) {
	id, ok := a.trimmed(topic)
	if !ok {
		return
	}
	a.doubt(fmt.Sprintf("the beginning of %s partition %d has been deleted", id.Topic, id.Partition), checks...)
	for _, check := range checks {
		a.blind[check] = true
	}
}

// finish looks at what was called for and not found, and the other way round.
func (a *audit) finish() {
	a.checkOutputs()
	a.checkPlaces()
	a.checkLetters()
	a.log.finish(a)
	a.forgiveVersions(checkOutputs, checkLetters)
	a.judgeRest()
	for _, t := range a.rows {
		if t.vanished > 0 {
			a.warnings = append(a.warnings, fmt.Sprintf("%s of table %s can't be found any more: the topic was compacted", verify.Counted(t.vanished, "joined row"), t.alias))
		}
	}
}

// forgiveVersions leaves checks undecided that have findings if the topology's state is not
// of its first version: what earlier ones made of the log can't be replayed.
func (a *audit) forgiveVersions(checks ...int) {
	if a.t.Version < 2 {
		return
	}
	for _, check := range checks {
		c := &a.checks[check]
		if c.Violations == 0 {
			continue
		}
		a.doubt(fmt.Sprintf("the state is of version %d, and what earlier ones wrote can't be replayed: %s", a.t.Version, verify.Counted(c.Violations, "difference")), check)
		c.Violations = 0
		a.findings = slices.DeleteFunc(a.findings, func(f verify.Finding) bool { return f.Check == c.ID })
	}
}

// judgeRest decides whether the topology had nothing left to do.
func (a *audit) judgeRest() {
	c, p := &a.counts, a.progress
	switch {
	case p.Unrest != "":
	case len(p.Ends) == 0:
		p.Unrest = "none of the topology's topics is on this cluster"
	case c.InputsInFlight+c.LinesInFlight+c.OutputsInFlight > 0:
		p.Unrest = fmt.Sprintf("in flight: %s, %s, %s", verify.Counted(c.InputsInFlight, "input"), verify.Counted(c.LinesInFlight, "line"), verify.Counted(c.OutputsInFlight, "output"))
	}
	if p.Unrest != "" {
		a.doubt(p.Unrest, checkRest)
	}
}

func (a *audit) report() *Report {
	r := &Report{Verdict: verify.Holds, Topology: a.t.Name, AtRest: a.progress.Unrest == "", Counts: a.counts, Findings: a.findings, Warnings: a.warnings}
	if r.Findings == nil {
		r.Findings = []verify.Finding{}
	}
	if r.Warnings == nil {
		r.Warnings = []string{}
	}
	for i := range a.checks {
		c := &a.checks[i]
		switch {
		case c.Verdict == verify.Skipped:
		case c.Violations > 0:
			c.Verdict, r.Verdict = verify.Violated, verify.Violated
		case c.Why != "":
			if c.Verdict = verify.Undecided; r.Verdict == verify.Holds {
				r.Verdict = verify.Undecided
			}
		default:
			c.Verdict = verify.Holds
		}
		r.Checks = append(r.Checks, *c)
	}
	slices.SortStableFunc(r.Findings, func(a, b verify.Finding) int { return strings.Compare(a.Check, b.Check) })
	return r
}

// trimmed returns the first partition of a topic whose beginning has been deleted; ok is
// false if there is none.
func (a *audit) trimmed(topic string) (id fetch.ID, ok bool) {
	for p, start := range a.progress.Starts {
		if p.Topic == topic && start > 0 && (!ok || p.Partition < id.Partition) {
			id, ok = p, true
		}
	}
	return id, ok
}

// partitions returns the number of a topic's partitions.
func (a *audit) partitions(topic string) int32 {
	n := int32(0)
	for id := range a.progress.Ends {
		if id.Topic == topic {
			n = max(n, id.Partition+1)
		}
	}
	return n
}

func idOf(p event.Place) fetch.ID { return fetch.ID{Topic: p.Topic, Partition: p.Partition} }

// read reports whether the topology had read a record before the snapshot, so that what
// follows from it must be there.
func (a *audit) read(p event.Place) bool { return p.Offset < a.progress.Read[idOf(p)] }
