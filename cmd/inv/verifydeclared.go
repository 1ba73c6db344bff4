package main

import (
	"context"
	"fmt"
	"strings"

	"inv/inspect/verify"
	"inv/inspect/verify/declared"
	"inv/internal/scenario"
	"inv/internal/termsafe"
	"inv/internal/theme"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/inventory"

	"github.com/spf13/pflag"
	"github.com/twmb/franz-go/pkg/kgo"
)

// verified is what `inv verify` checks.
type verified struct {
	names    []string             // as they were given
	builtIn  bool                 // there are built-in topologies among them
	declared []*scenario.Topology // by the scenario
	shared   []string             // aliases of the topics that the scenario's built-in topologies write
}

// split tells the built-in topologies with some names from those that the scenario
// declares.
func (v *verifyFlags) split(sc *scenario.Scenario, names []string) (*verified, error) {
	o := inventory.Options{Policy: v.policy.value}
	running, err := builtin.Select(sc, names, o)
	if err != nil {
		return nil, usageError{err}
	}
	all, err := builtin.All(o)
	if err != nil {
		return nil, usageError{err}
	}
	what := &verified{names: names}
	for _, t := range running {
		if isDeclared(sc, t) {
			what.declared = append(what.declared, sc.Topology(t.Name))
		}
	}
	// The work of a built-in topology may be another one's, by the policy.
	what.builtIn = len(what.declared) == 0 || len(running) > len(what.declared)
	for _, t := range all {
		if sc.Topology(t.Name) == nil {
			continue // the scenario does without it
		}
		for _, stage := range t.Stages {
			for _, w := range stage.Writes {
				what.shared = append(what.shared, w.Topic)
			}
		}
	}
	return what, nil
}

// isDeclared reports whether a topology is one that the scenario declares.
func isDeclared(sc *scenario.Scenario, t processor.Topology) bool {
	d := sc.Topology(t.Name)
	return d != nil && !d.BuiltIn
}

// builtInFlags are those that declared topologies have no use for.
var builtInFlags = []string{"policy", "dedupe-window", "max-value", "accept-totals", "group"}

// apply refuses flags that would do nothing.
func (v *verifyFlags) apply(flags *pflag.FlagSet, what *verified) error {
	for _, name := range builtInFlags {
		if f := flags.Lookup(name); f.Changed && !what.builtIn {
			return usagef("--%s is for the built-in topologies; %s is declared in the scenario", name, what.declared[0].Name)
		}
	}
	return nil
}

// heading writes what a report is about, if there are several.
func (v *verifyFlags) heading(s *streams, what *verified, about string) error {
	if v.output.value != "text" || len(what.declared) == 0 || len(what.declared) == 1 && !what.builtIn {
		return nil
	}
	return s.outf("%s\n", about)
}

func (v *verifyFlags) runDeclared(ctx context.Context, s *streams, f *sharedFlags, client *kgo.Client, sc *scenario.Scenario, t *scenario.Topology, what *verified) (verify.Verdict, error) {
	values, err := f.topics(ctx, s, sc, topicUse{reads: append(t.Reads(), t.Writes()...)}, v.registry)
	if err != nil {
		return "", err
	}
	var read, total int64
	show := auditProgress(s)
	report, err := declared.Run(ctx, client, declared.Options{
		Scenario: sc, Topology: t, App: f.appID, Shared: what.shared, Schemas: values, MaxFindings: v.findings,
		Progress: func(r, t int64) { read, total = r, t; show(r, t) },
	})
	if err != nil {
		return "", stoppedAudit(ctx, s, err, read, total)
	}
	if err := v.heading(s, what, "topology "+t.Name); err != nil {
		return "", err
	}
	if err := writeReport(s, report, v.output.value, theme.Detect(theme.Mode(f.color), s.outTerminal, s.getenv)); err != nil {
		return "", err
	}
	for _, hint := range v.declaredHints(report, f.appID) {
		s.errf("%s\n", hint)
	}
	return report.Verdict, nil
}

// declaredHints returns what may be done about a report.
func (v *verifyFlags) declaredHints(r *declared.Report, app string) (hints []string) {
	for _, c := range r.Checks {
		if int64(v.findings) < c.Violations && v.output.value == "text" {
			hints = append(hints, fmt.Sprintf("Of each invariant %d findings are shown; --findings N shows more.", v.findings))
			break
		}
	}
	for _, c := range r.Checks {
		if c.ID == declared.OutputsOnce && c.Violations > 0 {
			hints = append(hints, termsafe.Sprintf("If it was reset without --outputs, those of both histories are there: `inv reset --app-id %s --topology %s --outputs` deletes them, and `inv process %[2]s` writes them once more, if all inputs are still there.", app, r.Topology))
		}
	}
	if r.Verdict == verify.Undecided && !r.AtRest {
		arguments := []string{r.Topology, "--drain"}
		if app != defaultAppID {
			arguments = append(arguments, "--app-id", app)
		}
		hints = append(hints, termsafe.Sprintf("It was not at rest: `inv process %s` processes what is left, then verify can decide.", strings.Join(arguments, " ")))
	}
	return hints
}

// worse returns the worse of two verdicts.
func worse(a, b verify.Verdict) verify.Verdict {
	for _, v := range []verify.Verdict{verify.Violated, verify.Undecided} {
		if a == v || b == v {
			return v
		}
	}
	return a
}
