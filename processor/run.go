package processor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"inv/internal/kafka"
	"inv/processor/runtime"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// stopWithin bounds the last commit and leaving the groups, once Run's context
// has ended.
const stopWithin = 5 * time.Second

// maxPoll is how many records a stage takes from its buffer at once, and
// maxLogPoll how many of the log, of which each holds some thousand lines. Behind
// each, the stage looks whether it is time to commit.
const (
	maxPoll    = 2_000
	maxLogPoll = 4
)

// Run processes until ctx ends, or until the inputs are drained if cfg says so;
// both are no error. It creates the topics that are missing. Once ctx has ended
// it returns within 10 seconds whatever the broker does. The summary counts what
// was committed; with a Stats in cfg, it can be watched meanwhile.
func Run(ctx context.Context, cfg Config) (Summary, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return Summary{}, err
	}
	a, err := newApplication(ctx, cfg)
	if ctx.Err() != nil {
		return Summary{}, nil // stopped before it began
	}
	if err != nil {
		return Summary{}, err
	}
	err = a.run(ctx)
	return cfg.Stats.Summary(), err
}

// application is the stages of one Run.
type application struct {
	cfg      Config
	topics   topics
	counts   map[string]int // partitions
	ids      map[string]kadm.TopicID
	maxBatch map[string]int // bytes
	reader   *runtime.Reader
	workers  []*runtime.Worker
	follow   *catalogue // nil without ingest
}

func newApplication(ctx context.Context, cfg Config) (*application, error) {
	a := &application{cfg: cfg}
	var err error
	if a.topics, err = topicsOf(cfg.Scenario, cfg.AppID); err != nil {
		return nil, err
	}
	client, err := kafka.Connect(ctx, cfg.Kafka)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	if err := a.prepare(ctx, client); err != nil {
		return nil, err
	}
	if a.reader, err = runtime.NewReader(cfg.Kafka); err != nil {
		return nil, err
	}
	if err := a.begin(ctx, client); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

// begin makes the workers, unless something would make the numbers wrong.
func (a *application) begin(ctx context.Context, client *kgo.Client) error {
	if a.cfg.runs(Inventory) {
		if err := a.addInventory(); err != nil {
			return err
		}
	}
	if a.cfg.runs(Procurement) {
		a.addProcurement()
	}
	for _, w := range a.workers {
		if err := w.TakeOver(ctx); err != nil { // its sessions try that again, and fail if it lasts
			a.cfg.Log.Warn("the process before this one may hold back its offsets for a while", "stage", w.Name(), "because", err)
		}
	}
	return a.refuse(ctx, client)
}

func (a *application) close() {
	a.reader.Close()
	if a.follow != nil {
		a.follow.reader.Close() // not before the workers end: the last records may ask for the catalogue's end
	}
}

// prepare creates what is missing and learns what is there.
func (a *application) prepare(ctx context.Context, client *kgo.Client) error {
	s, app := a.cfg.Scenario, a.cfg.AppID
	specs := kafka.Specs(s, app)
	for i := range specs {
		if specs[i].Name == a.topics.procurementChangelog {
			specs = append(specs[:i], specs[i+1:]...) // laid out by the reorders, below
			break
		}
	}
	created, err := kafka.EnsureTopics(ctx, client, specs...)
	if err != nil {
		return err
	}
	var names []string
	for _, spec := range specs {
		names = append(names, spec.Name)
	}
	if a.counts, err = kafka.PartitionCounts(ctx, client, names...); err != nil {
		return err
	}
	if log, state := a.counts[a.topics.log], a.counts[a.topics.ledgerChangelog]; log != state {
		return fmt.Errorf("topic %s has %d partitions and %s has %d; they must have as many, so set both in the scenario, delete the topics, or use another --app-id",
			a.topics.log, log, a.topics.ledgerChangelog, state)
	}
	for _, spec := range kafka.Specs(s, app, "procurement-changelog") {
		spec.Partitions = a.counts[a.topics.reorders]
		more, err := kafka.EnsureTopics(ctx, client, spec)
		if err != nil {
			return err
		}
		created, names = append(created, more...), append(names, spec.Name)
	}
	if len(created) > 0 {
		a.cfg.Log.Info("created topics", "topics", created)
	}
	if err := a.learnIDs(ctx, client, names); err != nil {
		return err
	}
	return a.learnBatches(ctx, client, names)
}

// learnIDs asks for the topics' ids, by which one that is made anew is told from
// the one that had its name.
func (a *application) learnIDs(ctx context.Context, client *kgo.Client, names []string) error {
	details, err := kadm.NewClient(client).ListTopics(ctx, names...)
	if err == nil {
		err = details.Error()
	}
	if err != nil {
		return fmt.Errorf("asking for the topics' ids: %w", err)
	}
	a.ids = map[string]kadm.TopicID{}
	for name, d := range details {
		a.ids[name] = d.ID
	}
	return nil
}

// refuse looks for what would make the numbers wrong, before anything is read.
func (a *application) refuse(ctx context.Context, client *kgo.Client) error {
	if err := a.refuseMovedPositions(ctx, client); err != nil {
		return err
	}
	if !a.cfg.runs(Inventory) {
		return nil
	}
	if err := a.refuseOthersOutputs(ctx); err != nil {
		return err
	}
	return a.refuseForgottenInputs(ctx, client)
}

// batchDefault is franz-go's own largest record batch.
const batchDefault = 1_000_012

// learnBatches asks how large a record batch each topic takes.
func (a *application) learnBatches(ctx context.Context, client *kgo.Client, names []string) error {
	a.maxBatch = map[string]int{}
	configs, err := kadm.NewClient(client).DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return fmt.Errorf("asking for the topics' settings: %w", err)
	}
	for _, c := range configs {
		for _, v := range c.Configs {
			if n, err := strconv.Atoi(v.MaybeValue()); v.Key == "max.message.bytes" && err == nil {
				a.maxBatch[c.Name] = n
			}
		}
	}
	return nil
}

func (a *application) batch(topic string) int {
	n, ok := a.maxBatch[topic]
	if !ok {
		return batchDefault
	}
	if _, isDeadLetters := a.deadLetters()[topic]; isDeadLetters {
		return n
	}
	return min(n, batchDefault)
}

func (a *application) deadLetters() map[string]bool {
	names := map[string]bool{}
	for _, t := range []string{a.topics.catalog, a.topics.orders, a.topics.receipts, a.topics.reorders} {
		names[deadLetterTopic(t)] = true
	}
	return names
}

func (a *application) adminClient() (*kgo.Client, error) { return kafka.New(a.cfg.Kafka) }

func (a *application) limits() limits {
	return limits{maxValue: a.cfg.MaxValue, acceptTotals: a.cfg.AcceptTotals}
}

func (a *application) addInventory() (err error) {
	cfg, t := &a.cfg, &a.topics
	if a.follow, err = newCatalogue(cfg.Kafka, t.catalog, a.counts[t.catalog], a.limits()); err != nil {
		return err
	}
	kinds := map[string]inputKind{t.catalog: catalogInput, t.orders: orderInput, t.receipts: receiptInput}
	if cfg.Policy == PolicyReference {
		kinds[t.reorders] = reorderInput
	}
	flow := newFlow()
	a.add(ingestStage, flow.wait, &ingest{
		kinds: kinds, limits: a.limits(), catalogue: a.follow, reader: a.reader,
		prints: runtime.NewFingerprinter(), window: cfg.DedupeWindow, logs: a.counts[t.log],
		maxBatch: a.batch, stats: cfg.Stats, flow: flow,
	})
	a.add(ledgerStage, nil, &ledger{
		app: cfg.AppID, topics: *t, policy: cfg.policy(), reader: a.reader,
		exact: cfg.Guarantee == ExactlyOnce, partitions: a.counts[t.log], stats: cfg.Stats, flow: flow,
	})
	return nil
}

func (a *application) addProcurement() {
	cfg, t := &a.cfg, &a.topics
	a.add(procurementStage, nil, &procurement{
		app: cfg.AppID, topics: *t, lead: cfg.LeadTime, limits: a.limits(), reader: a.reader,
		exact: cfg.Guarantee == ExactlyOnce, partitions: a.counts[t.reorders],
		maxBatch: a.batch, stats: cfg.Stats,
	})
}

func (a *application) add(stage string, gate func(context.Context), logic runtime.Logic) {
	cfg := &a.cfg
	var at func(string)
	if cfg.At != nil {
		at = func(point string) { cfg.At(stage, point) }
	}
	var hooks func() []kgo.Hook
	if cfg.Hooks != nil {
		hooks = func() []kgo.Hook { return cfg.Hooks(stage) }
	}
	poll, first := maxPoll, ""
	switch stage {
	case ledgerStage:
		poll = maxLogPoll
	case ingestStage:
		first = a.topics.catalog // lines that come before their product wait in the ledger's state
	}
	a.workers = append(a.workers, runtime.NewWorker(runtime.Config{
		Name: stage, Kafka: cfg.Kafka, Group: cfg.group(stage),
		TransactionalID: cfg.AppID + "-" + stage + "-" + cfg.Instance, Stable: cfg.StableInstance,
		AtLeastOnce: cfg.Guarantee == AtLeastOnce,
		Sources:     a.sources(stage), First: first, Stamp: a.stamp(), Packed: a.topics.log,
		PackedHeaders: []kgo.RecordHeader{{Key: logFormatHeader, Value: []byte(logFormat)}},
		TopicIDs:      a.ids, Outputs: a.outputs(stage),
		BatchBytes: a.batch, CommitEvery: cfg.CommitEvery, MaxPoll: poll, Gate: gate, StopWithin: stopWithin,
		Log: cfg.Log, Now: cfg.Now, Observer: cfg.Stats.stage(stage), Hooks: hooks, At: at,
	}, logic))
}

// errDrained ends a Run that has nothing left to do.
var errDrained = errors.New("drained")

// run runs everything until ctx ends, the inputs are drained or something
// fails; the first failure is the result.
func (a *application) run(parent context.Context) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	var group sync.WaitGroup
	start := func(run func(context.Context) error) {
		group.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				cancel(err)
			}
		})
	}
	for _, w := range a.workers {
		start(w.Run)
	}
	if a.follow != nil {
		start(a.follow.follow)
	}
	start(a.watchTopics)
	if a.cfg.Drain {
		start(func(ctx context.Context) error {
			if err := a.drain(ctx); err != nil {
				return fmt.Errorf("waiting for the inputs to be drained: %w", err)
			}
			return errDrained
		})
	}
	done := make(chan struct{})
	go func() {
		group.Wait()
		a.close()
		close(done)
	}()
	select {
	case <-done:
	case <-after(ctx, stopWithin+3*time.Second):
		a.cfg.Log.Warn("the brokers did not let everything end in time")
	}
	if cause := context.Cause(ctx); parent.Err() == nil && !errors.Is(cause, errDrained) {
		return cause
	}
	return nil
}

// after is closed some time after ctx has ended.
func after(ctx context.Context, by time.Duration) <-chan struct{} {
	late := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(by, func() { close(late) }) })
	return late
}
