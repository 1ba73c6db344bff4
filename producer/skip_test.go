package producer

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"inv/internal/scenario"
)

// rootOf returns the number of the record from which a record follows: its own, or that
// of what has caused it.
func rootOf(p *Plan, stream int, n int64) int64 {
	for s := p.streams[stream]; s.from != nil; {
		k, of, _, _ := s.from.find(n)
		if k == nil {
			break
		}
		s, n = k.from, of
	}
	return n
}

// A run that skips records makes exactly the others of a full run, at the same times:
// with rates, bursts, states, causes, updates, faults, shards and any number of workers.
func TestSkip(t *testing.T) {
	faults := faultsOf(t, "malformed=5%,duplicate=5%:5s,late=5%:30s,out_of_order=5%")
	rate, poisson := rateOf(t, "20/s"), true
	burst := &scenario.Bursts{Every: 2 * time.Second, For: time.Second, Rate: rateOf(t, "40/s")}
	plans := map[string]*Plan{}
	for _, name := range []string{"inventory", "forum", "iot-sensors", "customers", "click-stream", "order-lifecycle", "bank", "cdc", "iot-gateway"} {
		plans[name] = everyRunning(t, name, compiled)
	}
	plans["earlier"] = compiled(t, parsed(t, "t.yaml", `scenario: t
topics: {t: {topic: t}}
producers:
  p: {topic: t, key: id, earlier: 30%, tombstones: 10%, value: {id: {sequence: 1}, n: {int: [1, 500], unique: true}}}
`), "p")
	plans["live"] = compiled(t, parsed(t, "t.yaml", `scenario: t
topics: {t: {topic: t}}
producers:
  p: {topic: t, key: id, earlier: 40%, tombstones: 20%, live: true, value: {id: {sequence: 1}, n: {hex: 4}}}
`), "p")
	for name, p := range plans {
		for kind, o := range map[string]Options{
			"plain": {}, "rate": {Rate: &rate}, "bursts": {Rate: &rate, Pace: Pace{Bursts: burst, Poisson: &poisson}},
			"faults": {Rate: &rate, Faults: faults}, "shard": {Shard: 2, Shards: 3}, "workers": {Workers: 3},
		} {
			o.Start = testStart
			full, tail := &collect{}, &collect{}
			const count, skip = 60, 2
			o.Count = count
			if _, err := Run(t.Context(), p, o, full); errors.As(err, new(*ShardError)) {
				continue
			} else if err != nil {
				t.Fatal(err)
			}
			o.Skip, o.Count = skip, count-skip
			if _, err := Run(t.Context(), p, o, tail); errors.As(err, new(*ShardError)) {
				continue // records depend on those of others, in the order of their times
			} else if err != nil {
				t.Fatalf("%s %s: %v", name, kind, err)
			}
			want := slices.DeleteFunc(slices.Clone(full.records), func(r Record) bool { return rootOf(p, r.Stream, r.Number) < skip })
			if len(want) == len(full.records) && kind != "shard" {
				t.Fatalf("%s %s: nothing was to be skipped", name, kind)
			}
			if got, all := fmt.Sprintf("%+v", tail.records), fmt.Sprintf("%+v", want); got != all {
				t.Errorf("%s %s: %d records, want %d:\n%.300s\n%.300s", name, kind, len(tail.records), len(want), got, all)
			}
		}
	}
}

// Skipping takes no time, whatever the number, and by the wall clock the first record
// after those that are skipped is due at once.
func TestSkipIsImmediate(t *testing.T) {
	p := compiled(t, shipped(t, "inventory"), "orders")
	clock, rate := &fakeClock{now: testStart}, rateOf(t, "1/s")
	sink := &collect{}
	begin := clock.Now()
	_, err := Run(t.Context(), p, Options{Rate: &rate, Skip: 1_000_000_000, Count: 3, Clock: clock}, sink)
	if err != nil || len(sink.records) != 3 || sink.records[0].Number != 1_000_000_000 {
		t.Fatalf("%v, %d records", err, len(sink.records))
	}
	if took := clock.Now().Sub(begin); took > 3*time.Second {
		t.Errorf("the run took %s", took)
	}
	if !bytes.Contains(sink.records[2].Key, []byte("1000000003")) {
		t.Errorf("the key is %s", sink.records[2].Key)
	}
}

func TestSkipTooMuch(t *testing.T) {
	slow := rateOf(t, "1/h")
	for _, tt := range []struct {
		scenario, producer string
		options            Options
	}{
		{"inventory", "catalog", Options{Skip: 100_000}},
		{"inventory", "orders", Options{Skip: maxSkip + 1}},
		{"inventory", "orders", Options{Skip: maxSkip, Rate: &slow, Count: 1, Start: testStart}},
	} {
		wrong := new(SkipError)
		if err := CheckOptions(compiled(t, shipped(t, tt.scenario), tt.producer), tt.options); !errors.As(err, &wrong) || wrong.Producer != tt.producer {
			t.Errorf("%s %+v: %v", tt.producer, tt.options, err)
		}
	}
}
