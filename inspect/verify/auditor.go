package verify

import (
	"fmt"
	"hash/maphash"
	"strings"

	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// auditor judges the records of one kind after another, in the order of steps;
// within a partition in the order of their offsets.
type auditor struct {
	o        Options
	seed     maphash.Seed
	checks   [checkCount]Check
	findings []Finding
	warnings []string
	counts   Counts

	atRest  bool
	unrest  Unrest
	spans   map[string][]fetch.Span // what is read, by topic
	trimmed map[string]bool         // topics whose history does not begin at offset 0

	index    index // of product ids
	products []product

	letters  letters
	catalog  map[int32]*table[catalogueRecord]
	orders   map[int32]*orderTable
	receipts map[int32]*table[receiptRecord]
	reorders reactions
	alerts   reactions
	restocks map[int32]*table[receiptRecord] // reorders as causes, with the reference policy; with the other, those that can't be read
	pending  map[uint64]bool                 // hashes of the keys in procurement's changelog
	ids      hashSet
	copies   int64 // of orders, in other partitions

	orderContents, receiptContents contents

	replay replay

	lost          map[uint32][2]lostReaction // by product, the first reorder and alert that may be missing
	clocked       map[place]clockedReceipt   // by the place of the reorder
	argued        bool                       // an order was applied whose total is not the sum
	ownSeen       bool                       // some outputs are this program's, by their headers
	layouts       map[string]*layout         // of outputs, by topic
	headed        [outCount]habit
	reorderFields habit              // has a current_stock
	alertFields   [2]habit           // has a current_stock, has a threshold
	fields        [fieldCount]habit  // of updates
	absent        uint64             // hash of ""
	versions      map[uint32][]facts // of products whose catalogue records differ
	gaps          bool               // some catalogue records are gone

	// The batch being judged.
	texts     string
	scratch   []byte
	linesRead []lineRow

	numbered    bool // some updates have a seq
	causeless   bool // some updates have no cause
	restarted   bool // the outputs hold more than one history
	factsAbsent bool // some updates lack what reorders and alerts follow from
	writers     map[string]int64

	secondHistory place // its first update

	anyUnlisted bool  // some records may have been refused for an unknown product
	unproven    int64 // of them, those whose products the catalogue has now
}

// product is the state of one product.
type product struct {
	id          string
	stock, seq  int64
	open        int64 // seq of the update that the open reorder is for; 0: none
	opening     int64
	listing     listing
	ordered     int64 // by the lines applied
	filled      int64
	unmet       int64
	received    int64 // by the updates
	receivedIn  int64 // by the receipts
	lines       int64 // order lines and restocks, to be counted against updates without a cause
	updates     int64
	again       int64           // how far its numbers have come again from 1
	histories   int64           // how often they have begun, if more than once
	last        catalogueRecord // the last of the catalogue
	low         bool            // the stock of the last update was critical
	delisted    bool            // at some time
	faulty      bool            // something is wrong with its updates: its sums will not agree
	compacted   bool            // its opening record is gone from the catalogue
	broken      bool            // its updates have a gap: what follows from them is unknown
	base        bool            // its first updates are trimmed
	causeless   bool            // some of its updates have no cause
	unsummed    bool            // some of its updates lack what its sums are made of
	inCatalogue bool

	force       *facts   // of the catalogue record in force at the last update, if they are known
	forcePriced bool     // and so is their price
	shownAt     int64    // seq of the last update that has a reorder or an alert
	unsure      bool     // the record in force is gone, so that the product may have been delisted since
	tombstone   struct { // the last one
		partition int32
		offset    int64
	}
	gone        bool  // the last of the catalogue is a tombstone
	listedAgain bool  // the record in force is behind the last tombstone
	home        int32 // the partition of its last catalogue record, from 1; 0: there is none
	scattered   bool  // it has catalogue records in several partitions
	version     int32 // of the record in force, among the auditor's versions
	seen        uint8 // bits of the outputs that have a record of it
	idsKnown    bool  // lastOrder and lastReorder are

	// Of the last update.
	lastOrder, lastReorder uint64 // hashes of ids
	partition              int32
}

// place is a record's coordinates.
type place struct {
	topic     string
	partition int32
	offset    int64
}

func placeOf(r *kgo.Record) place { return place{r.Topic, r.Partition, r.Offset} }

func (p place) String() string { return fmt.Sprintf("%s/%d@%d", p.topic, p.partition, p.offset) }

func newAuditor(o Options) *auditor {
	a := &auditor{
		o: o, seed: maphash.MakeSeed(), checks: newChecks(), trimmed: map[string]bool{},
		catalog: map[int32]*table[catalogueRecord]{}, orders: map[int32]*orderTable{},
		receipts: map[int32]*table[receiptRecord]{}, restocks: map[int32]*table[receiptRecord]{},
		reorders: newReactions(o.Topics.Reorders), alerts: newReactions(o.Topics.Alerts), pending: map[uint64]bool{}, writers: map[string]int64{},
		orderContents: contents{window: o.DedupeWindow}, receiptContents: contents{window: o.DedupeWindow},
		layouts: map[string]*layout{}, clocked: map[place]clockedReceipt{}, lost: map[uint32][2]lostReaction{}, versions: map[uint32][]facts{},
	}
	a.absent = maphash.String(a.seed, "")
	return a
}

// productOf returns the place of a product, new or not.
func (a *auditor) productOf(n name) uint32 {
	id := a.text(n.text)
	i, ok := a.findProduct(id, n.hash)
	if !ok {
		i = a.index.add(n.hash)
		a.products = append(a.products, product{id: strings.Clone(id)})
	}
	return i
}

func (a *auditor) findProduct(id string, hash uint64) (uint32, bool) {
	return a.index.find(hash, func(i uint32) bool { return a.products[i].id == id })
}

func (a *auditor) reference() bool { return a.o.Policy == PolicyReference }

// judgeRest decides whether the system was at rest around the snapshot.
func (a *auditor) judgeRest(first, second *restState) {
	state := first
	if state.why == "" {
		state = second
	}
	why, unrest := state.why, state.unrest
	if why == "" {
		for at, end := range first.ends {
			if second.ends[at] != end {
				why, unrest = "records came in during the snapshot", Busy
			}
		}
	}
	a.setRest(why)
	a.unrest = unrest
}

// setRest records why the system is not at rest; "" if it is.
func (a *auditor) setRest(why string) {
	a.atRest = why == ""
	a.checks[checkRest].Checked = int64(len(a.o.Groups))
	if !a.atRest {
		a.doubt(why, checkRest)
		a.doubt("not at rest, see 5.rest", checkInput, checkQuantities, checkReceipts)
	}
}

// judgeHistory finds the topics whose beginning is gone.
func (a *auditor) judgeHistory(s *snapshot) {
	t := a.o.Topics
	a.spans = s.spans
	if len(s.spans) == 0 {
		a.doubt("none of the system's topics is on this cluster", checkRest)
	}
	for name, spans := range s.spans {
		for _, p := range spans {
			if p.From > 0 && name != t.PendingReceipts {
				a.trimmed[name] = true
			}
		}
	}
	for name := range a.trimmed {
		why := "the history of " + name + " is trimmed"
		switch name {
		case t.Updates:
			a.doubt(why, checkCauses, checkOnce, checkLines, checkSeq, checkStock, checkOpening, checkReorders, checkAlerts, checkInput, checkQuantities)
		case t.Orders, t.Receipts:
			a.doubt(why, checkCauses, checkOnce, checkLines, checkDelta, checkInput, checkQuantities, checkReceipts)
		case t.Reorders:
			a.doubt(why, checkReorders, checkReceipts)
		case t.Alerts:
			a.doubt(why, checkAlerts)
		case t.Catalog:
			a.doubt(why, checkOpening)
		default:
			a.doubt(why, checkOnce, checkInput)
		}
	}
	for _, name := range s.open {
		why := "a transaction on " + name + " did not end"
		a.doubt(why, checkReorders, checkAlerts, checkReceipts, checkOnce)
	}
}

// mostWriters bounds how many other applications are distinguished.
const mostWriters = 10

// source checks who wrote an output.
func (a *auditor) source(at place, w writer) {
	if !w.named {
		return
	}
	a.checks[checkSource].Checked++
	if w.other != "" {
		if n, known := a.writers[w.other]; known || len(a.writers) < mostWriters {
			a.writers[w.other] = n + 1
		}
		a.note(checkSource, Finding{Where: at.String(), Expected: "ce_source " + a.o.App, Seen: "ce_source " + w.other})
	}
}
