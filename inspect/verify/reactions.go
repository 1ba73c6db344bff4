package verify

import (
	"fmt"
	"hash/maphash"
	"strconv"
	"strings"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// reaction is the checked part of a reorder or an alert.
type reaction struct {
	partition int32
	product   uint32
	offset    int64
	seq       int64 // of the update that it names in its id
	stock     int64
	quantity  int64  // a reorder's quantity, an alert's threshold
	named     uint64 // hash of the product's name
	warehouse uint64 // hash of its id
	message   uint64 // hash of an alert's
	time      int64  // of the event, epoch ms
	kafka     int64  // Kafka's timestamp, epoch ms
	answers   uint32 // procurement's receipts for a reorder
	delivered int64  // units, by all receipts that name a reorder
	urgent    bool
	matched   bool // an update calls for it
}

// reactions are all reorders, or all alerts. With the default policy they are
// found by the update that their id names; with the reference policy, whose ids
// are random, only how many there are of each product and stock is known.
type reactions struct {
	topic  string
	all    []reaction
	byID   index
	counts map[reactionKey]tally
}

// reactionKey is a product and a stock.
type reactionKey struct {
	product uint32
	number  int64
}

// tally is how many there are more than the updates call for. It names the last
// of them, or, if there are too few, the last update that calls for one.
type tally struct {
	n         int32
	partition int32
	offset    int64
}

// more counts one that is there.
func (r *reactions) more(v *reaction) {
	k := reactionKey{v.product, v.stock}
	r.counts[k] = tally{r.counts[k].n + 1, v.partition, v.offset}
}

// fewer counts an update that calls for one.
func (r *reactions) fewer(k reactionKey, update place) {
	t := r.counts[k]
	if t.n--; t.n < 0 {
		t.partition, t.offset = update.partition, update.offset
	}
	r.counts[k] = t
}

func newReactions(topic string) reactions {
	return reactions{topic: topic, counts: map[reactionKey]tally{}}
}

func (r *reactions) at(v *reaction) place { return place{r.topic, v.partition, v.offset} }

// reactionHash spreads a product's updates; a product has them one after the other.
func reactionHash(product uint32, seq int64) uint64 {
	h := (uint64(product)<<32 ^ uint64(seq)) * 0x9e3779b97f4a7c15
	return h ^ h>>32
}

func (r *reactions) find(product uint32, seq int64) *reaction {
	if seq == 0 {
		return nil
	}
	i, ok := r.byID.find(reactionHash(product, seq), func(i uint32) bool {
		return r.all[i].product == product && r.all[i].seq == seq
	})
	if !ok {
		return nil
	}
	return &r.all[i]
}

// add adds one whose id was not there before.
func (r *reactions) add(v *reaction) {
	r.byID.add(reactionHash(v.product, v.seq))
	r.all = append(r.all, *v)
}

// seqInID returns seq of an id PREFIX<product>-<seq>; 0 if it has another form.
func seqInID(id, prefix, product string) int64 {
	rest, ok1 := strings.CutPrefix(id, prefix)
	rest, ok2 := strings.CutPrefix(rest, product)
	digits, ok3 := strings.CutPrefix(rest, "-")
	seq, err := strconv.ParseInt(digits, 10, 64)
	if !ok1 || !ok2 || !ok3 || err != nil || seq < 1 || strconv.FormatInt(seq, 10) != digits {
		return 0
	}
	return seq
}

// reactionRow is a reorder or an alert.
type reactionRow struct {
	inputRow // a reorder is procurement's input, too
	envelope
	has       event.ReactionFields
	writer    writer
	problem   string // why it is no record, "" if it is one
	id        name
	product   name
	seq       int64 // that its id names; 0: it has another form
	stock     int64
	quantity  int64
	named     uint64
	warehouse uint64
	message   uint64 // hash of an alert's
	happened  int64  // when, epoch ms
	kind      text   // priority or alert type, if it is none of those that there are
	odd       bool   // it is none of them
	urgent    bool
}

func (p *parser) readReorder(r *kgo.Record, row *reactionRow) {
	v := &p.reorder
	has, err := event.BorrowReorderFields(p.value, v)
	if p.broken != nil {
		err = p.broken
	}
	row.has = has
	p.input(r, &row.inputRow, func() error {
		if err != nil {
			return err
		}
		return v.Check()
	})
	p.rejudge(r, &row.inputRow)
	row.writer = p.writer(r)
	if err != nil {
		row.problem = err.Error()
		return
	}
	row.id, row.product = p.name(v.EventID), p.name(v.ProductID)
	row.seq = seqInID(v.EventID, "reorder-", v.ProductID)
	row.stock, row.quantity, row.named = v.CurrentStock, v.ReorderQuantity, maphash.String(p.seed, v.ProductName)
	row.warehouse, row.happened = maphash.String(p.seed, v.WarehouseID), v.Timestamp
	p.id = append(p.id[:0], v.EventID...)
	p.surround(r, &row.envelope, v.EventID, event.TypeReorder, p.id, v.Timestamp)
	row.urgent = v.Priority == event.PriorityUrgent
	if row.odd = !row.urgent && v.Priority != event.PriorityNormal; row.odd {
		row.kind = p.keep(v.Priority)
	}
}

func (p *parser) readAlert(r *kgo.Record, row *reactionRow) {
	v := &p.alert
	row.at, row.writer = placeOf(r), p.writer(r)
	has, err := event.BorrowAlertFields(p.value, v)
	if p.broken != nil {
		err = p.broken
	}
	if row.has = has; err != nil {
		row.problem = err.Error()
		return
	}
	row.id, row.product = p.name(v.AlertID), p.name(v.ProductID)
	row.seq = seqInID(v.AlertID, "alert-", v.ProductID)
	row.stock, row.quantity, row.named = v.CurrentStock, v.Threshold, maphash.String(p.seed, v.ProductName)
	row.warehouse, row.happened = maphash.String(p.seed, v.WarehouseID), v.Timestamp
	p.id = append(p.id[:0], v.AlertID...)
	p.surround(r, &row.envelope, v.ProductID, event.TypeAlert, p.id, v.Timestamp)
	row.message = maphash.String(p.seed, v.Message)
	if row.odd = v.AlertType != event.AlertCritical; row.odd {
		row.kind = p.keep(v.AlertType)
	}
}

func (r *reactionRow) reaction(product uint32) reaction {
	return reaction{partition: r.at.partition, offset: r.at.offset, product: product, seq: r.seq, stock: r.stock,
		quantity: r.quantity, named: r.named, warehouse: r.warehouse, message: r.message, time: r.happened, kafka: r.kafka, urgent: r.urgent}
}

// addReorder records a reorder.
func (a *auditor) addReorder(r *reactionRow) {
	a.counts.Reorders++
	a.source(r.at, r.writer)
	refusal := a.refusal(&r.inputRow)
	if !a.readable(checkReorders, r.at, r.problem) {
		a.unreadable(r, refusal)
		return
	}
	product := a.text(r.product.text)
	a.envelope(outReorders, r.at, a.productOf(r.product), &r.envelope)
	if r.own {
		a.reorderFields.see(r.has&event.HasReactionStock != 0, r.at)
	}
	if a.seenID(reorderIDs, r.id) {
		a.note(checkIDs, Finding{Where: r.at.String(), Product: product, Expected: "a reorder id of its own", Seen: a.text(r.id.text) + " again"})
		return
	}
	reaction := r.reaction(a.productOf(r.product))
	if refusal != 0 {
		reaction.answers = 1
	}
	if a.reference() {
		a.restock(&reaction, r)
	}
	if a.tallied() {
		a.reorders.more(&reaction)
		a.referencePriority(r, product)
		a.listedReaction(checkReorders, &a.reorders, &reaction)
		return
	}
	if r.odd {
		a.note(checkReorders, Finding{Where: r.at.String(), Product: product, Expected: "priority normal or urgent", Seen: "priority " + a.text(r.kind)})
	}
	if reaction.seq == 0 {
		a.note(checkReorders, Finding{Where: r.at.String(), Product: product, Expected: "an id reorder-" + product + "-<seq>", Seen: a.text(r.id.text)})
		return
	}
	a.reorders.add(&reaction)
}

// unreadable keeps a reorder that can't be read: a consumer of reorders must
// dead-letter it.
func (a *auditor) unreadable(r *reactionRow, refusal marks) {
	tableOf(a.restocks, r.at.partition).add(r.at.offset).marks = r.marks | refusal
}

// restock records a reorder as a receipt, as in the reference policy.
func (a *auditor) restock(v *reaction, r *reactionRow) {
	row := tableOf(a.restocks, v.partition).add(v.offset)
	*row = receiptRecord{product: v.product, marks: present, quantity: v.quantity, id: r.id.hash, answers: r.id.hash, time: r.happened}
	if r.happened == 0 {
		row.time = r.time
	}
	if v.answers > 0 {
		row.marks |= refused
		return
	}
	a.products[v.product].lines++
}

// addAlert records an alert.
func (a *auditor) addAlert(r *reactionRow) {
	a.counts.Alerts++
	a.source(r.at, r.writer)
	if !a.readable(checkAlerts, r.at, r.problem) {
		return
	}
	product := a.text(r.product.text)
	a.envelope(outAlerts, r.at, a.productOf(r.product), &r.envelope)
	if r.own {
		a.alertFields[0].see(r.has&event.HasReactionStock != 0, r.at)
		a.alertFields[1].see(r.has&event.HasReactionThreshold != 0, r.at)
	}
	if a.seenID(alertIDs, r.id) {
		a.note(checkIDs, Finding{Where: r.at.String(), Product: product, Expected: "an alert id of its own", Seen: a.text(r.id.text) + " again"})
		return
	}
	reaction := r.reaction(a.productOf(r.product))
	if r.odd {
		a.note(checkAlerts, Finding{Where: r.at.String(), Product: product, Expected: "alert_type " + event.AlertCritical, Seen: a.text(r.kind)})
	}
	if a.tallied() {
		a.alerts.more(&reaction)
		a.listedReaction(checkAlerts, &a.alerts, &reaction)
		return
	}
	if reaction.seq == 0 {
		a.note(checkAlerts, Finding{Where: r.at.String(), Product: product, Expected: "an id alert-" + product + "-<seq>", Seen: a.text(r.id.text)})
		return
	}
	a.alerts.add(&reaction)
}

// readable notes an output that is no record of its kind.
func (a *auditor) readable(check int, at place, problem string) bool {
	a.checks[check].Checked++
	if problem == "" {
		return true
	}
	a.note(check, Finding{Where: at.String(), Expected: "a record", Seen: problem})
	return false
}

// react checks that an update has the reaction that it calls for, and no other.
func (a *auditor) react(check int, of *reactions, kind string, u *updateRow, called bool, want reaction) (there bool) {
	p := &a.products[u.i]
	got := of.find(u.i, u.seq)
	unlisted := p.mayBeDelisted() && p.shownAt != u.seq
	switch {
	case got == nil && called && a.trimmed[of.topic]:
	case got == nil && called && unlisted:
		if !a.reference() {
			a.lose(check, u)
		}
	case got == nil && called && p.unsure:
		a.doubt("records of the catalogue are gone, and a product may have been delisted", check)
	case got == nil && called:
		a.missing(check, p, u.at, u.seq)
	case got == nil:
	case !called:
		got.matched = true
		a.note(check, Finding{Product: p.id, Where: of.at(got).String(), Expected: fmt.Sprintf("no %s for seq %d", kind, u.seq), Seen: "one"})
	default:
		got.matched = true
		a.compare(check, of, kind, u, got, want)
	}
	if got != nil && !a.reference() {
		a.shown(p, u)
	}
	return got != nil
}

func (a *auditor) compare(check int, of *reactions, kind string, u *updateRow, got *reaction, want reaction) {
	differ := func(field string, expected, seen any) {
		a.note(check, Finding{Product: a.products[u.i].id, Where: of.at(got).String(),
			Expected: fmt.Sprintf("%s %v in the %s for seq %d", field, expected, kind, u.seq), Seen: fmt.Sprintf("%s %v", field, seen)})
	}
	if got.stock != u.stock {
		differ("current_stock", u.stock, got.stock)
	}
	number := "reorder_quantity"
	if check == checkAlerts {
		number = "threshold"
	}
	if got.quantity != want.quantity {
		differ(number, want.quantity, got.quantity)
	}
	if got.urgent != want.urgent {
		differ("priority", priority(want.urgent), priority(got.urgent))
	}
	if u.named.size > 0 && got.named != u.named.hash {
		differ("product_name", a.text(u.named.text), "another")
	}
	if !u.own {
		return
	}
	if got.warehouse != u.warehouse {
		differ("warehouse_id", "of the update", "another")
	}
	if check == checkAlerts && got.message != a.message(u) {
		differ("message", fmt.Sprintf("of %d units", u.stock), "another")
	}
	if got.time != u.time {
		differ("timestamp", formatTime(u.time), formatTime(got.time))
	}
	a.stamped(&a.products[u.i], of.at(got), got.time, got.kafka, u.updated)
	if check == checkReorders {
		a.receiptStamped(u, got)
	}
}

func priority(urgent bool) string {
	if urgent {
		return event.PriorityUrgent
	}
	return event.PriorityNormal
}
