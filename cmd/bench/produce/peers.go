package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"inv/cmd/bench/measure"
)

// peer is one way to send the records.
type peer struct {
	name    string
	command []string
	rate    *regexp.Regexp // in its output; nil: computed from its time
}

// in returns the path of a file in the folder.
func (b *bench) in(name string) string { return filepath.Join(b.folder, name) }

func (b *bench) peers() []peer {
	in := b.in
	count := strconv.Itoa(b.count)
	peers := []peer{
		{name: "inv", command: []string{in("inv"), "-b", b.broker, "--scenario", in("s.yaml"), "--app-id", b.app, "produce", "orders",
			"--rate", "max", "--count", count, "--headers", b.headers, "-X", "linger.ms=20", "-X", "compression.type=none"}},
		{name: "ceiling", command: []string{in("ceiling"), "-b", b.broker, "-topic", b.topic(), "-n", count,
			"-value", strconv.Itoa(b.size.value), "-key", strconv.Itoa(b.size.key), "-headers", strings.Join(b.size.pairs, ",")}},
		{name: "plain", command: []string{in("plain"), "-b", b.broker, "-scenario", in("s.yaml"), "-app", b.app, "-n", count, "-headers", b.headers}},
	}
	if _, err := exec.LookPath("kcat"); err == nil {
		kcat := []string{"kcat", "-P", "-b", b.broker, "-t", b.topic(), "-K", "\t", "-l",
			"-X", "acks=all", "-X", "linger.ms=20", "-X", "queue.buffering.max.messages=1000000"}
		for _, h := range b.size.pairs {
			kcat = append(kcat, "-H", h)
		}
		peers = append(peers, peer{name: "kcat", command: append(kcat, in("lines"))})
	}
	if b.libs != "" {
		peers = append(peers, peer{name: "perf-test", rate: regexp.MustCompile(`sent, ([0-9.]+) records/sec`),
			command: []string{"java", "-Xmx512m", "-cp", filepath.Join(b.libs, "*"), "org.apache.kafka.tools.ProducerPerformance", "--topic", b.topic(),
				"--num-records", count, "--record-size", strconv.Itoa(b.size.total()), "--throughput", "-1",
				"--producer-props", "bootstrap.servers=" + b.broker, "acks=all", "linger.ms=20"}})
	}
	return peers
}

// size is the size of a record, in bytes.
type size struct {
	value, key int
	pairs      []string // its headers, NAME=VALUE
}

func (s size) headers() int {
	n := 0
	for _, p := range s.pairs {
		n += len(p) - 1
	}
	return n
}

func (s size) total() int { return s.value + s.key + s.headers() }

// prepare builds the programs, and writes the file that kcat sends: orders of inv,
// repeated.
func (b *bench) prepare(ctx context.Context) error {
	in := b.in
	if err := measure.Build(ctx, b.folder, "./cmd/inv", "./cmd/bench/ceiling", "./cmd/bench/produce/plain"); err != nil {
		return err
	}
	if err := measure.Inventory(in("s.yaml"), "topic: order_events", "topic: "+b.topic()); err != nil {
		return err
	}
	if err := measure.Run(ctx, in("inv"), "--scenario", in("s.yaml"), "produce", "orders", "--seed", "1234567890",
		"--rate", "max", "--count", "100000", "--headers", b.headers, "--to", in("envelopes"), "--envelope"); err != nil {
		return err
	}
	records, err := b.lines(in("envelopes"))
	if err != nil {
		return err
	}
	file, err := os.Create(in("lines"))
	if err != nil {
		return err
	}
	defer file.Close()
	w := bufio.NewWriterSize(file, 1<<20)
	for i := range b.count {
		_, _ = w.Write(records[i%len(records)]) // Flush returns the error
	}
	return w.Flush()
}

// lines reads envelopes, sets the mean size of their parts, and returns lines of key, tab
// and value.
func (b *bench) lines(file string) ([][]byte, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var records [][]byte
	values, keys := 0, 0
	for line := range bytes.Lines(source) {
		var r struct {
			Key     string
			Headers map[string]string
			Value   json.RawMessage
		}
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, fmt.Errorf("an envelope: %w", err)
		}
		records = append(records, fmt.Appendf(nil, "%s\t%s\n", r.Key, r.Value))
		values, keys = values+len(r.Value), keys+len(r.Key)
		if b.size.pairs == nil {
			for name, value := range r.Headers {
				b.size.pairs = append(b.size.pairs, name+"="+value)
			}
			slices.Sort(b.size.pairs)
		}
	}
	b.size.value, b.size.key = values/len(records), keys/len(records)
	return records, nil
}
