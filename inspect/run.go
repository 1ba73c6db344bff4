package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"time"

	"inv/internal/fetch"
	"inv/internal/termsafe"

	"github.com/twmb/franz-go/pkg/kgo"
)

// How the brokers are asked. A response is read while the one before it is
// shown, so at most three are in memory: about 12 MB.
var (
	readOptions = fetch.StreamOptions{MaxBytes: 4 << 20, PartitionBytes: 1 << 20, Wait: 500 * time.Millisecond, Patience: 30 * time.Second}
	lookOptions = fetch.StreamOptions{MaxBytes: 4 << 20, PartitionBytes: 128 << 10, Patience: 30 * time.Second}
)

// A line is written when the poll runs dry; before that, when so much is ready.
const flushBytes = 256 << 10

// ClientOptions are what Run needs of the Kafka client that it is given.
func ClientOptions() []kgo.Opt {
	return []kgo.Opt{
		kgo.BrokerMaxReadBytes(1 << 30), // one record of 100 MB must not be unreadable
		kgo.MetadataMinAge(50 * time.Millisecond),
	}
}

// tail is one run.
type tail struct {
	o       Options
	sel     *selection
	cluster *fetch.Cluster
	decoder *fetch.Decoder
	filter  *filter
	out     io.Writer
	buf     []byte
	stats   Stats
	stops   map[fetch.ID]int64
	reading map[string]int // partitions, of the topics that were there at the start
}

// errIdle ends a run that nothing has come for.
var errIdle = errors.New("nothing came")

// Run shows records on out until it is done: at the end that was there at the
// start, when idle, when out is closed by its reader (the error is then EPIPE),
// or when ctx is done: nil if it followed, the cause if it had an end to reach.
func Run(ctx context.Context, client *kgo.Client, o Options, out io.Writer) (Stats, error) {
	t := &tail{o: o, cluster: fetch.NewCluster(client, !o.Uncommitted), decoder: fetch.NewDecoder(), out: out,
		stops: map[fetch.ID]int64{}, reading: map[string]int{}}
	err := t.run(ctx)
	if flushed := t.flush(); err == nil {
		err = flushed
	}
	if errors.Is(err, errIdle) || o.Follow && ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		err = nil
	}
	return t.stats, err
}

func (t *tail) notice(text string) {
	if text != "" && t.o.Notice != nil {
		t.o.Notice(termsafe.String(text))
	}
}

func (t *tail) run(ctx context.Context) error {
	var err error
	if t.filter, err = compileFilter(t.o.Filter); err != nil {
		return err
	}
	if t.sel, err = selectTopics(t.o.Topics, t.o.Scenario, t.o.App); err != nil {
		return err
	}
	topics, err := t.find(ctx)
	if err != nil {
		return err
	}
	spans, err := t.spans(ctx, topics)
	if err != nil {
		return err
	}
	positions, err := t.begin(ctx, topics, spans)
	if err != nil {
		return err
	}
	return t.follow(ctx, positions)
}

// find looks the selected topics up. Without Follow all must be there.
func (t *tail) find(ctx context.Context) ([]*fetch.Topic, error) {
	var names []string // none: all, for the globs
	if len(t.sel.globs) == 0 {
		names = t.sel.names
	}
	found, err := t.cluster.Topics(ctx, names...)
	if err != nil {
		return nil, err
	}
	var topics []*fetch.Topic
	var missing []string
	for _, n := range t.sel.names {
		topic := found[n]
		if topic == nil {
			if !t.sel.known[n] && !t.o.Wait {
				return nil, t.unknown(ctx, n)
			}
			missing = append(missing, n)
			continue
		}
		topics = append(topics, topic)
	}
	if len(t.sel.globs) > 0 {
		for _, n := range t.sel.matches(sortedNames(found)) {
			if !slices.Contains(t.sel.names, n) {
				topics = append(topics, found[n])
			}
		}
		if len(topics) == 0 {
			missing = append(missing, t.sel.globs...)
		}
	}
	for _, topic := range topics {
		t.reading[topic.Name] = len(topic.Partitions)
	}
	if len(missing) > 0 {
		what := "waiting for "
		if !t.o.Follow {
			what = "nothing to show yet of "
		}
		t.notice(what + strings.Join(missing, ", "))
	}
	return topics, t.checkPartitions(topics)
}

func (t *tail) unknown(ctx context.Context, name string) error {
	all, err := t.cluster.Topics(ctx)
	if err != nil {
		return err
	}
	return t.sel.unknown(name, t.o.Scenario, sortedNames(all))
}

func sortedNames(topics map[string]*fetch.Topic) []string {
	var names []string
	for n := range topics {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

func (t *tail) checkPartitions(topics []*fetch.Topic) error {
	for _, want := range t.o.Partitions {
		for _, topic := range topics {
			if int(want) >= len(topic.Partitions) {
				return usagef("%s has no partition %d; it has 0 to %d", topic.Name, want, len(topic.Partitions)-1)
			}
		}
	}
	return nil
}

func (t *tail) wanted(partition int32) bool {
	return len(t.o.Partitions) == 0 || slices.Contains(t.o.Partitions, partition)
}

// spans snapshots what each partition holds now. The ends come first: what is
// deleted in between only makes a span shorter.
func (t *tail) spans(ctx context.Context, topics []*fetch.Topic) ([]*span, error) {
	if len(topics) == 0 {
		return nil, nil
	}
	ends, err := t.offsets(ctx, topics, fetch.End)
	if err != nil {
		return nil, err
	}
	starts, err := t.offsets(ctx, topics, fetch.Start)
	if err != nil {
		return nil, err
	}
	var spans []*span
	for _, topic := range topics {
		for _, p := range topic.Partitions {
			if t.wanted(p.Number) {
				id := fetch.ID{Topic: topic.Name, Partition: p.Number}
				spans = append(spans, &span{id: id, start: starts[id], end: max(ends[id], starts[id])})
			}
		}
	}
	return spans, nil
}

// offsets asks until all leaders have answered: a topic that has just been made
// or moved has none for a moment.
func (t *tail) offsets(ctx context.Context, topics []*fetch.Topic, at fetch.At) (map[fetch.ID]int64, error) {
	deadline := time.Now().Add(readOptions.Patience)
	for {
		found, err := t.cluster.Offsets(ctx, topics, at)
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) {
			return found, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
		for _, topic := range topics {
			now, err := t.cluster.Topics(ctx, topic.Name)
			if err == nil && now[topic.Name] != nil {
				*topic = *now[topic.Name]
			}
		}
	}
}

// begin shows the last records, if they are asked for, and says where reading
// goes on from there.
func (t *tail) begin(ctx context.Context, topics []*fetch.Topic, spans []*span) ([]fetch.Position, error) {
	positions := make([]fetch.Position, len(spans))
	for i, s := range spans {
		positions[i] = fetch.Position{ID: s.id, Offset: s.end, Stop: fetch.Never}
		if !t.o.Follow {
			positions[i].Stop = s.end
		}
	}
	if t.o.Begin != nil {
		return positions, t.beginAt(ctx, topics, spans, positions)
	}
	if t.o.Last == 0 {
		return positions, nil
	}
	records, err := t.last(ctx, spans, t.o.Last)
	if err != nil {
		return nil, err
	}
	if m, ok := t.o.Renderer.(measurer); ok {
		m.Measure(records)
	}
	for _, r := range records {
		t.show(r)
	}
	return positions, t.flush()
}

// beginAt moves the positions to where the options say.
func (t *tail) beginAt(ctx context.Context, topics []*fetch.Topic, spans []*span, positions []fetch.Position) error {
	b := t.o.Begin
	var at map[fetch.ID]int64
	if !b.Exact && b.At >= 0 && len(topics) > 0 {
		var err error
		if at, err = t.offsets(ctx, topics, b.At); err != nil {
			return err
		}
	}
	for i, s := range spans {
		offset := s.end
		switch {
		case b.Exact && b.Offset < 0:
			offset = max(s.start, s.end+b.Offset)
		case b.Exact:
			offset = b.Offset
			if offset > s.end {
				return usagef("%s p%d has no offset %d; it holds %d to %d", s.id.Topic, s.id.Partition, offset, s.start, s.end-1)
			}
		case b.At == fetch.Start:
			offset = s.start
		case b.At >= 0 && at[s.id] >= 0:
			offset = at[s.id]
		}
		positions[i].Offset = max(offset, s.start)
	}
	return nil
}

// follow shows what comes until the stops are reached.
func (t *tail) follow(ctx context.Context, positions []fetch.Position) error {
	for _, p := range positions {
		t.stops[p.ID] = p.Stop
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	options := readOptions
	if t.o.Follow {
		options.Follow, options.Patience = true, 0
	}
	stream := t.cluster.Stream(ctx, positions, options)
	if t.o.Follow {
		go t.discover(ctx, stream)
	}
	var idle <-chan time.Time
	var timer *time.Timer
	if t.o.Idle > 0 {
		timer = time.NewTimer(t.o.Idle)
		defer timer.Stop()
		idle = timer.C
	}
	for {
		var event fetch.Event
		var open bool
		select {
		case event, open = <-stream.Events():
		default: // dry: nothing more is ready, so what there is, is due
			if err := t.flush(); err != nil {
				return err
			}
			select {
			case event, open = <-stream.Events():
			case <-idle:
				return errIdle
			}
		}
		if !open {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			return stream.Err()
		}
		t.notice(event.Notice)
		some, err := t.showChunks(event.Chunks)
		if err != nil {
			return err
		}
		if some && timer != nil {
			timer.Reset(t.o.Idle)
		}
	}
}

func (t *tail) showChunks(chunks []fetch.Chunk) (some bool, err error) {
	for i := range chunks {
		c := &chunks[i]
		stop, known := t.stops[fetch.ID{Topic: c.Topic, Partition: c.Partition}]
		if !known {
			stop = fetch.Never
		}
		var written error
		err := t.decoder.Each(c, func(r *Record) bool {
			if stop >= 0 && r.Offset >= stop {
				return false
			}
			some = true
			t.stats.Read++
			if t.matches(r) {
				t.show(r)
				if len(t.buf) >= flushBytes {
					written = t.flush()
				}
			}
			return written == nil
		})
		if written != nil {
			return some, written
		}
		if err != nil {
			t.notice(fmt.Sprintf("skipping to offset %d: %v", c.Next, err))
		}
	}
	return some, nil
}

func (t *tail) matches(r *Record) bool { return t.filter.match(r) }

func (t *tail) show(r *Record) {
	t.stats.Shown++
	t.buf = t.o.Renderer.Append(t.buf, r)
}

func (t *tail) flush() error {
	if len(t.buf) == 0 {
		return nil
	}
	_, err := t.out.Write(t.buf)
	t.buf = t.buf[:0]
	if err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}
