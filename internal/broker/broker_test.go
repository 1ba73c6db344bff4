package broker_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inv/internal/broker"
	"inv/internal/kafka"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func start(t *testing.T, o broker.Options) *broker.Broker {
	t.Helper()
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	b, err := broker.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func TestTopicsAndRecordsSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	first := start(t, broker.Options{DataDir: dir})
	client := kafkatest.Client(t, []string{first.Addr()})
	if _, err := kafka.EnsureTopics(t.Context(), client, kafka.TopicSpec{Name: "kept", Partitions: 3}); err != nil {
		t.Fatal(err)
	}
	record := &kgo.Record{Topic: "kept", Key: []byte("k"), Value: []byte("v"), Partition: 0}
	if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	client.Close()
	first.Close()

	second := start(t, broker.Options{DataDir: dir})
	reader := kafkatest.Client(t, []string{second.Addr()}, kgo.ConsumeTopics("kept"))
	fetches := reader.PollFetches(t.Context())
	if err := fetches.Err(); err != nil {
		t.Fatal(err)
	}
	if got := fetches.Records(); len(got) != 1 || string(got[0].Value) != "v" {
		t.Errorf("after the restart there are %d records, want 1", len(got))
	}
	made, err := kafka.EnsureTopics(t.Context(), reader, kafka.TopicSpec{Name: "kept", Partitions: 3, Exact: true})
	if err != nil || len(made) != 0 {
		t.Errorf("EnsureTopics after the restart: made %v, error %v; want the existing topic", made, err)
	}
}

// A folder of an earlier version, which took batches of 8 MiB, is read with what is in
// it, and takes what this version takes from then on.
func TestEarlierFolder(t *testing.T) {
	dir := t.TempDir()
	first := start(t, broker.Options{DataDir: dir})
	topic := "early"
	client := kafkatest.Client(t, []string{first.Addr()}, kgo.ProducerBatchMaxBytes(4<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
	large := kafka.TopicSpec{Name: topic, Partitions: 1, Configs: map[string]string{"max.message.bytes": "8388608"}}
	if _, err := kafka.EnsureTopics(t.Context(), client, large); err != nil {
		t.Fatal(err)
	}
	record := func() *kgo.Record { return &kgo.Record{Topic: topic, Value: make([]byte, 1_400_000)} }
	if err := client.ProduceSync(t.Context(), record()).FirstErr(); err != nil {
		t.Fatal(err)
	}
	client.Close()
	first.Close()
	for file, edit := range map[string][2]string{
		"topics.json":         {`"configs":{"max.message.bytes":"8388608"}`, `"configs":{}`},
		"broker_configs.json": {`"message.max.bytes":"1048588"`, `"message.max.bytes":"8388608"`},
	} {
		path := filepath.Join(dir, file)
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), edit[0]) {
			t.Fatalf("%s: %s, %v; want %s in it", file, text, err, edit[0])
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), edit[0], edit[1], 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	second := start(t, broker.Options{DataDir: dir})
	client = kafkatest.Client(t, []string{second.Addr()}, kgo.ConsumeTopics(topic), kgo.ProducerBatchMaxBytes(4<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
	fetches := client.PollFetches(t.Context())
	if got := fetches.Records(); fetches.Err() != nil || len(got) != 1 || len(got[0].Value) != 1_400_000 {
		t.Errorf("after the restart there are %d records, %v; want the large one", len(got), fetches.Err())
	}
	if err := client.ProduceSync(t.Context(), record()).FirstErr(); !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("another large one: %v, want MESSAGE_TOO_LARGE", err)
	}
}

// A truncated response still names the aborted transactions in it.
func TestAbortedRecordsStayHiddenInSmallFetches(t *testing.T) {
	brokers := []string{start(t, broker.Options{}).Addr()}
	client := kafkatest.Client(t, brokers)
	if _, err := kafka.EnsureTopics(t.Context(), client, kafka.TopicSpec{Name: "t", Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	writer := kafkatest.Client(t, brokers, kgo.TransactionalID("writer"))
	write := func(end kgo.TransactionEndTry, value string) {
		t.Helper()
		if err := writer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for range 20 { // a batch each
			if err := writer.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: []byte(value + strings.Repeat("x", 500))}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if err := writer.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	write(kgo.TryAbort, "aborted")
	write(kgo.TryCommit, "committed")

	reader := kafkatest.Client(t, brokers, kgo.ConsumeTopics("t"), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxBytes(2000), kgo.FetchMaxPartitionBytes(1_000_000))
	for got := 0; got < 20; {
		fetches := reader.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		for _, r := range fetches.Records() {
			if got++; !strings.HasPrefix(string(r.Value), "committed") {
				t.Fatalf("record %d of an aborted transaction is visible to read_committed", r.Offset)
			}
		}
	}
}

func TestOneBrokerHasTheData(t *testing.T) {
	dir := t.TempDir()
	first := start(t, broker.Options{DataDir: dir})
	second, err := broker.Start(broker.Options{Listen: "127.0.0.1:0", DataDir: dir})
	if err == nil {
		second.Close()
	}
	if !errors.Is(err, broker.ErrDataInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v, want ErrDataInUse with %s", err, dir)
	}
	first.Close()
	start(t, broker.Options{DataDir: dir})
}

func TestPortInUse(t *testing.T) {
	first := start(t, broker.Options{})
	_, err := broker.Start(broker.Options{Listen: first.Addr()})
	if !errors.Is(err, broker.ErrPortInUse) || !strings.Contains(err.Error(), first.Addr()) {
		t.Errorf("error %v, want ErrPortInUse with %s", err, first.Addr())
	}
}

func TestAddresses(t *testing.T) {
	for _, o := range []broker.Options{
		{Listen: "nonsense"},
		{Listen: "0.0.0.0:0"},
		{Listen: ":0"},
		{Listen: "[::]:0"},
		{Listen: "127.0.0.1:0", Advertise: "nonsense"},
	} {
		b, err := broker.Start(o)
		if err == nil {
			b.Close()
		}
		if !errors.Is(err, broker.ErrAddress) {
			t.Errorf("%+v: error %v, want ErrAddress", o, err)
		}
	}
	b := start(t, broker.Options{Listen: "0.0.0.0:0", Advertise: "broker.test:1234"})
	if b.Addr() != "broker.test:1234" {
		t.Errorf("Addr is %s, want the advertised one", b.Addr())
	}
}

func TestClientsKnowTheEmbeddedBroker(t *testing.T) {
	client := kafkatest.Client(t, kafkatest.Embedded(t))
	embedded, err := kafka.IsEmbedded(context.Background(), client)
	if err != nil || !embedded {
		t.Errorf("IsEmbedded = %v, %v; want true", embedded, err)
	}
}
