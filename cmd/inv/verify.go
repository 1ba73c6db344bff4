package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"inv/inspect/verify"
	"inv/internal/kafka"
	"inv/internal/scenario"
	"inv/internal/termsafe"
	"inv/internal/theme"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/inventory"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"
)

// auditGCPercent is how much the heap may grow between collections during an audit.
const auditGCPercent = 30

// verifyFlags are the flags of `inv verify`.
type verifyFlags struct {
	policy, output choice
	window         int64
	maxValue       size
	findings       int
	groups         []string
	acceptTotals   bool
	registry       registryFlags
}

func verifyCommand(s *streams, f *sharedFlags) *cobra.Command {
	return verifyCommandWith(s, f, &verifyFlags{})
}

func verifyCommandWith(s *streams, f *sharedFlags, v *verifyFlags) *cobra.Command {
	v.policy = newChoice(string(verify.PolicyDefault), string(verify.PolicyReference))
	v.output = newChoice("text", "json")
	cmd := &cobra.Command{
		Use:   "verify [TOPOLOGY…]",
		Short: "Check the system's invariants, from the topics alone",
		Long: `Read all topics of the system once and check what must hold: every input
accounted for exactly once, every product's stock a sum without gaps, reorders
and alerts exactly those that the updates call for, and at rest one receipt for
each reorder. The processor may be running; invariants that can't be decided then
are named. For another processor, name its consumer groups with --group.

Name the topologies if the processor ran fewer than the scenario lists, as in
inv process inventory.

A topology that the scenario declares is done a second time, slowly: its log is
replayed through plain gojq and compared with the outputs and dead letters, and
the log with the inputs. What is in flight is told apart.

Exit status: 0 all invariants hold, 1 one is violated, 3 undecided.`,
		Example: `  inv verify
  inv verify -o json | jq '.findings[] | select(.product == "prod-123")'
  inv verify fraud --scenario shop.yaml
  inv verify --policy reference --group my-streams-app`,
		ValidArgsFunction: f.completeTopologies,
		RunE: func(cmd *cobra.Command, names []string) error {
			sc, err := f.loadScenario(cmd.Context())
			if err != nil {
				return err
			}
			what, err := v.split(sc, names)
			if err != nil {
				return err
			}
			if err := v.apply(cmd.Flags(), what); err != nil {
				return err
			}
			return v.run(cmd.Context(), s, f, sc, what)
		},
	}
	flags := cmd.Flags()
	flags.Var(&v.policy, "policy", "the rules that the processor ran with")
	flags.Int64Var(&v.window, "dedupe-window", verify.DefaultDedupeWindow, "the processor's `N`; 0: no deduplication")
	v.maxValue = verify.DefaultMaxValue
	flags.Var(&v.maxValue, "max-value", "the processor's `SIZE`, such as 1MiB")
	flags.BoolVar(&v.acceptTotals, "accept-totals", false, "the processor accepts orders whose total is not the sum of their lines")
	v.registry.reads(flags)
	flags.VarP(&v.output, "output", "o", "text or json")
	flags.IntVar(&v.findings, "findings", 5, "show `N` of each invariant; all are counted")
	flags.StringSliceVar(&v.groups, "group", nil, "the consumer `GROUP`s of another processor, whose progress tells whether it is at rest")
	atLeast(flags, 0, "dedupe-window", "findings")
	return cmd
}

// options returns the auditor's options for the named topologies.
func (v *verifyFlags) options(sc *scenario.Scenario, app string, names []string) (verify.Options, error) {
	o, err := auditOptions(sc, app, verify.Policy(v.policy.value), names)
	if err != nil {
		return o, err
	}
	o.DedupeWindow, o.MaxValue, o.MaxFindings = max(v.window, 0), int64(v.maxValue), v.findings
	o.AcceptTotals = v.acceptTotals
	if len(v.groups) > 0 {
		o.App, o.Groups = "", namedGroups(v.groups, o.Topics)
	}
	return o, nil
}

// builtInAliases are the topics that the audit of the built-in topologies decodes.
var builtInAliases = []string{"catalog", "orders", "receipts", "updates", "reorders", "alerts"}

// run audits the built-in topologies, and then each declared one.
func (v *verifyFlags) run(ctx context.Context, s *streams, f *sharedFlags, sc *scenario.Scenario, what *verified) error {
	var o verify.Options
	if what.builtIn {
		var err error
		if o, err = v.options(sc, f.appID, what.names); err != nil {
			return err
		}
	}
	client, err := kafka.Connect(ctx, f.kafka())
	if err != nil {
		return err
	}
	defer client.Close()
	// Half the garbage for a little more work: the memory of an audit is what it
	// knows, not what it reads.
	defer debug.SetGCPercent(debug.SetGCPercent(auditGCPercent))
	verdict := verify.Holds
	if what.builtIn {
		use := topicUse{reads: builtInAliases}
		if o.Schemas, err = f.topics(ctx, s, sc, use, v.registry); err != nil {
			return err
		}
		if verdict, err = v.runBuiltIn(ctx, s, f, client, o, what); err != nil {
			return err
		}
	}
	for i, t := range what.declared {
		if (i > 0 || what.builtIn) && v.output.value == "text" {
			fmt.Fprintln(s.out)
		}
		one, err := v.runDeclared(ctx, s, f, client, sc, t, what)
		if err != nil {
			return err
		}
		verdict = worse(verdict, one)
	}
	return verdictError(verdict)
}

func (v *verifyFlags) runBuiltIn(ctx context.Context, s *streams, f *sharedFlags, client *kgo.Client, o verify.Options, what *verified) (verify.Verdict, error) {
	var read, total int64
	show := auditProgress(s)
	o.Progress = func(r, t int64) { read, total = r, t; show(r, t) }
	report, err := verify.Run(ctx, client, o)
	if err != nil {
		return "", stoppedAudit(ctx, s, err, read, total)
	}
	if err := v.heading(s, what, "built-in topologies"); err != nil {
		return "", err
	}
	if err := writeReport(s, report, v.output.value, theme.Detect(theme.Mode(f.color), s.outTerminal, s.getenv)); err != nil {
		return "", err
	}
	for _, hint := range v.hints(report, f.appID, what.names) {
		s.errf("%s\n", hint)
	}
	return report.Verdict, nil
}

// stoppedAudit returns the error of an audit that did not come to its end.
func stoppedAudit(ctx context.Context, s *streams, err error, read, total int64) error {
	if ctx.Err() != nil {
		s.errf("verify: stopped after %d of %d offsets; nothing is decided\n", read, total)
	}
	return fmt.Errorf("reading the topics: %w", err)
}

// hints returns what may be done about a report of the application's outputs.
func (v *verifyFlags) hints(r *verify.Report, app string, topologies []string) (hints []string) {
	add := func(format string, args ...any) { hints = append(hints, termsafe.Sprintf(format, args...)) }
	signs := &r.Signs
	for _, c := range r.Checks {
		if v.findings < int(min(c.Violations, math.MaxInt32)) && v.output.value == "text" {
			add("Of each invariant %d findings are shown; --findings N shows more.", v.findings)
			break
		}
	}
	if signs.Restarted {
		add("Both histories can be deleted with `inv reset --app-id %s --outputs`; a new `inv process` writes one, if all inputs are still there.", app)
		return hints
	}
	if signs.Factless {
		add("The reference system's rules are checked with --policy reference.")
	}
	if signs.Argued {
		add("If the processor ran with --accept-totals, verify with it, too.")
	}
	switch {
	case signs.Writer != "":
		add("If %s is an application of yours, verify it with --app-id; name the consumer groups of another processor with --group.", signs.Writer)
	case signs.Foreign && r.Verdict != verify.Holds:
		add("No output names application %s as its writer; if another processor wrote them, name its consumer groups with --group.", app)
	case len(v.groups) > 0 && signs.Unrest == verify.NothingRead:
		add("Is --group right? `inv groups list` shows those there are.")
	case signs.Unrest == verify.NothingRead && r.Counts.Updates > 0 && len(topologies) == 0:
		// To start what is missing would do the other system's work a second time.
		add("If another system does the work of that group, verify just the topologies that ran, as with `inv verify %s`.", inventory.Name)
	case len(v.groups) == 0 && r.Verdict == verify.Undecided && signs.Unrest != verify.NoUnrest:
		add("It was not at rest: `inv process %s` processes what is left, then verify can decide.", v.processArguments(app, topologies))
	}
	return hints
}

// processArguments returns how the processor is started that was verified.
func (v *verifyFlags) processArguments(app string, topologies []string) string {
	arguments := slices.Clone(topologies)
	if app != defaultAppID {
		arguments = append(arguments, "--app-id", app)
	}
	if v.policy.value != string(verify.PolicyDefault) {
		arguments = append(arguments, "--policy", v.policy.value)
	}
	if v.acceptTotals {
		arguments = append(arguments, "--accept-totals")
	}
	return strings.Join(append(arguments, "--drain"), " ")
}

// auditOptions returns the auditor's options for the processor of an application id
// with these topologies, the scenario's if there are none.
func auditOptions(sc *scenario.Scenario, app string, policy verify.Policy, topologies []string) (verify.Options, error) {
	running, err := builtin.Select(sc, topologies, inventory.Options{Policy: string(policy)})
	if err != nil {
		return verify.Options{}, usageError{err}
	}
	running = slices.DeleteFunc(running, func(t processor.Topology) bool { return isDeclared(sc, t) })
	t, err := verify.TopicsOf(sc, app)
	if err != nil {
		return verify.Options{}, usageError{err}
	}
	var groups []verify.Group
	for _, g := range processor.Groups(sc, app, running) {
		groups = append(groups, verify.Group(g))
	}
	procurement := slices.ContainsFunc(running, func(t processor.Topology) bool { return t.Name == inventory.Procurement })
	return verify.OptionsFor(app, policy, t, groups, procurement), nil
}

// namedGroups returns the groups of a processor that is not known: it must have read
// the orders, and all else that it has ever committed.
func namedGroups(names []string, t verify.Topics) []verify.Group {
	var groups []verify.Group
	for i, name := range names {
		g := verify.Group{Name: name}
		if i == 0 {
			g.Topics = []string{t.Orders}
		}
		groups = append(groups, g)
	}
	return groups
}

// textReport is a report that can be written for a reader.
type textReport interface {
	WriteText(w io.Writer, t *theme.Theme, columns int) error
}

func writeReport(s *streams, r textReport, format string, t *theme.Theme) error {
	if format == "text" {
		columns := 0
		if s.outTerminal {
			columns = s.width()
		}
		return r.WriteText(s.out, t, columns)
	}
	return printJSON(s.out, r, "  ")
}

func verdictError(v verify.Verdict) error {
	switch v {
	case verify.Violated:
		return exitError{code: exitFailed}
	case verify.Undecided:
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
			s.errf("verify: read %d of %d offsets\n", read, total)
		case done:
			fmt.Fprint(s.live(), eraseLine)
			shown = false
		default:
			fmt.Fprintf(s.live(), eraseLine+"verify: read %d of %d offsets (%d %%)", read, total, 100*read/max(total, 1))
			shown = true
		}
	}
}
