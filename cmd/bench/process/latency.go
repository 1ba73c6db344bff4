package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"inv/cmd/bench/measure"
	"inv/internal/kafka"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// latency compares the times from the call that produces an order to the callback that
// consumes its update, read_committed. Sides take turns, so that a change in the speed
// of the machine affects all of them. A run that does not count comes first, as a new
// broker is slow; with -fresh each side has a new broker at each rate, and its first
// orders count.
func latency(ctx context.Context, l *lab) error {
	sides := l.wanted(invSide(), floorSide(), streamsSide(""), streamsSide("10"))
	if l.fresh {
		l.warm = 0
		sides = slices.DeleteFunc(sides, func(s side) bool { return s.name == "floor" })
	} else if err := l.warmUp(ctx, sides); err != nil {
		return err
	}
	seen := map[seenAt][]*timings{}
	for range l.rounds {
		for _, s := range sides {
			for _, rates := range l.together() {
				if l.fresh {
					if err := l.renew(ctx); err != nil {
						return err
					}
				}
				results, err := l.latencyOf(ctx, s, rates, l.measured)
				if err != nil {
					return err
				}
				for _, r := range results {
					at := seenAt{s.title, r.rate}
					seen[at] = append(seen[at], r)
				}
			}
		}
	}
	l.reportLatency(sides, seen)
	return nil
}

// warmUp makes floor's plan, and a run that does not count.
func (l *lab) warmUp(ctx context.Context, sides []side) error {
	if err := l.planned(ctx); err != nil || len(sides) == 0 {
		return err
	}
	warm := sides[0]
	if l.wants("streams") {
		warm = streamsSide("")
	}
	l.progress("a run of %s that does not count, to warm up the broker", warm.title)
	_, err := l.latencyOf(ctx, warm, l.rates, 0)
	return err
}

// together returns the rates that are measured on one start of a side.
func (l *lab) together() (all [][]int) {
	if !l.fresh {
		return [][]int{l.rates}
	}
	for _, rate := range l.rates {
		all = append(all, []int{rate})
	}
	return all
}

// seenAt is a side, by its title, at a rate.
type seenAt struct {
	title string
	rate  int
}

// quantileOf returns the median of a quantile of the rounds, 0 without any.
func quantileOf(rounds []*timings, q float64) float64 {
	if len(rounds) == 0 {
		return 0
	}
	return measure.MedianOf(rounds, func(t *timings) float64 { return t.quantile(q) })
}

// reportLatency prints the medians of all rounds, the longest time of all, and the
// number of orders seen.
func (l *lab) reportLatency(sides []side, seen map[seenAt][]*timings) {
	fmt.Printf("\n### Latency: order → visible update, %d products, %d partitions, %d rounds of %s at each rate%s\n\n", l.products, l.partitions, l.rounds, l.measured, l.circumstances())
	head("", "rate", "p50 ms", "p95 ms", "p99 ms", "max ms", "seen", "CPU s")
	for _, rate := range l.rates {
		for _, s := range sides {
			rounds := seen[seenAt{s.title, rate}]
			if len(rounds) == 0 {
				continue
			}
			var longest float64
			arrived, sent := 0, 0
			for _, r := range rounds {
				longest, arrived, sent = max(longest, r.quantile(1)), arrived+len(r.ms), sent+r.sent
			}
			fmt.Printf("| %s | %d/s | %.1f | %.1f | %s | %.1f | %d of %d | %.1f |\n", s.title, rate,
				quantileOf(rounds, 0.5), quantileOf(rounds, 0.95), spread(rounds, func(t *timings) float64 { return t.quantile(0.99) }), longest, arrived, sent,
				measure.MedianOf(rounds, func(t *timings) float64 { return t.cpu }))
		}
	}
	fmt.Println()
	for _, rate := range l.rates {
		p99 := func(s side) float64 { return quantileOf(seen[seenAt{s.title, rate}], 0.99) }
		inv, floor, streams, quick := p99(invSide()), p99(floorSide()), p99(streamsSide("")), p99(streamsSide("10"))
		if inv > 0 && streams > 0 {
			wanted := "≤ 1/5, the aim is 1/6"
			if l.fresh || l.busy > 0 {
				wanted = "≤ 1/3"
			}
			fmt.Printf("- %d/s: inv's p99 is 1/%.1f of Streams' (wanted: %s)\n", rate, streams/inv, wanted)
		}
		if inv > 0 && quick > 0 {
			fmt.Printf("- %d/s: inv's p99 is %.2f × that of Streams with a commit each 10 ms (wanted: ≤ 0.8)\n", rate, inv/quick)
		}
		if inv > 0 && floor > 0 {
			fmt.Printf("- %d/s: inv's p99 is %.2f × floor's (wanted: ≤ 1.5)\n", rate, inv/floor)
		}
	}
}

// planned makes floor's plan if it is needed.
func (l *lab) planned(ctx context.Context) error {
	if l.plan != "" || !l.wants("floor") {
		return nil
	}
	if err := l.backlog(ctx, shape{partitions: l.partitions, products: l.products}, 50_000); err != nil {
		return err
	}
	if _, err := l.drainOnce(ctx, invSide()); err != nil {
		return err
	}
	return l.learnFrom(ctx, l.lastApp)
}

// timings are the results at one rate.
type timings struct {
	rate, sent int
	ms         []float64 // sorted
	cpu        float64   // of the side, in seconds
}

func (t *timings) quantile(q float64) float64 {
	if len(t.ms) == 0 {
		return 0
	}
	return t.ms[int(q*float64(len(t.ms)-1))]
}

// latencyOf runs one side on topics without orders, at each rate in turn.
func (l *lab) latencyOf(ctx context.Context, s side, rates []int, measured time.Duration) (results []*timings, err error) {
	ids, err := l.withoutOrders(ctx)
	if err != nil {
		return nil, err
	}
	idle, err := l.compute(l.busy)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, idle()) }()
	l.runs++
	c, err := s.start(l, fmt.Sprintf("%s-%d", s.name, l.runs))
	if err != nil {
		return nil, err
	}
	for _, rate := range rates {
		p, err := newProbe(l.kafka(), ids, rate, l.warm, measured)
		if err != nil {
			return nil, err
		}
		before := c.cpuNow()
		err = p.run(ctx)
		p.close()
		if err == nil {
			err = c.running()
		}
		if err != nil {
			return nil, err
		}
		r := p.timings()
		r.cpu = c.cpuNow() - before
		l.progress("%s at %d/s: p50 %.1f ms, p99 %.1f ms, %d of %d", s.title, rate, r.quantile(0.5), r.quantile(0.99), len(r.ms), r.sent)
		results = append(results, r)
	}
	return results, c.stop()
}

// withoutOrders replaces the topics, which have orders of the last run, and returns the
// products of the catalogue.
func (l *lab) withoutOrders(ctx context.Context) (ids []string, err error) {
	l.loaded = -1
	if err := l.backlog(ctx, shape{partitions: l.partitions, products: l.products}, 0); err != nil {
		return nil, err
	}
	err = l.records(ctx, "product_catalog", func(r *fetch.Record) bool {
		ids = append(ids, string(r.Key))
		return true
	})
	if err == nil && len(ids) == 0 {
		err = errors.New("the catalogue is empty")
	}
	return ids, err
}

// probe sends orders at a rate and waits for their updates.
type probe struct {
	producer, consumer *kgo.Client
	products           []string
	rate, warm, total  int // orders; warm ones, at least the first, don't count
	prefix             []byte
	trace              *tracer // nil: orders are not followed

	mu   sync.Mutex
	sent []time.Time
	took []time.Duration // 0: not seen
}

// settle is how long a probe waits for the processor and its own consumer before the
// first order, and for updates after the last.
const settle = 3 * time.Second

func newProbe(c kafka.Config, products []string, rate int, warm, measured time.Duration) (*probe, error) {
	p := &probe{products: products, rate: rate, warm: max(int(warm.Seconds()*float64(rate)), 1),
		prefix: fmt.Appendf(nil, "probe-%09d-", rand.N(1_000_000_000))}
	p.total = p.warm + int(measured.Seconds()*float64(rate))
	p.sent, p.took = make([]time.Time, p.total), make([]time.Duration, p.total)
	var err error
	if p.producer, err = kafka.New(c, kgo.ProducerLinger(0)); err != nil {
		return nil, err
	}
	p.consumer, err = kafka.New(c, kgo.ConsumeTopics("inventory_updates"), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()), kgo.FetchMaxWait(10*time.Millisecond))
	return p, err
}

func (p *probe) close() {
	p.producer.Close()
	p.consumer.Close()
}

func (p *probe) run(ctx context.Context) error {
	watching, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.watch(watching)
	}()
	defer func() { stop(); <-done }()
	if err := sleep(ctx, settle); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, uint64(p.rate)))
	p.send(ctx, 0, p.products[0])
	if err := p.awaitFirst(ctx); err != nil {
		return err
	}
	start := time.Now()
	for i := 1; i < p.total; i++ {
		if wait := time.Until(start.Add(time.Duration(i) * time.Second / time.Duration(p.rate))); wait > 0 {
			if err := sleep(ctx, wait); err != nil {
				return err
			}
		}
		p.send(ctx, i, p.products[random.IntN(len(p.products))])
	}
	if err := p.producer.Flush(ctx); err != nil {
		return err
	}
	return sleep(ctx, settle)
}

// startsWithin is how long a processor may take to start.
const startsWithin = time.Minute

// awaitFirst waits for the update of the first order, which doesn't count: until then the
// processor may be starting.
func (p *probe) awaitFirst(ctx context.Context) error {
	for began := time.Now(); time.Since(began) < startsWithin; {
		p.mu.Lock()
		seen := p.took[0] > 0
		p.mu.Unlock()
		if seen {
			return nil
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("no update of the first order within %s", startsWithin)
}

func (p *probe) send(ctx context.Context, i int, product string) {
	id := fmt.Appendf(nil, "%s%08d", p.prefix, i) // 24 bytes, as many as floor passes on
	value := fmt.Appendf(nil, `{"order_id":%q,"customer_id":"cust-1","items":[{"product_id":%q,"quantity":1,"unit_price":79.99}],"order_total":79.99,"timestamp":%d}`,
		id, product, time.Now().UnixMilli())
	p.mu.Lock()
	p.sent[i] = time.Now()
	p.mu.Unlock()
	var appended func(*kgo.Record, error)
	if p.trace != nil {
		p.trace.now(i, pointSent)
		appended = func(*kgo.Record, error) { p.trace.now(i, pointAppended) }
	}
	p.producer.Produce(ctx, &kgo.Record{Topic: "order_events", Key: id, Value: value}, appended)
}

// watch records when each order's first update is seen.
func (p *probe) watch(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := p.consumer.PollFetches(ctx)
		now := time.Now()
		p.mu.Lock()
		fetches.EachRecord(func(r *kgo.Record) {
			at := bytes.Index(r.Value, p.prefix)
			if at < 0 || len(r.Value) < at+len(p.prefix)+8 {
				return
			}
			from := at + len(p.prefix)
			i, err := strconv.Atoi(string(r.Value[from : from+8]))
			if err == nil && i < p.total && p.took[i] == 0 {
				p.took[i] = now.Sub(p.sent[i])
				if p.trace != nil {
					p.trace.now(i, pointVisible)
				}
			}
		})
		p.mu.Unlock()
	}
}

// timings returns the results of the orders after the warm-up.
func (p *probe) timings() *timings {
	t := &timings{rate: p.rate, sent: p.total - p.warm}
	for _, took := range p.took[p.warm:] {
		if took > 0 {
			t.ms = append(t.ms, float64(took)/float64(time.Millisecond))
		}
	}
	slices.Sort(t.ms)
	return t
}
