package main

import (
	"testing"

	"inv/internal/kafkatest"

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
