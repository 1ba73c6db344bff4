package verify

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// layout checks that the records of a topic are in the partitions of their keys.
//
// A topic may have had fewer partitions when its first records were written. Then
// all records of a partition up to some offset are where the earlier number of
// partitions puts them, and half of the keys or more don't fit the present one.
type layout struct {
	partitions int32
	parts      map[int32]*layoutPart
	misfits    int64 // keys that don't fit, though an earlier number of partitions explains them
	among      int64 // keys that stood in their partitions up to then
	first      misfit
}

// layoutPart is one partition.
type layoutPart struct {
	earlier []int32 // the earlier numbers of partitions that explain all its records so far
	keys    int64   // that it had so far
	misfits int64   // keys
	last    int64   // keys that it had up to the last misfit
}

// misfit is a record in a partition other than its key's.
type misfit struct {
	at      place
	product string
	of      int32 // the key's partition
}

// add reports whether a key with this hash may be in the record's partition. fresh is
// set for a key that was not in the topic before.
func (l *layout) add(m misfit, spread uint32, fresh bool) bool {
	at := m.at
	if l.partitions <= 1 || at.partition >= l.partitions {
		return true // nothing to choose from, or the topic has grown since it was looked at
	}
	explains := func(n int32) bool { return int32(spread%uint32(n)) == at.partition }
	p := l.parts[at.partition]
	if p == nil {
		p = &layoutPart{}
		l.parts[at.partition] = p
		for n := at.partition + 1; n < l.partitions; n++ {
			if explains(n) {
				p.earlier = append(p.earlier, n)
			}
		}
	} else {
		p.earlier = slices.DeleteFunc(p.earlier, func(n int32) bool { return !explains(n) })
	}
	if fresh {
		p.keys++
	}
	if explains(l.partitions) {
		return true
	}
	if len(p.earlier) == 0 {
		return false
	}
	if fresh || p.misfits == 0 {
		p.misfits++
		l.misfits++
	}
	l.among += p.keys - p.last
	p.last = p.keys
	if l.first.at.topic == "" {
		l.first = m
	}
	return true
}

// The probabilities below which so few misfits are no accident, and the number of
// keys from which a share of misfits shows that the topic has grown.
const (
	unlikely   = 1e-3
	enoughKeys = 16
)

// judge reports whether the misfits are wrong, and whether that is certain. A topic
// that has grown has half of its keys or more among them.
func (l *layout) judge() (wrong, certain bool) {
	switch {
	case l.misfits == 0, l.among >= enoughKeys && 4*l.misfits >= l.among:
		return false, true
	case atMost(l.among, l.misfits) < unlikely:
		return true, true
	}
	return false, false
}

// atMost returns the probability of at most k heads in n tosses of a coin, 0 for more
// tosses than there are numbers that small.
func atMost(n, k int64) float64 {
	term, sum := math.Pow(0.5, float64(n)), 0.0
	for i := int64(0); i <= min(k, n); i++ {
		sum += term
		term *= float64(n-i) / float64(i+1)
	}
	return sum
}

// placed checks the partition of an output whose key has this hash. fresh is set for a
// key that its topic did not have before.
func (a *auditor) placed(at place, product string, spread uint32, fresh bool) {
	l := a.layouts[at.topic]
	if l == nil {
		l = &layout{partitions: int32(len(a.spans[at.topic])), parts: map[int32]*layoutPart{}}
		a.layouts[at.topic] = l
	}
	m := misfit{at, product, int32(int64(spread) % int64(max(l.partitions, 1)))}
	if !l.add(m, spread, fresh) {
		a.misplaced(&m)
	}
}

func (a *auditor) misplaced(m *misfit) {
	a.note(checkEnvelope, Finding{Product: m.product, Where: m.at.String(), Expected: fmt.Sprintf("partition %d, the key's", m.of), Seen: fmt.Sprintf("partition %d", m.at.partition)})
}

// judgeLayouts judges the partitions of all outputs.
func (a *auditor) judgeLayouts() {
	for _, topic := range slices.Sorted(maps.Keys(a.layouts)) {
		l := a.layouts[topic]
		wrong, certain := l.judge()
		switch {
		case wrong:
			a.misplaced(&l.first)
		case !certain:
			a.doubt("too few records to tell whether "+l.first.at.String()+" is in a wrong partition, or had another one before the topic grew", checkEnvelope)
		}
	}
}
