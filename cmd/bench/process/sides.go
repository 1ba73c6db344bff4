package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"inv/internal/kafka"
)

// side is one of the compared programs.
type side struct {
	name   string
	title  string
	start  func(l *lab, app string) (*child, error)
	groups func(app string) map[string][]string // with the topics that each reads
	peer   bool
	// waits: what a group has read and holds back until time passes is not waited for.
	waits bool
}

func invSide(extra ...string) side {
	return side{
		name: "inv", title: "inv",
		start: func(l *lab, app string) (*child, error) {
			args, err := l.command("--app-id", app, "process", "--policy", "reference")
			if err != nil {
				return nil, err
			}
			return l.start("inv", l.inv, slices.Concat(args, extra, l.args)...)
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
				return nil, errors.New("floor needs a plan, which a run of inv gives")
			}
			if err := l.run(context.Background(), "--app-id", app, "topics", "create", "log", "ledger-changelog"); err != nil {
				return nil, err
			}
			return l.start("floor", filepath.Join(l.dir, "floor"), "-b", l.brokers, "-app", app, "-partitions", fmt.Sprint(l.shape.partitions), "-plan", l.plan)
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
		memory := "-Xmx2g"
		if l.shape.products > 100_000 {
			memory = "-Xmx6g"
		}
		args := []string{memory, fmt.Sprintf("-Dpartitions=%d", l.shape.partitions), "-Djava.io.tmpdir=" + l.dir}
		if commit != "" {
			args = append(args, "-Dcommit="+commit)
		}
		return l.start(s.name, "java", append(args, "-cp", l.peer+":"+l.libs+"/*", l.class, l.brokers, app, fmt.Sprint(l.threads), "eos", "mem")...)
	}
	s.groups = func(app string) map[string][]string {
		return map[string][]string{app: {"order_events", "reorder_events", app + "-items-repartition", app + "-restocks-repartition"}}
	}
	return s
}

// wanted returns those of the sides that are to run.
func (l *lab) wanted(sides ...side) []side {
	return slices.DeleteFunc(sides, func(s side) bool { return !l.wants(s.name) })
}

// rest reports whether a side has read everything.
func (l *lab) rest(ctx context.Context, s side, app string) (bool, error) {
	ends, err := l.admin.ListEndOffsets(ctx)
	if err != nil {
		return false, err
	}
	var behind int64
	for group, topics := range s.groups(app) {
		committed, err := l.admin.FetchOffsets(ctx, group)
		if err != nil {
			return false, nil //nolint:nilerr // the group does not exist yet
		}
		for _, topic := range topics {
			for _, end := range ends[topic] {
				behind += end.Offset
				if o, ok := committed.Lookup(topic, end.Partition); ok {
					behind -= max(o.At, 0)
				}
			}
		}
	}
	if behind > int64(30*l.shape.partitions) { // more than commit markers, which the lag below leaves out
		return false, nil
	}
	for group, topics := range s.groups(app) {
		lags, err := kafka.GroupLag(ctx, l.kafka(), group, topics...)
		if err != nil {
			return false, err
		}
		for _, lag := range lags {
			if s.waits {
				lag.Records -= lag.Waiting
			}
			if !lag.AtRest() {
				return false, nil
			}
		}
	}
	return true, nil
}
