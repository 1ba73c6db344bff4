package kafka

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// What is said of an open transaction follows from what the partition's leader and the
// transaction's coordinator know of it.
func TestOpenTransactionsAreDescribed(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	producers := func(first map[int64]int64) kadm.DescribedProducersPartition {
		p := kadm.DescribedProducersPartition{ActiveProducers: kadm.DescribedProducers{}}
		for id, offset := range first {
			p.ActiveProducers[id] = kadm.DescribedProducer{ProducerID: id, CurrentTxnStartOffset: offset, LastTimestamp: at.UnixMilli()}
		}
		return p
	}
	in := func(partitions ...int32) kadm.TopicsSet {
		set := kadm.TopicsSet{}
		set.Add("t", partitions...)
		return set
	}
	began := at.Add(-time.Minute).UnixMilli()
	for name, c := range map[string]struct {
		written   map[int64]int64
		described map[int64]kadm.DescribedTransaction
		known     bool
		want      string
	}{
		"nothing is known": {nil, nil, true, "an open transaction in t/1 from offset 7"},
		"ongoing": {map[int64]int64{5: 7, 6: 9, 4: -1}, map[int64]kadm.DescribedTransaction{5: {TxnID: "a\x1b", State: "Ongoing", StartTimestamp: began, ProducerID: 5, Topics: in(0, 1)}}, true,
			`an open transaction in t/1 from offset 7 since 2026-05-01T11:59:00Z, transactional id "a\x1b", producer id 5`},
		"complete, so this one hangs": {map[int64]int64{5: 7}, map[int64]kadm.DescribedTransaction{5: {TxnID: "a", State: "CompleteAbort", StartTimestamp: began, ProducerID: 5}}, true,
			`a hanging transaction, which its coordinator does not know, in t/1 from offset 7 since 2026-05-01T12:00:00Z, transactional id "a", producer id 5`},
		"another one is going on": {map[int64]int64{5: 7}, map[int64]kadm.DescribedTransaction{5: {TxnID: "a", State: "Ongoing", ProducerID: 5, Topics: in(0)}}, true,
			`a hanging transaction, which its coordinator does not know, in t/1 from offset 7 since 2026-05-01T12:00:00Z, transactional id "a", producer id 5`},
		"no coordinator has it": {map[int64]int64{5: 7}, nil, true,
			"a hanging transaction, which its coordinator does not know, in t/1 from offset 7 since 2026-05-01T12:00:00Z, producer id 5"},
		"coordinators don't answer": {map[int64]int64{5: 7}, nil, false, "an open transaction in t/1 from offset 7 since 2026-05-01T12:00:00Z, producer id 5"},
	} {
		o := OpenTransaction{Topic: "t", Partition: 1, Offset: 7, Producer: -1}
		o.written(producers(c.written))
		o.described(c.described, c.known)
		if got := o.String(); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}
