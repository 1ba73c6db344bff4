package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"inv/cmd/bench/measure"
	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// lab is shared by all measurements: a broker, the programs, a folder.
type lab struct {
	options
	dir      string
	broker   *child // nil: started by the user
	client   *kgo.Client
	admin    *kadm.Client
	shape    shape // of the existing topics
	loaded   int   // orders in the backlog
	plan     string
	runs     int
	children []*child
	lastApp  string // of the side that ran last
}

// shape is the shape of a backlog.
type shape struct {
	partitions, products int
	format               string // of the topics; "": JSON
}

func newLab(ctx context.Context, o options) (l *lab, err error) {
	l = &lab{options: o}
	if l.dir, err = os.MkdirTemp("", "bench-process-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if err := l.build(ctx); err != nil {
		return nil, err
	}
	if l.brokers == "" {
		if err := l.startBroker(ctx); err != nil {
			return nil, err
		}
	}
	if err := l.connect(ctx); err != nil {
		return nil, err
	}
	topics, err := l.topics(ctx)
	if err != nil {
		return nil, err
	}
	if len(topics) > 0 && !l.wipe {
		return nil, errors.New("the broker has topics, which would be deleted; -wipe allows that")
	}
	return l, l.drop(ctx, topics)
}

// connect makes the lab's own client.
func (l *lab) connect(ctx context.Context) (err error) {
	// Topics are deleted and recreated, so metadata is outdated soon.
	if l.client, err = kafka.Connect(ctx, l.kafka(), kgo.MetadataMinAge(50*time.Millisecond)); err != nil {
		return err
	}
	l.admin = kadm.NewClient(l.client)
	return nil
}

// renew replaces the broker by one that has done nothing yet.
func (l *lab) renew(ctx context.Context) error {
	if l.broker == nil {
		return errors.New("-fresh starts brokers, so it goes without -b")
	}
	l.client.Close()
	if err := l.broker.stop(); err != nil {
		return err
	}
	if err := os.RemoveAll(l.data()); err != nil {
		return err
	}
	l.shape, l.loaded = shape{}, -1
	if err := l.startBroker(ctx); err != nil {
		return err
	}
	return l.connect(ctx)
}

// data is the folder of the broker's own data.
func (l *lab) data() string { return filepath.Join(l.dir, "data") }

func (l *lab) kafka() kafka.Config { return kafka.Config{Brokers: []string{l.brokers}} }

// build builds the programs and fetches the jars.
func (l *lab) build(ctx context.Context) error {
	programs := []string{"./cmd/bench/floor"}
	if l.inv == "" {
		l.inv = filepath.Join(l.dir, "inv")
		programs = append(programs, "./cmd/inv")
	}
	if err := measure.Build(ctx, l.dir, programs...); err != nil {
		return err
	}
	if l.alone && l.brokers != "" {
		return nil
	}
	if l.libs == "" {
		l.libs = filepath.Join(l.dir, "libs")
		pom := "cmd/bench/process/streams/pom.xml"
		if err := measure.Run(ctx, "mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", "-DoutputDirectory="+l.libs); err != nil {
			return err
		}
	}
	if l.peer == "" {
		l.peer = filepath.Join(l.dir, "peer")
		sources, err := filepath.Glob("cmd/bench/process/streams/src/main/java/*.java")
		if err != nil {
			return err
		}
		return measure.Run(ctx, "javac", append([]string{"-d", l.peer, "-cp", l.libs + "/*"}, sources...)...)
	}
	return nil
}

func (l *lab) close() {
	if l.client != nil {
		l.client.Close()
	}
	for _, c := range slices.Backward(l.children) {
		_ = c.stop() // it may have ended; the broker is the last
	}
	_ = os.RemoveAll(l.dir)
}

// progress prints a line to stderr, apart from the results.
func (l *lab) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s "+format+"\n", append([]any{time.Now().Format("15:04:05")}, args...)...)
}

// command returns the arguments of an inv command on the current shape, whose scenario
// it writes.
func (l *lab) command(args ...string) ([]string, error) {
	file, err := l.scenarioOf(l.shape)
	return append([]string{"-b", l.brokers, "--scenario", file}, args...), err
}

// run runs an inv command on the current shape.
func (l *lab) run(ctx context.Context, args ...string) error {
	args, err := l.command(args...)
	if err != nil {
		return err
	}
	return measure.Run(ctx, l.inv, args...)
}

// backlog fills the input topics of a shape, unless they are filled.
func (l *lab) backlog(ctx context.Context, s shape, orders int) error {
	if l.shape == s && l.loaded == orders {
		return l.clear(ctx)
	}
	topics, err := l.topics(ctx)
	if err != nil {
		return err
	}
	if err := l.drop(ctx, topics); err != nil {
		return err
	}
	l.shape, l.loaded = s, orders
	l.progress("backlog: %d orders over %d products in %d partitions", orders, s.products, s.partitions)
	if err := l.run(ctx, "topics", "create", "catalog", "orders", "updates", "reorders", "alerts"); err != nil {
		return err
	}
	products := fmt.Sprint(s.products)
	if err := l.run(ctx, "produce", "catalog", "--rate", "max", "--seed", "7", "--products", products); err != nil || orders == 0 {
		return err
	}
	return l.run(ctx, "produce", "orders", "--rate", "max", "--seed", "7", "--products", products, "--count", fmt.Sprint(orders))
}

// clear deletes all topics but those of the backlog, and recreates the outputs.
func (l *lab) clear(ctx context.Context) error {
	topics, err := l.topics(ctx)
	if err != nil {
		return err
	}
	topics = slices.DeleteFunc(topics, func(t string) bool { return t == "product_catalog" || t == "order_events" })
	if err := l.drop(ctx, topics); err != nil {
		return err
	}
	return l.run(ctx, "topics", "create", "updates", "reorders", "alerts")
}

// topics returns the broker's topics, except internal ones.
func (l *lab) topics(ctx context.Context) ([]string, error) {
	details, err := l.admin.ListTopics(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(details.Names(), func(name string) bool { return strings.HasPrefix(name, "__") }), nil
}

// drop deletes topics and waits until they are gone.
func (l *lab) drop(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	gone, err := l.admin.DeleteTopics(ctx, names...)
	if err == nil {
		err = gone.Error()
	}
	if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return fmt.Errorf("deleting topics: %w", err)
	}
	for {
		left, err := kafka.PartitionCounts(ctx, l.client, names...)
		if err != nil || len(left) == 0 {
			return err
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// tail returns the end of a log, for an error.
func tail(file string) string {
	text, _ := os.ReadFile(file)
	return string(text[max(0, len(text)-2000):])
}
