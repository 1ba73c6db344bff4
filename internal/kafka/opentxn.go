package kafka

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// OpenTransaction is a transaction that holds back the readers of a partition's
// committed records.
type OpenTransaction struct {
	Topic     string
	Partition int32
	Offset    int64 // the last stable offset: nothing from here on is readable

	// What brokers say of it, as far as this user may ask.
	Producer int64     // its id, -1 if it is not known
	ID       string    // the transactional id, "" if it is not known
	Since    time.Time // when it began or, of one that hangs, was last written to; zero if it is not known
	Hanging  bool      // its coordinator does not have it, so that nothing will end it
}

func (o OpenTransaction) String() string {
	text := fmt.Sprintf("an open transaction in %s/%d from offset %d", o.Topic, o.Partition, o.Offset)
	if o.Hanging {
		text = fmt.Sprintf("a hanging transaction, which its coordinator does not know, in %s/%d from offset %d", o.Topic, o.Partition, o.Offset)
	}
	if !o.Since.IsZero() {
		text += " since " + o.Since.UTC().Format(time.RFC3339)
	}
	if o.ID != "" {
		text += ", transactional id " + strconv.QuoteToASCII(o.ID)
	}
	if o.Producer >= 0 {
		text += ", producer id " + strconv.FormatInt(o.Producer, 10)
	}
	return text
}

// OpenTransactions returns the oldest open transaction of each partition of the topics
// that has one, sorted.
func OpenTransactions(ctx context.Context, client *kgo.Client, topics ...string) ([]OpenTransaction, error) {
	stable, err := StableEnds(ctx, client, topics...)
	if err != nil {
		return nil, err
	}
	ends, err := Ends(ctx, client, topics...)
	if err != nil {
		return nil, err
	}
	var open []OpenTransaction
	ask := kadm.TopicsSet{}
	for _, id := range slices.SortedFunc(maps.Keys(stable), fetch.ID.Compare) {
		if stable[id] < ends[id] {
			open = append(open, OpenTransaction{Topic: id.Topic, Partition: id.Partition, Offset: stable[id], Producer: -1})
			ask.Add(id.Topic, id.Partition)
		}
	}
	if len(open) == 0 {
		return nil, nil
	}
	admin := kadm.NewClient(client)
	producers, _ := admin.DescribeProducers(ctx, ask) // brokers before 2.8 don't say
	ids := map[int64]bool{}
	for i := range open {
		open[i].written(producers[open[i].Topic].Partitions[open[i].Partition])
		if open[i].Producer >= 0 {
			ids[open[i].Producer] = true
		}
	}
	if len(ids) == 0 {
		return open, nil
	}
	described, known := describeProducers(ctx, admin, slices.Sorted(maps.Keys(ids)))
	for i := range open {
		open[i].described(described, known)
	}
	// One that has ended meanwhile would look as if it hung.
	if stable, err = StableEnds(ctx, client, topics...); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(open, func(o OpenTransaction) bool {
		return stable[fetch.ID{Topic: o.Topic, Partition: o.Partition}] > o.Offset
	}), nil
}

// written takes over the producer whose transaction began first.
func (o *OpenTransaction) written(p kadm.DescribedProducersPartition) {
	first := int64(-1)
	for _, producer := range p.ActiveProducers {
		if at := producer.CurrentTxnStartOffset; at >= 0 && (first < 0 || at < first) {
			first, o.Producer, o.Since = at, producer.ProducerID, time.UnixMilli(producer.LastTimestamp)
		}
	}
}

// describeProducers returns the transactions of producer ids; known is false if the
// coordinators were not all heard.
func describeProducers(ctx context.Context, admin *kadm.Client, ids []int64) (all map[int64]kadm.DescribedTransaction, known bool) {
	all = map[int64]kadm.DescribedTransaction{}
	listed, err := admin.ListTransactions(ctx, ids, nil)
	if err != nil {
		return all, false
	}
	var names []string
	for _, t := range listed {
		names = append(names, t.TxnID)
	}
	if len(names) == 0 {
		return all, true
	}
	described, err := admin.DescribeTransactions(ctx, names...)
	for _, d := range described {
		if d.Err == nil {
			all[d.ProducerID] = d
		}
	}
	return all, err == nil
}

// described takes over what the transaction's coordinator says.
func (o *OpenTransaction) described(all map[int64]kadm.DescribedTransaction, known bool) {
	if o.Producer < 0 {
		return
	}
	d, ok := all[o.Producer]
	if ok {
		o.ID = d.TxnID
	}
	switch {
	case !ok:
		o.Hanging = known
	case d.Topics.Lookup(o.Topic, o.Partition):
		o.Since = time.UnixMilli(d.StartTimestamp)
	default: // it has another one, or none
		o.Hanging = true
	}
}
