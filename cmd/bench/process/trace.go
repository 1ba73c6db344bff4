package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"inv/internal/scenario"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/inventory"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// point is a moment on an order's way from the call that produces it to the callback
// that consumes its update.
type point int

// The points, in the order of the way. Those of a stage are in both stages.
const (
	pointSent     point = iota // the call that produces the order
	pointAppended              // the broker has acknowledged it
	pointIngest                // the first of the stage ingest
)

// The points of a stage, from its first.
const (
	stageFetched  = iota // the response with the record has arrived
	stagePolled          // the stage has taken it
	stageDecided         // all of the transaction is decided: also what came until it could end
	stageProduced        // the broker has the transaction's records
	stageOffsets         // and its offsets
	stageEnded           // and its end, with the markers
	stagePoints
)

const (
	pointLedger  = pointIngest + stagePoints
	pointVisible = pointLedger + stagePoints // the consumer has the update
	points       = pointVisible + 1
)

// pointNames name the time that ends at each point.
var pointNames = [points]string{
	pointAppended:              "produce, broker appends",
	pointIngest + stageFetched: "ingest: fetched", pointIngest + stagePolled: "ingest: polled", pointIngest + stageDecided: "ingest: decided, gathered",
	pointIngest + stageProduced: "ingest: records appended", pointIngest + stageOffsets: "ingest: offsets", pointIngest + stageEnded: "ingest: end, markers",
	pointLedger + stageFetched: "ledger: fetched", pointLedger + stagePolled: "ledger: polled", pointLedger + stageDecided: "ledger: decided, gathered",
	pointLedger + stageProduced: "ledger: records appended", pointLedger + stageOffsets: "ledger: offsets", pointLedger + stageEnded: "ledger: end, markers",
	pointVisible: "update consumed",
}

// The stages on the way.
const (
	ingestStage = "ingest"
	ledgerStage = "ledger"
)

// journey is when an order was at each point.
type journey [points]time.Time

// tracer follows the orders of a probe through a processor in this process.
type tracer struct {
	mu      sync.Mutex
	prefix  []byte
	ways    []journey
	current map[string][]int // the orders in the transaction of each stage
}

// hooks returns the hooks of one stage's consumer.
func (t *tracer) hooks(name string) []kgo.Hook {
	switch name {
	case ingestStage:
		return []kgo.Hook{&stageTrace{t, name, pointIngest}}
	case ledgerStage:
		return []kgo.Hook{&stageTrace{t, name, pointLedger}}
	}
	return nil
}

// each calls use for every order of the probe in a value.
func (t *tracer) each(value []byte, use func(i int)) {
	for {
		at := bytes.Index(value, t.prefix)
		if at < 0 || len(value) < at+len(t.prefix)+8 {
			return
		}
		value = value[at+len(t.prefix):]
		if i, err := strconv.Atoi(string(value[:8])); err == nil && i < len(t.ways) {
			use(i)
		}
	}
}

// mark sets a point of an order, unless it is set.
func (t *tracer) mark(i int, p point, now time.Time) {
	if t.ways[i][p].IsZero() {
		t.ways[i][p] = now
	}
}

// now marks that an order is at a point.
func (t *tracer) now(i int, p point) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mark(i, p, now)
}

// at is processor.Config.At.
func (t *tracer) at(name, at string) {
	var p point
	switch at {
	case stage.AtSealed:
		p = stageDecided
	case stage.AtProduced:
		p = stageProduced
	case stage.AtOffsets:
		p = stageOffsets
	case stage.AtCommitted:
		p = stageEnded
	default:
		return
	}
	first := pointIngest
	if name == ledgerStage {
		first = pointLedger
	}
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, i := range t.current[name] {
		t.mark(i, first+p, now)
	}
	if at == stage.AtCommitted {
		t.current[name] = t.current[name][:0]
	}
}

// stageTrace marks when records arrive at a stage, and when it takes them.
type stageTrace struct {
	t     *tracer
	name  string
	first point
}

func (s *stageTrace) OnFetchRecordBuffered(r *kgo.Record) { s.see(r, stageFetched) }

func (s *stageTrace) OnFetchRecordUnbuffered(r *kgo.Record, polled bool) {
	if polled {
		s.see(r, stagePolled)
	}
}

func (s *stageTrace) see(r *kgo.Record, p point) {
	now := time.Now()
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	s.t.each(r.Value, func(i int) {
		s.t.mark(i, s.first+p, now)
		if p == stagePolled {
			s.t.current[s.name] = append(s.t.current[s.name], i)
		}
	})
}

// trace follows orders through a processor that runs in this process: on the broker as it
// is just started (cold), when it has run for a while (warm), and with four processes that
// compute (busy).
func trace(ctx context.Context, l *lab) error {
	var cases []*traced
	for _, c := range []struct {
		name string
		warm time.Duration
		busy int
	}{{"cold", 0, 0}, {"warm", l.warm, 0}, {"busy", l.warm, busyProcesses}} {
		for _, rate := range l.rates {
			if c.name == "cold" && rate != l.rates[0] {
				continue // it is cold but once
			}
			ways, err := l.traceOnce(ctx, rate, c.warm, c.busy)
			if err != nil {
				return err
			}
			r := &traced{c.name, rate, ways}
			l.progress("%s at %d/s: p50 %.1f ms, p99 %.1f ms", r.name, rate, r.total(0.5), r.total(0.99))
			cases = append(cases, r)
		}
	}
	reportTrace(cases)
	if l.picture != "" {
		return os.WriteFile(l.picture, traceSVG(cases), 0o644)
	}
	return nil
}

// busyProcesses is how many processes compute beside the busy case.
const busyProcesses = 4

// traceOnce runs a processor and a probe.
func (l *lab) traceOnce(ctx context.Context, rate int, warm time.Duration, busy int) (ways []journey, err error) {
	ids, err := l.withoutOrders(ctx)
	if err != nil {
		return nil, err
	}
	p, err := newProbe(l.kafka(), ids, rate, warm, l.measured)
	if err != nil {
		return nil, err
	}
	defer p.close()
	t := &tracer{prefix: p.prefix, ways: make([]journey, p.total), current: map[string][]int{}}
	p.trace = t
	l.runs++
	cfg, err := l.traceConfig(fmt.Sprintf("trace-%d", l.runs))
	if err != nil {
		return nil, err
	}
	cfg.Hooks, cfg.At = t.hooks, t.at
	idle, err := l.compute(busy)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, idle()) }()
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		_, err := processor.Run(running, cfg)
		done <- err
	}()
	err = p.run(ctx)
	stop()
	if ended := <-done; !errors.Is(ended, context.Canceled) {
		err = errors.Join(err, ended)
	}
	return slices.DeleteFunc(t.ways[p.warm:], func(w journey) bool { return w[pointVisible].IsZero() }), err
}

// traceConfig returns a processor's configuration on the current shape.
func (l *lab) traceConfig(app string) (c processor.Config, err error) {
	args, err := l.command()
	if err != nil {
		return c, err
	}
	file := args[len(args)-1]
	source, err := os.ReadFile(file)
	if err != nil {
		return c, err
	}
	sc, err := scenario.Parse(file, source)
	if err != nil {
		return c, err
	}
	topologies, err := builtin.Select(sc, nil, inventory.Options{Policy: inventory.PolicyReference})
	return processor.Config{Kafka: l.kafka(), Scenario: sc, AppID: app, Topologies: topologies, Instance: app}, err
}
