package inspect

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kgo"
)

// transaction writes values under keys of one letter to partition 0 and ends.
func transaction(t *testing.T, client *kgo.Client, topic string, end kgo.TransactionEndTry, from, n, keys int) {
	t.Helper()
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	var records []*kgo.Record
	for i := from; i < from+n; i++ {
		value := fmt.Appendf(nil, "v%d", i)
		if end == kgo.TryAbort {
			value = append(value, " aborted"...)
		}
		records = append(records, &kgo.Record{Topic: topic, Key: []byte{byte('a' + i%keys)}, Value: value})
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := client.EndTransaction(t.Context(), end); err != nil {
		t.Fatal(err)
	}
}

// A compacted log with few records between commit markers, and aborted data at its end:
// the end is reached, and the last records are found.
func TestCompactedGaps(t *testing.T) {
	brokers := kafkatest.Brokers(t)
	topic := kafkatest.Topic(t, brokers, "gaps", 2, "cleanup.policy=compact", "segment.ms=50",
		"min.cleanable.dirty.ratio=0", "min.compaction.lag.ms=0", "delete.retention.ms=0")
	p := producer(t, brokers, kgo.TransactionalID(topic))
	for i := range 8 {
		transaction(t, p, topic, kgo.TryCommit, 60*i, 60, 3)
		transaction(t, p, topic, kgo.TryAbort, 60*i, 7, 3)
	}
	// The active segment is not compacted: write and abort a little more until only
	// the last value of each key is left.
	all := Options{Topics: []string{topic}, Begin: &Begin{}, Last: -1}
	kafkatest.Eventually(t, time.Minute, "the log is compacted", func() (bool, error) {
		transaction(t, p, topic, kgo.TryAbort, 0, 5, 3)
		got := runTo(t, brokers, all)
		return len(lines(got)) == 3, fmt.Errorf("%d records are left", len(lines(got)))
	})
	for name, c := range map[string]struct {
		o    Options
		want string // the values
	}{
		"all":                 {all, "v477 v478 v479"},
		"last 10":             {Options{Last: 10}, "v477 v478 v479"},
		"last 2":              {Options{Last: 2}, "v478 v479"},
		"last 1 of a filter":  {Options{Last: 1, Match: Match{Filter: `. == "v477"`}}, "v477"},
		"last 2 of a key":     {Options{Last: 2, Key: []byte("b")}, "v478"},
		"none of a filter":    {Options{Last: 5, Match: Match{Grep: []string{"v1$"}}}, ""},
		"from within a gap":   {Options{Begin: &Begin{Place: AtOffset, Offset: 100}, Last: -1}, "v477 v478 v479"},
		"the empty partition": {Options{Last: 5, Partitions: []int32{1}}, ""},
	} {
		c.o.Topics = []string{topic}
		var got []string
		for _, line := range strings.Fields(runTo(t, brokers, c.o)) {
			if strings.HasPrefix(line, "v") {
				got = append(got, line)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// A compressed batch that decompresses to too much is reported and skipped, also in the
// search for the last records.
func TestBatchTooLarge(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		for name, codec := range map[string]kgo.CompressionCodec{
			"gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
		} {
			topic := kafkatest.Topic(t, brokers, "bomb-"+name, 1)
			p := producer(t, brokers, kgo.ProducerBatchCompression(codec), kgo.ProducerBatchMaxBytes(8<<20))
			produce(t, p, topic, 1, 0, 1)
			if err := p.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: bytes.Repeat([]byte{'0'}, 4<<20)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			produce(t, p, topic, 1, 1, 1)
			for _, o := range []Options{{Last: 10}, {Begin: &Begin{}, Last: -1}} {
				notices := newOutput()
				o.Topics, o.MaxBatch = []string{topic}, 1<<20
				o.Notice = func(text string) { fmt.Fprintln(notices, text) }
				o.Hint = func(err error) error { return fmt.Errorf("%w: raise the limit", err) }
				if got := runTo(t, brokers, o); got != "p0@0 v0\np0@2 v1\n" {
					t.Errorf("%s: around the batch are\n%s", name, got)
				}
				want := topic + "/0@1: the batch up to 1 can't be read: it unpacks to more than 1 MiB: raise the limit\n"
				if notices.String() != want {
					t.Errorf("%s: the notices are %q, want %q", name, notices.String(), want)
				}
			}
			all := Options{Topics: []string{topic}, Last: 10}
			if n := len(runTo(t, brokers, all)); n < 4<<20 {
				t.Errorf("%s: %d bytes without a limit", name, n)
			}
		}
	})
}

// The search for the last records goes back over more aborted data than the first window
// holds, on every broker.
func TestLastBehindAbortedData(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		topic := kafkatest.Topic(t, brokers, "aborted", 1)
		p := producer(t, brokers, kgo.TransactionalID(topic))
		transaction(t, p, topic, kgo.TryCommit, 0, 20, 5)
		for range 4 {
			transaction(t, p, topic, kgo.TryAbort, 0, 100, 5)
		}
		for name, c := range map[string]struct {
			o    Options
			want string
		}{
			"last 3":             {Options{Last: 3}, "v17 v18 v19"},
			"last 2 of a filter": {Options{Last: 2, Match: Match{Grep: []string{`^v\d$`}}}, "v8 v9"},
			"from the end":       {Options{Begin: &Begin{Place: AtEnd}, Last: -1}, ""},
		} {
			c.o.Topics = []string{topic}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			out := newOutput()
			c.o.Renderer = Raw{}
			_, err := Run(ctx, kafkatest.Client(t, brokers, ClientOptions()...), c.o, out)
			cancel()
			if got := strings.Join(strings.Fields(out.String()), " "); got != c.want || err != nil {
				t.Errorf("%s: %q (%v), want %q", name, got, err, c.want)
			}
		}
	})
}
