package dashboard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Topics are the names on the brokers of the topics that the dashboard shows.
// An empty name is left out.
type Topics struct {
	Catalog, Orders, Updates, Reorders, Alerts, Receipts string
	DeadLetters                                          []string
}

func (t Topics) sources() map[string]Source {
	all := map[string]Source{
		t.Catalog: Catalog, t.Updates: Updates, t.Reorders: Reorders, t.Alerts: Alerts, t.Receipts: Receipts,
	}
	for _, name := range t.DeadLetters {
		all[name] = DeadLetters
	}
	delete(all, "")
	return all
}

const (
	statusEvery = time.Second
	clusterLook = 2 * time.Second // between looks at topics and lag
	quietLimit  = 3 * time.Second // without an answer, what is shown is stale
	goneLooks   = 3               // looks without a topic until it counts as deleted
)

// errTopicsChanged ends a session whose topics are not the ones it began with.
var errTopicsChanged = errors.New("a topic was deleted or made again; starting over")

// reader fills a hub from the topics.
type reader struct {
	client   *kgo.Client // for what is there
	follower *kgo.Client // for what is to come
	hub      *Hub
	topics   Topics
	groups   []string
	clock    func() time.Time
	log      func(string)
}

// run reads until ctx is done. Errors are logged, shown, and retried: the page stays
// up and reports that it is stale.
func (r *reader) run(ctx context.Context) {
	for ctx.Err() == nil {
		s := newSession(r)
		err := s.run(ctx)
		if ctx.Err() != nil {
			return
		}
		r.log(err.Error())
		select {
		case <-time.After(statusEvery):
		case <-ctx.Done():
			return
		}
		r.hub.Restart()
		if !errors.Is(err, errTopicsChanged) {
			r.hub.Update(func(m *Model) { m.SetStatus(Status{Trouble: clip(err.Error())}) })
		}
	}
}

// session is one reading of the topics, from the backward scan on.
type session struct {
	*reader
	cluster *fetch.Cluster
	sources map[string]Source
	decoder *fetch.Decoder
	stream  *fetch.Stream
	others  sync.WaitGroup // goroutines beside the session's own

	known map[string]*fetch.Topic // the topics that are read
	gone  map[string]int          // looks since a known topic was last there
	parts map[fetch.ID]*part
	lags  *kafka.LagCounter

	status  Status
	notice  string // the last one of the stream
	updates int64  // live ones since the last status
}

// part is the progress of reading a partition live.
type part struct {
	heard  time.Time
	behind int64
}

func newSession(r *reader) *session {
	cluster := fetch.NewCluster(r.client, true)
	return &session{
		reader: r, cluster: cluster, sources: r.topics.sources(), decoder: fetch.NewDecoder(),
		known: map[string]*fetch.Topic{}, gone: map[string]int{}, parts: map[fetch.ID]*part{},
		lags: kafka.NewLagCounter(r.client, math.MaxInt64, countBelow), status: Status{Loading: LoadingStock},
	}
}

func (s *session) now() int64 { return s.clock().UnixMilli() }

func (s *session) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer s.others.Wait() // what they still fold must not get into the next model
	defer cancel()
	s.show()
	topics, err := s.cluster.Topics(ctx, slices.Sorted(maps.Keys(s.sources))...)
	if err != nil {
		return err
	}
	before, err := s.spans(ctx, topics)
	if err != nil {
		return err
	}
	s.missing(topics)
	l := &loader{cluster: s.cluster, hub: s.hub, sources: s.sources, now: s.now, log: s.log, decoder: fetch.NewDecoder()}
	if err := s.loadNumbers(ctx, l, before); err != nil {
		return err
	}
	s.status.Loading = LoadingCharts
	s.heardAll()
	var spans []fetch.Span
	for id, sp := range before {
		spans = append(spans, fetch.Span{ID: id, From: sp.to, To: fetch.Never})
		s.parts[id] = &part{heard: s.clock()}
	}
	s.known = topics
	s.show()
	follow := streamOptions()
	follow.Follow = true
	s.stream = fetch.NewCluster(s.follower, true).Stream(ctx, spans, follow)
	return s.live(ctx, l, before)
}

// spans returns the current offsets of the partitions of topics.
func (s *session) spans(ctx context.Context, topics map[string]*fetch.Topic) (map[fetch.ID]span, error) {
	start, end, err := s.cluster.Edges(ctx, slices.Collect(maps.Values(topics)))
	if err != nil {
		return nil, err
	}
	spans := make(map[fetch.ID]span, len(end))
	for id, to := range end {
		spans[id] = span{min(start[id], to), to}
	}
	return spans, nil
}

// of returns the spans of one source, at most the last most offsets of each.
func (s *session) of(spans map[fetch.ID]span, source Source, most int64) map[fetch.ID]span {
	some := map[fetch.ID]span{}
	for id, sp := range spans {
		if s.sources[id.Topic] == source {
			some[id] = span{max(sp.from, sp.to-most), sp.to}
		}
	}
	return some
}

const everything = int64(1) << 62

// loadNumbers reads the records that the current numbers need.
func (s *session) loadNumbers(ctx context.Context, l *loader, before map[fetch.ID]span) error {
	apply := func(m *Model, r *Record) { m.Apply(r, s.now()) }
	if err := l.forward(ctx, s.of(before, Catalog, everything), apply); err != nil {
		return err
	}
	if err := l.stock(ctx, s.of(before, Updates, everything)); err != nil {
		return err
	}
	return l.lastAlerts(ctx, s.of(before, Alerts, everything))
}

// past are the sources whose older records matter, too: a reorder may be open for
// long, and dead letters are counted.
var past = [...]Source{Reorders, Receipts, DeadLetters}

// loadRest fills in the rest: the newest of the past, the charts, then all of the
// past.
func (s *session) loadRest(ctx context.Context, l *loader, before map[fetch.ID]span, topic *fetch.Topic, tell func(stage string, progress float64)) error {
	rest := map[fetch.ID]span{}
	for _, source := range past {
		maps.Copy(rest, s.of(before, source, everything))
	}
	older, err := s.loadPast(ctx, l, rest)
	if err != nil {
		return err
	}
	updates := s.of(before, Updates, everything)
	from, err := s.hourAgo(ctx, topic)
	if err != nil {
		return err
	}
	earlier, updates := split(updates, from)
	if err := l.charts(ctx, updates, func(p float64) { tell(LoadingCharts, p) }); err != nil {
		return err
	}
	if err := l.undecided(ctx, earlier); err != nil {
		return err
	}
	for total, left := length(older), length(older); left > 0; left = length(older) {
		tell(LoadingPast, float64(total-left)/float64(total))
		if older, err = s.loadPast(ctx, l, older); err != nil {
			return err
		}
	}
	return nil
}

// loadPast reads the last pastRange offsets of each span and returns what is
// before them. Of a product it takes only the newest reorder and receipt, so
// what it keeps does not grow with the topics.
func (s *session) loadPast(ctx context.Context, l *loader, spans map[fetch.ID]span) (older map[fetch.ID]span, err error) {
	earlier := func(m *Model, r *Record) { m.Earlier(r, s.now()) }
	for _, source := range past {
		if err := l.forward(ctx, s.of(spans, source, pastRange), earlier); err != nil {
			return nil, err
		}
	}
	older = map[fetch.ID]span{}
	for id, sp := range spans {
		if sp.to-pastRange > sp.from {
			older[id] = span{sp.from, sp.to - pastRange}
		}
	}
	return older, nil
}

func length(spans map[fetch.ID]span) (n int64) {
	for _, sp := range spans {
		n += sp.to - sp.from
	}
	return n
}

// hourAgo looks up where the hour of the charts begins. If nothing is that
// young, it is the last hour of what there is.
func (s *session) hourAgo(ctx context.Context, topic *fetch.Topic) (map[fetch.ID]int64, error) {
	if topic == nil {
		return nil, nil
	}
	var newest int64
	s.hub.Look(func(m *Model, _ int64) { newest = m.NewestUpdate() })
	end := min(newest, s.now())
	if end > s.now()-hour {
		end = s.now()
	}
	return s.cluster.Offsets(ctx, []*fetch.Topic{topic}, fetch.At(max(end-hour, 0)))
}

// loading is the progress of a stage of loading.
type loading struct {
	stage    string
	progress float64
}

// live folds new records, while older ones are loaded.
func (s *session) live(ctx context.Context, l *loader, before map[fetch.ID]span) error {
	loaded := make(chan error, 1)
	progress := make(chan loading, 1)
	updates := s.known[s.topics.Updates]
	s.others.Go(func() {
		loaded <- s.loadRest(ctx, l, before, updates, func(stage string, p float64) {
			select {
			case progress <- loading{stage, p}:
			default:
			}
		})
	})
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
			s.apply(e)
		case err := <-loaded:
			if err != nil && ctx.Err() == nil {
				return fmt.Errorf("reading the last hour: %w", err)
			}
			s.status.Loading, s.status.Progress = LoadingDone, 1
			progress = nil // what is still in it is late
			s.show()
		case p := <-progress:
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

// apply folds an event of the stream.
func (s *session) apply(e fetch.Event) {
	if e.Notice != "" {
		s.notice = e.Notice
		s.log(e.Notice)
	}
	now := s.clock()
	for i := range e.Chunks {
		c := &e.Chunks[i]
		if p := s.parts[c.ID()]; p != nil {
			p.heard, p.behind = now, max(c.LastStable-c.Next, 0)
		}
		if len(c.Batches) == 0 {
			continue
		}
		s.hub.Update(func(m *Model) {
			err := s.decoder.Each(c, func(r *fetch.Record) bool {
				one := Record{s.sources[r.Topic], r}
				if one.Source == Updates {
					s.updates++
				}
				m.Apply(&one, now.UnixMilli())
				return true
			})
			if err != nil {
				m.malformed(&Record{s.sources[c.Topic], &fetch.Record{Topic: c.Topic, Partition: c.Partition, Offset: c.From}}, err)
			}
		})
	}
}

// report updates the status.
func (s *session) report() {
	const smooth = 0.4 // of the newest second
	s.status.Rate += smooth * (float64(s.updates)/statusEvery.Seconds() - s.status.Rate)
	if s.updates == 0 && s.status.Rate < 0.1 {
		s.status.Rate = 0
	}
	s.updates = 0
	s.heardAll()
	s.show()
}

// heardAll sets as of when all partitions are known.
func (s *session) heardAll() {
	asOf := s.clock()
	s.status.Behind = 0
	for _, p := range s.parts {
		if p.heard.Before(asOf) {
			asOf = p.heard
		}
		s.status.Behind += p.behind
	}
	s.status.AsOf = asOf.UnixMilli()
	s.status.Trouble = ""
	if s.clock().Sub(asOf) > quietLimit {
		s.status.Trouble = "the brokers do not answer"
		if s.notice != "" {
			s.status.Trouble = clip(s.notice)
		}
	}
}

func (s *session) show() {
	status := s.status
	s.hub.Update(func(m *Model) { m.SetStatus(status) })
}
