package producer

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"inv/internal/scenario"
	"inv/scenarios"
)

// everyRunning compiles all producers of a scenario that run by themselves.
func everyRunning(t *testing.T, name string, compiled func(testing.TB, *scenario.Scenario, ...string) *Plan) *Plan {
	sc := shipped(t, name)
	var names []string
	c := newCompiler(sc, CompileOptions{})
	for i := range sc.Producers {
		if !c.lineage.caused[&sc.Producers[i]] {
			names = append(names, sc.Producers[i].Name)
		}
	}
	return compiled(t, sc, names...)
}

func faultsOf(t testing.TB, text string) []Fault {
	t.Helper()
	faults, err := ParseFaults(text)
	if err != nil {
		t.Fatal(err)
	}
	return faults
}

// Any number of workers renders the same bytes in the same order.
func TestWorkersRenderTheSameBytes(t *testing.T) {
	entries, _ := scenarios.Files.ReadDir(".")
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".yaml")
		p := everyRunning(t, name, compiled)
		sameBytes(t, name+" with faults", p, Options{Count: 3000, Faults: faultsOf(t, "malformed=2%,duplicate=2%:5s,late=2%:10s,out_of_order=2%")})
		sameBytes(t, name, everyRunning(t, name, withoutFaults), Options{Count: 3000})
	}
}

func sameBytes(t *testing.T, name string, p *Plan, o Options) {
	t.Helper()
	want := made(t, p, o)
	for _, workers := range []int{2, 16} {
		o.Workers = workers
		if made(t, p, o) != want {
			t.Errorf("%s: %d workers render other bytes than one", name, workers)
		}
	}
}

// Four shards together make the same records as one run.
func TestShardsMakeTheSameRecords(t *testing.T) {
	for _, name := range []string{"inventory", "order-lifecycle", "click-stream", "customers", "iot-sensors"} {
		p := everyRunning(t, name, compiled)
		sameShards(t, name+" with faults", p, Options{Count: 1000, Faults: faultsOf(t, "malformed=2%,duplicate=2%:5s")})
		sameShards(t, name, everyRunning(t, name, withoutFaults), Options{Count: 1000})
	}
}

func sameShards(t *testing.T, name string, p *Plan, o Options) {
	t.Helper()
	whole := strings.Split(strings.TrimSpace(made(t, p, o)), "\n")
	var parts []string
	for shard := 1; shard <= 4; shard++ {
		o.Shard, o.Shards = shard, 4
		if part := strings.TrimSpace(made(t, p, o)); part != "" {
			parts = append(parts, strings.Split(part, "\n")...)
		}
	}
	slices.Sort(whole)
	slices.Sort(parts)
	if !slices.Equal(whole, parts) {
		t.Errorf("%s: the shards make %d records, one run %d, or other ones", name, len(parts), len(whole))
	}
}

// Shard K of N makes the record numbers ≡ K-1 (mod N), at an Nth of the rate.
func TestShardNumbersAndRate(t *testing.T) {
	p := compiled(t, shipped(t, "inventory"), "orders")
	var numbers []int64
	sink := &collect{}
	o := Options{Start: testStart, Count: 20, Shard: 2, Shards: 4}
	if _, err := Run(t.Context(), p, o, sink); err != nil {
		t.Fatal(err)
	}
	for _, r := range sink.records {
		numbers = append(numbers, r.Number)
		if want := testStart.Add(time.Duration(r.Number) * time.Second).UnixMilli(); r.At != want {
			t.Errorf("record %d is at %d, want %d", r.Number, r.At, want)
		}
	}
	if fmt.Sprint(numbers) != "[1 5 9 13 17]" {
		t.Errorf("shard 2/4 makes the records %v", numbers)
	}
}

// Another seed gives other bytes and other ids; a comment in the file changes nothing.
func TestSeedDeterminesTheBytes(t *testing.T) {
	sc := shipped(t, "inventory")
	with := func(seed uint64) string {
		p, err := Compile(sc, CompileOptions{Names: []string{"orders"}, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		return made(t, p, Options{Count: 100})
	}
	if first, second := with(7), with(7); first != second {
		t.Error("two runs with seed 7 differ")
	}
	for _, line := range strings.Split(strings.TrimSpace(with(8)), "\n") {
		if strings.Contains(with(7), line) {
			t.Fatalf("seeds 7 and 8 share a record: %s", line)
		}
	}
	source, _ := scenarios.Files.ReadFile("inventory.yaml")
	other := compiled(t, parsed(t, "x.yaml", "# a comment\n"+string(source)), "orders")
	if made(t, other, Options{Count: 100}) != made(t, compiled(t, sc, "orders"), Options{Count: 100}) {
		t.Error("a comment changes the bytes")
	}
}

func TestOrderIDsAreUnique(t *testing.T) {
	sc := shipped(t, "inventory")
	seen := map[string]bool{}
	for _, seed := range []uint64{7, 71, 1} {
		p, err := Compile(sc, CompileOptions{Names: []string{"orders"}, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		sink := &collect{}
		if _, err := Run(t.Context(), p, Options{Start: testStart, Count: 3000}, sink); err != nil {
			t.Fatal(err)
		}
		for _, r := range sink.records {
			if seen[string(r.Key)] {
				t.Fatalf("order id %s comes twice", r.Key)
			}
			seen[string(r.Key)] = true
		}
	}
}
