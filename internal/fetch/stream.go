package fetch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Never is the Stop of a partition that is followed for ever.
const Never int64 = -1

// Position is where a stream begins in a partition, and the offset before which
// it ends there.
type Position struct {
	ID
	Offset int64
	Stop   int64 // exclusive; Never follows
	// TopicID is the topic's when Offset was learnt, so that one of that name
	// that was made since is known for another; zero if that does not matter.
	TopicID [16]byte
}

// StreamOptions tune a stream.
type StreamOptions struct {
	// MaxBytes and PartitionBytes bound one response, but for a single larger
	// batch. A stream holds at most three responses of each broker.
	MaxBytes, PartitionBytes int32
	// Wait is how long a broker may hold a request while there is nothing new.
	Wait time.Duration
	// Patience is how long the brokers may be away before the stream fails;
	// 0: for ever.
	Patience time.Duration
	// Follow keeps the stream open when no partition is left, for Add.
	Follow bool
	// Known are topics as they have just been described, by name: the stream
	// begins with their leaders, without asking again.
	Known map[string]*Topic
}

// Event is news of a stream: chunks of one response, or something worth telling.
type Event struct {
	Chunks []Chunk
	Notice string
}

// Stream reads partitions until their stops, over leader moves, broker
// restarts, and topics that are deleted and made again.
type Stream struct {
	cluster *Cluster
	options StreamOptions
	events  chan Event
	added   chan []Position
	reports chan report
	workers map[int32]*worker
	dropped sync.Map // of ID: partitions that are done with, though not at their stop
	outage  bool     // brokers do not answer, and that has been said
	err     error
}

// cursor is how far a stream has come in one partition. The manager and one
// worker hand it to each other; whoever has it may change it.
type cursor struct {
	Position
	epoch    int32
	leader   int32 // the broker that it was last read from; -1: none yet
	empties  int   // answers in a row without any data though Stop is not reached
	homeless bool  // looking for its leader after an error
}

func (c *cursor) done() bool { return c.Stop >= 0 && c.Offset >= c.Stop }

// report is what a worker gives back: a cursor that is done (err nil) or that
// it can't go on with.
type report struct {
	cursor    *cursor
	err       error
	away      bool // the broker could not be asked at all
	recovered bool // no cursor: after an outage it answers again
}

// Stream starts reading. The events must be received until the channel is
// closed or ctx is done.
func (c *Cluster) Stream(ctx context.Context, positions []Position, options StreamOptions) *Stream {
	s := &Stream{
		cluster: c,
		options: options,
		events:  make(chan Event),
		added:   make(chan []Position),
		reports: make(chan report),
		workers: map[int32]*worker{},
	}
	go s.manage(ctx, positions)
	return s
}

// Events is closed when every partition has reached its stop, when ctx is done,
// or when the stream failed: then Err says why.
func (s *Stream) Events() <-chan Event { return s.events }

// Err is nil unless the stream failed. It is valid once Events is closed.
func (s *Stream) Err() error { return s.err }

// Add reads further partitions in the same stream.
func (s *Stream) Add(ctx context.Context, positions []Position) {
	select {
	case s.added <- positions:
	case <-ctx.Done():
	}
}

// Drop stops reading a partition of which enough has come. Chunks of it that are
// on their way still come.
func (s *Stream) Drop(id ID) { s.dropped.Store(id, true) }

// over reports whether a partition is to be read no further.
func (s *Stream) over(c *cursor) bool {
	_, dropped := s.dropped.Load(c.ID)
	return dropped || c.done()
}

const (
	firstPause = 50 * time.Millisecond
	longPause  = time.Second
)

// manage owns the cursors that no worker has. It gives each to the worker of
// its partition's leader and takes it back when that worker can't go on.
func (s *Stream) manage(parent context.Context, positions []Position) {
	ctx, cancel := context.WithCancel(parent)
	defer s.finish(ctx, cancel)
	homeless := s.begin(nil, positions)
	live := len(homeless)
	away, pause := time.Time{}, firstPause
	for retry := time.After(0); live > 0 || s.options.Follow; {
		select {
		case <-ctx.Done():
			return
		case more := <-s.added:
			homeless = s.begin(homeless, more)
			live += len(more)
			retry = time.After(0)
		case r := <-s.reports:
			switch {
			case r.recovered:
				s.say(ctx, false, nil)
				continue
			case r.err == nil:
				live--
				continue
			case r.away:
				s.say(ctx, true, r.err)
			}
			if s.err = s.lost(ctx, r); s.err != nil {
				return
			}
			// Not at once: the others of that broker come too, and what was
			// wrong needs a moment to be right again.
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
			homeless, ended, err = s.place(ctx, homeless)
			if live -= ended; err != nil {
				s.say(ctx, true, err)
			}
			switch {
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

// say tells once that brokers do not answer, and once that they do again.
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

func (s *Stream) begin(cursors []*cursor, positions []Position) []*cursor {
	for _, p := range positions {
		cursors = append(cursors, &cursor{Position: p, leader: -1})
	}
	return cursors
}

// place gives each cursor to its leader's worker and returns those that have no
// leader now, and how many ended because their topic is gone.
func (s *Stream) place(ctx context.Context, cursors []*cursor) (homeless []*cursor, ended int, err error) {
	topics, err := s.describe(ctx, cursors)
	if err != nil {
		return cursors, 0, err
	}
	told := map[string]bool{}
	byLeader := map[int32][]*cursor{}
	var moved []string
	for _, c := range cursors {
		if s.over(c) || !s.settle(ctx, c, topics[c.Topic], told) {
			ended++
			continue
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
		s.worker(ctx, leader).give(ctx, handover{cs, s.outage})
	}
	return homeless, ended, nil
}

// describe looks up the cursors' topics; those that are known are believed once.
func (s *Stream) describe(ctx context.Context, cursors []*cursor) (map[string]*Topic, error) {
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
		return known, nil
	}
	asking, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return s.cluster.Topics(asking, names...)
}

// few joins texts, of many only the first and how many more there are.
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

// settle compares the cursor's topic with the one that is there now. A finite
// read of a topic that has gone is over: false.
func (s *Stream) settle(ctx context.Context, c *cursor, now *Topic, told map[string]bool) bool {
	tell := func(text string) {
		if !told[c.Topic] {
			told[c.Topic] = true
			s.send(ctx, Event{Notice: "topic " + c.Topic + " " + text})
		}
	}
	switch {
	case now == nil && c.Stop >= 0:
		tell("was deleted while it was read")
		return false
	case now == nil && !c.homeless:
		c.homeless = true
		tell("is gone; waiting for it to come back")
	case now != nil && c.TopicID != now.ID && c.TopicID != [16]byte{}:
		if c.Stop >= 0 {
			tell("was deleted and made again while it was read")
			return false
		}
		tell("was made again; reading it from its start")
		c.Offset, c.homeless = 0, false
	}
	if now != nil {
		c.TopicID = now.ID
	}
	return true
}

// lost decides what a worker's error means for a cursor. An error that no
// waiting will cure is returned.
func (s *Stream) lost(ctx context.Context, r report) error {
	switch {
	case errors.Is(r.err, kerr.OffsetOutOfRange):
		return s.repair(ctx, r.cursor)
	case errors.Is(r.err, kerr.TopicAuthorizationFailed):
		return fmt.Errorf("reading %s: %w", r.cursor.Topic, r.err)
	}
	return nil
}

// repair moves a cursor that is outside what the partition holds: forward to
// the start if its records have been deleted, else back to the end.
func (s *Stream) repair(ctx context.Context, c *cursor) error {
	topics, err := s.cluster.Topics(ctx, c.Topic)
	if err != nil || topics[c.Topic] == nil {
		return nil // place will see
	}
	if id := topics[c.Topic].ID; id != c.TopicID {
		return nil // another topic of that name: place begins it anew
	}
	start, err := s.cluster.Offsets(ctx, []*Topic{topics[c.Topic]}, Start)
	if err != nil {
		return nil
	}
	end, err := s.cluster.Offsets(ctx, []*Topic{topics[c.Topic]}, End)
	if err != nil {
		return nil
	}
	from, low, high := c.Offset, start[c.ID], end[c.ID]
	switch {
	case from < low:
		c.Offset = low
		s.send(ctx, Event{Notice: fmt.Sprintf("%s p%d: %d to %d were deleted before they could be read; going on at %d",
			c.Topic, c.Partition, from, low-1, low)})
	case from > high:
		c.Offset = high
		s.send(ctx, Event{Notice: fmt.Sprintf("%s p%d: the log was cut back from %d to %d; going on there",
			c.Topic, c.Partition, from, high)})
	}
	return nil
}

func (s *Stream) send(ctx context.Context, e Event) bool {
	select {
	case s.events <- e:
		return true
	case <-ctx.Done():
		return false
	}
}
