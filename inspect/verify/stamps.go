package verify

import (
	"fmt"
	"time"
)

// A record's Kafka timestamp is the time of its event. If the topic refuses that,
// because it is too long ago or too far ahead, it is the writer's clock, which an update
// has in last_updated.

// stamped checks the Kafka timestamp of an update, or of a reorder or an alert that was
// written with it.
func (a *auditor) stamped(p *product, at place, event, kafka, clock int64) {
	if kafka == event || kafka == clock || !timeKnown(event) {
		return
	}
	a.note(checkEnvelope, Finding{Product: p.id, Where: at.String(),
		Expected: fmt.Sprintf("the event's time %s or the clock's %s as Kafka timestamp", formatTime(event), formatTime(clock)), Seen: formatTime(kafka)})
}

// clockedReceipt is a receipt of procurement whose Kafka timestamp is not the event's
// time.
type clockedReceipt struct {
	at           place
	event, kafka int64 // epoch ms
}

// Clocks differ by at most clockSkew, and no topic refuses a time that is less than
// leastLimit from the clock's, both in milliseconds.
const (
	clockSkew  = int64(10 * time.Minute / time.Millisecond)
	leastLimit = int64(time.Second / time.Millisecond)
)

// receiptStamped checks the Kafka timestamp of the receipt for a reorder, which is
// written after the reorder's update.
func (a *auditor) receiptStamped(u *updateRow, reorder *reaction) {
	r, there := a.clocked[place{partition: reorder.partition, offset: reorder.offset}]
	if !there || !timeKnown(r.event) {
		return
	}
	apart := max(r.kafka-r.event, r.event-r.kafka)
	if apart >= leastLimit && r.kafka >= u.updated-clockSkew {
		return
	}
	a.note(checkEnvelope, Finding{Product: a.products[u.i].id, Where: r.at.String(),
		Expected: "the event's time " + formatTime(r.event) + " or a clock's as Kafka timestamp", Seen: formatTime(r.kafka)})
}
