package forward

import "time"

// quietGroups remembers when groups that have nothing to send were cut last, since
// `every` counts from there. Those cut first are forgotten first.
type quietGroups struct {
	last  map[groupHash]int64 // epoch milliseconds
	order []quietGroup        // by the time at which they were added; entries of taken groups stay
}

type quietGroup struct {
	hash groupHash
	last int64
}

// add remembers a group that was cut at a time, if that is after a bound.
func (q *quietGroups) add(hash groupHash, last int64, after time.Time) {
	if last == 0 || !after.IsZero() && last <= after.UnixMilli() || q.last[hash] >= last {
		return
	}
	if q.last == nil {
		q.last = map[groupHash]int64{}
	}
	q.last[hash] = last
	q.order = append(q.order, quietGroup{hash, last})
	for len(q.order) > maxQuiet {
		q.pop()
	}
}

// take forgets a group, and returns when it was cut; 0: not known.
func (q *quietGroups) take(hash groupHash) int64 {
	last := q.last[hash]
	delete(q.last, hash)
	return last
}

// expire forgets groups that were cut before a time.
func (q *quietGroups) expire(before time.Time) {
	for len(q.order) > 0 && q.order[0].last <= before.UnixMilli() {
		q.pop()
	}
}

func (q *quietGroups) pop() {
	if q.last[q.order[0].hash] == q.order[0].last {
		delete(q.last, q.order[0].hash)
	}
	q.order = q.order[1:]
}
