package verify

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
)

// mayBeDelisted reports whether the product may be delisted at the update being
// judged: where its tombstone stands among its updates is unknown.
func (p *product) mayBeDelisted() bool { return p.delisted && !p.listedAgain }

// lostReaction is a reorder or an alert that an update calls for and that is not
// there, perhaps since the product was delisted.
type lostReaction struct {
	at  place // of the update
	seq int64 // 0: there is none
}

// lose keeps the first reorder, or alert, that may be missing.
func (a *auditor) lose(check int, u *updateRow) {
	l := a.lost[u.i]
	if of := &l[check-checkReorders]; of.seq == 0 {
		*of = lostReaction{u.at, u.seq}
		a.lost[u.i] = l
	}
}

// shown notes that an update has a reorder or an alert. With no catalogue record in
// between the product was listed all the time, so what is missing before is missing.
func (a *auditor) shown(p *product, u *updateRow) {
	p.shownAt = u.seq
	for i, l := range a.lost[u.i] {
		if l.seq != 0 {
			a.missing(checkReorders+i, p, l.at, l.seq)
		}
	}
	delete(a.lost, u.i)
}

func (a *auditor) missing(check int, p *product, at place, seq int64) {
	kind := "a reorder"
	if check == checkAlerts {
		kind = "an alert"
	}
	a.note(check, Finding{Product: p.id, Where: at.String(), Expected: fmt.Sprintf("%s for seq %d", kind, seq), Seen: "none"})
}

// referenceUrgent is the stock up to which the reference system's reorders are urgent.
const referenceUrgent = 5

// tallied reports whether reorders and alerts are only counted: the ids of other
// processors with the reference policy name no update.
func (a *auditor) tallied() bool { return a.reference() && !a.ownSeen }

// referencePriority checks the priority of a reorder, if it has one, by the reference
// system's rule.
func (a *auditor) referencePriority(r *reactionRow, product string) {
	if r.odd && r.kind.size == 0 || !r.odd && r.urgent == (r.stock <= referenceUrgent) {
		return
	}
	seen := a.text(r.kind)
	if !r.odd {
		seen = priority(r.urgent)
	}
	a.note(checkReorders, Finding{Product: product, Where: r.at.String(),
		Expected: fmt.Sprintf("priority %s with %d in stock", priority(r.stock <= referenceUrgent), r.stock), Seen: "priority " + seen})
}

// listedReaction compares a reorder or an alert of which the update is not known with
// the product's catalogue records: it must have the fields of one of them.
func (a *auditor) listedReaction(check int, of *reactions, v *reaction) {
	p := &a.products[v.product]
	if !p.inCatalogue {
		return
	}
	versions := a.versions[v.product]
	if versions == nil {
		versions = []facts{p.last.facts}
	}
	number := "reorder_quantity"
	numberOf := func(f *facts) int64 {
		if check == checkAlerts {
			return f.critical
		}
		return f.quantity
	}
	if check == checkAlerts {
		number = "threshold"
	}
	for i := range versions {
		f := &versions[i]
		if v.quantity == numberOf(f) && (v.named == f.name || v.named == a.absent) {
			return
		}
	}
	if a.gaps {
		a.doubt("records of the catalogue are gone", check)
		return
	}
	last := versions[len(versions)-1]
	a.note(check, Finding{Product: p.id, Where: of.at(v).String(), Expected: fmt.Sprintf("%s %d and product_name as the catalogue has them", number, numberOf(&last)),
		Seen: fmt.Sprintf("%s %d, or another product_name", number, v.quantity)})
}

// message returns the hash of the message of the alert that an update calls for.
func (a *auditor) message(u *updateRow) uint64 {
	a.scratch = append(append(a.scratch[:0], "Critical inventory level: "...), a.text(u.named.text)...)
	a.scratch = append(strconv.AppendInt(append(a.scratch, " ("...), u.stock, 10), " units remaining)"...)
	return maphash.Bytes(a.seed, a.scratch)
}

// ordered checks that each partition has the reorders, or alerts, of a product in the
// order of its updates.
func (a *auditor) ordered(check int, of *reactions, kind string) {
	if !a.ownSeen {
		return
	}
	index := make([]uint32, len(of.all))
	for i := range index {
		index[i] = uint32(i)
	}
	slices.SortFunc(index, func(i, j uint32) int {
		x, y := &of.all[i], &of.all[j]
		return cmp.Or(cmp.Compare(x.product, y.product), cmp.Compare(x.partition, y.partition), cmp.Compare(x.offset, y.offset))
	})
	for n := 1; n < len(index); n++ {
		x, y := &of.all[index[n-1]], &of.all[index[n]]
		if x.product == y.product && x.partition == y.partition && x.seq > y.seq {
			a.note(check, Finding{Product: a.products[y.product].id, Where: of.at(y).String(),
				Expected: fmt.Sprintf("the %s for seq %d before that for seq %d", kind, y.seq, x.seq), Seen: "behind it"})
		}
	}
}
