package inspect

import (
	"fmt"
	"testing"
	"time"

	"inv/internal/kafka/fetch"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A committed offset whose records are deleted, or that is beyond the end, is
// described by what is left, and reading begins there.
func TestGroupOutsideThePartition(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		p := producer(t, brokers)
		topic := kafkatest.Topic(t, brokers, "distances", 1)
		produce(t, p, topic, 1, 0, 20)
		trim(t, p, topic, 15)
		for _, c := range []struct {
			at           int64
			notice, want string
		}{
			{5, "but 10 offsets from there on are deleted; beginning at 15, 5 offsets before the end", "p0@15 v15\np0@16 v16\np0@17 v17\np0@18 v18\np0@19 v19\n"},
			{15, "5 offsets before the end", "p0@15 v15\np0@16 v16\np0@17 v17\np0@18 v18\np0@19 v19\n"},
			{19, "1 offset before the end", "p0@19 v19\n"},
			{20, "0 offsets before the end", ""},
			{500, "480 offsets beyond the end at 20; beginning at the end", ""},
		} {
			group := kafkatest.Name(t, "g")
			offsets := kadm.Offsets{}
			offsets.AddOffset(topic, 0, c.at, -1)
			if err := kadm.NewClient(p).CommitAllOffsets(t.Context(), group, offsets); err != nil {
				t.Fatal(err)
			}
			notices := newOutput()
			got := runTo(t, brokers, Options{Topics: []string{topic}, Begin: &Begin{Group: group}, Last: -1, Notice: func(text string) { fmt.Fprintln(notices, text) }})
			if want := fmt.Sprintf("group %s is at %s p0@%d, %s\n", group, topic, c.at, c.notice); notices.String() != want || got != c.want {
				t.Errorf("at %d: %q and %q, want %q and %q", c.at, notices.String(), got, want, c.want)
			}
		}
	})
}

// Records that an open transaction withholds are mentioned once, with their place and
// number, by finite and by following runs.
func TestWithheldRecords(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		topic := kafkatest.Topic(t, brokers, "open", 2)
		p := producer(t, brokers, kgo.TransactionalID(topic))
		transaction(t, p, topic, kgo.TryCommit, 0, 3, 1) // and its marker: offsets 0 to 3
		if err := p.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		produce(t, p, topic, 1, 3, 2)
		notices := newOutput()
		o := Options{Topics: []string{topic}, Last: 10, Notice: func(text string) { fmt.Fprintln(notices, text) }}
		want := ErrWithheld.Error() + ": " + topic + " p0@4 (2 offsets)\n"
		const committed = "p0@0 v0\np0@1 v1\np0@2 v2\n"
		if got := runTo(t, brokers, o); got != committed || notices.String() != want {
			t.Errorf("%q and %q, want %q and %q", got, notices.String(), committed, want)
		}
		out, followed := following(t, brokers, o)
		followed.wait(t, want)
		produce(t, producer(t, brokers), topic, 2, 10, 2) // p1 is not held
		out.wait(t, "v11")
		if err := p.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
		out.wait(t, "v4")
		if followed.String() != want {
			t.Errorf("the notices are %q, want %q once", followed.String(), want)
		}
		notices = newOutput()
		o.Uncommitted = true
		if runTo(t, brokers, o); notices.String() != "" {
			t.Errorf("without a transaction: %q", notices.String())
		}
	})
}

// Transactions that come and go are not reported beside one that stays open.
func TestBusyTransactions(t *testing.T) {
	w := withheld{open: map[fetch.ID]held{}}
	start := time.UnixMilli(0)
	chunk := func(partition int32, stable, high int64) *fetch.Chunk {
		return &fetch.Chunk{Topic: "t", Partition: partition, Log: fetch.Log{LastStable: stable, HighWatermark: high}}
	}
	for ms := int64(0); ms < 3000; ms += 100 {
		now := start.Add(time.Duration(ms) * time.Millisecond)
		if w.watch(chunk(0, ms, ms+5), now) {
			t.Fatalf("after %d ms, a transaction that ended is reported", ms)
		}
		w.watch(chunk(1, 50, 50), now)
		if got, want := w.watch(chunk(2, 7, 9+ms), now), ms >= 2000; got != want {
			t.Fatalf("after %d ms: %t, want %t", ms, got, want)
		}
	}
	stuck := w.stuck(start.Add(3 * time.Second))
	if h := stuck[fetch.ID{Topic: "t", Partition: 2}]; len(stuck) != 1 || h.from != 7 || h.to != 2909 {
		t.Errorf("stuck are %v", stuck)
	}
}
