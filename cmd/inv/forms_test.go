package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// formTopic writes records to partition 0 of a new topic and returns the broker's
// setting and the topic.
func formTopic(t *testing.T, records ...*kgo.Record) (env []string, topic string) {
	t.Helper()
	brokers := kafkatest.Embedded(t)
	topic = kafkatest.Topic(t, brokers, "forms", 1)
	client := kafkatest.Client(t, brokers)
	for _, r := range records {
		r.Topic = topic
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"INV_BROKERS=" + brokers[0]}, topic
}

const csvHeader = "topic,partition,offset,timestamp,key,headers,value,key_encoding,value_encoding\n"

func TestCSVOfAnEmptyTopicIsItsHeader(t *testing.T) {
	env, topic := formTopic(t)
	for _, args := range [][]string{{topic}, {"missing*"}, {topic, "--offset", "start"}} {
		got := invoke(t, env, append([]string{"tail", "--until", "end", "-o", "csv"}, args...)...)
		if got.code != 0 || got.stdout != csvHeader {
			t.Errorf("%v: exit %d, %q, %s", args, got.code, got.stdout, got.stderr)
		}
	}
	if got := invoke(t, env, "tail", "unknown", "--until", "end", "-o", "csv"); got.code != 2 || got.stdout != "" {
		t.Errorf("of an unknown topic: exit %d, %q", got.code, got.stdout)
	}
}

func TestCSVLineBreaks(t *testing.T) {
	env, topic := formTopic(t, &kgo.Record{Value: []byte("a\nb")}, &kgo.Record{Value: []byte(`a\nb`)})
	got := invoke(t, env, "tail", topic, "--until", "end", "-o", "csv")
	got.wants(t, 0, ",,,\"a\nb\",null,\n", "")
	got.wants(t, 0, `,,,a\nb,null,`+"\n", "")
}

// The place that the browser copies is a record to show.
func TestTailOfAPlace(t *testing.T) {
	env, topic := formTopic(t, &kgo.Record{Value: []byte("a")}, &kgo.Record{Value: []byte("b")}, &kgo.Record{Value: []byte("c")})
	for _, c := range []struct {
		code           int
		args           []string
		stdout, stderr string
	}{
		{0, []string{topic + "/0@1"}, "b\n", ""},
		{0, []string{topic + "/0@2"}, "c\n", ""},
		{1, []string{topic + "/0@1", "--grep", "c"}, "", "no record to show at " + topic + "/0@1"},
		{2, []string{topic + "/0@3"}, "", "no offset 3: " + topic + " p0 holds 0 to 2"},
		{2, []string{topic + "/1@0"}, "", "has no partition 1"},
		{2, []string{topic + "/0"}, "", "a record's place such as orders/3@17"},
		{2, []string{topic + "/0@1", topic}, "", "is one record"},
		{2, []string{topic + "/0@1", "--since", "1h"}, "", "--since is for topics"},
		{2, []string{"unknown/0@1"}, "", `no topic and no alias "unknown"`},
	} {
		got := invoke(t, env, append([]string{"tail", "-o", "raw"}, c.args...)...)
		got.wants(t, c.code, "", c.stderr)
		if got.stdout != c.stdout {
			t.Errorf("%v shows %q", c.args, got.stdout)
		}
	}
}

// A dead letter is in JSON what tail shows of it, and the reason besides.
func TestDeadLettersAreInTailsForm(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	env := []string{"INV_BROKERS=" + brokers[0]}
	const dead = "order_events.dlq"
	client := kafkatest.Client(t, brokers)
	if _, err := kafka.EnsureTopics(t.Context(), client, kafka.TopicSpec{Name: dead, Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	for i, r := range []*kgo.Record{
		{Key: []byte("k"), Value: []byte(`{"n":12345678901234567890.10}`)},
		{Key: []byte("\xff\x00"), Value: []byte("\xfe")},
		{Key: nil, Value: nil},
		{Key: []byte{}, Value: []byte("null")},
		{Key: []byte("null"), Value: []byte(`"null"`)},
		{Key: []byte("\u202e"), Value: []byte("text\n")},
	} {
		r.Topic = dead
		r.Headers = []kgo.RecordHeader{
			{Key: "dlq-topic", Value: []byte("order_events")}, {Key: "dlq-partition", Value: []byte("0")}, {Key: "dlq-offset", Value: []byte(strconv.Itoa(i))},
			{Key: "dlq-stage", Value: []byte("ingest")}, {Key: "dlq-reason", Value: []byte("not-json")}, {Key: "dlq-message", Value: []byte("<\u202e>")},
			{Key: "twice", Value: []byte("1")}, {Key: "twice", Value: []byte("2")}, {Key: "null"}, {Key: "empty", Value: []byte{}}, {Key: "bytes", Value: []byte{0xff}},
		}
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	tailed := strings.Split(strings.TrimSpace(invoke(t, env, "tail", dead, "--until", "end", "-o", "json").stdout), "\n")
	listed := strings.Split(strings.TrimSpace(invoke(t, env, "dlq", "list", "-o", "json").stdout), "\n")
	if len(tailed) != 6 || len(listed) != len(tailed) {
		t.Fatalf("%d records and %d letters", len(tailed), len(listed))
	}
	for i, line := range listed {
		same := strings.TrimSuffix(tailed[i], "}")
		rest, ok := strings.CutPrefix(line, same)
		if !ok {
			t.Errorf("tail has\n%s\ndlq list\n%s", same, line)
		}
		place := fmt.Sprintf("%s/0@%d", dead, i)
		if want := fmt.Sprintf(`,"at":"%s","from":"order_events/0@%d",`, place, i); !strings.HasPrefix(rest, want) ||
			!strings.Contains(rest, `"reason":"not-json","message":"<\u202e>"`) {
			t.Errorf("the rest is %s, want %s", rest, want)
		}
		var shown bytes.Buffer
		if err := json.Compact(&shown, []byte(invoke(t, env, "dlq", "show", place, "-o", "json").stdout)); err != nil || shown.String() != line {
			t.Errorf("dlq show has\n%s\ndlq list\n%s\n%v", shown.String(), line, err)
		}
	}
	for i, want := range []string{"key       k\n", "key       0xff00 (2 bytes)\n", "key       null\n", "key       \"\"\n", "key       \"null\"\n"} {
		invoke(t, env, "dlq", "show", fmt.Sprintf("%s/0@%d", dead, i)).wants(t, 0, want, "")
	}
	invoke(t, env, "dlq", "show", dead+"/0@2").wants(t, 0, "value     null, a tombstone\n", "")
}

// %[ %| %] are the partition's log start, last stable offset and high watermark, and
// %a the attributes of the record's batch.
func TestFormatOfThePartition(t *testing.T) {
	env, topic := formTopic(t, &kgo.Record{Value: []byte("a")}, &kgo.Record{Value: []byte("b")}, &kgo.Record{Value: bytes.Repeat([]byte("c"), 1000)})
	broker := strings.TrimPrefix(env[0], "INV_BROKERS=")
	admin := kadm.NewClient(kafkatest.Client(t, []string{broker}))
	from := kadm.Offsets{}
	from.AddOffset(topic, 0, 1, -1)
	if _, err := admin.DeleteRecords(t.Context(), from); err != nil {
		t.Fatal(err)
	}
	open := kafkatest.Client(t, []string{broker}, kgo.TransactionalID(topic))
	if err := open.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := open.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("d")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	layout := `%o: %[ %| %] %a{compression} %a{timestamp-type} %a{transactional-bit}\n`
	for _, args := range [][]string{{"-n", "5"}, {"--offset", "start"}} {
		got := invoke(t, env, append([]string{"tail", topic, "--until", "end", "--format", layout}, args...)...)
		if want := "1: 1 3 4 none 0 0\n2: 1 3 4 snappy 0 0\n"; got.stdout != want {
			t.Errorf("%v shows\n%swant\n%s%s", args, got.stdout, want, got.stderr)
		}
		got = invoke(t, env, append([]string{"tail", topic, "--until", "end", "--uncommitted", "--format", layout}, args...)...)
		got.wants(t, 0, "3: 1 3 4 none 0 1\n", "")
	}
	if err := open.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Error(err)
	}
}

// No time is read as the year 1, or as the -1 and -2 of brokers for end and start.
func TestFarTimes(t *testing.T) {
	env, topic := formTopic(t, &kgo.Record{Value: []byte("a"), Timestamp: time.UnixMilli(0)}, &kgo.Record{Value: []byte("b"), Timestamp: time.UnixMilli(1)})
	for _, c := range []struct {
		code           int
		args, out, err string
	}{
		{0, "--since 9223372036854775807", "", "read as epoch nanoseconds: 2262-04-11"},
		{2, "--since 0001-01-01T00:00:00Z", "", "before 1970"},
		{0, "--until 9223372036854775807 --follow=false", "a\nb\n", "2262-04-11"},
		{0, "--since 1969-12-31T23:59:59.999Z", "a\nb\n", ""},
		{0, "--since 1969-12-31T23:59:59.998Z", "a\nb\n", ""},
		{0, "--offset 1969-12-31T23:59:59.999Z", "a\nb\n", ""},
		{0, "--since 1970-01-01T00:00:00.001Z", "b\n", ""},
		{2, "--until 0001-01-01T00:00:00Z", "", "before 1970"},
	} {
		args := append([]string{"tail", topic, "-o", "raw"}, strings.Fields(c.args)...)
		if !strings.Contains(c.args, "--until") {
			args = append(args, "--until", "end")
		}
		got := invoke(t, env, args...)
		got.wants(t, c.code, c.out, c.err)
		if got.stdout != c.out {
			t.Errorf("%s shows %q, want %q", c.args, got.stdout, c.out)
		}
	}
}
