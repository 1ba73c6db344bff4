package broker_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// batch returns a record batch of records with keys.
func batch(at time.Time, codec kgo.CompressionCodec, keys [][]byte, value []byte) []byte {
	var records []byte
	for i, key := range keys {
		r := kmsg.Record{OffsetDelta: int32(i), Key: key, Value: value}
		r.Length = int32(len(r.AppendTo(nil)) - 1)
		records = r.AppendTo(records)
	}
	b := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2, LastOffsetDelta: int32(len(keys) - 1), FirstTimestamp: at.UnixMilli(), MaxTimestamp: at.UnixMilli(),
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: int32(len(keys)), Records: records,
	}
	compressor, err := kgo.DefaultCompressor(codec)
	if err != nil {
		panic(err)
	}
	if compressor != nil {
		compressed, codec := compressor.Compress(new(bytes.Buffer), records)
		b.Records, b.Attributes = compressed, int16(codec)
	}
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}

var numbers = regexp.MustCompile(`-?\d{10,}`)

func TestRecordsAreRefusedAsByKafka(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		topics := map[string]string{
			"plain":     kafkatest.Topic(t, brokers, "plain", 1),
			"compacted": kafkatest.Topic(t, brokers, "compacted", 1, "cleanup.policy=compact"),
			"both":      kafkatest.Topic(t, brokers, "both", 1, "cleanup.policy=compact,delete"),
			"small":     kafkatest.Topic(t, brokers, "small", 1, "max.message.bytes=2000"),
			"large":     kafkatest.Topic(t, brokers, "large", 1, "max.message.bytes=2000000"),
			"prompt":    kafkatest.Topic(t, brokers, "prompt", 1, "message.timestamp.after.max.ms=60000", "message.timestamp.before.max.ms=60000", "cleanup.policy=compact"),
			"none":      "none",
		}
		now := time.Now()
		k, v := []byte("k"), []byte("v")
		keyless := "Compacted topic cannot accept message without key in topic partition TOPIC-0"
		record := func(i int) string { return fmt.Sprintf("RecordError(batchIndex=%d, message='%s')", i, keyless) }
		rejected := func(n int, records ...string) string {
			return fmt.Sprintf("One or more records have been rejected due to %d record errors in total, and only showing the first three errors at most: [%s]", n, strings.Join(records, ", "))
		}
		outside := "Timestamp N of message with offset 0 is out of range. The timestamp should be within [N, N]"
		for _, c := range []struct {
			name, topic string
			partition   int32
			batch       []byte
			code        *kerr.Error
			message     string
			records     []string
		}{
			{"no key", "plain", 0, batch(now, kgo.NoCompression(), [][]byte{nil}, v), nil, "", nil},
			{"an empty key", "compacted", 0, batch(now, kgo.NoCompression(), [][]byte{{}}, v), nil, "", nil},
			{"no key among others", "compacted", 0, batch(now, kgo.NoCompression(), [][]byte{k, nil, k, nil}, v),
				kerr.InvalidRecord, rejected(2, record(1), record(3)), []string{"1 " + keyless, "3 " + keyless}},
			{"four without a key", "compacted", 0, batch(now, kgo.NoCompression(), [][]byte{nil, nil, nil, nil}, v),
				kerr.InvalidRecord, rejected(4, record(0), record(1), record(2)), []string{"0 " + keyless, "1 " + keyless, "2 " + keyless, "3 " + keyless}},
			{"no key, deleted as well", "both", 0, batch(now, kgo.NoCompression(), [][]byte{nil}, v), kerr.InvalidRecord, rejected(1, record(0)), []string{"0 " + keyless}},
			{"no key, zstd", "compacted", 0, batch(now, kgo.ZstdCompression(), [][]byte{nil}, make([]byte, 9000)), kerr.InvalidRecord, rejected(1, record(0)), []string{"0 " + keyless}},
			{"no key, gzip", "compacted", 0, batch(now, kgo.GzipCompression(), [][]byte{nil}, make([]byte, 9000)), kerr.InvalidRecord, rejected(1, record(0)), []string{"0 " + keyless}},
			{"the largest", "plain", 0, batch(now, kgo.NoCompression(), [][]byte{k}, make([]byte, 1048588-73)), nil, "", nil},
			{"too large", "plain", 0, batch(now, kgo.NoCompression(), [][]byte{k}, make([]byte, 1048588-72)), kerr.MessageTooLarge, "", nil},
			{"too large without zstd", "plain", 0, batch(now, kgo.ZstdCompression(), [][]byte{k}, make([]byte, 1_400_000)), nil, "", nil},
			{"too large, for this topic", "small", 0, batch(now, kgo.NoCompression(), [][]byte{k}, make([]byte, 2000)), kerr.MessageTooLarge, "", nil},
			{"large", "large", 0, batch(now, kgo.NoCompression(), [][]byte{k}, make([]byte, 1_400_000)), nil, "", nil},
			{"too large, and no key", "compacted", 0, batch(now, kgo.NoCompression(), [][]byte{nil}, make([]byte, 1_400_000)), kerr.MessageTooLarge, "", nil},
			{"of tomorrow", "prompt", 0, batch(now.AddDate(0, 0, 1), kgo.NoCompression(), [][]byte{k}, v), kerr.InvalidTimestamp, "One or more records have been rejected due to invalid timestamp", []string{"0 " + outside}},
			{"of yesterday", "prompt", 0, batch(now.AddDate(0, 0, -1), kgo.NoCompression(), [][]byte{k}, v), kerr.InvalidTimestamp, "One or more records have been rejected due to invalid timestamp", []string{"0 " + outside}},
			{"of yesterday, one without a key", "prompt", 0, batch(now.AddDate(0, 0, -1), kgo.NoCompression(), [][]byte{k, nil}, v), kerr.InvalidTimestamp, "One or more records have been rejected due to invalid timestamp", []string{"0 " + outside, "1 " + keyless}},
			{"of yesterday, no key", "prompt", 0, batch(now.AddDate(0, 0, -1), kgo.NoCompression(), [][]byte{nil}, v), kerr.InvalidRecord, rejected(1, record(0)), []string{"0 " + keyless}},
			{"of yesterday", "plain", 0, batch(now.AddDate(0, 0, -1), kgo.NoCompression(), [][]byte{k}, v), nil, "", nil},
			{"no topic", "none", 0, batch(now, kgo.NoCompression(), [][]byte{k}, v), kerr.UnknownTopicOrPartition, "", nil},
			{"no partition", "plain", 7, batch(now, kgo.NoCompression(), [][]byte{k}, v), kerr.UnknownTopicOrPartition, "", nil},
		} {
			for _, version := range []int16{3, 7, 8, 12} {
				topic := topics[c.topic]
				got := send(t, brokers, version, topic, map[int32][]byte{c.partition: c.batch})
				p := got[0]
				want := answer(0, nil, topic)
				if c.code != nil {
					want = c.code.Message
				}
				if strings.HasSuffix(c.name, "zstd") && version < 7 {
					want = "UNSUPPORTED_COMPRESSION_TYPE"
				}
				var records []string
				if version >= 8 { // older ones have the code only
					if c.message != "" {
						want += ": " + c.message
					}
					records = c.records
				}
				if got := answer(p.ErrorCode, p.ErrorMessage, topic); got != want {
					t.Errorf("%s, v%d: %s\nwant %s", c.name, version, got, want)
				}
				var of []string
				for _, r := range p.ErrorRecords {
					of = append(of, fmt.Sprintf("%d %s", r.RelativeOffset, numbers.ReplaceAllString(strings.ReplaceAll(*r.ErrorMessage, topic, "TOPIC"), "N")))
				}
				if fmt.Sprint(of) != fmt.Sprint(records) {
					t.Errorf("%s, v%d: of records %q\nwant %q", c.name, version, of, records)
				}
			}
		}
	})
}

// send sends batches to partitions of a topic in one request of a version.
func send(t *testing.T, brokers []string, version int16, topic string, batches map[int32][]byte) []kmsg.ProduceResponseTopicPartition {
	t.Helper()
	versions := kversion.Tip()
	versions.SetMaxKeyVersion(int16(kmsg.Produce), version)
	client := kafkatest.Client(t, brokers, kgo.MaxVersions(versions))
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 10_000
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic = topic
	for partition, records := range batches {
		rp := kmsg.NewProduceRequestTopicPartition()
		rp.Partition, rp.Records = partition, records
		rt.Partitions = append(rt.Partitions, rp)
	}
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Topics[0].Partitions
}

// A client that sends a batch which is refused together with others gets the others
// written, once.
func TestOthersOfARefusedBatchAreWritten(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		topic := kafkatest.Topic(t, brokers, "others", 2, "cleanup.policy=compact")
		client := kafkatest.Client(t, brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(200*time.Millisecond))
		errs := make(chan error, 20)
		for i := range 20 {
			r := &kgo.Record{Topic: topic, Key: []byte("k"), Partition: int32(i % 2)}
			if i%2 == 1 {
				r.Key = nil
			}
			client.Produce(context.WithoutCancel(t.Context()), r, func(r *kgo.Record, err error) {
				if (err != nil) != (r.Key == nil) {
					errs <- fmt.Errorf("key %q: %w", r.Key, err)
					return
				}
				errs <- nil
			})
		}
		for range 20 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		ends, err := kadm.NewClient(client).ListEndOffsets(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		for partition, want := range map[int32]int64{0: 10, 1: 0} {
			if end, _ := ends.Lookup(topic, partition); end.Offset != want {
				t.Errorf("partition %d has %d records, want %d", partition, end.Offset, want)
			}
		}
	})
}

// A producer that wants no responses loses its connection with the batch that is
// refused, and goes on with another one.
func TestRefusalWithoutAcks(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		topic := kafkatest.Topic(t, brokers, "unasked", 1, "cleanup.policy=compact")
		closed := &disconnects{}
		client := kafkatest.Client(t, brokers, kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite(), kgo.WithHooks(closed))
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("no key")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		kafkatest.Eventually(t, 10*time.Second, "the connection is closed", func() (bool, error) { return closed.n.Load() > 0, nil })
		ends := func() int64 {
			offsets, err := kadm.NewClient(kafkatest.Client(t, brokers)).ListEndOffsets(t.Context(), topic)
			if err != nil {
				t.Fatal(err)
			}
			end, _ := offsets.Lookup(topic, 0)
			return end.Offset
		}
		if end := ends(); end != 0 {
			t.Errorf("the partition ends at %d: the batch was written", end)
		}
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: []byte("k")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		kafkatest.Eventually(t, 10*time.Second, "the next record is there", func() (bool, error) { return ends() == 1, nil })
	})
}

// disconnects counts closed connections.
type disconnects struct{ n atomic.Int32 }

// OnBrokerDisconnect counts one.
func (d *disconnects) OnBrokerDisconnect(kgo.BrokerMetadata, net.Conn) { d.n.Add(1) }
