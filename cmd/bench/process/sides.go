package main

import (
	"context"
	"fmt"

	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kadm"
)

// side is one of the programs that are compared.
type side struct {
	name   string
	title  string
	start  func(l *lab, app string) (*child, error)
	groups func(app string) map[string][]string // with the topics that each must have read
	peer   bool
}

func invSide(extra ...string) side {
	return side{
		name: "inv", title: "inv",
		start: func(l *lab, app string) (*child, error) {
			file, err := l.scenario(l.shape)
			if err != nil {
				return nil, err
			}
			args := append([]string{"-b", l.brokers, "--scenario", file, "--app-id", app, "process", "--policy", "reference"}, extra...)
			return l.start("inv", nil, l.inv, append(args, l.args...)...)
		},
		groups: func(app string) map[string][]string {
			return map[string][]string{app + "-ingest": {"order_events", "product_catalog", "reorder_events"}, app + "-ledger": {app + "-product-log"}}
		},
	}
}

func floorSide() side {
	return side{
		name: "floor", title: "floor",
		start: func(l *lab, app string) (*child, error) {
			if l.plan == "" {
				return nil, fmt.Errorf("floor needs a plan, which a run of inv gives")
			}
			if _, err := l.run(context.Background(), l.shape, "--app-id", app, "topics", "create", "log", "ledger-changelog"); err != nil {
				return nil, err
			}
			return l.start("floor", nil, l.floor, "-b", l.brokers, "-app", app, "-partitions", fmt.Sprint(l.shape.partitions), "-plan", l.plan)
		},
		groups: func(app string) map[string][]string {
			return map[string][]string{app + "-ingest": {"order_events", "reorder_events"}, app + "-ledger": {app + "-product-log"}}
		},
	}
}

// streamsSide is Kafka Streams; commit is its commit interval in ms, "" its
// default of 100 with exactly-once.
func streamsSide(commit string) side {
	s := side{name: "streams", title: "Kafka Streams", peer: true}
	if commit != "" {
		s.name, s.title = "streams-"+commit, "Kafka Streams, commit "+commit+" ms"
	}
	s.start = func(l *lab, app string) (*child, error) {
		args := []string{"-Xmx2g", fmt.Sprintf("-Dpartitions=%d", l.shape.partitions), "-Djava.io.tmpdir=" + l.dir}
		if l.shape.products > 100_000 {
			args[0] = "-Xmx6g"
		}
		if commit != "" {
			args = append(args, "-Dcommit="+commit)
		}
		return l.start(s.name, nil, "java", append(args, "-cp", l.peer+":"+l.libs+"/*", l.class, l.brokers, app, fmt.Sprint(l.threads), "eos", "mem")...)
	}
	s.groups = func(app string) map[string][]string {
		return map[string][]string{app: {"order_events", "reorder_events", app + "-items-repartition", app + "-restocks-repartition"}}
	}
	return s
}

// rest reports whether a side has read everything, and how many orders it has read.
func (l *lab) rest(ctx context.Context, s side, app string) (done bool, orders int64, err error) {
	ends, err := l.admin.ListEndOffsets(ctx)
	if err != nil {
		return false, 0, err
	}
	few := int64(30 * l.shape.partitions) // commit markers at the ends; counted exactly below
	var behind int64
	for group, topics := range s.groups(app) {
		committed, err := l.admin.FetchOffsets(ctx, group)
		if err != nil {
			return false, 0, nil //nolint:nilerr // not there yet
		}
		for _, topic := range topics {
			for _, end := range ends[topic] {
				at := max(commitOf(committed, topic, end.Partition), 0)
				behind += end.Offset - at
				if topic == "order_events" {
					orders += at
				}
			}
		}
	}
	if behind > few {
		return false, orders, nil
	}
	for group, topics := range s.groups(app) {
		lags, err := kafka.GroupLag(ctx, l.kafka(), group, topics...)
		if err != nil {
			return false, 0, err
		}
		for _, lag := range lags {
			if !lag.AtRest() {
				return false, orders, nil
			}
		}
	}
	return true, orders, nil
}

func commitOf(committed kadm.OffsetResponses, topic string, partition int32) int64 {
	if o, ok := committed.Lookup(topic, partition); ok {
		return o.At
	}
	return -1
}
