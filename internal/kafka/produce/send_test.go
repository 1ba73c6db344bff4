package produce_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"inv/internal/kafka/produce"
	"inv/internal/kafka/recordbatch"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// cluster starts brokers and makes a topic on them.
func cluster(t *testing.T, brokers, partitions int) (*kfake.Cluster, []string) {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(brokers), kfake.SeedTopics(int32(partitions), "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, c.ListenAddrs()
}

// identify gets a producer id.
func identify(t *testing.T, client *kgo.Client, transactional string) recordbatch.Producer {
	t.Helper()
	p, err := produce.Identify(t.Context(), client, transactional, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sender(t *testing.T, client *kgo.Client, o produce.Options) *produce.Sender {
	t.Helper()
	s, err := produce.New(client, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.Reset(identify(t, client, o.TransactionalID))
	return s
}

func topic(t *testing.T, s *produce.Sender) *produce.Topic {
	t.Helper()
	to, err := s.Topic(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// numbered appends record n to a partition.
func numbered(to *produce.Topic, partition int32, n int) {
	to.Append(partition, 1_700_000_000_000+int64(n), []byte(strconv.Itoa(n)), []byte("value"), recordbatch.NoHeaders())
}

// inOrder wants the records of each partition to be 0, 1, 2 … without one missing
// or doubled.
func inOrder(t *testing.T, brokers []string, want []int) {
	t.Helper()
	client := kafkatest.Client(t, brokers, kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ends, err := kadm.NewClient(client).ListEndOffsets(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for p, n := range want {
		total += n
		if end, _ := ends.Lookup("t", int32(p)); end.Offset != int64(n) {
			t.Fatalf("partition %d has %d records, want %d", p, end.Offset, n)
		}
	}
	next := make([]int, len(want))
	for seen := 0; seen < total; {
		fetches := client.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			seen++
			if n, _ := strconv.Atoi(string(r.Key)); n != next[r.Partition] {
				t.Fatalf("partition %d has record %s where %d is due", r.Partition, r.Key, next[r.Partition])
			}
			next[r.Partition]++
		})
	}
}

// breaking is a connection that breaks when some answer is to be read.
type breaking struct {
	net.Conn
	breaks func() bool
}

func (c breaking) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == nil && c.breaks() {
		c.Close()
		return 0, errors.New("the connection is broken on purpose")
	}
	return n, err
}

// Answers are lost, leaders move and brokers refuse: every record arrives once,
// in order.
func TestOnceAndInOrder(t *testing.T) {
	c, brokers := cluster(t, 3, 6)
	rng := rand.New(rand.NewPCG(1, 2))
	var produced, broken atomic.Int64
	client := kafkatest.Client(t, brokers, kgo.Dialer(func(ctx context.Context, network, host string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, host)
		return breaking{conn, func() bool { return produced.Load()%7 == 3 && broken.Add(1) < 15 }}, err
	}))
	s := sender(t, client, produce.Options{})
	to := topic(t, s)
	var refused atomic.Int64
	c.ControlKey(int16(kmsg.Produce), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if produced.Add(1)%11 != 5 {
			return nil, nil, false
		}
		refused.Add(1)
		req := kreq.(*kmsg.ProduceRequest)
		resp := req.ResponseKind().(*kmsg.ProduceResponse)
		for _, rt := range req.Topics {
			st := kmsg.NewProduceResponseTopic()
			st.Topic, st.TopicID = rt.Topic, rt.TopicID
			for _, rp := range rt.Partitions {
				sp := kmsg.NewProduceResponseTopicPartition()
				sp.Partition, sp.ErrorCode = rp.Partition, kerr.NotEnoughReplicas.Code
				st.Partitions = append(st.Partitions, sp)
			}
			resp.Topics = append(resp.Topics, st)
		}
		return resp, nil, true
	})
	sent := make([]int, to.Partitions())
	for range 25 {
		for range 1 + rng.IntN(4000) {
			p := rng.IntN(len(sent))
			numbered(to, int32(p), sent[p])
			sent[p]++
		}
		if err := c.MoveTopicPartition("t", rng.Int32N(6), rng.Int32N(3)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		if err := s.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
	}
	if refused.Load() == 0 || broken.Load() == 0 {
		t.Errorf("%d requests refused, %d answers lost: the faults did not hit", refused.Load(), broken.Load())
	}
	inOrder(t, brokers, sent)
}

// What was appended and not sent is dropped, and sequence numbers have no gap.
func TestDiscard(t *testing.T) {
	_, brokers := cluster(t, 1, 1)
	s := sender(t, kafkatest.Client(t, brokers), produce.Options{})
	to := topic(t, s)
	numbered(to, 0, 0)
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	numbered(to, 0, 77)
	if err := s.Discard(t.Context()); err != nil {
		t.Fatal(err)
	}
	numbered(to, 0, 1)
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	inOrder(t, brokers, []int{2})
}

// Batches are at most as large as the topic takes, but for one record.
func TestMaxBatch(t *testing.T) {
	c, brokers := cluster(t, 1, 1)
	client := kafkatest.Client(t, brokers, kgo.ProducerBatchCompression(kgo.NoCompression()))
	s := sender(t, client, produce.Options{MaxBatch: func(string) int { return 300 }})
	to := topic(t, s)
	var largest, batches atomic.Int64
	c.ControlKey(int16(kmsg.Produce), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		for _, rt := range kreq.(*kmsg.ProduceRequest).Topics {
			for _, rp := range rt.Partitions {
				batches.Add(1)
				largest.Store(max(largest.Load(), int64(len(rp.Records))))
			}
		}
		return nil, nil, false
	})
	for n := range 100 {
		numbered(to, 0, n)
	}
	to.Append(0, 1, []byte("100"), make([]byte, 1000), recordbatch.NoHeaders())
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	inOrder(t, brokers, []int{101})
	if batches.Load() < 5 || largest.Load() < 1000 || largest.Load() > 1100 {
		t.Errorf("%d batches, the largest of %d bytes", batches.Load(), largest.Load())
	}
}

// What does not pass ends the sending, and is named.
func TestWhatDoesNotPass(t *testing.T) {
	t.Run("another epoch", func(t *testing.T) {
		_, brokers := cluster(t, 1, 2)
		client := kafkatest.Client(t, brokers)
		s := sender(t, client, produce.Options{TransactionalID: "x"})
		to := topic(t, s)
		identify(t, client, "x") // somebody else
		numbered(to, 0, 0)
		err := s.Flush(t.Context())
		if !errors.Is(err, kerr.InvalidProducerEpoch) && !errors.Is(err, kerr.ProducerFenced) {
			t.Fatal(err)
		}
		numbered(to, 1, 0)
		if again := s.Flush(t.Context()); !errors.Is(again, err) {
			t.Errorf("then %v", again)
		}
	})
	t.Run("a topic made anew", func(t *testing.T) {
		_, brokers := cluster(t, 1, 1)
		client := kafkatest.Client(t, brokers)
		s := sender(t, client, produce.Options{})
		to := topic(t, s)
		admin := kadm.NewClient(client)
		if _, err := admin.DeleteTopics(t.Context(), "t"); err != nil {
			t.Fatal(err)
		}
		if _, err := admin.CreateTopics(t.Context(), 1, 1, nil, "t"); err != nil {
			t.Fatal(err)
		}
		numbered(to, 0, 0)
		if err := s.Flush(t.Context()); !errors.Is(err, kerr.UnknownTopicID) {
			t.Fatal(err)
		}
		inOrder(t, brokers, []int{0})
	})
	t.Run("no topic", func(t *testing.T) {
		_, brokers := cluster(t, 1, 1)
		s := sender(t, kafkatest.Client(t, brokers), produce.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if _, err := s.Topic(ctx, "other"); err == nil {
			t.Fatal("it is there")
		}
	})
	t.Run("acks", func(t *testing.T) {
		client, err := kgo.NewClient(kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if _, err := produce.New(client, produce.Options{TransactionalID: "x"}); err == nil {
			t.Fatal("one acknowledgement is enough for a transaction")
		}
	})
}

// A wait that is given up says what it waited for.
func TestLate(t *testing.T) {
	c, brokers := cluster(t, 1, 1)
	s := sender(t, kafkatest.Client(t, brokers), produce.Options{})
	to := topic(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tries := 0
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if tries++; tries == 3 { // it knows then how the first has ended
			cancel()
		}
		return nil, fmt.Errorf("no answer"), true
	})
	numbered(to, 0, 0)
	if err := s.Flush(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "t/0 has not acknowledged 1 records") {
		t.Fatal(err)
	}
}

// A batch that the broker refuses is named with what the broker says of it.
func TestRefusedBatchSaysWhy(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		name := kafkatest.Topic(t, brokers, "refused", 1, "cleanup.policy=compact", "max.message.bytes=2000")
		value := make([]byte, 3000)
		for i := range value {
			value[i] = byte(rand.IntN(256)) // or compression would make it fit
		}
		for _, c := range []struct {
			keys, value []byte // a key for each record
			code        *kerr.Error
			want        string
		}{
			{[]byte("k"), value, kerr.MessageTooLarge, `^producing to refused-\w+/0 \(one record, 3\d\d\d bytes as sent\): MESSAGE_TOO_LARGE: `},
			{[]byte("k-k"), nil, kerr.InvalidRecord, `^producing to refused-\w+/0 \(a batch of 3 records\): INVALID_RECORD: .* Record 2 of the batch: Compacted topic cannot accept message without key in topic partition refused-\w+-0$`},
		} {
			s := sender(t, kafkatest.Client(t, brokers), produce.Options{})
			to, err := s.Topic(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range c.keys {
				key := []byte{k}
				if k == '-' {
					key = nil
				}
				to.Append(0, time.Now().UnixMilli(), key, c.value, recordbatch.NoHeaders())
			}
			err = s.Flush(t.Context())
			if !errors.Is(err, c.code) || !regexp.MustCompile(c.want).MatchString(err.Error()) {
				t.Errorf("%v, want %v with %s", err, c.code, c.want)
			}
		}
	})
}
