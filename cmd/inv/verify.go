package main

import (
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"inv/internal/audit"
	"inv/internal/kafka"
	"inv/internal/scenario"
	"inv/internal/theme"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/inventory"

	"github.com/spf13/cobra"
)

// auditGCPercent is how much the heap may grow between collections during an audit.
const auditGCPercent = 30

func verifyCommand(s *streams, f *sharedFlags) *cobra.Command {
	policy := newChoice(string(audit.PolicyDefault), string(audit.PolicyReference))
	output := newChoice("text", "json")
	var window int64
	var findings int
	var groups []string
	cmd := &cobra.Command{
		Use:   "verify [TOPOLOGY…]",
		Short: "Check the system's invariants, from the topics alone",
		Long: `Read all topics of the system once and check what must hold: every input
accounted for exactly once, every product's stock a sum without gaps, reorders
and alerts exactly those that the updates call for, and at rest one receipt for
each reorder. The processor may be running; what can't be decided then is named.
It may be another processor, too: name its consumer groups with --group.

Name the topologies if the processor ran with less than the scenario's list, as
in inv process inventory.

Exit status: 0 all invariants hold, 1 one is violated, 3 undecided.`,
		Example: `  inv verify
  inv verify -o json | jq '.findings[] | select(.product == "prod-123")'
  inv verify --policy reference --group my-streams-app`,
		ValidArgsFunction: f.completeTopologies,
		RunE: func(cmd *cobra.Command, names []string) error {
			sc, err := f.loadScenario()
			if err != nil {
				return err
			}
			o, err := auditOptions(sc, f.appID, audit.Policy(policy.value), names)
			if err != nil {
				return err
			}
			o.DedupeWindow, o.MaxFindings = max(window, 0), findings
			if len(groups) > 0 {
				o.App, o.Groups = "", namedGroups(groups, o.Topics)
			}
			var read, total int64
			show := auditProgress(s)
			o.Progress = func(r, t int64) { read, total = r, t; show(r, t) }
			client, err := kafka.Connect(cmd.Context(), f.kafka())
			if err != nil {
				return err
			}
			defer client.Close()
			// Half the garbage for a little more work: the audit's memory is what
			// it knows, not what it reads.
			defer debug.SetGCPercent(debug.SetGCPercent(auditGCPercent))
			report, err := audit.Run(cmd.Context(), client, o)
			if err != nil && cmd.Context().Err() != nil {
				fmt.Fprintf(s.err, "verify: stopped after %d of %d offsets; nothing is decided\n", read, total)
			}
			if err != nil {
				return fmt.Errorf("reading the topics: %w", err)
			}
			if err := writeReport(s, report, output.value, theme.Detect(theme.Mode(f.color), s.outTerminal, s.getenv)); err != nil {
				return err
			}
			if output.value == "text" && report.Verdict == audit.Undecided && !report.AtRest && len(groups) == 0 {
				fmt.Fprintln(s.err, "It was not at rest: `inv process --drain` processes what is left, then verify can decide.")
			}
			return verdictError(report.Verdict)
		},
	}
	flags := cmd.Flags()
	flags.Var(&policy, "policy", "the rules that the processor ran with")
	flags.Int64Var(&window, "dedupe-window", audit.DefaultDedupeWindow, "the processor's, in `offsets`; 0: no deduplication")
	flags.VarP(&output, "output", "o", "text or json")
	flags.IntVar(&findings, "findings", 5, "how many to show of each invariant; all are counted")
	flags.StringSliceVar(&groups, "group", nil, "the consumer `GROUP`s of another processor, whose progress tells whether it is at rest")
	return cmd
}

// auditOptions are the auditor's options for the processor of an application id
// with these topologies, the scenario's if there are none.
func auditOptions(sc *scenario.Scenario, app string, policy audit.Policy, topologies []string) (audit.Options, error) {
	running, err := builtin.Select(sc, topologies, inventory.Options{Policy: string(policy)})
	if err != nil {
		return audit.Options{}, usageError{err}
	}
	t, err := audit.TopicsOf(sc, app)
	if err != nil {
		return audit.Options{}, usageError{err}
	}
	var groups []audit.Group
	for _, g := range processor.Groups(sc, app, running) {
		groups = append(groups, audit.Group(g))
	}
	procurement := slices.ContainsFunc(running, func(t processor.Topology) bool { return t.Name == inventory.Procurement })
	return audit.OptionsFor(app, policy, t, groups, procurement), nil
}

// namedGroups are the groups of a processor that is not known: it must have read
// the orders, and all else that it has ever committed.
func namedGroups(names []string, t audit.Topics) []audit.Group {
	var groups []audit.Group
	for i, name := range names {
		g := audit.Group{Name: name}
		if i == 0 {
			g.Topics = []string{t.Orders}
		}
		groups = append(groups, g)
	}
	return groups
}

func writeReport(s *streams, r *audit.Report, format string, t *theme.Theme) error {
	if format == "text" {
		columns := 0
		if s.outTerminal {
			columns = s.width()
		}
		return r.WriteText(s.out, t, columns)
	}
	encoder := json.NewEncoder(s.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

func verdictError(v audit.Verdict) error {
	switch v {
	case audit.Violated:
		return exitError{code: exitFailed}
	case audit.Undecided:
		return exitError{code: exitUndecided}
	}
	return nil
}

// auditProgress shows how far the audit is: on a terminal a line that is written
// over, elsewhere a line each ten seconds.
func auditProgress(s *streams) func(read, total int64) {
	every := 10 * time.Second
	if s.errTerminal {
		every = 200 * time.Millisecond
	}
	last, shown := s.now(), false
	return func(read, total int64) {
		now := s.now()
		done := read >= total
		if now.Sub(last) < every && !(done && shown) {
			return
		}
		last = now
		switch {
		case !s.errTerminal:
			fmt.Fprintf(s.err, "verify: read %d of %d offsets\n", read, total)
		case done:
			fmt.Fprint(s.err, "\r\x1b[K")
			shown = false
		default:
			fmt.Fprintf(s.err, "\rverify: read %d of %d offsets (%d %%)\x1b[K", read, total, 100*read/max(total, 1))
			shown = true
		}
	}
}
