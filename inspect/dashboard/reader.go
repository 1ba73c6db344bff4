package dashboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"inv/inspect"
	"inv/internal/kafka"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Topics are the names of the topics that the dashboard shows. An empty name is
// left out.
type Topics struct {
	Catalog, Orders, Updates, Reorders, Alerts, Receipts string
	DeadLetters                                          []string
	Outputs                                              []Output // of declared topologies
	// Optional are those of these that may never be needed: that one can't be read, for
	// lack of a permission, is then not mentioned.
	Optional []string
}

func (t Topics) sources() map[string]Source {
	all := map[string]Source{
		t.Catalog: Catalog, t.Updates: Updates, t.Reorders: Reorders, t.Alerts: Alerts, t.Receipts: Receipts,
	}
	for _, name := range t.DeadLetters {
		all[name] = DeadLetters
	}
	for _, o := range t.Outputs {
		if _, known := all[o.Topic]; !known {
			all[o.Topic] = Outputs
		}
	}
	delete(all, "")
	return all
}

const (
	statusEvery = time.Second
	clusterLook = 2 * time.Second // between looks at topics and lag
	quietLimit  = 3 * time.Second // without a response until the data counts as stale
	goneLooks   = 3               // looks without a topic until it counts as deleted

	longestPause = 30 * time.Second // between sessions that fail in the same way
)

// errTopicsChanged ends a session of which a topic was deleted or recreated.
var errTopicsChanged = errors.New("deleted or recreated; starting over")

// reader fills a hub from the topics.
type reader struct {
	client   *kgo.Client // for existing records
	follower *kgo.Client // for new records
	hub      *Hub
	topics   Topics
	groups   []Group
	schemas  func() inspect.SchemaDecoder // nil: records need no decoder
	clock    func() time.Time
	log      func(string)
	told     map[string]bool // missing permissions that were logged
	reasons  inspect.Reasons // why records could not be decoded
}

// run reads until ctx is done. After an error, which is shown, it starts over: the page
// stays up and reports that what it has is stale until the next session has begun. An
// error that repeats is logged once, and what it is about tried less and less often.
func (r *reader) run(ctx context.Context) {
	last, pause := "", statusEvery
	for began := false; ctx.Err() == nil; {
		s := newSession(r)
		s.again = began
		err := s.run(ctx)
		if ctx.Err() != nil {
			return
		}
		var permitted *permittedError
		if errors.Is(err, errTopicsChanged) || errors.As(err, &permitted) {
			last = ""
		} else {
			r.hub.Update(func(m *Model) { m.troubled(clip(err.Error())) })
		}
		pause = min(2*pause, longestPause)
		if err.Error() != last || s.begun {
			last, pause = err.Error(), statusEvery
			r.log(last)
		}
		began = began || s.begun
		if kafka.Pause(ctx, pause) != nil {
			return
		}
	}
}

// session is one reading of the topics, from loading on.
type session struct {
	*reader
	cluster *fetch.Cluster
	sources map[string]Source
	decoder *fetch.Decoder
	values  *values
	stream  *fetch.Stream
	others  sync.WaitGroup // goroutines other than the session's own

	known map[string]*fetch.Topic // the topics that are read
	gone  map[string]int          // looks since a known topic last existed
	again bool                    // the model holds the data of an earlier session
	begun bool                    // the model holds this session's

	refused    refusals
	deniedLags []Denied
	loads      atomic.Int32 // loadings of older records that are going on
	loaded     chan error   // their results
	progress   chan loading
	parts      map[fetch.ID]*part
	lags       *kafka.LagCounter

	status  Status
	notice  string               // the stream's last
	away    atomic.Pointer[away] // why the schema registry is waited for; nil: it is not
	updates int64                // live ones since the last report
}

// part is the progress of reading a partition live.
type part struct {
	heard  time.Time
	behind int64
}

func newSession(r *reader) *session {
	return &session{
		values: newValues(r.schemas),
		reader: r, cluster: fetch.NewCluster(r.client, true), sources: r.topics.sources(), decoder: fetch.NewDecoder(),
		loaded: make(chan error, 1), progress: make(chan loading, 1),
		known: map[string]*fetch.Topic{}, gone: map[string]int{}, parts: map[fetch.ID]*part{},
		lags: kafka.NewLagCounter(r.client, math.MaxInt64, countBelow), status: Status{Loading: LoadingStock},
	}
}

func (s *session) now() int64 { return s.clock().UnixMilli() }

func (s *session) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer s.others.Wait() // so that they fold nothing into the next model
	defer cancel()
	topics, err := s.readable(ctx)
	if err != nil {
		return err
	}
	before, err := s.spans(ctx, topics)
	if err != nil {
		return err
	}
	if s.again {
		s.hub.Restart()
	}
	s.begun = true
	s.missing(topics)
	s.show()
	l := newLoader(s)
	if err := l.numbers(ctx, before); err != nil {
		return err
	}
	s.status.Loading = LoadingReorders
	s.updateAsOf()
	s.known = topics
	after := s.follow(before, func(sp fetch.Span) int64 { return sp.To })
	s.show()
	options := streamOptions()
	options.Follow, options.SkipDenied = true, true
	s.stream = fetch.NewCluster(s.follower, true).Stream(ctx, after, options)
	return s.live(ctx, l, before)
}

// readable returns the topics that exist and can be read, and takes note of those that
// can't be.
func (s *session) readable(ctx context.Context) (map[string]*fetch.Topic, error) {
	topics, denied, err := s.cluster.Permitted(ctx, slices.Sorted(maps.Keys(s.sources))...)
	if err != nil {
		return nil, err
	}
	unreadable, err := s.cluster.Unreadable(ctx, slices.Collect(maps.Values(topics)))
	if err != nil {
		return nil, err
	}
	maps.Copy(denied, unreadable)
	for name, err := range denied {
		delete(topics, name)
		s.refused.add(name, nil, err, unread, 0)
	}
	return topics, nil
}

// spans returns the current offsets of the partitions of topics, in order.
func (s *session) spans(ctx context.Context, topics map[string]*fetch.Topic) ([]fetch.Span, error) {
	starts, ends, err := s.cluster.Edges(ctx, slices.Collect(maps.Values(topics)))
	if err != nil {
		return nil, err
	}
	spans := make([]fetch.Span, 0, len(ends))
	for id, end := range ends {
		spans = append(spans, fetch.Span{ID: id, From: min(starts[id], end), To: end})
	}
	slices.SortFunc(spans, func(a, b fetch.Span) int { return a.Compare(b.ID) })
	return spans, nil
}

// follow adds the partitions of spans that are new and returns the spans to follow
// them from an offset on.
func (s *session) follow(spans []fetch.Span, from func(fetch.Span) int64) (follow []fetch.Span) {
	for _, sp := range spans {
		if s.parts[sp.ID] == nil {
			s.parts[sp.ID] = &part{heard: s.clock()}
			follow = append(follow, fetch.Span{ID: sp.ID, From: from(sp), To: fetch.Never})
		}
	}
	return follow
}

// loading is the progress of a stage of loading.
type loading struct {
	stage    string
	progress float64
}

// load loads the history in spans. Only one is loaded at a time.
func (s *session) load(ctx context.Context, l *loader, spans []fetch.Span, updates *fetch.Topic) {
	s.loads.Add(1)
	s.others.Go(func() {
		s.loaded <- l.history(ctx, spans, updates, func(stage string, p float64) {
			select {
			case s.progress <- loading{stage, p}:
			default:
			}
		})
	})
}

// live folds new records while older ones are loaded.
func (s *session) live(ctx context.Context, l *loader, before []fetch.Span) error {
	s.load(ctx, l, before, s.known[s.topics.Updates])
	looks := make(chan look, 1)
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	next := time.After(0)
	for {
		select {
		case e, open := <-s.stream.Events():
			if !open {
				return errors.Join(s.stream.Err(), context.Cause(ctx))
			}
			if err := s.apply(ctx, e); err != nil {
				return err
			}
		case err := <-s.loaded:
			if err != nil && ctx.Err() == nil {
				return fmt.Errorf("reading the last hour: %w", err)
			}
			s.loads.Add(-1)
			s.status.Loading, s.status.Progress = LoadingDone, 1
			s.show()
		case p := <-s.progress:
			if s.loads.Load() == 0 {
				continue // it is older than the end of loading
			}
			s.status.Loading, s.status.Progress = p.stage, p.progress
		case <-tick.C:
			s.report()
		case <-next:
			s.others.Go(func() { looks <- s.look(ctx) })
		case found := <-looks:
			if err := s.adopt(ctx, found); err != nil {
				return err
			}
			next = time.After(clusterLook)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// apply folds an event of the stream. The error is that ctx has ended.
func (s *session) apply(ctx context.Context, e fetch.Event) error {
	if e.Notice != "" {
		s.notice = e.Notice
		s.log(e.Notice)
	}
	if e.Denied != nil {
		s.refused.add(e.Denied.Topic, &e.Denied.ID, e.Denied.Err, followed, s.heardOf(e.Denied.Topic))
		s.show()
	}
	now := s.clock()
	for i := range e.Chunks {
		c := &e.Chunks[i]
		if p := s.parts[c.ID()]; p != nil {
			p.heard, p.behind = now, max(c.LastStable-c.Next, 0)
			s.refused.heard(c.ID())
		}
		if len(c.Batches) == 0 {
			continue
		}
		fold := func(m *Model, r *fetch.Record) {
			one := Record{s.sources[r.Topic], r}
			if one.Source == Updates {
				s.updates++
			}
			m.Apply(&one, now.UnixMilli())
		}
		if err := s.fold(ctx, c, fold); err != nil {
			return err
		}
	}
	return nil
}

// fold calls use with the records of a chunk while the model is locked. The error is that
// ctx has ended.
func (s *session) fold(ctx context.Context, c *fetch.Chunk, use func(*Model, *fetch.Record)) error {
	damaged := func(m *Model, err error) {
		if err != nil {
			m.malformed(&Record{s.sources[c.Topic], &fetch.Record{Topic: c.Topic, Partition: c.Partition, Offset: c.From}}, err)
		}
	}
	if s.values.needed(s.sources[c.Topic]) {
		return s.foldDecoded(ctx, c, use, damaged)
	}
	s.hub.Update(func(m *Model) {
		damaged(m, s.decoder.Each(c, func(r *fetch.Record) bool { use(m, r); return true }))
	})
	return nil
}

// report updates the status.
func (s *session) report() {
	const smooth = 0.4 // the weight of the last second
	s.status.Rate += smooth * (float64(s.updates)/statusEvery.Seconds() - s.status.Rate)
	if s.updates == 0 && s.status.Rate < 0.1 {
		s.status.Rate = 0
	}
	s.updates = 0
	s.updateAsOf()
	s.show()
}

// updateAsOf updates the status from when each partition was last heard from.
func (s *session) updateAsOf() {
	asOf := s.clock()
	s.status.Behind = 0
	for id, p := range s.parts {
		if _, refused := s.refused.has(id.Topic); refused {
			continue // it is stale by itself
		}
		if p.heard.Before(asOf) {
			asOf = p.heard
		}
		s.status.Behind += p.behind
	}
	s.status.AsOf = asOf.UnixMilli()
	s.status.Trouble = ""
	if s.clock().Sub(asOf) > quietLimit {
		s.status.Trouble = cmp.Or(clip(s.notice), "the brokers are not responding")
	}
}

func (s *session) show() {
	s.status.Denied = slices.DeleteFunc(append(s.refused.list(s.sources), s.deniedLags...), func(d Denied) bool {
		return slices.Contains(s.topics.Optional, d.Name)
	})
	s.complain(s.status.Denied)
	status := s.status
	if a := s.away.Load(); a != nil {
		status.Trouble, status.failures = a.why, a.tries
	}
	s.hub.Update(func(m *Model) { m.SetStatus(status) })
}
