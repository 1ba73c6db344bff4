package declared_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/processor"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const timerScenario = `scenario: alarms
topics:
  readings: {topic: readings, partitions: 4}
  alarms: {topic: alarms, partitions: 2}
  alarming-log: {topic: "{app}-alarming-log", internal: true, partitions: 3}
topologies:
  alarming:
    from:
      readings: {key: .id, set: {hot: .hot}}
    idle: 300ms
    ttl: 1h
    timers:
      overheated: {while: $s.hot, after: 1s}
    emit:
      - to: alarms
        when: overheated
        fields: {id: $key, at: $t}
`

// A timer fires without a further record: the time of partitions that are silent goes on,
// from the time of their last records, and also across a restart. Partitions that never
// had a record do not hold time back.
func TestSilentPartitionsFireTimers(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		r := newRig(t, brokers, timerScenario)
		past := time.UnixMilli(1_700_000_000_000)
		r.put("readings", "a", `{"id":"a","hot":true}`, past)
		r.put("readings", "b", `{"id":"b","hot":false}`, past)
		stop := r.member("one")
		r.until("alarms", 1)
		r.want("alarms", `{"id":"a","at":1700000001000}`)
		stop()

		// The time in which no process runs counts, too: the timer is due when one runs again.
		r.put("readings", "b", `{"id":"b","hot":true}`, past.Add(2*time.Second))
		r.drain()
		r.want("alarms", `{"id":"a","at":1700000001000}`)
		clocks := 0
		for of, note := range r.notes("alarming-route") {
			if strings.Contains(note, "@clock=17000000") {
				clocks++
			} else if strings.Contains(note, "@clock=") {
				t.Errorf("%s has the note %s", of, note)
			}
		}
		if clocks == 0 {
			t.Errorf("no time is noted: %v", r.notes("alarming-route"))
		}
		stop = r.member("two")
		r.until("alarms", 2)
		r.want("alarms", `{"id":"a","at":1700000001000}`, `{"id":"b","at":1700000003000}`)
		stop()
	})
}

// The clock does not make a backlog late, and a partition with an open transaction at its
// end is not silent: its records may be older than the clock.
func TestOpenTransactionsHoldTimeBack(t *testing.T) {
	r := newRig(t, kafkatest.Embedded(t), strings.Replace(timerScenario, "ttl: 1h", "ttl: 1h\n    grace: 500ms", 1))
	past := time.UnixMilli(1_700_000_000_000)
	producer := kafkatest.Client(t, r.brokers, kgo.TransactionalID(r.app+"-open"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	reading := func(partition int32, id string, ms int64) *kgo.Record {
		return &kgo.Record{Topic: r.topic("readings"), Partition: partition, Key: []byte(id), Value: []byte(`{"id":"` + id + `","hot":true}`), Timestamp: past.Add(time.Duration(ms) * time.Millisecond)}
	}
	begin := func(records ...*kgo.Record) {
		t.Helper()
		if err := producer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := producer.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	commit := func() {
		t.Helper()
		if err := producer.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
	}
	begin(reading(0, "a", 0), reading(1, "b", 0))
	commit()
	r.member("one")
	r.until("alarms", 2) // the ends of transactions are no records
	begin(reading(0, "c", 3000))
	log := r.topic("alarming-log")
	ticks := func() int { return strings.Count(r.text(log), `"of":"`+r.topic("readings")+`/1"`) }
	before := ticks()
	kafkatest.Eventually(t, 30*time.Second, "the time of the other partition goes on", func() (bool, error) { return ticks() > before+30, nil })
	commit()
	r.until("alarms", 3)
	r.want("alarms", `{"id":"a","at":1700000001000}`, `{"id":"b","at":1700000001000}`, `{"id":"c","at":1700000004000}`)
	if dead := r.read(processor.DeadLetterTopic(r.topic("readings"))); len(dead) > 0 {
		t.Errorf("dead-lettered: %s", header(dead[0], "dlq-message"))
	}
}

// text returns the values of a topic's records.
func (r *rig) text(topic string) string {
	var b strings.Builder
	for _, record := range r.read(topic) {
		b.Write(record.Value)
	}
	return b.String()
}

// A partition that is silent does not hold the others back, however old its last record
// is: a topology that is new reads partitions whose last records are hours apart. Here the
// two partitions are those of two processes.
func TestSilentPartitionsDontHoldTimeBack(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		r := newRig(t, brokers, strings.NewReplacer("partitions: 4", "partitions: 2", "after: 1s", "after: 1h", "ttl: 1h", "ttl: 9h").Replace(timerScenario))
		past := time.UnixMilli(1_700_000_000_000)
		producer := kafkatest.Client(t, r.brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()))
		read := func(partition int32, id string, hot bool, at time.Time) {
			t.Helper()
			record := &kgo.Record{Topic: r.topic("readings"), Partition: partition, Value: fmt.Appendf(nil, `{"id":%q,"hot":%t}`, id, hot), Timestamp: at}
			if err := producer.ProduceSync(t.Context(), record).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		read(0, "a", true, past)
		r.member("one")
		r.member("two")
		for n := time.Duration(0); len(r.read(r.topic("alarms"))) == 0; n++ {
			if n > 600 {
				t.Fatal("the partition without records holds time back")
			}
			read(1, "b", false, past.Add(n*5*time.Minute))
			_ = kafka.Pause(t.Context(), 50*time.Millisecond)
		}
		r.want("alarms", `{"id":"a","at":1700003600000}`)
	})
}

const orderedScenario = `scenario: ordered
topics:
  events: {topic: events, partitions: 3}
  seen: {topic: seen, partitions: 1}
topologies:
  ordering:
    from:
      events: {key: .k, set: {all: '($s.all // "") + .v'}}
    time: .t
    order: time
    grace: 1s
    idle: 300ms
    ttl: forever
    emit:
      - to: seen
        fields: {all: $s.all}
`

// A drain waits until lines that are held for their order are applied, also those that are
// held at its start and by another process. Their order is that of time.
func TestDrainWaitsForHeldLines(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		r := newRig(t, brokers, orderedScenario)
		for i, v := range []string{"c", "a", "b"} {
			at := map[string]int{"a": 1000, "b": 2000, "c": 3000}[v]
			r.put("events", fmt.Sprint(i), fmt.Sprintf(`{"k":"x","v":%q,"t":%d}`, v, at))
		}
		summary := r.drain()
		r.want("seen", `{"all":"a"}`, `{"all":"ab"}`, `{"all":"abc"}`)
		if n := summary.Counts["held_lines/ordering"]; n != 0 {
			t.Errorf("%d lines are held", n)
		}

		// Held by a process that stops: the log has them, and the metadata says so.
		stop := r.member("one")
		r.put("events", "3", `{"k":"x","v":"d","t":4500}`)
		kafkatest.Eventually(t, 30*time.Second, "a line is held", func() (bool, error) {
			for _, note := range r.notes("ordering-state") {
				if strings.Contains(note, "@waiting=1 @held=") {
					return true, nil
				}
			}
			return false, nil
		})
		stop()
		r.want("seen", `{"all":"a"}`, `{"all":"ab"}`, `{"all":"abc"}`)
		r.member("one")
		r.drain()
		r.want("seen", `{"all":"a"}`, `{"all":"ab"}`, `{"all":"abc"}`, `{"all":"abcd"}`)

		// What is too late is dead-lettered as it came.
		r.put("events", "late", `{"k": "x", "v": "e", "t": 500}`)
		r.drain()
		dead := r.read(processor.DeadLetterTopic(r.topic("events")))
		if len(dead) != 1 || string(dead[0].Key) != "late" || string(dead[0].Value) != `{"k": "x", "v": "e", "t": 500}` || header(dead[0], "dlq-reason") != "late" {
			t.Errorf("the dead letters are %v", dead)
		}
	})
}

// Lines that come after a drain has begun, and are held when it is over, do not prolong it.
func TestDrainEndsWhileLinesCome(t *testing.T) {
	r := newRig(t, kafkatest.Embedded(t), orderedScenario)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var writing sync.WaitGroup
	writing.Go(func() {
		for n := 0; kafka.Pause(ctx, 20*time.Millisecond) == nil; n++ {
			record := &kgo.Record{Topic: r.topic("events"), Key: fmt.Append(nil, n), Value: fmt.Appendf(nil, `{"k":"x","v":"a","t":%d}`, time.Now().UnixMilli())}
			_ = r.client.ProduceSync(ctx, record).FirstErr()
		}
	})
	r.put("events", "first", fmt.Sprintf(`{"k":"x","v":"-","t":%d}`, time.Now().UnixMilli()-500))
	summary := r.drain()
	if n := summary.Counts["held_lines/ordering"]; n != 0 { // of a process that has ended
		t.Errorf("%d lines are held by a process that has ended", n)
	}
	cancel()
	writing.Wait()
	if seen := r.values("seen"); len(seen) == 0 || !strings.HasPrefix(seen[0], `{"all":"-`) {
		t.Errorf("what was there at first is not applied: %v", seen)
	}
	r.drain()
	if seen, events := len(r.values("seen")), len(r.read(r.topic("events"))); seen != events {
		t.Errorf("%d of %d lines are applied", seen, events)
	}
}

// A key that was not seen for its ttl has a tombstone in the changelog.
func TestTTLLeavesTombstones(t *testing.T) {
	r := newRig(t, kafkatest.Embedded(t), strings.Replace(strings.Replace(countScenario, "forever", "1m", 1), "alias", "", 1))
	at := time.UnixMilli(1_700_000_000_000)
	for i := range 9 { // in each partition
		r.put("clicks", fmt.Sprint(i), fmt.Sprintf(`{"user":"user-%d","n":1}`, i), at)
	}
	r.drain()
	for i := range 9 {
		r.put("clicks", fmt.Sprint(i), fmt.Sprintf(`{"user":"later-%d","n":1}`, i), at.Add(2*time.Minute))
	}
	r.drain()
	live := map[string]bool{}
	for _, record := range r.read(r.topic("counting-changelog")) {
		if strings.HasPrefix(string(record.Key), "k/") {
			if live[string(record.Key)] = len(record.Value) > 0; len(record.Value) == 0 {
				delete(live, string(record.Key))
			}
		}
	}
	for key := range live {
		if !strings.HasPrefix(key, "k/later-") {
			t.Errorf("%s is still there", key)
		}
	}
	if len(live) != 9 {
		t.Errorf("%d keys are there, want 9", len(live))
	}
}

// A topic that is read may get more partitions: their records count, and time waits for
// them.
func TestInputGrows(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		r := newRig(t, brokers, timerScenario)
		past := time.UnixMilli(1_700_000_000_000)
		r.put("readings", "a", `{"id":"a","hot":true}`, past)
		r.member("one")
		r.until("alarms", 1)
		responses, err := kadm.NewClient(r.client).UpdatePartitions(t.Context(), 6, r.topic("readings"))
		if err != nil || responses.Error() != nil {
			t.Fatal(err, responses.Error())
		}
		producer := kafkatest.Client(t, r.brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()))
		record := &kgo.Record{Topic: r.topic("readings"), Partition: 5, Value: []byte(`{"id":"new","hot":true}`), Timestamp: past.Add(time.Hour)}
		if err := producer.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
		// The other partitions are an hour behind at first; theirs is the watermark.
		kafkatest.Eventually(t, 60*time.Second, "the new partition is in the log", func() (bool, error) {
			return strings.Contains(r.text(r.topic("alarming-log")), `"src":"`+r.topic("readings")+`/5@0"`) &&
				strings.Contains(r.text(r.topic("alarming-log")), `"parts":{"`+r.topic("readings")+`":6}`), nil
		})
		r.want("alarms", `{"id":"a","at":1700000001000}`)
	})
}
