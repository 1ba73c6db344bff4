package processor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"inv/internal/kafka"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// stopWithin bounds the last commit and leaving the groups, once Run's context
// has ended.
const stopWithin = 5 * time.Second

// defaultMaxPoll is the default of Stage.MaxPoll.
const defaultMaxPoll = 2_000

// Run processes until ctx ends, or until the inputs are drained if cfg says so;
// both are no error. It creates the topics that are missing. Once ctx has ended
// it returns within 10 seconds whatever the broker does. The summary counts what
// was committed; with a Stats in cfg, it can be watched meanwhile.
func Run(ctx context.Context, cfg Config) (Summary, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return Summary{}, err
	}
	a, err := start(ctx, cfg)
	if ctx.Err() != nil {
		return Summary{}, nil // stopped before it began
	}
	if err != nil {
		return Summary{}, err
	}
	if err = a.run(ctx); err != nil {
		err = a.explainStartOver(ctx, err)
	}
	return cfg.Stats.Summary(), err
}

// outagePause is between two tries to start while the brokers are out of reach.
const outagePause = 500 * time.Millisecond

// start makes the application. Brokers that can't be reached at first are an error;
// those that have answered once and go away meanwhile are waited for, as they are by
// the workers.
func start(ctx context.Context, cfg Config) (*application, error) {
	client, err := kafka.Connect(ctx, cfg.Kafka)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	wakeCoordinators(ctx, cfg, client)
	for told := false; ; told = true {
		a, err := newApplication(ctx, cfg, client)
		if !kafka.Outage(err) {
			return a, err
		}
		if !told {
			cfg.Log.Warn("waiting for the brokers", "because", err)
		}
		if err := kafka.Pause(ctx, outagePause); err != nil {
			return nil, err
		}
	}
}

// wakeCoordinators asks for the coordinators of groups and transactions, and waits for no
// answer. A new cluster makes their topics when it is first asked, which takes it some
// hundred milliseconds each: so it makes both at once, beside the topics of the scenario.
// Errors are ignored: what needs a coordinator asks for it again.
func wakeCoordinators(ctx context.Context, cfg Config, client *kgo.Client) {
	all := stages(cfg.Topologies)
	if len(all) == 0 {
		return
	}
	group := Group(cfg.AppID, all[0].Name)
	wake := func(of int8, key string) {
		req := kmsg.NewPtrFindCoordinatorRequest()
		req.CoordinatorType, req.CoordinatorKey, req.CoordinatorKeys = of, key, []string{key}
		_, _ = req.RequestWith(ctx, client)
	}
	go wake(groupCoordinator, group)
	if cfg.exact() {
		go wake(transactionCoordinator, transactionalID(cfg, all[0]))
	}
}

// Types of coordinators in requests for one.
const (
	groupCoordinator       = 0
	transactionCoordinator = 1
)

// transactionalID returns that of this process's worker of a stage.
func transactionalID(cfg Config, s *Stage) string {
	return Group(cfg.AppID, s.Name) + "-" + cfg.Instance
}

// application is the stages of one Run.
type application struct {
	cfg        Config
	stages     []*Stage
	topologies map[*Stage]*Topology
	layout     *layout
	reader     *stage.Reader
	workers    []*stage.Worker
	background []Background
	growers    []Grower
}

func newApplication(ctx context.Context, cfg Config, client *kgo.Client) (*application, error) {
	a := &application{cfg: cfg, stages: stages(cfg.Topologies), topologies: map[*Stage]*Topology{}}
	for i := range cfg.Topologies {
		t := &cfg.Topologies[i]
		for j := range t.Stages {
			a.topologies[&t.Stages[j]] = t
		}
	}
	var err error
	if a.layout, err = newLayout(cfg); err != nil {
		return nil, err
	}
	created, err := a.layout.create(ctx, client, cfg.Scenario, cfg.AppID, a.stages)
	if err != nil {
		return nil, a.explainStartOver(ctx, err)
	}
	if len(created) > 0 {
		cfg.Log.Info("created topics", "topics", created)
	}
	if a.reader, err = stage.NewReader(cfg.Kafka); err != nil {
		return nil, err
	}
	if err := a.begin(ctx, client); err != nil {
		a.close()
		return nil, a.explainStartOver(ctx, err)
	}
	return a, nil
}

// begin makes the workers, unless something would make the numbers wrong.
func (a *application) begin(ctx context.Context, client *kgo.Client) error {
	flows := map[string]*Flow{} // by log
	for _, stage := range a.stages {
		if stage.Log != "" {
			flows[stage.Log] = newFlow()
		}
	}
	for _, stage := range a.stages {
		if err := a.add(stage, flows); err != nil {
			return err
		}
	}
	for _, w := range a.workers {
		if err := w.TakeOver(ctx); err != nil { // its sessions try again, and fail if it lasts
			a.cfg.Log.Warn("offsets of the previous process may be held back for a while", "stage", w.Name(), "error", err)
		}
	}
	return a.refuse(ctx, client)
}

// add makes a stage's worker.
func (a *application) add(s *Stage, flows map[string]*Flow) error {
	cfg := &a.cfg
	env := Env{App: cfg.AppID, Kafka: cfg.Kafka, Reader: a.reader, Exact: cfg.exact(), Stats: cfg.Stats, Now: cfg.Now, Logger: cfg.Log, Schemas: cfg.Schemas, stage: s, shape: func(p position) error { return a.compareShape(s, p) }, group: Group(cfg.AppID, s.Name), state: s.State, grows: s.Grows, skips: a.skips(s.State), layout: a.layout}
	var gate func(context.Context)
	if s.Log != "" {
		env.Flow = flows[s.Log]
		gate = env.Flow.wait
	} else if f := flows[s.Reads[0]]; f != nil {
		env.Flow = f
	}
	logic, err := s.New(env)
	if err != nil {
		return fmt.Errorf("stage %s: %w", s.Name, err)
	}
	if b, ok := logic.(Background); ok {
		a.background = append(a.background, b)
	}
	if g, ok := logic.(Grower); ok {
		a.growers = append(a.growers, g)
	}
	var at func(string)
	if cfg.At != nil {
		at = func(point string) { cfg.At(s.Name, point) }
	}
	maxPoll := s.MaxPoll
	setDefault(&maxPoll, defaultMaxPoll)
	a.workers = append(a.workers, stage.NewWorker(stage.Config{
		Name: s.Name, Kafka: cfg.Kafka, Group: Group(cfg.AppID, s.Name),
		TransactionalID: transactionalID(*cfg, s), Stable: cfg.StableInstance,
		AtLeastOnce: !cfg.exact(),
		Sources:     a.layout.topics(s.Reads), First: a.layout.names[s.First], Stamp: a.stamp(s),
		TopicIDs: a.layout.ids, Outputs: a.layout.topics(s.outputs()),
		BatchBytes: a.layout.maxBatch, CommitEvery: cfg.CommitEvery, MaxPoll: maxPoll, Gate: gate, StopWithin: stopWithin,
		Log: cfg.Log, Now: cfg.Now, Observer: cfg.Stats.stage(s.Name), Hooks: hooksOf(cfg.Hooks, s.Name), At: at,
	}, logic))
	return nil
}

// hooksOf returns Config.Hooks for one stage.
func hooksOf(hooks func(string) []kgo.Hook, stage string) func() []kgo.Hook {
	if hooks == nil {
		return nil
	}
	return func() []kgo.Hook { return hooks(stage) }
}

// refuse looks for what would make the numbers wrong, before anything is read.
func (a *application) refuse(ctx context.Context, client *kgo.Client) error {
	if err := a.refuseMovedPositions(ctx, client); err != nil {
		return err
	}
	if err := a.refuseLostRecords(ctx, client); err != nil {
		return err
	}
	for _, stage := range a.stages {
		if err := a.refuseLostState(ctx, client, stage); err != nil {
			return err
		}
		if err := a.refuseOthersOutputs(ctx, stage); err != nil {
			return err
		}
		if err := a.refuseForgottenInputs(ctx, client, stage); err != nil {
			return err
		}
	}
	return nil
}

func (a *application) close() {
	a.reader.Close()
	for _, b := range a.background { // not before the workers end: their last records may need it
		b.Close()
	}
}

// errDrained ends a Run that has nothing left to do.
var errDrained = errors.New("drained")

// run runs everything until ctx ends, the inputs are drained or something
// fails; the first failure is the result.
func (a *application) run(parent context.Context) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	deciding, stopDeciding := context.WithCancel(ctx)
	defer stopDeciding()
	var group, deciders sync.WaitGroup
	start := func(run func(context.Context) error) {
		group.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				cancel(err)
			}
		})
	}
	for i, w := range a.workers {
		if a.stages[i].Log == "" {
			start(w.Run)
			continue
		}
		deciders.Add(1)
		start(func(context.Context) error {
			defer deciders.Done()
			return w.Run(deciding)
		})
	}
	for _, b := range a.background {
		start(b.Run)
	}
	start(a.watchTopics)
	if a.cfg.Drain {
		start(func(ctx context.Context) error {
			err := a.drain(ctx)
			if err == nil {
				stopDeciding()
				deciders.Wait()
				err = a.finish(ctx)
			}
			if err != nil {
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

// after returns a channel that is closed some time after ctx has ended.
func after(ctx context.Context, by time.Duration) <-chan struct{} {
	late := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(by, func() { close(late) }) })
	return late
}
