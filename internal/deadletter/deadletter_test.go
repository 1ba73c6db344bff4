package deadletter

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"inv/internal/event"
	"inv/internal/kafka"
	"inv/internal/kafka/recordbatch"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kgo"
)

func header(key, value string) kgo.RecordHeader {
	return kgo.RecordHeader{Key: key, Value: []byte(value)}
}

// refused returns the dead letter of an order, as a processor writes it.
func refused(offset string, value string, own ...kgo.RecordHeader) *kgo.Record {
	return &kgo.Record{Topic: "orders.dlq", Partition: 2, Key: []byte("k"), Value: []byte(value), Timestamp: time.UnixMilli(2000), Headers: append([]kgo.RecordHeader{
		header("dlq-topic", "orders"), header("dlq-partition", "1"), header("dlq-offset", offset), header("dlq-timestamp", "1000"),
		header("dlq-stage", "ingest"), header("dlq-reason", "not-json"), header("dlq-message", "not JSON from byte 0"),
	}, own...)}
}

func TestParse(t *testing.T) {
	// A record's own headers can have any name: the first of each name is ours.
	r := refused("7", "x", header("ce_id", "o1"), header("dlq-topic", "elsewhere"), header("dlq-replay", "orders.dlq/0@1"), header("dlq-history", "once before"),
		header("dlq-replay-to", "elsewhere"), header("dlq-recipient", "somebody"))
	r.Offset = 17
	l, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	if l.At.String() != "orders.dlq/2@17" || l.From.String() != "orders/1@7" || l.Stage != "ingest" || l.Reason != event.NotJSON ||
		l.Written.UnixMilli() != 1000 || l.Cut() || len(l.Headers) != 1 || l.Headers[0].Key != "ce_id" || len(l.History) != 1 {
		t.Errorf("%+v", l)
	}
	history, trimmed := l.history()
	if trimmed {
		t.Error("a short history is trimmed")
	}
	back := l.record(l.Value, history)
	var got []string
	for _, h := range back.Headers {
		got = append(got, h.Key+"="+string(h.Value))
	}
	want := "ce_id=o1 dlq-history=once before dlq-history=orders/1@7 refused by ingest at orders.dlq/2@17: not-json: not JSON from byte 0 dlq-replay=orders.dlq/2@17"
	if strings.Join(got, " ") != want || back.Topic != "orders" || back.Partition != 1 || back.Timestamp.UnixMilli() != 1000 {
		t.Errorf("it is replayed as %+v with\n%s", back, strings.Join(got, " "))
	}
}

// A record that is refused again and again does not grow without end.
func TestHistoryIsBounded(t *testing.T) {
	var own []kgo.RecordHeader
	for i := range 40 {
		own = append(own, header("dlq-history", fmt.Sprint(i, strings.Repeat("x", 5000))))
	}
	l, err := Parse(refused("7", "x", own...))
	if err != nil {
		t.Fatal(err)
	}
	history, trimmed := l.history("by hand")
	if !trimmed || len(history) != 16 || !strings.HasPrefix(history[0], "26x") || len(history[0]) != 2048 || !strings.HasPrefix(history[14], "orders/1@7 refused") || history[15] != "by hand" {
		t.Errorf("trimmed=%t, %d: %.80q", trimmed, len(history), history)
	}
}

// noise returns bytes that no codec compresses.
func noise(n int) string {
	b := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{1})
	_, _ = rng.Read(b)
	return string(b)
}

// A dead letter that just fits its topic is replayed, without its history if that does
// not fit. One without room for the header that marks it as replayed is named.
func TestLetterThatJustFittedIsReplayed(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		const limit = 100_000
		config := kafka.Config{Brokers: brokers}
		client := kafkatest.Client(t, brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()))
		source := kafkatest.Name(t, "large")
		dead := source + ".dlq"
		specs := []kafka.TopicSpec{{Name: source, Partitions: 1, Configs: map[string]string{"max.message.bytes": strconv.Itoa(limit)}}, {Name: dead, Partitions: 1}}
		if _, err := kafka.EnsureTopics(t.Context(), client, specs...); err != nil {
			t.Fatal(err)
		}
		kafkatest.DeleteAfter(t, client, source, dead)
		// What else the record takes: with the header, and without any.
		mark := kgo.RecordHeader{Key: event.HeaderDLQReplay, Value: []byte(dead + "/0@0")}
		frame := recordbatch.Overhead + len(recordOf("k", mark)) + 4 // longer varints
		letters := map[string]string{"whole": noise(1000), "one refusal": noise(limit - frame - 400), "no refusal": noise(limit - frame - 40), "no room": noise(limit - frame + len(mark.Value))}
		for name, value := range letters {
			own := []kgo.RecordHeader{header("dlq-history", "a first time "+noise(400))}
			r := refused("0", value, own...)
			r.Topic, r.Partition, r.Key, r.Headers[0].Value, r.Headers[1].Value = dead, 0, []byte(name), []byte(source), []byte("0")
			if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				t.Fatal(name, err)
			}
		}
		plan, err := (&Client{config: config, client: client}).Plan(t.Context(), []string{dead}, Filter{}, true)
		if err != nil {
			t.Fatal(err)
		}
		n, err := plan.Run(t.Context(), nil)
		if !errors.Is(err, ErrNoRoom) || n != 3 || plan.Trimmed != 2 {
			t.Errorf("%d replayed, %d without history, %v", n, plan.Trimmed, err)
		}
		spans, err := kafka.Spans(t.Context(), client, source)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		err = kafka.Read(t.Context(), config, spans, func(_ int, r *kgo.Record) bool {
			if string(r.Value) != letters[string(r.Key)] {
				t.Errorf("%s: another value", r.Key)
			}
			history := slices.DeleteFunc(r.Headers, func(h kgo.RecordHeader) bool { return h.Key != event.HeaderDLQHistory })
			got[string(r.Key)] = len(history)
			return false
		})
		if want := map[string]int{"whole": 2, "one refusal": 1, "no refusal": 0}; err != nil || !maps.Equal(got, want) {
			t.Errorf("refusals that are told: %v, want %v, %v", got, want, err)
		}
	})
}

// recordOf returns a record as a batch has it.
func recordOf(key string, headers ...kgo.RecordHeader) []byte {
	var b recordbatch.Builder
	b.Append(0, []byte(key), nil, recordbatch.AppendHeaders(nil, headers))
	return b.Buffer()
}

func TestParseRefusesOtherRecords(t *testing.T) {
	for name, change := range map[string]func(r *kgo.Record){
		"no headers":          func(r *kgo.Record) { r.Headers = nil },
		"no topic":            func(r *kgo.Record) { r.Headers = r.Headers[1:] },
		"partition is a text": func(r *kgo.Record) { r.Headers[1].Value = []byte("one") },
		"partition below 0":   func(r *kgo.Record) { r.Headers[1].Value = []byte("-1") },
		"offset too large":    func(r *kgo.Record) { r.Headers[2].Value = []byte("9223372036854775808") },
	} {
		r := refused("7", "x")
		change(r)
		if l, err := Parse(r); !errors.Is(err, ErrNotALetter) {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("orders", "1", "7", "1000", "12")
	f.Fuzz(func(t *testing.T, topic, partition, offset, timestamp, truncated string) {
		l, err := Parse(&kgo.Record{Headers: []kgo.RecordHeader{header("dlq-topic", topic), header("dlq-partition", partition),
			header("dlq-offset", offset), header("dlq-timestamp", timestamp), header("dlq-truncated", truncated)}})
		if err == nil && (l.From.Topic == "" || l.From.Partition < 0 || l.From.Offset < 0 || l.Length < 0) {
			t.Errorf("%+v", l)
		}
	})
}

// A sink's letter is replayed into the topic that it names, where it stands for the record
// that was refused, also after it was refused a second time.
func TestReplayIntoAnotherTopic(t *testing.T) {
	to := []kgo.RecordHeader{header("dlq-replay-to", "app-forward-mail.retry"), header("dlq-recipient", "a@example.com")}
	letter := func(own ...kgo.RecordHeader) *Letter {
		r := refused("7", "x", own...)
		r.Topic, r.Partition, r.Offset = "app-forward-mail.dlq", 0, 3
		r.Headers = slices.Insert(r.Headers, 4, to...)
		l, err := Parse(r)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := letter(header("ce_id", "o1"))
	for range 2 {
		history, _ := l.history()
		r := l.record(l.Value, history)
		var got []string
		for _, h := range r.Headers {
			if h.Key != "dlq-history" {
				got = append(got, h.Key+"="+string(h.Value))
			}
		}
		want := "ce_id=o1 dlq-topic=orders dlq-partition=1 dlq-offset=7 dlq-timestamp=1000 dlq-recipient=a@example.com dlq-replay=app-forward-mail.dlq/0@3"
		if strings.Join(got, " ") != want || r.Topic != "app-forward-mail.retry" || r.Partition != 0 || r.Timestamp.UnixMilli() != 1000 {
			t.Errorf("it is replayed as %+v with\n%s", r, strings.Join(got, " "))
		}
		l = letter(r.Headers...) // refused again, its headers behind those of the letter
	}
	if len(l.History) != 2 {
		t.Errorf("history: %q", l.History)
	}
}

// A letter is replayed once, also by a second replay.
func TestReplayOnce(t *testing.T) {
	for name, elsewhere := range map[string]bool{"where it came from": false, "into another topic": true} {
		t.Run(name, func(t *testing.T) { replayOnce(t, elsewhere) })
	}
}

func replayOnce(t *testing.T, elsewhere bool) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		source := kafkatest.Topic(t, brokers, "orders", 3)
		dead := source + ".dlq"
		client := kafkatest.Client(t, brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if _, err := kafka.EnsureTopics(t.Context(), client, kafka.TopicSpec{Name: dead, Partitions: 3}); err != nil {
			t.Fatal(err)
		}
		kafkatest.DeleteAfter(t, client, dead)
		target, partition := source, int32(1)
		if elsewhere {
			target, partition = kafkatest.Topic(t, brokers, "retry", 1), 0
		}
		write := func(r *kgo.Record) {
			t.Helper()
			if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		for offset, value := range []string{"a", "b", "c"} {
			write(&kgo.Record{Topic: source, Partition: 1, Value: []byte(value)})
			r := refused(string(rune('0'+offset)), value)
			r.Topic, r.Headers[0].Value = dead, []byte(source)
			if elsewhere {
				r.Headers = slices.Insert(r.Headers, 4, header("dlq-replay-to", target))
			}
			if value == "c" {
				r.Headers = append(r.Headers, header("dlq-truncated", "9"))
			}
			write(r)
		}
		write(&kgo.Record{Topic: dead, Partition: 0, Value: []byte("no letter")})

		config := kafka.Config{Brokers: brokers}
		onlyB := Filter{Match: func(r *kgo.Record) bool { return string(r.Value) == "b" }}
		for _, step := range []struct {
			name           string
			filter         Filter
			again          bool
			total, already int
		}{
			{"b", onlyB, false, 1, 0}, {"b once more", onlyB, false, 0, 1}, {"b again", onlyB, true, 1, 0},
			{"the rest", Filter{Reasons: []event.Reason{event.NotJSON}}, false, 1, 1}, {"all of it", Filter{}, false, 0, 2},
			{"another reason", Filter{Reasons: []event.Reason{event.TooLarge}}, false, 0, 0},
		} {
			plan, err := (&Client{config: config, client: client}).Plan(t.Context(), []string{dead}, step.filter, step.again)
			if err != nil {
				t.Fatal(err)
			}
			if plan.Total() != step.total || plan.Already != step.already {
				t.Errorf("%s: %d to replay, %d already; want %d and %d", step.name, plan.Total(), plan.Already, step.total, step.already)
			}
			if n, err := plan.Run(t.Context(), nil); err != nil || n != step.total {
				t.Errorf("%s: %d replayed, %v", step.name, n, err)
			}
		}
		var values []string
		spans, err := kafka.Spans(t.Context(), client, target)
		if err != nil {
			t.Fatal(err)
		}
		err = kafka.Read(t.Context(), config, spans, func(_ int, r *kgo.Record) bool {
			if _, replayed := event.Header(r.Headers, event.HeaderDLQReplay); replayed && r.Partition == partition {
				values = append(values, string(r.Value))
			}
			return false
		})
		if got := strings.Join(values, " "); err != nil || got != "b b a" {
			t.Errorf("replayed: %s, %v", got, err)
		}
	})
}
