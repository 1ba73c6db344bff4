package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"inv/cmd/bench/floor/plan"
	"inv/cmd/bench/measure"
	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// lab is what all measurements share: a broker, the programs, a folder.
type lab struct {
	options
	dir      string
	floor    string // program
	broker   *child // nil: somebody else's
	client   *kgo.Client
	admin    *kadm.Client
	shape    shape // of the topics that are there
	loaded   int   // orders in the backlog
	plan     string
	runs     int
	children []*child
	lastApp  string // of the side that ran last
}

// shape is what a backlog looks like.
type shape struct{ partitions, products int }

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
	// Topics are deleted and made again here, so what is known of them gets old fast.
	if l.client, err = kafka.Connect(ctx, l.kafka(), kgo.MetadataMinAge(50*time.Millisecond)); err != nil {
		return nil, err
	}
	l.admin = kadm.NewClient(l.client)
	topics, err := l.topics(ctx)
	if err != nil {
		return nil, err
	}
	if len(topics) > 0 && !l.wipe {
		return nil, fmt.Errorf("the broker has topics already, which would be deleted; -wipe says that they may be")
	}
	return l, l.drop(ctx, topics)
}

func (l *lab) kafka() kafka.Config { return kafka.Config{Brokers: []string{l.brokers}} }

// build makes the programs and gets the jars.
func (l *lab) build(ctx context.Context) error {
	if l.inv == "" {
		l.inv = filepath.Join(l.dir, "inv")
		if err := measure.Run(ctx, "go", "build", "-o", l.inv, "./cmd/inv"); err != nil {
			return err
		}
	}
	l.floor = filepath.Join(l.dir, "floor")
	if err := measure.Run(ctx, "go", "build", "-o", l.floor, "./cmd/bench/floor"); err != nil {
		return err
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
		return measure.Run(ctx, "javac", "-d", l.peer, "-cp", l.libs+"/*", "cmd/bench/process/streams/src/main/java/StockKeeper.java")
	}
	return nil
}

func (l *lab) close() {
	if l.client != nil {
		l.client.Close()
	}
	for i := len(l.children) - 1; i >= 0; i-- {
		_ = l.children[i].stop() // those that were not, and the broker last
	}
	_ = os.RemoveAll(l.dir)
}

// progress tells what is going on, apart from the results.
func (l *lab) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s "+format+"\n", append([]any{time.Now().Format("15:04:05")}, args...)...)
}

// scenario writes the inventory scenario with as many partitions.
func (l *lab) scenario(s shape) (string, error) {
	text, err := os.ReadFile("scenarios/inventory.yaml")
	if err != nil {
		return "", fmt.Errorf("run it in the repository: %w", err)
	}
	changed := strings.ReplaceAll(string(text), "partitions: 6", fmt.Sprintf("partitions: %d", s.partitions))
	file := filepath.Join(l.dir, fmt.Sprintf("scenario-%d-%d.yaml", s.partitions, s.products))
	return file, os.WriteFile(file, []byte(changed), 0o644)
}

// run runs an inv command of this scenario.
func (l *lab) run(ctx context.Context, s shape, args ...string) ([]byte, error) {
	file, err := l.scenario(s)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, l.inv, append([]string{"-b", l.brokers, "--scenario", file}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return out, fmt.Errorf("inv %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return out, nil
}

// backlog fills the input topics of a shape, if they are not there.
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
	if _, err := l.run(ctx, s, "topics", "create", "catalog", "orders", "updates", "reorders", "alerts"); err != nil {
		return err
	}
	products := fmt.Sprint(s.products)
	if _, err := l.run(ctx, s, "produce", "catalog", "--rate", "max", "--seed", "7", "--products", products); err != nil {
		return err
	}
	if orders == 0 {
		return nil
	}
	_, err = l.run(ctx, s, "produce", "orders", "--rate", "max", "--seed", "7", "--products", products, "--count", fmt.Sprint(orders))
	return err
}

// clear deletes everything but the backlog, and recreates the outputs.
func (l *lab) clear(ctx context.Context) error {
	topics, err := l.topics(ctx)
	if err != nil {
		return err
	}
	var made []string
	for _, t := range topics {
		if t != "product_catalog" && t != "order_events" {
			made = append(made, t)
		}
	}
	if err := l.drop(ctx, made); err != nil {
		return err
	}
	_, err = l.run(ctx, l.shape, "topics", "create", "updates", "reorders", "alerts")
	return err
}

// topics returns those on the broker but its own.
func (l *lab) topics(ctx context.Context) ([]string, error) {
	details, err := l.admin.ListTopics(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range details.Names() {
		if !strings.HasPrefix(name, "__") {
			names = append(names, name)
		}
	}
	return names, nil
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

// learn writes floor's plan from what inv wrote.
func (l *lab) learn(p *plan.Plan) error {
	l.plan = filepath.Join(l.dir, "plan.json")
	return p.Write(l.plan)
}

func tail(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > 2000 {
		_, _ = f.Seek(-2000, io.SeekEnd)
	}
	text, _ := io.ReadAll(f)
	return string(text)
}
