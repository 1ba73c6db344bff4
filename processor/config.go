// Package processor is the stock keeper: it turns a catalogue, orders and
// receipts into stock updates, reorders and alerts, on topics.
//
// Three stages, each a consumer group whose steps are Kafka transactions:
//
//	catalog, orders, receipts → ingest → product log, dead letters
//	product log → ledger → updates, reorders, alerts
//	reorders → procurement → receipts
//
// Ingest decides each input record once; the ledger applies the log's lines by
// package rules, and its outputs are a function of the log; procurement answers
// each reorder after the lead time. Stages know each other by topics only.
// Package runtime is the loop under them.
//
// [Run] runs the stages of the chosen topologies in this process, as one member
// of each group. Several processes, or several Runs, share the partitions.
package processor

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"inv/internal/kafka"
	"inv/internal/scenario"
	"inv/processor/rules"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Topologies that Run knows, by name.
const (
	Inventory   = "inventory"   // ingest and ledger
	Procurement = "procurement" // reorders become receipts
)

// Policies by name, see package rules.
const (
	PolicyDefault   = "default"
	PolicyReference = "reference"
)

// Guarantees by name.
const (
	ExactlyOnce = "exactly-once"
	AtLeastOnce = "at-least-once"
)

// Defaults of a Config.
const (
	DefaultLeadTime     = 5 * time.Second
	DefaultDedupeWindow = 50_000
	DefaultMaxValue     = 1 << 20
	DefaultCommitEvery  = 100 * time.Millisecond
)

// Config says what to run and where. Zero fields have the default that is named
// with them; Kafka, Scenario and Instance must be set.
type Config struct {
	Kafka      kafka.Config
	Scenario   *scenario.Scenario
	AppID      string   // default "inv"
	Topologies []string // default the scenario's list
	Policy     string   // default PolicyDefault

	// LeadTime is from a reorder to its receipt; negative: none at all.
	LeadTime     time.Duration // default DefaultLeadTime
	DedupeWindow int64         // offsets; default DefaultDedupeWindow, negative: no deduplication
	MaxValue     int           // bytes of an input value; default DefaultMaxValue
	AcceptTotals bool          // orders whose total is not the sum are accepted
	Guarantee    string        // default ExactlyOnce

	// Instance tells the members of an application apart: it ends the
	// transactional ids. StableInstance says that it is the same at every
	// start, so that a process fences the one that had it before.
	Instance       string
	StableInstance bool

	// Drain ends Run when what was in the inputs at its start, and all that
	// it caused, is committed, by whichever instances.
	Drain bool

	CommitEvery time.Duration    // default DefaultCommitEvery
	Now         func() time.Time // default time.Now
	Log         *slog.Logger     // default: discards
	Stats       *Stats           // counts while Run runs; default one of its own
	Hooks       func(stage string) []kgo.Hook
	At          func(stage, point string) // at named points of transactions, for fault tests
}

// ErrUsage is wrapped by errors of a Config that can't be right.
var ErrUsage = errors.New("wrong configuration")

func (c Config) withDefaults() (Config, error) {
	if c.AppID == "" {
		c.AppID = "inv"
	}
	if len(c.Topologies) == 0 {
		c.Topologies = c.Scenario.Topologies
	}
	for _, name := range c.Topologies {
		if name != Inventory && name != Procurement {
			known := []string{Inventory, Procurement}
			return c, fmt.Errorf("%w: there is no topology %q (there are %s)%s", ErrUsage, name, strings.Join(known, ", "), scenario.DidYouMean(name, known))
		}
	}
	setDefault(&c.Policy, PolicyDefault)
	setDefault(&c.LeadTime, DefaultLeadTime)
	setDefault(&c.DedupeWindow, DefaultDedupeWindow)
	setDefault(&c.MaxValue, DefaultMaxValue)
	setDefault(&c.Guarantee, ExactlyOnce)
	setDefault(&c.CommitEvery, DefaultCommitEvery)
	c.LeadTime, c.DedupeWindow = max(c.LeadTime, 0), max(c.DedupeWindow, 0)
	if c.Policy != PolicyDefault && c.Policy != PolicyReference {
		return c, fmt.Errorf("%w: there is no policy %q; there are %s, %s", ErrUsage, c.Policy, PolicyDefault, PolicyReference)
	}
	if c.Guarantee != ExactlyOnce && c.Guarantee != AtLeastOnce {
		return c, fmt.Errorf("%w: there is no guarantee %q; there are %s, %s", ErrUsage, c.Guarantee, ExactlyOnce, AtLeastOnce)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Stats == nil {
		c.Stats = &Stats{}
	}
	return c, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// runs says whether a topology is to run. The reference rules restock from the
// reorders topic, so procurement does not run beside them.
func (c *Config) runs(topology string) bool {
	if topology == Procurement && c.Policy == PolicyReference {
		return false
	}
	for _, name := range c.Topologies {
		if name == topology {
			return true
		}
	}
	return false
}

func (c *Config) policy() rules.Policy {
	if c.Policy == PolicyReference {
		return rules.Reference
	}
	return rules.Default
}

func (c *Config) group(stage string) string { return c.AppID + "-" + stage }

// topics are the names on the broker.
type topics struct {
	catalog, orders, receipts, updates, reorders, alerts string

	log, ledgerChangelog, procurementChangelog string
}

func topicsOf(s *scenario.Scenario, app string) (t topics, err error) {
	for _, alias := range []struct {
		name string
		to   *string
	}{
		{"catalog", &t.catalog}, {"orders", &t.orders}, {"receipts", &t.receipts},
		{"updates", &t.updates}, {"reorders", &t.reorders}, {"alerts", &t.alerts},
		{"log", &t.log}, {"ledger-changelog", &t.ledgerChangelog}, {"procurement-changelog", &t.procurementChangelog},
	} {
		declared, ok := s.Topic(alias.name)
		if !ok {
			return t, fmt.Errorf("%w: scenario %s declares no topic with the alias %q, which the processor needs", ErrUsage, s.Name, alias.name)
		}
		*alias.to = declared.NameFor(app)
	}
	return t, nil
}
