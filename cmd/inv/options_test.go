package main

import (
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/partition"
	"inv/internal/scenario"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/inventory"
	"inv/producer"
	"inv/scenarios"

	"github.com/spf13/cobra"
)

// These tests parse each command's flags without running it.

func shipped(t *testing.T, name string) *scenario.Scenario {
	t.Helper()
	source, err := scenarios.Files.ReadFile(name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	sc, err := scenario.Parse(name+".yaml", source)
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

// parse sets the flags of a command, which must take them.
func parse(t *testing.T, cmd *cobra.Command, line string) {
	t.Helper()
	if err := cmd.ParseFlags(strings.Fields(line)); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
}

// refuses wants a usage error that contains text.
func refuses(t *testing.T, line string, err error, text string) {
	t.Helper()
	if _, usage := err.(usageError); !usage || !strings.Contains(err.Error(), text) {
		t.Errorf("%q: error %v, want wrong usage with %q", line, err, text)
	}
}

func optionsNow() time.Time { return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC) }

func TestProduceOptions(t *testing.T) {
	s := &streams{now: optionsNow}
	options := func(line string) (producer.Options, error) {
		cmd := &cobra.Command{}
		p := &produceFlags{}
		p.register(cmd)
		parse(t, cmd, line)
		return p.options(&sharedFlags{appID: "app"}, s)
	}
	o, err := options("--rate 500/s --count 10 --for 1m --seed 0 --shard 2/4 --partitioner crc32 --headers none --start 2026-01-31 --workers 2 --fault malformed=1% --untagged --jitter poisson")
	if err != nil {
		t.Fatal(err)
	}
	want := producer.Options{App: "app", Count: 10, For: time.Minute, Shard: 2, Shards: 4, Partitioner: partition.ByCRC32, NoEvents: true, Workers: 2, NoTags: true}
	if o.App != want.App || o.Count != want.Count || o.For != want.For || o.Shard != want.Shard || o.Shards != want.Shards ||
		o.Partitioner != want.Partitioner || o.NoEvents != want.NoEvents || o.Workers != want.Workers || o.NoTags != want.NoTags {
		t.Errorf("options %+v", o)
	}
	if o.Rate == nil || o.Rate.String() != "500/s" || len(o.Faults) != 1 || o.Pace.Poisson == nil || !*o.Pace.Poisson || !o.Start.Equal(time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("options %+v", o)
	}
	for line, text := range map[string]string{
		"--rate fast":                   "--rate",
		"--bursts every=0s":             "--bursts",
		"--ramp up=1":                   "--ramp",
		"--fault sour=1%":               "--fault",
		"--count -1":                    "can't be negative",
		"--shard 5/4":                   "--shard",
		"--shard 2/4":                   "--shard 2/4 needs --seed",
		"--start 1969-12-31":            "1969-12-31 is before 1970",
		"--start soon":                  "--start",
		"--envelope":                    "--to stdout",
		"--start 2026-05-01 --for 720h": "more than an hour into the future",
	} {
		_, err := options(line)
		refuses(t, line, err, text)
	}
	if _, err := options("--start 2026-05-01 --for 720h --to may.jsonl"); err != nil {
		t.Errorf("a file takes any time: %v", err)
	}
}

func TestProcessOptions(t *testing.T) {
	sc := shipped(t, "inventory")
	config := func(line string, names ...string) (processor.Config, error) {
		p := &processFlags{}
		cmd := processCommandWith(&streams{}, &sharedFlags{}, p)
		parse(t, cmd, line)
		return p.config(sc, "app", names)
	}
	names := func(c processor.Config) (names []string) {
		for _, topology := range c.Topologies {
			names = append(names, topology.Name+" "+topology.Policy)
		}
		return names
	}
	for _, c := range []struct {
		line  string
		names []string
		want  []string
	}{
		{"", nil, []string{"inventory ", "procurement "}},
		{"", []string{"procurement"}, []string{"procurement "}},
		{"--policy reference", nil, []string{"inventory reference"}},
		{"--policy default", []string{"inventory"}, []string{"inventory "}},
	} {
		cfg, err := config(c.line, c.names...)
		if err != nil || !slices.Equal(names(cfg), c.want) {
			t.Errorf("%q %v: topologies %q, %v, want %q", c.line, c.names, names(cfg), err, c.want)
		}
	}
	cfg, err := config("--instance a --drain --guarantee at-least-once --metrics 127.0.0.1:0")
	if err != nil || cfg.AppID != "app" || cfg.Instance != "a" || !cfg.StableInstance || !cfg.Drain || cfg.Guarantee != processor.AtLeastOnce {
		t.Errorf("config %+v, %v", cfg, err)
	}
	if cfg, _ = config(""); cfg.StableInstance || len(cfg.Instance) != 12 {
		t.Errorf("a random instance is %q", cfg.Instance)
	}
	p := &processFlags{}
	parse(t, processCommandWith(&streams{}, &sharedFlags{}, p), "--metrics inv.lan:9464 --metrics-token secret --metrics-allow-host a.example,b.example")
	if a := p.metrics.access(); a.Token != "secret" || a.Hosts[0] != "inv.lan" || !slices.Contains(a.Hosts, "b.example") || !strings.Contains(a.HostHint, "--metrics-allow-host") {
		t.Errorf("access to the metrics is %+v", a)
	}
	_, err = config("", "inventry")
	refuses(t, "inventry", err, `did you mean "inventory"?`)
	_, err = config("--metrics 9464")
	refuses(t, "--metrics 9464", err, "HOST:PORT")
}

func TestVerifyOptions(t *testing.T) {
	sc := shipped(t, "inventory")
	v := &verifyFlags{}
	cmd := verifyCommandWith(&streams{}, &sharedFlags{}, v)
	parse(t, cmd, "--dedupe-window -5 --findings 9")
	o, err := v.options(sc, "app", nil)
	if err != nil || o.App != "app" || o.DedupeWindow != 0 || o.MaxFindings != 9 || !o.Procurement || len(o.Groups) != 3 || o.Topics.Log != "app-product-log" {
		t.Errorf("options %+v, %v", o, err)
	}
	if o, _ = v.options(sc, "app", []string{"inventory"}); o.Procurement || len(o.Groups) != 2 {
		t.Errorf("of inventory alone: %+v", o)
	}
	parse(t, cmd, "--group other,another")
	if o, _ = v.options(sc, "app", nil); o.App != "" || len(o.Groups) != 2 || o.Groups[0].Topics[0] != "order_events" || o.Groups[1].Topics != nil {
		t.Errorf("of another processor: %+v", o)
	}
	_, err = v.options(shipped(t, "iot-sensors"), "app", []string{"inventory"})
	refuses(t, "iot-sensors", err, "catalog")
}

func TestTopicsCreateSpecs(t *testing.T) {
	sc := shipped(t, "inventory")
	existing := map[string]int{"catalog": 1, "order_events": 6}
	specs := func(line string, names ...string) ([]kafka.TopicSpec, error) {
		c := &topicsCreateFlags{}
		cmd := topicsCreate(&streams{}, &sharedFlags{}, c)
		parse(t, cmd, line)
		c.override = cmd.Flags().Changed("partitions")
		if err := c.check(); err != nil {
			return nil, err
		}
		return c.specs(&streams{err: io.Discard}, sc, "app", names, existing), nil
	}
	if all, err := specs(""); err != nil || len(all) != 13 || all[0].Name != "product_catalog" || all[0].Partitions != 1 {
		t.Errorf("all topics: %+v, %v", all, err)
	}
	two, err := specs("--partitions 12 --set retention.ms=5 --set x=y=z", "orders", "payments")
	if err != nil || len(two) != 2 {
		t.Fatalf("%+v, %v", two, err)
	}
	for i, name := range []string{"order_events", "payments"} {
		if c := two[i]; c.Name != name || c.Partitions != 12 || c.Configs["retention.ms"] != "5" || c.Configs["x"] != "y=z" {
			t.Errorf("spec %+v, want %s", c, name)
		}
	}
	for name, want := range map[string]kafka.TopicSpec{
		"alerts":           {Name: "inventory_alerts", Partitions: 6, Configs: map[string]string{"retention.ms": "-1"}},
		"inventory_alerts": {Name: "inventory_alerts", Partitions: 6, Configs: map[string]string{"retention.ms": "-1"}},
		"catalog":          {Name: "catalog", Partitions: 6, Configs: map[string]string{}}, // which exists
		"orders.dlq":       {Name: "orders.dlq", Partitions: 6, Configs: map[string]string{}},
		"app-product-log":  {Name: "app-product-log", Partitions: 6, Exact: true, Configs: map[string]string{"retention.ms": "-1"}},
	} {
		want.Replicas = 2
		if got, err := specs("--replication-factor 2", name); err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
		}
	}
	_, err = specs("--replication-factor -1")
	refuses(t, "--replication-factor -1", err, "at least one")
	_, err = specs("--partitions 0")
	refuses(t, "--partitions 0", err, "at least one")
	_, err = specs("--set retention")
	refuses(t, "--set retention", err, "KEY=VALUE")
}

func TestGroupsResetTarget(t *testing.T) {
	for to, want := range map[string]bool{"start": true, "end": true, "17": true, "15m": true, "2026-05-01T00:00:00Z": true, "-5": true, "latest": true, "yesterday": true, "soon": false, "-0": false, "": false} {
		_, err := (&groupsResetFlags{to: to}).position(optionsNow())
		if want && err != nil {
			t.Errorf("--to %q: %v", to, err)
		}
		if !want {
			refuses(t, to, err, "--to")
		}
	}
	err := notProcessors(shipped(t, "inventory"), "app", "audit", "app-ledger")
	refuses(t, "app-ledger", err, "inv reset --app-id app")
}

func TestTopicsToReset(t *testing.T) {
	sc := shipped(t, "inventory")
	all, err := builtin.All(inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	kept := processor.KeptTopics(sc, "app", all)
	if want := []string{"app-product-log", "app-ledger-changelog", "app-procurement-changelog"}; !slices.Equal(kept, want) {
		t.Errorf("kept topics %q, want %q", kept, want)
	}
	written, inputs := processor.WrittenTopics(sc, "app", all), processor.InputTopics(sc, "app", all)
	for topic, want := range map[string]bool{"inventory_updates": true, "reorder_events": true, "order_events.dlq": true, "stock_receipts": true, "order_events": false, "product_catalog": false} {
		if slices.Contains(written, topic) != want || slices.Contains(inputs, topic) == want {
			t.Errorf("%s is an output: %t, and an input: %t", topic, slices.Contains(written, topic), slices.Contains(inputs, topic))
		}
	}
}
