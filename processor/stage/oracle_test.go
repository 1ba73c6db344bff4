package stage_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"
	"inv/internal/kafka/recordbatch"
	"inv/internal/kafkatest"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Two members number the records of each partition, while requests are refused,
// responses get lost and members are replaced. A worker's members and those of the
// client library's own loop (kgo.GroupTransactSession), which is the oracle, meet
// the same faults; what they write must be the fold of what they read.
func TestStormOnBothLoops(t *testing.T) {
	sides := map[string]member{"worker": runWorker, "plain": runPlain}
	for name, run := range sides {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStorm(t)
			for m := range 2 {
				s.keep(run, "member-"+strconv.Itoa(m), uint64(m))
			}
			s.feed()
			s.calm.Store(true)
			kafkatest.Eventually(t, 60*time.Second, "all of the input is committed", func() (bool, error) {
				n, err := s.committed()
				return n == int64(partitions*s.written), err
			})
			s.stop()
			s.check()
		})
	}
}

// member runs as a member of the group until the context ends or it fails, and calls
// committed after each transaction.
type member func(ctx context.Context, s *storm, name string, committed func()) error

const (
	partitions = 4
	maxPoll    = 40
)

type storm struct {
	t       *testing.T
	fake    *kfake.Cluster
	brokers []string
	client  *kgo.Client // without faults
	ctx     context.Context
	cancel  context.CancelFunc
	members sync.WaitGroup
	calm    atomic.Bool
	written int // records of each partition

	mu  sync.Mutex
	rng *rand.Rand

	refused, lost, replaced atomic.Int64
}

func newStorm(t *testing.T) *storm {
	fake, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(partitions, "in", "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	s := &storm{t: t, fake: fake, brokers: fake.ListenAddrs(), rng: rand.New(rand.NewPCG(3, 4))}
	s.client = kafkatest.Client(t, s.brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	s.ctx, s.cancel = context.WithCancel(t.Context())
	t.Cleanup(s.stop)
	fake.Control(s.refuse)
	return s
}

// feed writes input until there were faults enough, of each kind.
func (s *storm) feed() {
	s.t.Helper()
	kafkatest.Eventually(s.t, 60*time.Second, "faults have hit", func() (bool, error) {
		var input []*kgo.Record
		for range 20 {
			for p := range int32(partitions) {
				input = append(input, &kgo.Record{Topic: "in", Partition: p, Value: []byte(strconv.Itoa(s.written))})
			}
			s.written++
		}
		err := s.client.ProduceSync(s.t.Context(), input...).FirstErr()
		return s.refused.Load() >= 20 && s.lost.Load() >= 3 && s.replaced.Load() >= 3, err
	})
	s.t.Logf("%d records, %d requests refused, %d responses lost, %d members replaced", partitions*s.written, s.refused.Load(), s.lost.Load(), s.replaced.Load())
}

func (s *storm) chance(oneIn int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.calm.Load() && s.rng.IntN(oneIn) == 0
}

// refuse answers some of the requests of transactions with an error.
func (s *storm) refuse(req kmsg.Request) (kmsg.Response, error, bool) {
	s.fake.KeepControl()
	if p, ok := req.(*kmsg.ProduceRequest); ok && p.TransactionID == nil {
		return nil, nil, false // the input
	}
	var codes []*kerr.Error
	switch req.(type) {
	case *kmsg.TxnOffsetCommitRequest:
		codes = []*kerr.Error{kerr.CoordinatorLoadInProgress, kerr.NotCoordinator, kerr.IllegalGeneration, kerr.InvalidProducerEpoch}
	case *kmsg.EndTxnRequest:
		codes = []*kerr.Error{kerr.ConcurrentTransactions, kerr.CoordinatorLoadInProgress, kerr.NotCoordinator}
	case *kmsg.ProduceRequest:
		codes = []*kerr.Error{kerr.NotLeaderForPartition, kerr.NotEnoughReplicas, kerr.UnknownTopicID, kerr.ConcurrentTransactions, kerr.TransactionAbortable}
	default:
		return nil, nil, false
	}
	if !s.chance(40) {
		return nil, nil, false
	}
	s.refused.Add(1)
	s.mu.Lock()
	code := codes[s.rng.IntN(len(codes))].Code
	s.mu.Unlock()
	resp := req.ResponseKind()
	switch resp := resp.(type) {
	case *kmsg.EndTxnResponse:
		resp.ErrorCode = code
	case *kmsg.TxnOffsetCommitResponse:
		for _, rt := range req.(*kmsg.TxnOffsetCommitRequest).Topics {
			topic := kmsg.TxnOffsetCommitResponseTopic{Topic: rt.Topic, TopicID: rt.TopicID}
			for _, p := range rt.Partitions {
				topic.Partitions = append(topic.Partitions, kmsg.TxnOffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: code})
			}
			resp.Topics = append(resp.Topics, topic)
		}
	case *kmsg.ProduceResponse:
		for _, rt := range req.(*kmsg.ProduceRequest).Topics {
			topic := kmsg.ProduceResponseTopic{Topic: rt.Topic, TopicID: rt.TopicID}
			for _, p := range rt.Partitions {
				topic.Partitions = append(topic.Partitions, kmsg.ProduceResponseTopicPartition{Partition: p.Partition, ErrorCode: code})
			}
			resp.Topics = append(resp.Topics, topic)
		}
	}
	return resp, nil, true
}

// lossy is a connection that breaks now and then when a response is to be read.
type lossy struct {
	net.Conn
	s *storm
}

func (c lossy) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == nil && c.s.chance(400) {
		c.s.lost.Add(1)
		c.Close()
		return 0, net.ErrClosed
	}
	return n, err
}

// dialer returns the option by which members get lossy connections.
func (s *storm) dialer() kgo.Opt {
	return kgo.Dialer(func(ctx context.Context, network, host string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, host)
		return lossy{conn, s}, err
	})
}

// keep runs a member, and replaces it after some transactions.
func (s *storm) keep(run member, name string, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 5))
	s.members.Go(func() {
		for s.ctx.Err() == nil {
			ctx, cancel := context.WithCancel(s.ctx)
			var transactions atomic.Int64
			life := int64(20 + rng.IntN(100))
			err := run(ctx, s, name, func() {
				if transactions.Add(1) == life && !s.calm.Load() {
					s.replaced.Add(1)
					cancel()
				}
			})
			if err != nil && ctx.Err() == nil {
				s.t.Logf("%s: %v", name, err)
			}
			cancel()
		}
	})
}

func (s *storm) stop() {
	s.cancel()
	s.members.Wait()
}

// committed returns how many records the group has committed.
func (s *storm) committed() (n int64, err error) {
	offsets, err := kadm.NewClient(s.client).FetchOffsets(s.t.Context(), "group")
	if errors.Is(err, kerr.GroupIDNotFound) {
		return 0, nil
	}
	for p := range int32(partitions) {
		if o, ok := offsets.Lookup("in", p); ok {
			n += o.At
		}
	}
	return n, err
}

// count returns how many committed records a partition of the output has.
func (s *storm) count(ctx context.Context, partition int32) (int, error) {
	ends, err := kadm.NewClient(s.client).ListCommittedOffsets(ctx, "out")
	if err != nil {
		return 0, err
	}
	end, _ := ends.Lookup("out", partition)
	if end.Offset <= 0 {
		return 0, nil
	}
	counts, err := kafka.CountRecords(ctx, kafka.Config{Brokers: s.brokers}, 1<<40, kafka.Span{ID: fetch.ID{Topic: "out", Partition: partition}, To: end.Offset})
	if err != nil {
		return 0, err
	}
	return int(counts[0]), nil
}

// output returns what is written for a record, the n-th of its partition.
func output(value []byte, n int) []byte { return fmt.Appendf(nil, "%s is number %d", value, n) }

// check folds the input and compares.
func (s *storm) check() {
	s.t.Helper()
	for p := range int32(partitions) {
		if n, err := s.count(s.t.Context(), p); err != nil || n != s.written {
			s.t.Fatalf("partition %d has %d records, want %d: %v", p, n, s.written, err)
		}
	}
	client := kafkatest.Client(s.t, s.brokers, kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeTopics("out"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	next := make([]int, partitions)
	for n := 0; n < partitions*s.written; {
		fetches := client.PollFetches(s.t.Context())
		if err := fetches.Err(); err != nil {
			s.t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			at := next[r.Partition]
			if want := output([]byte(strconv.Itoa(at)), at); string(r.Value) != string(want) {
				s.t.Fatalf("partition %d has %q where %q is due", r.Partition, r.Value, want)
			}
			next[r.Partition]++
			n++
		})
	}
}

// runWorker runs a member as the processor does.
func runWorker(ctx context.Context, s *storm, name string, committed func()) error {
	topics, err := kadm.NewClient(s.client).ListTopics(ctx, "in")
	if err != nil {
		return err
	}
	return stage.NewWorker(stage.Config{
		Name: "storm", Kafka: kafka.Config{Brokers: s.brokers, Options: []kgo.Opt{s.dialer()}}, Group: "group", TransactionalID: name,
		Sources: []string{"in"}, TopicIDs: map[string]kadm.TopicID{"in": topics["in"].ID}, Outputs: []string{"out"}, Stamp: func(int64, string) string { return "" },
		CommitEvery: 5 * time.Millisecond, MaxPoll: maxPoll, StopWithin: time.Second,
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Observer: observer(committed),
	}, numbering{s}).Run(ctx)
}

// observer is called after each transaction that was committed.
type observer func()

func (o observer) Transaction(committed bool, _, _ int, _ time.Duration) {
	if committed {
		o()
	}
}
func (observer) Partitions(int, int) {}
func (observer) Rebuilt(error)       {}

// numbering is the stage: its state is how many records a partition had.
type numbering struct{ s *storm }

func (l numbering) Start(ctx context.Context, source stage.Source, committed int64) (stage.Partition, int64, error) {
	n, err := l.s.count(ctx, source.Partition)
	return &numbered{n: n, committed: n}, committed, err
}

type numbered struct{ n, committed int }

func (p *numbered) Process(_ context.Context, tx *stage.Tx, r *kgo.Record) error {
	out, err := tx.Output("out")
	if err != nil {
		return err
	}
	out.Append(r.Partition, 1, nil, output(r.Value, p.n), recordbatch.NoHeaders())
	p.n++
	return nil
}

func (p *numbered) Seal(*stage.Tx) error { return nil }
func (p *numbered) Commit()              { p.committed = p.n }
func (p *numbered) Rollback()            { p.n = p.committed }
func (p *numbered) Close()               {}

// runPlain runs a member on the client library alone.
func runPlain(ctx context.Context, s *storm, name string, committed func()) error {
	var mu sync.Mutex
	state := map[int32]*numbered{}
	session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(s.brokers...), s.dialer(),
		kgo.ConsumerGroup("group"), kgo.ConsumeTopics("in"), kgo.TransactionalID(name), kgo.TransactionTimeout(2*time.Second),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(50*time.Millisecond),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.Balancers(kgo.CooperativeStickyBalancer()), kgo.MetadataMinAge(100*time.Millisecond),
		kgo.AdjustFetchOffsetsFn(func(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
			for p := range offsets["in"] {
				n, err := s.count(ctx, p)
				if err != nil {
					return nil, err
				}
				mu.Lock()
				state[p] = &numbered{n: n, committed: n}
				mu.Unlock()
			}
			return offsets, nil
		}))
	if err != nil {
		return err
	}
	client := session.Client()
	defer client.CloseAllowingRebalance()
	for ctx.Err() == nil {
		fetches := session.PollRecords(ctx, maxPoll)
		if err := fetches.Err0(); err != nil {
			return err
		}
		if err := session.Begin(); err != nil {
			return err
		}
		failed := kgo.FirstErrPromise{}
		mu.Lock()
		fetches.EachRecord(func(r *kgo.Record) {
			p := state[r.Partition]
			client.Produce(ctx, &kgo.Record{Topic: "out", Partition: r.Partition, Value: output(r.Value, p.n)}, failed.Promise())
			p.n++
		})
		mu.Unlock()
		good := failed.Err() == nil
		bounded, cancel := context.WithTimeout(ctx, 5*time.Second)
		done, err := session.End(bounded, kgo.TransactionEndTry(good))
		cancel()
		if err != nil {
			return err
		}
		if done {
			committed()
		}
		mu.Lock()
		for _, p := range state {
			if done {
				p.Commit()
			} else {
				p.Rollback()
			}
		}
		mu.Unlock()
	}
	return nil
}
