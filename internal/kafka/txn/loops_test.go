package txn_test

import (
	"context"
	"errors"
	"time"

	"inv/internal/kafka/produce"
	"inv/internal/kafka/recordbatch"
	"inv/internal/kafka/txn"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	id    = "copier" // transactional
	group = "copiers"
)

// within bounds a transaction.
const within = 8 * time.Second

// short names an error as Kafka does, as far as it is one of Kafka's.
func short(err error) string {
	var code *kerr.Error
	switch {
	case err == nil:
		return "NONE"
	case errors.As(err, &code):
		return code.Message
	}
	return err.Error()
}

// consume returns the options of both loops' clients.
func (s *stage) consume() []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(s.brokers...), kgo.ConsumerGroup(group), kgo.ConsumeTopics("in"),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.BlockRebalanceOnPoll(), kgo.DisableAutoCommit(), kgo.FetchMaxWait(50 * time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 5 * time.Millisecond }), kgo.MetadataMinAge(20 * time.Millisecond),
	}
}

// poll consumes n records.
func poll(ctx context.Context, client *kgo.Client, n int) ([]*kgo.Record, error) {
	var polled []*kgo.Record
	for len(polled) < n {
		fetches := client.PollRecords(ctx, n-len(polled))
		if err := fetches.Err0(); err != nil {
			return nil, err
		}
		polled = append(polled, fetches.Records()...)
	}
	return polled, nil
}

// own is a loop as the processor's stages have it: package produce and package txn.
type own struct {
	*stage
	client    *kgo.Client
	sender    *produce.Sender
	txn       *txn.Producer // of the transaction
	begin     func(txn.Member, []kmsg.TxnOffsetCommitRequestTopic) *txn.Producer
	abandon   func(context.Context)
	out       *produce.Topic
	committed int64 // next offset, -1: none yet
	err       error // of the start
}

func newOwn(s *stage) loop {
	o := &own{stage: s, committed: -1}
	o.err = o.start(func(ctx context.Context, cfg txn.Config) (err error) {
		producer := txn.New(o.client, cfg)
		o.begin = func(from txn.Member, known []kmsg.TxnOffsetCommitRequestTopic) *txn.Producer {
			producer.Begin(from, known)
			return producer
		}
		o.abandon = producer.Abandon
		if o.sender, err = produce.New(o.client, produce.Options{TransactionalID: id, Before: producer.Join}); err != nil {
			return err
		}
		return producer.Init(ctx, o.sender.Reset)
	})
	return o
}

// start makes a client, and by producers what writes with it.
func (o *own) start(producers func(context.Context, txn.Config) error) error {
	ctx, cancel := context.WithTimeout(o.t.Context(), within)
	defer cancel()
	asking, err := kgo.NewClient(kgo.SeedBrokers(o.brokers...))
	if err != nil {
		return err
	}
	defer asking.Close()
	implicit, err := txn.Implicit(ctx, asking)
	if err != nil {
		return err
	}
	if o.client, err = kgo.NewClient(append(o.consume(), txn.Versions(implicit))...); err != nil {
		return err
	}
	err = producers(ctx, txn.Config{ID: id, Timeout: 10 * time.Second, Group: group, Outputs: []string{"out"}, Implicit: implicit, TopicIDs: ids(ctx, o.client)})
	if err != nil {
		o.write("  ! " + short(err))
		return err
	}
	o.out, err = o.sender.Topic(ctx, "out")
	return err
}

func (o *own) close() {
	o.client.AllowRebalance()
	if o.sender != nil {
		o.sender.Close()
		ctx, cancel := context.WithTimeout(context.Background(), within)
		o.abandon(ctx)
		cancel()
	}
	o.client.CloseAllowingRebalance()
}

func (o *own) transaction(n int, large bool) error {
	if o.err != nil {
		return o.err
	}
	ctx, cancel := context.WithTimeout(o.t.Context(), within)
	defer cancel()
	defer o.client.AllowRebalance()
	polled, err := poll(ctx, o.client, n)
	if err != nil {
		return err
	}
	member, generation := o.client.GroupMetadata()
	o.txn = o.begin(txn.Member{ID: member, Generation: generation}, o.offsets(o.committed))
	for _, r := range polled {
		o.out.Append(0, 1, nil, r.Value, recordbatch.NoHeaders())
	}
	if large {
		err = o.sender.Flush(ctx)
	}
	next := polled[len(polled)-1].Offset + 1
	if err == nil {
		err = o.txn.Add(ctx, o.offsets(next), o.sender.Flush)
	}
	switch {
	case errors.Is(err, txn.ErrRefused):
		o.write("  ! " + err.Error())
		if err := o.sender.Discard(ctx); err != nil {
			return err
		}
		o.client.SetOffsets(map[string]map[int32]kgo.EpochOffset{"in": {0: {Epoch: -1, Offset: polled[0].Offset}}})
		return o.txn.Abort(ctx)
	case err == nil:
		err = o.txn.Commit(ctx)
	}
	if err != nil {
		o.err = err // the session is over
		return err
	}
	o.committed = next
	return nil
}

// offsets returns the next offset of in/0, nil without one.
func (o *own) offsets(next int64) []kmsg.TxnOffsetCommitRequestTopic {
	if next < 0 {
		return nil
	}
	t := kmsg.NewTxnOffsetCommitRequestTopic()
	t.Topic = "in"
	p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	p.Offset = next
	t.Partitions = append(t.Partitions, p)
	return []kmsg.TxnOffsetCommitRequestTopic{t}
}

// plain is the same loop on the client library alone. It gets a producer id with its
// first record, so what it left open before a restart holds it back until brokers
// abort that for its age, here after a second.
type plain struct {
	*stage
	session *kgo.GroupTransactSession
}

func newPlain(s *stage) loop {
	session, err := kgo.NewGroupTransactSession(append(s.consume(), kgo.TransactionalID(id), kgo.TransactionTimeout(time.Second))...)
	if err != nil {
		s.t.Fatal(err)
	}
	return &plain{s, session}
}

func (p *plain) close() {
	p.session.Client().AllowRebalance()
	p.session.Client().CloseAllowingRebalance()
}

func (p *plain) transaction(n int, large bool) error {
	ctx, cancel := context.WithTimeout(p.t.Context(), within)
	defer cancel()
	client := p.session.Client()
	defer client.AllowRebalance()
	polled, err := poll(ctx, client, n)
	if err != nil {
		return err
	}
	if err := p.session.Begin(); err != nil {
		return err
	}
	failed := kgo.FirstErrPromise{}
	for _, r := range polled {
		client.Produce(ctx, &kgo.Record{Topic: "out", Value: r.Value}, failed.Promise())
	}
	if large {
		if err := client.Flush(ctx); err != nil {
			return err
		}
	}
	_, err = p.session.End(ctx, kgo.TransactionEndTry(failed.Err() == nil))
	return err
}

// ids returns the topics' ids.
func ids(ctx context.Context, client *kgo.Client) map[string]kadm.TopicID {
	topics, err := kadm.NewClient(client).ListTopics(ctx, "in")
	if err != nil {
		return nil
	}
	return map[string]kadm.TopicID{"in": topics["in"].ID}
}
