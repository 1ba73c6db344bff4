// Command pace measures how well `inv produce` keeps a rate: it sends orders at 1,000
// and 20,000 a second for 10 s to a broker, and consumes them as they arrive. It fails
// if a rate is more than 0.5 % off, or if inv does not report that it falls behind.
//
//	go run ./cmd/bench/pace                          to an embedded broker
//	go run ./cmd/bench/pace -brokers 127.0.0.1:9092
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"inv/cmd/bench/measure"
	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const bound = 0.5 // % that a rate may be off

func main() { os.Exit(measure.Main("bench/pace", command)) }

func command(ctx context.Context) error {
	brokers := flag.String("brokers", "", "HOST:PORT of a broker; otherwise an embedded one is started")
	during := flag.Duration("for", 10*time.Second, "how long at each rate")
	flag.Parse()
	folder, err := os.MkdirTemp("", "bench-pace")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	inv := filepath.Join(folder, "inv")
	if err := measure.Build(ctx, folder, "./cmd/inv"); err != nil {
		return err
	}
	if *brokers == "" {
		at, end, err := measure.Broker(ctx, inv)
		if err != nil {
			return err
		}
		defer end()
		*brokers = at
	}
	b := &bench{inv: inv, brokers: *brokers, during: *during, scenario: filepath.Join(folder, "pace.yaml")}
	return b.run(ctx)
}

type bench struct {
	inv, brokers, scenario string
	during                 time.Duration
}

func (b *bench) run(ctx context.Context) error {
	topic := fmt.Sprintf("bench-pace-%d", os.Getpid())
	if err := measure.Inventory(b.scenario, "topic: order_events", "topic: "+topic); err != nil {
		return err
	}
	client, err := kafka.Connect(ctx, kafka.Config{Brokers: []string{b.brokers}}, kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(10*time.Millisecond))
	if err != nil {
		return err
	}
	defer client.Close()
	if _, err := kafka.EnsureTopics(ctx, client, kafka.TopicSpec{Name: topic, Partitions: 6}); err != nil {
		return err
	}
	defer func() {
		_, _ = kadm.NewClient(client).DeleteTopics(context.WithoutCancel(ctx), topic)
	}()
	var broken []string
	for _, rate := range []int{1000, 20_000} {
		off, err := b.keep(ctx, client, rate)
		if err != nil {
			return err
		}
		if math.Abs(off) > bound {
			broken = append(broken, fmt.Sprintf("%d/s is %+.2f %% off", rate, off))
		}
	}
	said, err := b.behind(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("at 50,000,000/s, inv reports: %s\n", said)
	if said == "" {
		broken = append(broken, "inv does not report that it falls behind")
	}
	if len(broken) > 0 {
		return errors.New(strings.Join(broken, "; "))
	}
	fmt.Println("All bounds hold.")
	return nil
}

// settle is how long records arrive before they are counted: the first batches of a new
// topic wait in the broker for a quarter of a second, and then catch up.
const settle = time.Second

// keep produces at a rate, and returns by how many per cent the records arrived faster
// (or slower, if negative), by this program's clock.
func (b *bench) keep(ctx context.Context, client *kgo.Client, rate int) (off float64, err error) {
	total := int(float64(rate) * (b.during + settle).Seconds())
	cmd := exec.CommandContext(ctx, b.inv, "produce", "orders", "-b", b.brokers, "--scenario", b.scenario,
		"--rate", fmt.Sprintf("%d/s", rate), "--count", fmt.Sprint(total), "--seed", "7")
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	var first, begin, last time.Time
	seen, counted := 0, 0
	ctx, cancel := context.WithTimeout(ctx, 3*b.during+10*time.Second)
	defer cancel()
	for seen < total {
		fetched := client.PollFetches(ctx)
		if err := errors.Join(fetched.Err0(), ctx.Err()); err != nil {
			return 0, fmt.Errorf("%d of %d records arrived: %w\n%s", seen, total, err, said.String())
		}
		n := fetched.NumRecords()
		if n == 0 {
			continue
		}
		last = time.Now()
		seen += n
		switch {
		case first.IsZero():
			first = last
		case !begin.IsZero():
			counted += n
		case last.Sub(first) >= settle:
			begin = last // the records until now were sent before
		}
	}
	if err := cmd.Wait(); err != nil {
		return 0, fmt.Errorf("inv produce: %w\n%s", err, said.String())
	}
	achieved := float64(counted) / last.Sub(begin).Seconds()
	off = 100 * (achieved/float64(rate) - 1)
	fmt.Printf("%6d/s for %s: all %d records arrived, the last %d of them at %.1f/s: %+.2f %%, at most ±%.1f %%\n",
		rate, b.during, total, counted, achieved, off, bound)
	return off, nil
}

// behind asks for a rate that can't be kept, and returns what inv reports.
func (b *bench) behind(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, b.inv, "produce", "orders", "--scenario", b.scenario, "--rate", "50000000/s", "--for", "3s", "--to", os.DevNull)
	said, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("inv produce: %w\n%s", err, said)
	}
	for line := range strings.Lines(string(said)) {
		if strings.HasPrefix(line, "behind ") {
			return strings.TrimSpace(line), nil
		}
	}
	return "", nil
}
