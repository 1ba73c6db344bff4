package producer

import (
	"slices"
	"testing"
	"time"

	"inv/internal/scenario"
)

const liveScenario = `scenario: test
topics: {t: {topic: t}, u: {topic: u}}
producers:
  p:
    topic: t
    key: id
    earlier: 50%
    tombstones: 20%
    live: true
    value:
      id: {sequence: "k-{n}"}
      v: {int: [1, 9]}
`

// With live keys nothing is updated or deleted that does not exist, in shards, too.
func TestLiveKeys(t *testing.T) {
	sc := parsed(t, "test.yaml", liveScenario)
	whole := &collect{}
	if _, err := Run(t.Context(), compiled(t, sc, "p"), Options{Start: testStart, Count: 4000, Workers: 2}, whole); err != nil {
		t.Fatal(err)
	}
	alive, counts := map[string]bool{}, map[string]int{}
	made := 0
	for i, r := range whole.records {
		key := string(r.Key)
		switch isNew := key == "k-"+string(appendInt(nil, int64(i+1))); {
		case isNew && r.Value == nil:
			t.Fatalf("record %d deletes its own key %s", i, key)
		case isNew:
			alive[key] = true
			made++
		case !alive[key]:
			t.Fatalf("record %d has the key %s, which is deleted or never was", i, key)
		case r.Value == nil:
			delete(alive, key)
			counts["deleted"]++
		default:
			counts["updated"]++
		}
	}
	if made < 1000 || counts["updated"] < 1700 || counts["deleted"] < 600 {
		t.Errorf("%d new keys, %v", made, counts)
	}
	part := &collect{}
	if _, err := Run(t.Context(), compiled(t, sc, "p"), Options{Start: testStart, Count: 4000, Shard: 2, Shards: 3}, part); err != nil {
		t.Fatal(err)
	}
	for i, r := range part.records {
		if want := whole.records[3*i+1]; string(r.Key) != string(want.Key) || string(r.Value) != string(want.Value) {
			t.Fatalf("record %d of the shard is %s %s, want %s %s", i, r.Key, r.Value, want.Key, want.Value)
		}
	}
}

// Others can refer to a producer that updates keys: they find keys that it has sent.
func TestRefsToUpdatedKeys(t *testing.T) {
	sc := parsed(t, "test.yaml", `scenario: test
topics: {t: {topic: t}, u: {topic: u}}
producers:
  p: {topic: t, key: id, earlier: 60%, value: {id: {sequence: "k-{n}"}, v: {int: [1, 9]}}}
  q: {topic: u, value: {id: {ref: p.id, first: 200}}}
`)
	sent, refs := &collect{}, &collect{}
	if _, err := Run(t.Context(), compiled(t, sc, "p"), Options{Start: testStart, Count: 200}, sent); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), compiled(t, sc, "q"), Options{Start: testStart, Count: 500}, refs); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, r := range sent.records {
		keys = append(keys, string(r.Key))
	}
	for _, r := range refs.records {
		var v struct{ ID string }
		unmarshal(t, r.Value, &v)
		if !slices.Contains(keys, v.ID) {
			t.Fatalf("%s refers to a key that was not sent", r.Value)
		}
	}
}

// A rate by the time of the day begins at the run's own, and repeats each day.
func TestDailyRate(t *testing.T) {
	pace := scenario.Pace{Daily: []scenario.TimeOfDay{
		{At: 6 * time.Hour, Rate: rateOf(t, "1/s")}, {At: 12 * time.Hour, Rate: rateOf(t, "5/s")}, {At: 18 * time.Hour, Rate: rateOf(t, "1/s")},
	}}
	const day = 12*3600*1 + 12*3600*3 // 6 to 18: 3/s on average
	for _, c := range []struct {
		start string
		until time.Duration
		want  float64
	}{
		{"2026-01-01T00:00:00Z", 6 * time.Hour, 6 * 3600},
		{"2026-01-01T00:00:00Z", 24 * time.Hour, day},
		{"2026-01-01T06:00:00Z", 6 * time.Hour, 6 * 3600 * 3},
		{"2026-01-01T09:00:00Z", 3 * time.Hour, 3 * 3600 * 4},
		{"2026-01-01T09:00:00Z", 48 * time.Hour, 2 * day},
		{"2026-01-01T20:00:00+02:00", 12 * time.Hour, 12 * 3600},
		{"2026-01-01T23:30:00Z", 6*time.Hour + 30*time.Minute, 6.5 * 3600},
	} {
		start, err := time.Parse(time.RFC3339, c.start)
		if err != nil {
			t.Fatal(err)
		}
		got := float64(countUntil(newArrivals(scenario.Rate{}, pace, 1, start), c.until))
		if got < c.want-2 || got > c.want+2 {
			t.Errorf("from %s, %v have %g records, want %g", c.start, c.until, got, c.want)
		}
	}
}
