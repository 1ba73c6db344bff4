package verify

import (
	"fmt"
	"maps"
	"slices"
)

// layout checks that the records of a topic are in the partitions of their keys.
//
// A topic may have had fewer partitions when its first records were written, and a
// writer that runs while it is enlarged takes some time to notice. So a key may be in a
// partition where some smaller number of partitions puts it, unless that is no pattern:
// most of the keys of a smaller topic would be elsewhere now.
type layout struct {
	partitions int32
	keys       map[int32]int64 // by partition, how many it had so far
	misfits    int64           // keys elsewhere that a smaller number of partitions explains
	explained  map[int32]int64 // by that number, how many of them
	first      misfit
	before     int64 // keys before the first, in its partition
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
	at := m.at.partition
	if l.partitions <= 1 || at >= l.partitions {
		return true // nothing to choose from, or the topic has grown since it was looked at
	}
	explains := func(n int32) bool { return int32(spread%uint32(n)) == at }
	if explains(l.partitions) {
		if fresh {
			l.keys[at]++
		}
		return true
	}
	may := false
	for n := at + 1; n < l.partitions; n++ {
		if explains(n) {
			l.explained[n]++
			may = true
		}
	}
	if !may {
		return false
	}
	if l.misfits++; l.misfits == 1 {
		l.first, l.before = m, l.keys[at]
	}
	return true
}

// manyMisfits is from how many on they must have a pattern, and manyKeys how many keys
// before a single one show that the partition was not a smaller topic's.
const manyMisfits, manyKeys = 24, 20

// judge reports whether the misfits are wrong, and whether that is certain.
func (l *layout) judge() (wrong, certain bool) {
	most := int64(0)
	for _, n := range l.explained {
		most = max(most, n)
	}
	switch {
	case l.misfits >= manyMisfits && 4*most < l.misfits:
		return true, true
	case l.misfits == 1 && l.before >= manyKeys:
		return false, false
	}
	return false, true
}

// placed checks the partition of an output whose key has this hash. fresh is set for a
// key that its topic did not have before.
func (a *auditor) placed(at place, product string, spread uint32, fresh bool) {
	l := a.layouts[at.topic]
	if l == nil {
		l = &layout{partitions: int32(len(a.spans[at.topic])), keys: map[int32]int64{}, explained: map[int32]int64{}}
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
			a.doubt(l.first.at.String()+" is in a wrong partition, unless the topic had fewer when it was written", checkEnvelope)
		}
	}
}
