package declared

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/partition"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A row is the last JSON value of its key. Anything else removes it.
func TestTableRows(t *testing.T) {
	var said bytes.Buffer
	table := newTable(nil, "rows", 6, nil, slog.New(slog.NewTextHandler(&said, nil)))
	put := func(key, value string, p int32, ms int64) {
		r := &kgo.Record{Key: []byte(key), Topic: "rows", Partition: p, Timestamp: time.UnixMilli(ms)}
		if value != "" {
			r.Value = []byte(value)
		}
		if err := table.apply(t.Context(), newTopicDecoder(nil, nil), r); err != nil {
			t.Fatal(err)
		}
	}
	want := func(key, want string) {
		t.Helper()
		if row, ok := table.row(nil, []byte(key)); string(row) != want || ok != (want != "") {
			t.Errorf("the row of %s is %q, %t, want %q", key, row, ok, want)
		}
	}
	want("a", "")
	put("a", "\ufeff{\"n\": 1.50,\n \"t\": \"x y\"}", 0, 5)
	want("a", `{"n":1.50,"t":"x y"}`)
	put("a", `"second"`, 0, 4) // the clock of its producer was late
	want("a", `"second"`)
	put("a", "", 0, 6)
	want("a", "")
	put("a", `1`, 0, 7)
	put("a", "\x00\x00\x00\x00\x07avro", 0, 8)
	put("b", "no JSON", 0, 8)
	want("a", "")
	if n := strings.Count(said.String(), "not JSON"); n != 1 {
		t.Errorf("it is said %d times that a row is not JSON:\n%s", n, &said)
	}

	// A topic that has grown: a key's records are in two partitions.
	now := partition.Murmur2([]byte("moved"), 6)
	then := (now + 1) % 6
	put("moved", `"new"`, now, 20)
	put("moved", `"old"`, then, 10)
	want("moved", `"new"`)
	put("moved", `"same time"`, then, 20)
	want("moved", `"new"`)
	put("gone", "", now, 20)
	put("gone", `"old"`, then, 10)
	want("gone", "")
	table.complete()
	if n := table.rows.Len(); n != 1 {
		t.Errorf("%d rows are left, want only that which was moved", n)
	}
	put("moved", "", now, 21)
	want("moved", "")
	if n := table.rows.Len(); n != 0 {
		t.Errorf("%d rows are left of a removed one", n)
	}
}

// A row that was written before is there, and one that is missing is certainly missing:
// it is looked for up to an end that is asked for after the record was fetched.
func TestRowsAreReadToTheEnd(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		topic := kafkatest.Topic(t, brokers, "rows", 3, "cleanup.policy=compact")
		client := kafkatest.Client(t, brokers)
		write := func(key, value string) {
			t.Helper()
			r := &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}
			if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 100 {
			write(fmt.Sprint(i), fmt.Sprintf(`{"n":%d}`, i))
		}
		rows, err := newTables(kafka.Config{Brokers: brokers}, []string{"rows"}, func(string) (string, int) { return topic, 1 }, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- rows.follow(ctx) }()
		if err := rows.refresh(ctx); err != nil { // finds two partitions more
			t.Fatal(err)
		}
		j := &joins{tables: rows, ctx: ctx}
		want := func(key, want string) {
			t.Helper()
			if row, err := j.Row("rows", []byte(key)); string(row) != want || err != nil {
				t.Errorf("the row of %s is %s, %v, want %s", key, row, err, want)
			}
		}
		for i := range 100 {
			want(fmt.Sprint(i), fmt.Sprintf(`{"n":%d}`, i))
		}
		for i := range 20 {
			key := fmt.Sprint("new-", i)
			want(key, "")
			write(key, "true")
			j.polls++ // the record that asks was fetched afterwards
			want(key, "true")
		}
		cancel()
		<-ended
		if _, err := j.Row("rows", []byte("other")); err != nil {
			t.Errorf("what is known to be missing is asked for again: %v", err)
		}
		j.polls++
		if _, err := j.Row("rows", []byte("other")); err == nil {
			t.Error("a table that is not read any more has no row for certain")
		}
		rows.close()
	})
}

var _ Tables = (*joins)(nil)
