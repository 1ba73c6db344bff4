package declared_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"inv/internal/event"
	"inv/internal/kafkatest"
	"inv/processor"

	"github.com/twmb/franz-go/pkg/kgo"
)

const mapScenario = `scenario: maps
topics:
  people: {topic: people, partitions: 2}
  segments: {topic: segments, partitions: 2, cleanup: compact}
  made: {topic: made, partitions: 2, config: {max.message.bytes: 3000}}
topologies:
  mapping:
    from:
      people: {format: xml, join: {seg: {table: segments, key: .segment, missing: dead-letter}}}
    emit:
      - to: made
        key: .id
        fields: {id: .id, segment: $seg.name, text: .text}
`

// A topology without keys maps records with rows that are certain to be there, and
// dead-letters what can't be read, has no row, or is too large for its topic.
func TestMapsWithoutKeys(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		r := newRig(t, brokers, mapScenario)
		at := time.UnixMilli(1_700_000_000_000)
		for i := range 20 {
			r.put("segments", fmt.Sprint("s", i), fmt.Sprintf(`{"name": "segment %d"}`, i))
		}
		person := func(id, segment, text string) {
			t.Helper()
			r.put("people", id, fmt.Sprintf("<person><id>%s</id><segment>%s</segment><text>%s</text></person>", id, segment, text), at)
		}
		for i := range 20 {
			person(fmt.Sprint(i), fmt.Sprint("s", i), "x")
		}
		person("unknown", "s99", "x")
		person("large", "s1", strings.Repeat("x", 3000))
		r.put("people", "bad", "<person>", at)
		summary := r.drain()
		var want []string
		for i := range 20 {
			want = append(want, fmt.Sprintf(`{"id":"%d","segment":"segment %d","text":"x"}`, i, i))
		}
		r.want("made", want...)
		people := r.topic("people")
		for reason, n := range map[string]int64{"missing-row": 1, "too-large": 1, "not-xml": 1} {
			tally := processor.Tally{Topic: people, Outcome: processor.DeadLettered, Reason: event.Reason(reason)}
			if got := summary.Records[tally]; got != n {
				t.Errorf("%d records are dead-lettered for %s, want %d", got, reason, n)
			}
		}
		for _, out := range r.read(r.topic("made")) {
			if string(out.Key) == "7" && (!strings.HasPrefix(header(out, "ce_id"), "mapping-"+people+"-") || header(out, "ce_type") != "maps.made.v1" || !out.Timestamp.Equal(at)) {
				t.Errorf("an output has the headers %v and the time %s", out.Headers, out.Timestamp)
			}
		}
		// A row that comes later is found by the records after it.
		r.put("segments", "s99", `{"name":"late"}`)
		person("known", "s99", "x")
		r.drain()
		r.want("made", append(want, `{"id":"known","segment":"late","text":"x"}`)...)
	})
}

// An output that its topic does not take undoes the step, and the record is dead-lettered.
func TestOutputsThatAreTooLarge(t *testing.T) {
	source := strings.Replace(countScenario, "partitions: 2}", "partitions: 2, config: {max.message.bytes: 3000}}", 1)
	source = strings.Replace(source, "n: $n}", "n: $n, text: .text}", 1)
	r := newRig(t, kafkatest.Embedded(t), source)
	r.put("clicks", "1", `{"user":"ann","n":1,"text":"a"}`)
	r.put("clicks", "1", `{"user":"ann","n":10,"text":"`+strings.Repeat("x", 3000)+`"}`)
	r.put("clicks", "1", `{"user":"ann","n":100,"text":"b"}`)
	r.put("clicks", "1", `{"user":"ann","n":1000,"text":"`+strings.Repeat("y", 256<<10)+`"}`) // its line is too long
	r.drain()
	r.want("sums", `{"user":"ann","total":1,"n":1,"text":"a"}`, `{"user":"ann","total":101,"n":2,"text":"b"}`)
	stages := map[string]string{}
	for _, dead := range r.read(processor.DeadLetterTopic(r.topic("clicks"))) {
		stages[header(dead, "dlq-stage")] = header(dead, "dlq-reason")
	}
	if len(stages) != 2 || stages["counting-route"] != "too-large" || stages["counting-state"] != "too-large" {
		t.Errorf("the dead letters are by stage %v", stages)
	}
}

// Without transactions records may count twice, and nothing is refused.
func TestAtLeastOnce(t *testing.T) {
	r := newRig(t, kafkatest.Embedded(t), countScenario)
	for i := range 3 {
		r.write(&kgo.Record{Topic: r.topic("clicks"), Key: []byte("k"), Value: fmt.Appendf(nil, `{"user":"ann","n":%d}`, i)})
		cfg := r.config()
		cfg.Drain, cfg.Guarantee = true, processor.AtLeastOnce
		if _, err := r.run(cfg); err != nil {
			t.Fatal(err)
		}
	}
	r.want("sums", `{"user":"ann","total":0,"n":1}`, `{"user":"ann","total":1,"n":2}`, `{"user":"ann","total":3,"n":3}`)
}
