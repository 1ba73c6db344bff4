package audit

import (
	"fmt"
	"hash/maphash"
	"strconv"
	"strings"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// reaction is a reorder or an alert, as far as it is checked.
type reaction struct {
	at       place
	product  uint32
	seq      int64 // of the update that it names in its id
	stock    int64
	quantity int64 // a reorder's quantity, an alert's threshold
	name     uint64
	answers  uint32 // receipts for a reorder
	urgent   bool
	matched  bool // an update calls for it
}

// reactions are all reorders, or all alerts. With the default policy they are
// found by the update that their id names; with the reference policy, whose ids
// are random, only how many there are of each product and stock is known.
type reactions struct {
	all    []reaction
	byID   map[reactionKey]uint32
	counts map[reactionKey]int32
}

// reactionKey is a product and the update's seq, or its stock.
type reactionKey struct {
	product uint32
	number  int64
}

func newReactions() reactions {
	return reactions{byID: map[reactionKey]uint32{}, counts: map[reactionKey]int32{}}
}

func (r *reactions) find(product uint32, seq int64) *reaction {
	i, ok := r.byID[reactionKey{product, seq}]
	if !ok || seq == 0 {
		return nil
	}
	return &r.all[i]
}

func (r *reactions) add(v reaction) {
	r.byID[reactionKey{v.product, v.seq}] = uint32(len(r.all))
	r.all = append(r.all, v)
}

// seqInID reads the update's seq out of PREFIX<product>-<seq>; 0 if the id has
// another form.
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

// reorder takes a reorder.
func (a *auditor) reorder(r *kgo.Record) {
	a.counts.Reorders++
	a.source(r)
	var v event.Reorder
	if !a.readable(checkReorders, r, event.ParseReorder(r.Value, &v)) {
		return
	}
	at := placeOf(r)
	if a.seenID(v.EventID) {
		a.note(checkIDs, Finding{Where: at.String(), Product: v.ProductID, Expected: "a reorder id of its own", Seen: v.EventID + " again"})
		return
	}
	_, isRefused := a.dead[at]
	reaction := reaction{at: at, product: a.productOf(v.ProductID), stock: v.CurrentStock, quantity: v.ReorderQuantity,
		name: maphash.String(a.seed, v.ProductName), urgent: v.Priority == event.PriorityUrgent}
	if isRefused {
		a.refusal(r, reasonOf(v.Check()))
		reaction.answers = 1
	}
	if a.reference() {
		a.restock(r, &reaction)
		return
	}
	if v.Priority != event.PriorityUrgent && v.Priority != event.PriorityNormal {
		a.note(checkReorders, Finding{Where: at.String(), Product: v.ProductID, Expected: "priority normal or urgent", Seen: "priority " + v.Priority})
	}
	if reaction.seq = seqInID(v.EventID, "reorder-", v.ProductID); reaction.seq == 0 {
		a.note(checkReorders, Finding{Where: at.String(), Product: v.ProductID, Expected: "an id reorder-" + v.ProductID + "-<seq>", Seen: v.EventID})
		return
	}
	a.reorders.add(reaction)
}

// restock keeps a reorder as the reference policy sees it: what is ordered
// arrives at once.
func (a *auditor) restock(r *kgo.Record, v *reaction) {
	a.reorders.counts[reactionKey{v.product, v.stock}]++
	row := tableOf(a.restocks, r.Partition).add(r.Offset)
	*row = receiptRecord{product: v.product, marks: present, quantity: v.quantity}
	if v.answers > 0 {
		row.marks |= refused
		return
	}
	a.products[v.product].lines++
}

// alert takes an alert.
func (a *auditor) alert(r *kgo.Record) {
	a.counts.Alerts++
	a.source(r)
	var v event.Alert
	if !a.readable(checkAlerts, r, event.ParseAlert(r.Value, &v)) {
		return
	}
	at := placeOf(r)
	if a.seenID(v.AlertID) {
		a.note(checkIDs, Finding{Where: at.String(), Product: v.ProductID, Expected: "an alert id of its own", Seen: v.AlertID + " again"})
		return
	}
	reaction := reaction{at: at, product: a.productOf(v.ProductID), stock: v.CurrentStock, quantity: v.Threshold,
		name: maphash.String(a.seed, v.ProductName)}
	if v.AlertType != event.AlertCritical {
		a.note(checkAlerts, Finding{Where: at.String(), Product: v.ProductID, Expected: "alert_type " + event.AlertCritical, Seen: v.AlertType})
	}
	if a.reference() {
		a.alerts.counts[reactionKey{reaction.product, reaction.stock}]++
		return
	}
	if reaction.seq = seqInID(v.AlertID, "alert-", v.ProductID); reaction.seq == 0 {
		a.note(checkAlerts, Finding{Where: at.String(), Product: v.ProductID, Expected: "an id alert-" + v.ProductID + "-<seq>", Seen: v.AlertID})
		return
	}
	a.alerts.add(reaction)
}

// readable notes an output that is no record of its kind.
func (a *auditor) readable(check int, r *kgo.Record, err error) bool {
	a.checks[check].Checked++
	if err == nil {
		return true
	}
	a.note(check, Finding{Where: placeOf(r).String(), Expected: "a record", Seen: err.Error()})
	return false
}

// react checks that there is the reaction that an update calls for, or none.
func (a *auditor) react(check int, of *reactions, kind string, i uint32, u *event.Update, where place, called bool, want reaction) (there bool) {
	p := &a.products[i]
	got := of.find(i, u.Seq)
	switch {
	case got == nil && called && !p.delisted && !a.trimmed[a.topicOf(check)]:
		a.note(check, Finding{Product: p.id, Where: where.String(), Expected: fmt.Sprintf("%s for seq %d", kind, u.Seq), Seen: "none"})
	case got == nil:
	case !called:
		got.matched = true
		a.note(check, Finding{Product: p.id, Where: got.at.String(), Expected: fmt.Sprintf("no %s for seq %d", kind, u.Seq), Seen: "one"})
	default:
		got.matched = true
		a.compare(check, kind, p.id, u, got, want)
	}
	return got != nil
}

func (a *auditor) topicOf(check int) string {
	if check == checkAlerts {
		return a.o.Topics.Alerts
	}
	return a.o.Topics.Reorders
}

func (a *auditor) compare(check int, kind, product string, u *event.Update, got *reaction, want reaction) {
	differ := func(field string, expected, seen any) {
		a.note(check, Finding{Product: product, Where: got.at.String(),
			Expected: fmt.Sprintf("%s %v in the %s for seq %d", field, expected, kind, u.Seq), Seen: fmt.Sprintf("%s %v", field, seen)})
	}
	if got.stock != u.CurrentStock {
		differ("current_stock", u.CurrentStock, got.stock)
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
	if u.ProductName != "" && got.name != maphash.String(a.seed, u.ProductName) {
		differ("product_name", u.ProductName, "another")
	}
}

func priority(urgent bool) string {
	if urgent {
		return event.PriorityUrgent
	}
	return event.PriorityNormal
}
