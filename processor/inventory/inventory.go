// Package inventory is the built-in stock keeper: it turns a catalogue, orders
// and receipts into stock updates, reorders and alerts.
//
//	catalog, orders, receipts → ingest → product log, dead letters
//	product log → ledger → updates, reorders, alerts
//	reorders → procurement → receipts
//
// Ingest decides each input record once; the ledger applies the log's lines by
// package rules, and its outputs are a function of the log; procurement answers
// each reorder after the lead time. Stages know each other by topics only.
package inventory

import (
	"fmt"
	"time"

	"inv/processor"
	"inv/processor/inventory/rules"
	"inv/processor/stage"
)

// Names of the topologies.
const (
	Name        = "inventory"   // ingest and ledger
	Procurement = "procurement" // reorders become receipts
)

// Policies by name, see package rules.
const (
	PolicyDefault   = "default"
	PolicyReference = "reference"
)

// Defaults of Options.
const (
	DefaultLeadTime     = 5 * time.Second
	DefaultDedupeWindow = 50_000
	DefaultMaxValue     = 1 << 20
)

// Options are what a run of the topologies may set. A zero field has the default
// that is named with it.
type Options struct {
	Policy string // default PolicyDefault
	// LeadTime is from a reorder to its receipt; negative: none at all.
	LeadTime     time.Duration // default DefaultLeadTime
	DedupeWindow int64         // offsets; default DefaultDedupeWindow, negative: no deduplication
	MaxValue     int           // bytes of an input value; default DefaultMaxValue
	AcceptTotals bool          // orders whose total is not the sum are accepted
}

func (o Options) withDefaults() Options {
	if o.LeadTime == 0 {
		o.LeadTime = DefaultLeadTime
	}
	if o.DedupeWindow == 0 {
		o.DedupeWindow = DefaultDedupeWindow
	}
	if o.MaxValue == 0 {
		o.MaxValue = DefaultMaxValue
	}
	o.LeadTime, o.DedupeWindow = max(o.LeadTime, 0), max(o.DedupeWindow, 0)
	return o
}

// Topologies returns the topologies under a policy. The reference rules restock
// from the reorders topic, so procurement does not run beside them. An unknown
// policy wraps [processor.ErrUsage].
func Topologies(o Options) ([]processor.Topology, error) {
	o = o.withDefaults()
	switch o.Policy {
	case "", PolicyDefault:
		return []processor.Topology{stockKeeper(o), procurementTopology(o)}, nil
	case PolicyReference:
		return []processor.Topology{referenceKeeper(o)}, nil
	}
	return nil, fmt.Errorf("%w: there is no policy %q; there are %s, %s", processor.ErrUsage, o.Policy, PolicyDefault, PolicyReference)
}

func stockKeeper(o Options) processor.Topology {
	return processor.Topology{
		Name:   Name,
		About:  "stock, reorders, alerts",
		Stages: []processor.Stage{ingestStage(o, "catalog", "receipts", "orders"), ledgerStage(rules.Default)},
	}
}

// referenceKeeper restocks when reorders come back through their topic, behind
// the lines that are queued already.
func referenceKeeper(o Options) processor.Topology {
	return processor.Topology{
		Name:   Name,
		Policy: PolicyReference,
		About:  "stock, reorders, alerts by the reference system's rules",
		Stages: []processor.Stage{ingestStage(o, "catalog", "reorders", "receipts", "orders"), ledgerStage(rules.Reference)},
	}
}

// ingestStage reads the catalogue first: lines that come before their product
// would wait in the ledger's state.
func ingestStage(o Options, reads ...string) processor.Stage {
	return processor.Stage{
		Name: "ingest", Reads: reads, First: "catalog", Whole: "catalog", Log: "log",
		Metrics: []processor.Metric{
			{Name: otherKeys, Help: "Orders whose key is not their id."},
		},
		Decided: decidedFrom,
		New:     func(env processor.Env) (stage.Logic, error) { return newIngest(env, o, reads) },
	}
}

func ledgerStage(policy rules.Policy) processor.Stage {
	return processor.Stage{
		Name: "ledger", Reads: []string{"log"}, State: "ledger-changelog",
		Writes: []processor.Output{
			{Topic: "updates", Kind: "update", Exclusive: true},
			{Topic: "reorders", Kind: "reorder", Feeds: true},
			{Topic: "alerts", Kind: "alert"},
		},
		Metrics: []processor.Metric{
			{Name: waitingLines, Help: "Lines that wait for their product.", Gauge: true,
				Unit: "line", Left: "left: %s waiting for a product that the catalogue lacks"},
			{Name: stateProducts, Help: "Products in this process's state.", Gauge: true},
		},
		Waits:   "the products that lines in %s name: publish them again",
		MaxPoll: 4, // each record of the log holds some thousand lines
		New:     func(env processor.Env) (stage.Logic, error) { return newLedger(env, policy), nil },
	}
}

func procurementTopology(o Options) processor.Topology {
	return processor.Topology{
		Name:  Procurement,
		About: "a receipt for each reorder after the lead time",
		Stages: []processor.Stage{{
			Name: "procurement", Reads: []string{"reorders"}, State: "procurement-changelog", Grows: true,
			Writes: []processor.Output{{Topic: "receipts", Kind: "receipt", Feeds: true}},
			Metrics: []processor.Metric{
				{Name: pendingReceipts, Help: "Receipts that are not due yet.", Gauge: true,
					Unit: "receipt", Left: "left to another inv process, running or started next: %s not due yet"},
			},
			Pending: pendingAt,
			New:     func(env processor.Env) (stage.Logic, error) { return newProcurement(env, o) },
		}},
	}
}

// Names of the metrics.
const (
	otherKeys       = "orders_with_another_key_total"
	waitingLines    = "waiting_lines"
	stateProducts   = "state_products"
	pendingReceipts = "pending_receipts"
)
