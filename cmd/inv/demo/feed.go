package demo

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"inv/inspect"
	"inv/internal/event"
	"inv/internal/kafka"
	"inv/internal/kafka/fetch"
	"inv/internal/registry"
	"inv/internal/scenario"
)

// orderGap is the minimum time between orders that are shown, so that the other
// records stay readable; the rest are only counted.
const orderGap = 150 * time.Millisecond

// dayGap is the same for each kind of record of a day that is played fast.
const dayGap = 500 * time.Millisecond

// quiet is the time without records after which the feed is idle.
const quiet = 250 * time.Millisecond

// feed reads the topics and shows records as they arrive.
type feed struct {
	options Options
	screen  *Screen
	views   map[string]*inspect.View
	alias   map[string]string // by topic
	rank    map[string]int    // by topic: its index in topics
	topics  []string
	pretty  *inspect.Pretty
	tally   Tally
	last    atomic.Int64 // when records last arrived, in ns

	lastShown map[string]int64 // when a record was last shown, by alias, epoch ms
}

func newFeed(o Options, screen *Screen) (*feed, error) {
	views, err := inspect.Views(o.Scenario, o.App)
	if err != nil {
		return nil, err
	}
	f := &feed{options: o, screen: screen, views: views, alias: map[string]string{}, rank: map[string]int{}, lastShown: map[string]int64{}}
	shown := []string{"catalog", "orders", "reorders", "alerts", "receipts"}
	read := []string{"catalog", "orders", "updates", "reorders", "alerts", "receipts"}
	if o.All {
		shown, read = append(shown, written(o.Scenario)...), append(append(read, "rivals"), written(o.Scenario)...)
	}
	for _, alias := range append(read, "dlq") {
		for _, t := range o.Scenario.TopicNames(alias, o.App) {
			f.alias[t], f.rank[t] = alias, len(f.topics)
			f.topics = append(f.topics, t)
		}
	}
	f.pretty = inspect.NewPretty(inspect.PrettyOptions{
		Theme: screen.theme, Location: o.Location, Now: o.Now(), Width: screen.width(),
		Views: views, Labels: inspect.Labels(o.Scenario, o.App, shown),
	})
	return f, nil
}

// written returns the aliases of the topics that declared topologies write.
func written(s *scenario.Scenario) (aliases []string) {
	for _, t := range s.Topologies {
		for _, e := range t.Emit {
			if !slices.Contains(aliases, e.To) {
				aliases = append(aliases, e.To)
			}
		}
	}
	return aliases
}

func (f *feed) run(ctx context.Context) error {
	client, err := kafka.Connect(ctx, f.options.Kafka)
	if err != nil {
		return err
	}
	defer client.Close()
	cluster := fetch.NewCluster(client, true)
	topics, err := cluster.Topics(ctx, f.topics...)
	if err != nil {
		return err
	}
	var spans []fetch.Span
	for _, t := range topics {
		for _, p := range t.Partitions {
			spans = append(spans, fetch.Span{ID: fetch.ID{Topic: t.Name, Partition: p.Number}, To: fetch.Never})
		}
	}
	stream := cluster.Stream(ctx, spans, fetch.StreamOptions{Patience: fetch.Forever})
	decoder, decoded := fetch.NewDecoder(), decoded(f.options.Schemas)
	for event := range stream.Events() {
		var records []*fetch.Record
		for i := range event.Chunks {
			err := decoder.Each(&event.Chunks[i], func(r *fetch.Record) bool {
				decoded(r)
				records = append(records, r.Clone())
				return true
			})
			if err != nil {
				return err
			}
		}
		if len(records) == 0 {
			continue
		}
		f.byTime(records)
		f.last.Store(f.options.Now().UnixNano())
		if err := f.show(records); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return nil // the regular end
	}
	return stream.Err()
}

// decoded returns a function that decodes the key and the value of a record, if its topic
// has a format; those that can't be decoded stay as they are, for the audit to report.
func decoded(schemas *registry.Topics) func(*fetch.Record) {
	if schemas == nil {
		return func(*fetch.Record) {}
	}
	reader := schemas.Reader()
	return func(r *fetch.Record) { _ = reader.Decode(r, func() {}) }
}

// idle reports whether no record has arrived for a while.
func (f *feed) idle(now time.Time) bool {
	return now.UnixNano()-f.last.Load() > int64(quiet)
}

func (f *feed) show(records []*fetch.Record) error {
	var shown []*fetch.Record
	for _, r := range records {
		alias := f.alias[r.Topic]
		f.tally.add(alias, r)
		if alias != "updates" && alias != "rivals" && f.sample(alias, r) {
			shown = append(shown, r)
		}
	}
	f.pretty.Measure(shown)
	var lines []byte
	for _, r := range shown {
		lines = f.pretty.Append(lines, r)
	}
	return f.screen.Lines(lines, &f.tally)
}

// byTime sorts records by timestamp, causes before their effects.
func (f *feed) byTime(records []*fetch.Record) {
	slices.SortStableFunc(records, func(a, b *fetch.Record) int {
		return cmp.Or(cmp.Compare(a.Timestamp, b.Timestamp), cmp.Compare(f.rank[a.Topic], f.rank[b.Topic]))
	})
}

// sample reports whether to show a record: not all orders, and of a day that is played
// fast not all of any kind.
func (f *feed) sample(alias string, r *fetch.Record) bool {
	at, gap := r.Timestamp, orderGap
	if f.options.All {
		at, gap = f.options.Now().UnixMilli(), dayGap
	} else if alias != "orders" {
		return true
	}
	if at-f.lastShown[alias] < gap.Milliseconds() {
		return false
	}
	f.lastShown[alias] = at
	return true
}

// Tally counts the contents of the topics.
type Tally struct {
	Records  map[string]int64 // by alias
	Urgent   int64            // reorders
	Scores   []Score          // of fraud, by kind
	Products []Product        // in order of appearance
}

// Product is the tally of one product.
type Product struct {
	ID, Name                         string
	Stock, Peak, Reorder, Critical   int64
	Ordered, Filled, Unmet, Received int64
}

// add counts a record. The audit reports invalid ones.
func (t *Tally) add(alias string, r *fetch.Record) {
	if t.Records == nil {
		t.Records = map[string]int64{}
	}
	t.Records[alias]++
	switch alias {
	case "reorders":
		var reorder event.Reorder
		if event.ParseReorder(r.Value, &reorder) == nil && reorder.Priority == event.PriorityUrgent {
			t.Urgent++
		}
	case "fraud-scores":
		t.score(r.Value)
	case "updates":
		var u event.Update
		if event.ParseUpdate(r.Value, &u) == nil {
			t.update(&u)
		}
	}
}

func (t *Tally) update(u *event.Update) {
	p := t.product(u.ProductID)
	p.Name, p.Stock, p.Reorder, p.Critical = u.ProductName, u.CurrentStock, u.ReorderThreshold, u.CriticalThreshold
	p.Peak = max(p.Peak, u.CurrentStock)
	switch {
	case u.Delta < 0 || u.UnmetQuantity > 0:
		p.Filled -= u.Delta
		p.Unmet += u.UnmetQuantity
		p.Ordered = p.Filled + p.Unmet
	case u.Seq > 1:
		p.Received += u.Delta
	}
}

func (t *Tally) product(id string) *Product {
	i := slices.IndexFunc(t.Products, func(p Product) bool { return p.ID == id })
	if i < 0 {
		i = len(t.Products)
		t.Products = append(t.Products, Product{ID: id})
	}
	return &t.Products[i]
}
