package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"inv/internal/kafkatest"
	"inv/processor/declared"
)

// line is a record as tail -o json and process --to write it.
type line struct {
	Topic     string
	Key       string
	Headers   json.RawMessage
	Timestamp int64
	Value     json.RawMessage
}

func linesIn(t *testing.T, text string) (lines []line) {
	t.Helper()
	for one := range strings.Lines(text) {
		var l line
		if err := json.Unmarshal([]byte(one), &l); err != nil {
			t.Fatalf("%v: %s", err, one)
		}
		lines = append(lines, l)
	}
	return lines
}

// keyed returns the keys and values of a topic's records, sorted.
func keyed(lines []line, topic string) (records []string) {
	for _, l := range lines {
		if l.Topic == topic {
			records = append(records, l.Key+" "+string(l.Value))
		}
	}
	slices.Sort(records)
	return records
}

// The tests in the shipped files pass.
func TestShippedScenariosTestThemselves(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"inventory", "customers", "low-stock"} {
		invoke(t, nil, "scenarios", "test", name).wants(t, 0, "ok ", "")
	}
}

// The declared low stock writes the reorders and alerts that the built-in rules write, from
// the updates that these have written, byte for byte.
func TestLowStockIsTheBuiltInOne(t *testing.T) {
	t.Parallel()
	env := []string{"INV_BROKERS=" + strings.Join(kafkatest.Embedded(t), ","), "INV_LEAD_TIME=10ms"}
	ok := func(args ...string) invocation {
		t.Helper()
		got := invoke(t, env, args...)
		if got.code != 0 {
			t.Fatalf("inv %s: %d\n%s", strings.Join(args, " "), got.code, got.stderr)
		}
		return got
	}
	ok("produce", "catalog", "--seed", "7", "--products", "40")
	for seed := range 3 { // so that there are receipts between the orders
		ok("produce", "orders", "--seed", fmt.Sprint(seed+1), "--count", "1500", "--rate", "max", "--products", "40", "--start", "2026-01-01")
		ok("process", "--drain")
	}
	ok("process", "low-stock", "--scenario", "low-stock", "--drain")
	got := linesIn(t, ok("tail", "reorder_events", "inventory_alerts", "low_stock_reorders", "low_stock_alerts", "--offset", "start", "--until", "end", "-o", "json").stdout)
	for builtIn, declared := range map[string]string{"reorder_events": "low_stock_reorders", "inventory_alerts": "low_stock_alerts"} {
		want, have := keyed(got, builtIn), keyed(got, declared)
		if len(want) < 50 || !slices.Equal(want, have) {
			t.Errorf("%d records of %s and %d of %s differ:\n%.500s\n%.500s", len(want), builtIn, len(have), declared, want, have)
		}
	}
}

// fraud finds most of the labelled frauds, and little else; the same at any number of
// partitions.
func TestFraudFindsWhatIsLabelled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	orders := filepath.Join(dir, "orders.jsonl")
	invoke(t, nil, "produce", "shoppers", "--seed", "7", "--start", "2026-01-01", "--for", "24h", "--envelope", "--to", orders).wants(t, 0, "", "produced")
	got := invoke(t, nil, "process", "fraud", "--from", orders)
	if got.code != 0 {
		t.Fatalf("%d: %s", got.code, got.stderr)
	}
	text, err := os.ReadFile(orders)
	if err != nil {
		t.Fatal(err)
	}
	labelled, alerts, right := map[string]int{}, map[string]int{}, map[string]int{}
	for _, l := range linesIn(t, string(text)) {
		var headers struct{ Label string }
		if err := json.Unmarshal(l.Headers, &headers); err != nil {
			t.Fatal(err)
		}
		labelled[headers.Label]++
	}
	for _, l := range linesIn(t, got.stdout) {
		var alert struct {
			Reasons         []string
			Label, Decision string
		}
		if err := json.Unmarshal(l.Value, &alert); err != nil {
			t.Fatal(err)
		}
		for _, reason := range alert.Reasons {
			if alerts[reason]++; reason == alert.Label {
				right[reason]++
			}
		}
	}
	for kind, least := range map[string][2]float64{"velocity": {0.7, 0.99}, "outlier": {0.6, 0.7}, "test_then_charge": {0.6, 0.75}} {
		precision, recall := float64(right[kind])/float64(alerts[kind]), float64(right[kind])/float64(labelled[kind])
		t.Logf("%s: %d labelled, %d alerts, %d right: precision %.2f, recall %.2f", kind, labelled[kind], alerts[kind], right[kind], precision, recall)
		if labelled[kind] < 300 || precision < least[0] || recall < least[1] {
			t.Errorf("%s: precision %.2f and recall %.2f of %d; want at least %v", kind, precision, recall, labelled[kind], least)
		}
	}
}

// The alerts of each customer are the same, in the same order, at one partition and at
// six, and if every order is taken back once.
func TestFraudIsTheSameAtAnyPartitions(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "orders.jsonl")
	invoke(t, nil, "produce", "shoppers", "--seed", "7", "--start", "2026-01-01", "--for", "8h", "--envelope", "--to", file).wants(t, 0, "", "produced")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	orders := linesIn(t, string(text))
	sc := shipped(t, "inventory")
	program, problems := declared.Compile(sc, sc.Topology("fraud"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	alerts := func(partitions int, rollback bool) map[string][]string {
		byCustomer := map[string][]string{}
		b := declared.NewBench(program, declared.BenchOptions{
			App: "inv", Partitions: partitions, Rollback: rollback, Inputs: func(string) int { return partitions },
			Output: func(o *declared.BenchOutput) error {
				byCustomer[string(o.Key)] = append(byCustomer[string(o.Key)], string(o.Value))
				return nil
			},
			Letter: func(l *declared.BenchLetter) error { return errors.New(l.Message) },
		})
		for _, o := range orders {
			if err := b.Advance(o.Timestamp); err != nil {
				t.Fatal(err)
			}
			if err := b.Record(&declared.BenchRecord{Alias: "orders", Partition: -1, Offset: -1, Key: []byte(o.Key), Value: o.Value, Timestamp: o.Timestamp}); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Flush(); err != nil {
			t.Fatal(err)
		}
		return byCustomer
	}
	want := alerts(1, false)
	if len(want) < 100 {
		t.Fatalf("alerts of %d customers", len(want))
	}
	for _, partitions := range []int{1, 6} {
		if got := alerts(partitions, true); !reflect.DeepEqual(got, want) {
			t.Errorf("at %d partitions, with rollbacks, the alerts differ", partitions)
		}
	}
}
