package verify

import (
	"errors"
	"hash/maphash"
	"strconv"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// deadRecord is the dead letter of one input record.
type deadRecord struct {
	at     place // in the dead-letter topic
	reason event.Reason
	hash   uint64
	cut    bool // the value is not whole
	met    bool // the input record was read, too
}

// deadRow is a dead-lettered record.
type deadRow struct {
	deadRecord
	from  place
	known bool // it says where it is from
}

func (p *parser) readDeadLetter(r *kgo.Record, row *deadRow) {
	topic, ok1 := event.FirstHeader(r.Headers, event.HeaderDLQTopic)
	partition, ok2 := event.FirstHeader(r.Headers, event.HeaderDLQPartition)
	offset, ok3 := event.FirstHeader(r.Headers, event.HeaderDLQOffset)
	n, err1 := strconv.ParseInt(string(partition), 10, 32)
	o, err2 := strconv.ParseInt(string(offset), 10, 64)
	row.known = ok1 && ok2 && ok3 && err1 == nil && err2 == nil
	row.from = place{string(topic), int32(n), o}
	reason, _ := event.FirstHeader(r.Headers, event.HeaderDLQReason)
	_, cut := event.FirstHeader(r.Headers, event.HeaderDLQTruncated)
	row.deadRecord = deadRecord{at: placeOf(r), reason: event.Reason(reason), hash: maphash.Bytes(p.seed, r.Value), cut: cut}
}

// deadLetter records a dead letter.
func (a *auditor) deadLetter(row *deadRow) {
	a.counts.DeadLettered++
	if !row.known {
		a.note(checkOnce, Finding{Where: row.at.String(), Expected: "dlq-topic, dlq-partition and dlq-offset of the input", Seen: "no such headers"})
		return
	}
	if earlier, twice := a.dead[row.from]; twice {
		a.note(checkOnce, Finding{Where: row.at.String(), Expected: row.from.String() + " accounted for once", Seen: "dead-lettered at " + earlier.at.String() + ", too"})
		return
	}
	a.dead[row.from] = row.deadRecord
}

// refusal returns the marks that an input record gets from its dead letter.
func (a *auditor) refusal(row *inputRow) marks {
	if len(a.dead) == 0 {
		return 0
	}
	d, ok := a.dead[row.at]
	if !ok {
		return 0
	}
	d.met = true
	a.dead[row.at] = d
	if !d.cut && d.hash != row.value {
		a.note(checkInput, Finding{Where: d.at.String(), Expected: "the bytes of " + row.at.String(), Seen: "other bytes"})
	}
	switch d.reason {
	case event.NotJSON, event.WrongType, event.MissingID, event.NoItems, event.BadQuantity, event.NegativePrice,
		event.NegativeTotal, event.NegativeNumber, event.OutOfRange, event.KeyMismatch, event.UnknownVersion, event.TotalMismatch:
		if row.reason == "" {
			a.note(checkInput, Finding{Where: d.at.String(), Expected: row.at.String() + " processed: nothing is wrong with it", Seen: "dead-lettered as " + string(d.reason)})
		}
	}
	return refused
}

func reasonOf(err error) event.Reason {
	var e *event.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}
