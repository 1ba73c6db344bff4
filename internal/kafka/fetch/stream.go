package fetch

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"inv/internal/kafka/acl"
)

// Never is the To of a partition that is followed forever.
const Never int64 = -1

// Span is a range of offsets in one partition.
type Span struct {
	ID
	From int64
	To   int64 // exclusive; Never follows
	// TopicID is the topic's ID when From was looked up, so that a recreated
	// topic is detected; zero if that does not matter.
	TopicID [16]byte
}

// Forever is the Patience of a stream that waits for the brokers without end.
const Forever time.Duration = -1

// Defaults of StreamOptions.
const (
	defaultMaxBytes       = 2 << 20
	defaultPartitionBytes = 512 << 10
	defaultWait           = 500 * time.Millisecond
	defaultPatience       = 30 * time.Second
)

// StreamOptions tune a stream. The zero value reads in small responses, so that
// memory depends neither on the number of partitions nor on how well the
// records are compressed.
type StreamOptions struct {
	// MaxBytes and PartitionBytes bound one response, except for a single larger
	// batch; 0: 2 MiB and 512 KiB. A stream holds at most three responses of each
	// broker.
	MaxBytes, PartitionBytes int32
	// Wait is how long a broker may hold a request while there is nothing new;
	// 0: 500ms.
	Wait time.Duration
	// Patience is how long the brokers may be away before the stream fails;
	// 0: 30s.
	Patience time.Duration
	// Complete fails the stream rather than leave a record out: a batch that can't
	// be read, a topic that is missing or was recreated, and an error that no retry
	// cures end it, and below a span's end it waits for open transactions.
	Complete bool
	// Follow keeps the stream open when no partition is left, for Add.
	Follow bool
	// SkipDenied goes on without partitions that the user is not authorized to read,
	// instead of failing: an event reports each. A span with an end is over then; one
	// that is followed is tried again every 2 s, and continues where it stopped.
	SkipDenied bool
	// Known are topics as they have just been described, by name: the stream
	// begins with their leaders, without asking again.
	Known map[string]*Topic
}

func (o StreamOptions) withDefaults() StreamOptions {
	o.MaxBytes = cmp.Or(o.MaxBytes, defaultMaxBytes)
	o.PartitionBytes = cmp.Or(o.PartitionBytes, defaultPartitionBytes)
	o.Wait = cmp.Or(o.Wait, defaultWait)
	o.Patience = cmp.Or(o.Patience, defaultPatience)
	return o
}

// Event is what a stream delivers: the chunks of one response, a notice for the user,
// or a partition that can't be read.
type Event struct {
	Chunks []Chunk
	Notice string
	Denied *Denied // with SkipDenied; once until chunks of the partition come again
}

// Denied is a partition that the user is not authorized to read.
type Denied struct {
	ID
	Err error // an [acl.DeniedError]
}

// Stream reads partitions to their ends, across leader changes, broker restarts,
// and topics that are deleted and recreated.
type Stream struct {
	cluster *Cluster
	options StreamOptions
	events  chan Event
	added   chan []Span
	reports chan report
	workers map[int32]*worker
	dropped sync.Map  // by ID: partitions that are not read further
	denied  []*cursor // of the manager: those to try again with SkipDenied
	outage  bool      // brokers do not answer, and a notice was sent
	err     error
}

// cursor is a stream's position in one partition. It is owned by either the
// manager or one worker, who may change it.
type cursor struct {
	Span
	next     int64 // the offset to fetch next
	epoch    int32
	leader   int32     // the broker that it was last read from; -1: none yet
	empties  int       // consecutive responses without data though To is not reached
	homeless bool      // looking for its leader after an error
	denied   bool      // its refusal was reported
	missing  time.Time // when its topic was first found missing; zero: it exists
}

func (c *cursor) done() bool { return c.To >= 0 && c.next >= c.To }

// report returns a cursor from a worker: it is done (err nil), or the worker
// can't continue with it.
type report struct {
	cursor    *cursor
	err       error
	away      bool // the broker could not be reached
	recovered bool // no cursor: the broker answers again after an outage
}

// Stream starts reading. The events must be received until the channel is
// closed or ctx is done.
func (c *Cluster) Stream(ctx context.Context, spans []Span, options StreamOptions) *Stream {
	s := &Stream{
		cluster: c,
		options: options.withDefaults(),
		events:  make(chan Event),
		added:   make(chan []Span),
		reports: make(chan report),
		workers: map[int32]*worker{},
	}
	go s.manage(ctx, spans)
	return s
}

// Events is closed when every partition has reached its end, when ctx is done, or
// when the stream failed, see Err.
func (s *Stream) Events() <-chan Event { return s.events }

// Err is nil unless the stream failed. It is valid once Events is closed.
func (s *Stream) Err() error { return s.err }

// Add reads further partitions in the same stream.
func (s *Stream) Add(ctx context.Context, spans []Span) {
	select {
	case s.added <- spans:
	case <-ctx.Done():
	}
}

// Drop stops reading a partition. Chunks that were already fetched are still
// delivered.
func (s *Stream) Drop(id ID) { s.dropped.Store(id, true) }

// over reports whether a partition is to be read no further.
func (s *Stream) over(c *cursor) bool {
	_, dropped := s.dropped.Load(c.ID)
	return dropped || c.done()
}

const (
	firstPause  = 50 * time.Millisecond
	longPause   = time.Second
	deniedPause = 2 * time.Second // before a partition that was refused is tried again
)

// manage owns the cursors that no worker has. It gives each to the worker of
// its partition's leader and takes it back when that worker can't go on.
func (s *Stream) manage(parent context.Context, spans []Span) {
	ctx, cancel := context.WithCancel(parent)
	defer s.finish(ctx, cancel)
	homeless := s.begin(nil, spans)
	live := len(homeless)
	away, pause := time.Time{}, firstPause
	denied := time.NewTicker(deniedPause)
	defer denied.Stop()
	for retry := time.After(0); live > 0 || s.options.Follow; {
		select {
		case <-ctx.Done():
			return
		case more := <-s.added:
			homeless = s.begin(homeless, more)
			live += len(more)
			retry = time.After(0)
		case <-denied.C:
			if len(s.denied) > 0 {
				homeless, s.denied = append(homeless, s.denied...), nil
				retry = time.After(0)
			}
		case r := <-s.reports:
			again, over := s.returned(ctx, r)
			live -= over
			switch {
			case s.err != nil:
				return
			case !again:
				continue
			}
			// Not at once: the broker's other cursors are returned too, and
			// recovery takes a moment.
			if len(homeless) == 0 {
				retry = time.After(firstPause)
			}
			homeless = append(homeless, r.cursor)
		case <-retry:
			if len(homeless) == 0 {
				continue
			}
			var ended int
			var err error
			homeless, ended, err = s.assign(ctx, homeless)
			if live -= ended; err != nil {
				s.say(ctx, true, err)
			}
			if s.err == nil && (s.options.Complete && fatal(err) || acl.Denied(err)) {
				s.err = err
			}
			switch {
			case s.err != nil:
				return
			case len(homeless) == 0:
				away, pause = time.Time{}, firstPause
				continue
			case away.IsZero():
				away = time.Now()
			case s.options.Patience > 0 && time.Since(away) > s.options.Patience:
				s.err = fmt.Errorf("gave up after %v: %w", s.options.Patience, orNoLeader(err, homeless[0]))
				return
			}
			retry = time.After(pause)
			pause = min(2*pause, longPause)
		}
	}
}

// returned handles a worker's report. It reports whether its cursor is to be assigned
// again, and how many are over.
func (s *Stream) returned(ctx context.Context, r report) (again bool, over int) {
	switch {
	case r.recovered:
		s.say(ctx, false, nil)
		return false, 0
	case r.err == nil:
		return false, 1
	case s.options.SkipDenied && acl.Denied(r.err):
		return false, s.refuse(ctx, r.cursor, acl.Check(r.err, acl.Read, acl.Topic(r.cursor.Topic)))
	case r.away:
		s.say(ctx, true, r.err)
	}
	s.err = s.lost(ctx, r)
	return s.err == nil, 0
}

// say sends one notice when brokers stop answering, and one when they answer again.
func (s *Stream) say(ctx context.Context, outage bool, err error) {
	if outage == s.outage || ctx.Err() != nil {
		return
	}
	s.outage = outage
	text := "connected again"
	if outage {
		text = fmt.Sprintf("lost the connection (%v); trying again", err)
	}
	s.send(ctx, Event{Notice: text})
}

func orNoLeader(err error, c *cursor) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("%s/%d has no leader", c.Topic, c.Partition)
}

// finish waits for the workers, so that nobody sends on a closed channel.
func (s *Stream) finish(ctx context.Context, cancel context.CancelFunc) {
	cancel()
	for _, w := range s.workers {
		<-w.ended
	}
	close(s.events)
}

func (s *Stream) begin(cursors []*cursor, spans []Span) []*cursor {
	for _, span := range spans {
		cursors = append(cursors, &cursor{Span: span, next: span.From, leader: -1})
	}
	return cursors
}

// assign gives each cursor to its leader's worker. It returns those without a
// leader, and how many ended because their topic is gone.
func (s *Stream) assign(ctx context.Context, cursors []*cursor) (homeless []*cursor, ended int, err error) {
	topics, denied, err := s.describe(ctx, cursors)
	if err != nil {
		return cursors, 0, err
	}
	told := map[string]bool{}
	byLeader := map[int32][]*cursor{}
	var moved []string
	for _, c := range cursors {
		if err := denied[c.Topic]; err != nil && !s.over(c) {
			ended += s.refuse(ctx, c, err)
			continue
		}
		if s.over(c) || !s.settle(ctx, c, topics[c.Topic], told) {
			ended++
			continue
		}
		if s.err != nil {
			return nil, ended, nil
		}
		leader := leaderOf(topics[c.Topic], c)
		if leader < 0 {
			homeless = append(homeless, c)
			continue
		}
		if c.leader >= 0 && c.leader != leader {
			moved = append(moved, fmt.Sprintf("%s p%d to broker %d", c.Topic, c.Partition, leader))
		}
		c.leader = leader
		byLeader[leader] = append(byLeader[leader], c)
	}
	if len(moved) > 0 {
		s.send(ctx, Event{Notice: "leaders have moved: " + few(moved)})
	}
	for leader, cs := range byLeader {
		s.worker(ctx, leader).hand(ctx, handover{cs, s.outage})
	}
	return homeless, ended, nil
}

// describe looks up the cursors' topics; the first time, those in Known are used.
// Those that may not be described are apart with SkipDenied, else an error.
func (s *Stream) describe(ctx context.Context, cursors []*cursor) (topics map[string]*Topic, denied map[string]error, err error) {
	var names []string
	seen, all := map[string]bool{}, true
	for _, c := range cursors {
		if !seen[c.Topic] {
			seen[c.Topic] = true
			names = append(names, c.Topic)
			all = all && s.options.Known[c.Topic] != nil
		}
	}
	known := s.options.Known
	if s.options.Known = nil; all {
		return known, nil, nil
	}
	asking, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if s.options.SkipDenied {
		return s.cluster.Permitted(asking, names...)
	}
	topics, err = s.cluster.Topics(asking, names...)
	return topics, nil, err
}

// few joins texts; of many, the first few and the number of the others.
func few(texts []string) string {
	const most = 6
	if len(texts) <= most {
		return strings.Join(texts, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(texts[:most], ", "), len(texts)-most)
}

func leaderOf(t *Topic, c *cursor) int32 {
	if t == nil {
		return -1
	}
	for _, p := range t.Partitions {
		if p.Number == c.Partition {
			c.epoch = p.epoch
			return p.Leader
		}
	}
	return -1
}

func (s *Stream) send(ctx context.Context, e Event) bool {
	select {
	case s.events <- e:
		return true
	case <-ctx.Done():
		return false
	}
}
