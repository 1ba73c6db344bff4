// Package verify audits what an inventory processor wrote, from the topics alone and
// by rules of its own: it shares only the record types of package event with the
// processor, and works on the topics of any processor that writes these records.
//
// [Run] snapshots the ends of the outputs before those of the inputs, reads every
// topic once up to there, read_committed, and reports each invariant as holding,
// violated or undecided. Invariants that need everything to be processed are decided
// only if the system was at rest around the snapshot.
//
// Several goroutines parse values; one judges them, in the order of the records.
//
// Memory is O(order lines): 16 bytes a line, 50 an order, 350 a product and 150 a
// reorder or alert, besides records in flight. Values are not kept.
package verify

import (
	"context"
	"fmt"
	"sync"

	"inv/internal/registry"
	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Policy is the set of rules that the processor ran with.
type Policy string

// The policies.
const (
	PolicyDefault   Policy = "default"
	PolicyReference Policy = "reference" // the reference system's: no state between updates
)

// DefaultDedupeWindow is the processor's default window for duplicates, in offsets.
const DefaultDedupeWindow = 50_000

// DefaultMaxValue is the largest value, in bytes, that the processor accepts unless
// it is told otherwise.
const DefaultMaxValue = 1 << 20

// Topics are names on the broker. The dead-letter topic of an input has the suffix
// ".dlq". A topic that does not exist counts as empty.
type Topics struct {
	Catalog, Orders, Receipts string // inputs; the processor itself writes receipts, too
	Updates, Reorders, Alerts string // outputs
	Log                       string // the processor's product log: only for its lag
	PendingReceipts           string // procurement's changelog: only for its keys
}

// TopicsOf returns a scenario's names for the topics. It fails with a
// [MissingTopicError] if the scenario lacks one.
func TopicsOf(s *scenario.Scenario, app string) (t Topics, err error) {
	for _, one := range []struct {
		alias string
		to    *string
	}{
		{"catalog", &t.Catalog}, {"orders", &t.Orders}, {"receipts", &t.Receipts}, {"updates", &t.Updates},
		{"reorders", &t.Reorders}, {"alerts", &t.Alerts}, {"log", &t.Log}, {"procurement-changelog", &t.PendingReceipts},
	} {
		declared, ok := s.Topic(one.alias)
		if !ok {
			return t, &MissingTopicError{Scenario: s.Name, Alias: one.alias}
		}
		*one.to = declared.NameFor(app)
	}
	return t, nil
}

// MissingTopicError is returned for a scenario that is not the inventory system's.
type MissingTopicError struct{ Scenario, Alias string }

func (e *MissingTopicError) Error() string {
	return fmt.Sprintf("scenario %s declares no topic with the alias %q, which the audit needs", e.Scenario, e.Alias)
}

// Group is a consumer group whose committed offsets say what was processed.
type Group struct {
	Name string
	// Topics must all have been read by the group. Other topics that it has
	// committed to are checked, too.
	Topics []string
}

// Options selects what to check.
type Options struct {
	Topics Topics
	Policy Policy
	// App is the application id that the outputs' ce_source must name; "" takes any.
	App string
	// Groups decide whether the system is at rest; without any that is undecided.
	Groups []Group
	// Procurement is set if each reorder is answered by a receipt.
	Procurement bool
	// AcceptTotals is set if the processor accepts orders whose total is not the sum of
	// their lines.
	AcceptTotals bool
	// DedupeWindow is the processor's, in offsets.
	DedupeWindow int64
	// MaxValue is the largest value that the processor accepts, in bytes.
	MaxValue int64
	// Schemas reads topics that have a format or upgrades; nil: none has.
	Schemas *registry.Topics
	// MaxFindings bounds the findings kept for each check; all are counted.
	MaxFindings int
	// Progress, if not nil, is called from time to time, by the goroutine that
	// called Run, with the number of records read and expected.
	Progress func(read, total int64)
}

// OptionsFor returns the options for inv's own processor under an application id,
// with its consumer groups.
func OptionsFor(app string, policy Policy, t Topics, groups []Group, procurement bool) Options {
	return Options{
		Topics: t, Policy: policy, App: app, Groups: groups, Procurement: procurement && policy == PolicyDefault,
		DedupeWindow: DefaultDedupeWindow, MaxValue: DefaultMaxValue, MaxFindings: 20,
	}
}

// Run audits the topics. Violations are in the report; an error means that there is
// no audit.
func Run(ctx context.Context, client *kgo.Client, o Options) (*Report, error) {
	source := &reader{client: client, progress: o.Progress}
	first, err := source.rest(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("looking at the groups' progress: %w", err)
	}
	snap, err := source.snapshot(ctx, o.Topics)
	if err != nil {
		return nil, fmt.Errorf("looking up the topics' ends: %w", err)
	}
	second, err := source.rest(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("looking at the groups' progress: %w", err)
	}
	a := newAuditor(o)
	a.judgeRest(first, second)
	a.judgeHistory(snap)
	source.expect(snap)
	a.makeRoom(snap)
	if err := source.run(ctx, a, snap, a.steps()); err != nil {
		return nil, err
	}
	a.warnings = append(a.warnings, source.notices...)
	a.finish()
	return a.report(), nil
}

// step is topics that are read together, and the pool of their batches.
type step struct {
	topics   []string
	batches  *sync.Pool // of batch
	lookedUp bool       // by the parsers of later steps, which begin when all of it is judged
}

func stepOf[T any](read func(*parser, *kgo.Record, *T), take func(*auditor, *T), topics ...string) step {
	return step{topics: topics, batches: &sync.Pool{New: func() any { return &rows[T]{read: read, take: take} }}}
}

// steps are in the order that the auditor needs: dead letters before the inputs, and
// inputs, reorders and alerts before the updates that connect them.
func (a *auditor) steps() []step {
	t := a.o.Topics
	letters := stepOf((*parser).readLetter, (*auditor).letter,
		deadLetters(t.Catalog), deadLetters(t.Orders), deadLetters(t.Receipts), deadLetters(t.Reorders))
	letters.lookedUp = true
	return []step{
		letters,
		stepOf((*parser).readProduct, (*auditor).catalogue, t.Catalog),
		stepOf((*parser).readReorder, (*auditor).addReorder, t.Reorders),
		stepOf((*parser).readAlert, (*auditor).addAlert, t.Alerts),
		stepOf((*parser).readReceipt, (*auditor).receipt, t.Receipts),
		stepOf((*parser).readPending, (*auditor).pendingReceipt, t.PendingReceipts),
		stepOf((*parser).readOrder, (*auditor).order, t.Orders),
		stepOf((*parser).readUpdate, (*auditor).update, t.Updates),
	}
}

func deadLetters(topic string) string { return topic + ".dlq" }
