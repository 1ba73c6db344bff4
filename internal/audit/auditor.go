package audit

import (
	"fmt"
	"hash/maphash"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// auditor takes the records of one kind after the other and knows no Kafka but
// the type of a record. The order of the kinds is that of steps; within a
// partition records come in the order of their offsets.
type auditor struct {
	o        Options
	seed     maphash.Seed
	checks   [checkCount]Check
	findings []Finding
	warnings []string
	counts   Counts

	atRest  bool
	trimmed map[string]bool // topics whose history does not begin at offset 0

	index    map[string]uint32 // product id → place in products
	products []product

	dead     map[place]deadRecord
	catalog  map[int32]*table[catalogueRecord]
	orders   map[int32]*orderTable
	receipts map[int32]*table[receiptRecord]
	reorders reactions
	alerts   reactions
	restocks map[int32]*table[receiptRecord] // reorders as causes, with the reference policy
	pending  map[uint64]bool                 // hashes of the keys in procurement's changelog
	ids      hashSet
	contents hashSet // of orders, to see copies in other partitions
	windows  map[windowKey]*window
	copies   int64
	parsed   event.Order // reused from order to order

	causeless   bool // some updates have no cause
	factsAbsent bool // some updates lack what reorders and alerts follow from
}

// product is what is known of one product.
type product struct {
	id          string
	stock, seq  int64
	open        int64 // seq of the update that the open reorder is for; 0: none
	opening     int64
	ordered     int64 // by the lines applied
	filled      int64
	unmet       int64
	received    int64 // by the updates
	receivedIn  int64 // by the receipts
	lines       int64 // order lines and restocks, to be counted against updates without a cause
	updates     int64
	last        catalogueRecord // the last of the catalogue
	low         bool            // the stock of the last update was critical
	delisted    bool            // at some time
	faulty      bool            // something is wrong with its updates: its sums will not agree
	compacted   bool            // its opening record is gone from the catalogue
	broken      bool            // its updates have a gap: what follows from them is unknown
	base        bool            // its first updates are trimmed
	causeless   bool            // some of its updates have no cause
	inCatalogue bool
}

// place is a record's coordinates.
type place struct {
	topic     string
	partition int32
	offset    int64
}

func placeOf(r *kgo.Record) place { return place{r.Topic, r.Partition, r.Offset} }

func (p place) String() string { return fmt.Sprintf("%s/%d@%d", p.topic, p.partition, p.offset) }

// table holds something for each offset of a partition. Offsets without a data
// record have the zero value.
type table[T any] struct {
	start int64
	rows  []T
}

// add makes room up to an offset, which grows from call to call, and returns it.
func (t *table[T]) add(offset int64) *T {
	if len(t.rows) == 0 {
		t.start = offset
	}
	for int64(len(t.rows)) <= offset-t.start {
		var zero T
		t.rows = append(t.rows, zero)
	}
	return &t.rows[offset-t.start]
}

// at returns what an offset holds, or nil if it is outside of the table.
func (t *table[T]) at(offset int64) *T {
	if t == nil || offset < t.start || offset-t.start >= int64(len(t.rows)) {
		return nil
	}
	return &t.rows[offset-t.start]
}

func tableOf[T any](tables map[int32]*table[T], partition int32) *table[T] {
	t := tables[partition]
	if t == nil {
		t = &table[T]{}
		tables[partition] = t
	}
	return t
}

func newAuditor(o Options) *auditor {
	return &auditor{
		o: o, seed: maphash.MakeSeed(), checks: newChecks(), trimmed: map[string]bool{},
		index: map[string]uint32{}, dead: map[place]deadRecord{},
		catalog: map[int32]*table[catalogueRecord]{}, orders: map[int32]*orderTable{},
		receipts: map[int32]*table[receiptRecord]{}, restocks: map[int32]*table[receiptRecord]{},
		reorders: newReactions(), alerts: newReactions(),
		contents: hashSet{tagBits: 8}, pending: map[uint64]bool{}, windows: map[windowKey]*window{},
	}
}

// productOf returns the place of a product, new or not.
func (a *auditor) productOf(id string) uint32 {
	i, ok := a.index[id]
	if !ok {
		i = uint32(len(a.products))
		a.index[id] = i
		a.products = append(a.products, product{id: id})
	}
	return i
}

func (a *auditor) reference() bool { return a.o.Policy == PolicyReference }

// judgeRest decides whether the system was at rest around the snapshot.
func (a *auditor) judgeRest(first, second *restState) {
	why := first.why
	if why == "" {
		why = second.why
	}
	if why == "" {
		for at, end := range first.ends {
			if second.ends[at] != end {
				why = "records came in during the snapshot"
			}
		}
	}
	a.setRest(why)
}

// setRest takes the reason why the system is not at rest, "" if it is.
func (a *auditor) setRest(why string) {
	a.atRest = why == ""
	a.checks[checkRest].Checked = int64(len(a.o.Groups))
	if !a.atRest {
		a.doubt(why, checkRest)
		a.doubt("not at rest: "+why, checkInput, checkQuantities, checkReceipts)
	}
}

// judgeHistory finds out which topics' beginnings are gone.
func (a *auditor) judgeHistory(s *snapshot) {
	t := a.o.Topics
	if len(s.spans) == 0 {
		a.doubt("none of the system's topics is on this cluster", checkRest)
	}
	for name, spans := range s.spans {
		for _, p := range spans {
			if p.from > 0 && name != t.PendingReceipts {
				a.trimmed[name] = true
			}
		}
	}
	for name := range a.trimmed {
		why := "the history of " + name + " is trimmed"
		switch name {
		case t.Updates:
			a.doubt(why, checkSeq, checkOpening, checkLines, checkInput, checkQuantities)
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

// source checks who wrote an output.
func (a *auditor) source(r *kgo.Record) {
	value, ok := event.Header(r.Headers, event.HeaderSource)
	if !ok || a.o.App == "" {
		return
	}
	a.checks[checkSource].Checked++
	if string(value) != a.o.App {
		a.note(checkSource, Finding{Where: placeOf(r).String(), Expected: "ce_source " + a.o.App, Seen: "ce_source " + string(value)})
	}
}

// hash is of a value and of the dlq-replay header, which sets a record that was
// put back apart from the one that was refused.
func (a *auditor) hash(r *kgo.Record) uint64 {
	h := maphash.Bytes(a.seed, r.Value)
	if replay, ok := event.Header(r.Headers, event.HeaderDLQReplay); ok {
		h ^= maphash.Bytes(a.seed, replay) * 0x9e3779b97f4a7c15
	}
	return h
}
