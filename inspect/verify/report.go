package verify

import (
	"hash/maphash"
	"strings"
)

// Verdict is the outcome of an audit or of one of its checks.
type Verdict string

// The verdicts.
const (
	Holds     Verdict = "holds"
	Violated  Verdict = "violated"
	Undecided Verdict = "undecided"
	Skipped   Verdict = "skipped" // a check that the options leave out
)

// Report is the outcome of an audit.
type Report struct {
	// Verdict is Violated if any check is, else Undecided if any check is.
	Verdict  Verdict   `json:"verdict"`
	Policy   Policy    `json:"policy"`
	AtRest   bool      `json:"at_rest"`
	Checks   []Check   `json:"checks"`
	Counts   Counts    `json:"counts"`
	Findings []Finding `json:"findings"`
	// Warnings are things worth knowing that violate nothing.
	Warnings []string `json:"warnings"`
	Signs    Signs    `json:"-"`
}

// Check is one sentence of the invariants.
type Check struct {
	ID         string  `json:"id"` // the invariant's number and a word, such as 2.stock
	Title      string  `json:"title"`
	Verdict    Verdict `json:"verdict"`
	Checked    int64   `json:"checked"`       // how many records, products or ids were checked
	Violations int64   `json:"violations"`    // how many findings, kept or not
	Why        string  `json:"why,omitempty"` // why it is undecided, or could be checked in part only
}

// Finding is one violation. Its texts may repeat bytes of the records: quote
// them before they reach a terminal.
type Finding struct {
	Check    string `json:"check"`
	Product  string `json:"product,omitempty"`
	Key      string `json:"key,omitempty"`   // of the state of a declared topology
	Where    string `json:"where,omitempty"` // topic/partition@offset
	Expected string `json:"expected"`
	Seen     string `json:"seen"`
}

// Counts is how many records there were of each kind.
type Counts struct {
	Products     int64 `json:"products"` // that have updates
	Catalogue    int64 `json:"catalogue_records"`
	Orders       int64 `json:"orders"`
	Lines        int64 `json:"order_lines"`
	Applied      int64 `json:"orders_applied"`
	Duplicates   int64 `json:"duplicates"` // orders and receipts
	DeadLettered int64 `json:"dead_lettered"`
	Skipped      int64 `json:"skipped"` // tombstones, and catalogue records that change nothing
	Receipts     int64 `json:"receipts"`
	Updates      int64 `json:"updates"`
	Reorders     int64 `json:"reorders"`
	Alerts       int64 `json:"alerts"`
	Ordered      int64 `json:"units_ordered"` // by the lines applied
	Filled       int64 `json:"units_filled"`
	Unmet        int64 `json:"units_unmet"`
}

// The checks, in the order in which they are reported.
const (
	checkCauses = iota
	checkOnce
	checkLines
	checkSeq
	checkStock
	checkDelta
	checkOpening
	checkFacts
	checkReorders
	checkAlerts
	checkIDs
	checkInput
	checkQuantities
	checkReceipts
	checkRest
	checkEnvelope
	checkSource
	checkCount
)

func newChecks() [checkCount]Check {
	return [checkCount]Check{
		checkCauses:     {ID: "1.causes", Title: "each update names one cause, and no cause is named twice"},
		checkOnce:       {ID: "1.once", Title: "no input offset is accounted for twice"},
		checkLines:      {ID: "1.lines", Title: "an applied order's causes are exactly its lines"},
		checkSeq:        {ID: "2.seq", Title: "each product's updates are numbered 1 to n"},
		checkStock:      {ID: "2.stock", Title: "each stock is the one before plus delta, and never negative"},
		checkDelta:      {ID: "2.delta", Title: "delta and unmet quantity agree with the cause"},
		checkOpening:    {ID: "2.opening", Title: "each product opens with its catalogue record"},
		checkFacts:      {ID: "2.facts", Title: "updates repeat their catalogue record, order line and receipt"},
		checkReorders:   {ID: "3.reorders", Title: "reorders are exactly those that the updates call for"},
		checkAlerts:     {ID: "3.alerts", Title: "alerts are exactly those that the updates call for"},
		checkIDs:        {ID: "3.ids", Title: "reorder, alert and receipt ids are unique"},
		checkInput:      {ID: "4.input", Title: "every input is applied, a duplicate, dead-lettered or skipped"},
		checkQuantities: {ID: "4.quantities", Title: "stock = opening + receipts − filled, ordered = filled + unmet"},
		checkReceipts:   {ID: "4.receipts", Title: "one receipt for each reorder"},
		checkRest:       {ID: "5.rest", Title: "the system is at rest"},
		checkEnvelope:   {ID: "envelope", Title: "outputs have the right key, partition, timestamp and headers"},
		checkSource:     {ID: "source", Title: "outputs were written by this application"},
	}
}

// note counts a finding and keeps it if there is room. Its texts may be parts of
// a batch's.
func (a *auditor) note(check int, f Finding) {
	c := &a.checks[check]
	c.Violations++
	if i, known := a.findProduct(f.Product, maphash.String(a.seed, f.Product)); known && check <= checkOpening {
		a.products[i].faulty = true
	}
	if c.Violations <= int64(a.o.MaxFindings) {
		f.Check = c.ID
		f.Product, f.Expected, f.Seen = strings.Clone(f.Product), strings.Clone(f.Expected), strings.Clone(f.Seen)
		a.findings = append(a.findings, f)
	}
}

// doubt makes a check undecided unless it finds a violation. The first reason stays.
func (a *auditor) doubt(why string, checks ...int) {
	for _, check := range checks {
		if c := &a.checks[check]; c.Why == "" {
			c.Why = why
		}
	}
}

// report puts the verdicts together.
func (a *auditor) report() *Report {
	r := &Report{Verdict: Holds, Policy: a.o.Policy, AtRest: a.atRest, Counts: a.counts, Findings: a.findings, Warnings: a.warnings, Signs: a.signs()}
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
	if r.Warnings == nil {
		r.Warnings = []string{}
	}
	for i := range a.checks {
		c := &a.checks[i]
		switch {
		case c.Verdict == Skipped:
		case c.Violations > 0:
			c.Verdict = Violated
			r.Verdict = Violated
		case c.Why != "":
			c.Verdict = Undecided
			if r.Verdict == Holds {
				r.Verdict = Undecided
			}
		default:
			c.Verdict = Holds
		}
		r.Checks = append(r.Checks, *c)
	}
	return r
}
