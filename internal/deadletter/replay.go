package deadletter

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"inv/internal/event"
	"inv/internal/kafka"
	"inv/internal/kafka/acl"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Plan is a replay before it runs. Its counts are numbers of letters.
type Plan struct {
	Letters map[Kind]int // to be replayed
	From    []string     // the topics that they were refused in
	Already int          // replayed before
	Cut     int          // with truncated values
	Timed   int          // of steps that no record caused
	Foreign int          // records that are not letters
	Trimmed int          // replayed by Run without a part of their history, or all of it

	client *Client
	topics []string
	filter Filter
	chosen map[event.Place]bool
}

// Kind groups letters by the topic into which they are replayed and the reason.
type Kind struct {
	Topic  string
	Reason event.Reason
}

// Plan plans the replay of letters that match the filter. Unless again is set, it
// excludes those that were replayed before, which it finds by reading the dlq-replay
// headers in the partitions into which they go.
func (c *Client) Plan(ctx context.Context, topics []string, f Filter, again bool) (*Plan, error) {
	p := &Plan{Letters: map[Kind]int{}, client: c, topics: topics, filter: f, chosen: map[event.Place]bool{}}
	kinds, from := map[event.Place]Kind{}, map[event.Place]string{}
	earliest := map[fetch.ID]int64{} // offset that a replay may have, by partition
	foreign, err := c.Read(ctx, topics, f, func(l *Letter) {
		switch {
		case l.Timed():
			p.Timed++
			return
		case l.Cut():
			p.Cut++
			return
		}
		to := l.target()
		p.chosen[l.At] = true
		kinds[l.At], from[l.At] = Kind{to.Topic, l.Reason}, l.From.Topic
		at := fetch.ID{Topic: to.Topic, Partition: to.Partition}
		if first, ok := earliest[at]; !ok || to.Offset < first {
			earliest[at] = to.Offset
		}
	})
	if err != nil {
		return nil, err
	}
	p.Foreign = foreign
	if !again {
		if err := p.excludeReplayed(ctx, earliest); err != nil {
			return nil, err
		}
	}
	for at := range p.chosen {
		p.Letters[kinds[at]]++
		p.From = append(p.From, from[at])
	}
	slices.Sort(p.From)
	p.From = slices.Compact(p.From)
	return p, nil
}

// excludeReplayed finds the letters that were replayed. A replay into the partition of
// the refused record comes after it, so that one is read from there.
func (p *Plan) excludeReplayed(ctx context.Context, earliest map[fetch.ID]int64) error {
	var topics []string
	for at := range earliest {
		topics = append(topics, at.Topic)
	}
	slices.Sort(topics)
	spans, err := kafka.Spans(ctx, p.client.client, slices.Compact(topics)...)
	if err != nil {
		return fmt.Errorf("looking up the topics of replays: %w", err)
	}
	var after []kafka.Span
	for _, s := range spans {
		if first, ok := earliest[s.ID]; ok {
			s.From = max(s.From, first)
			after = append(after, s)
		}
	}
	err = kafka.Read(ctx, p.client.config, after, func(_ int, r *kgo.Record) bool {
		if value, ok := event.Header(r.Headers, event.HeaderDLQReplay); ok {
			if at, err := event.ParsePlace(string(value)); err == nil && p.chosen[at] {
				delete(p.chosen, at)
				p.Already++
			}
		}
		return false
	})
	if err != nil {
		return fmt.Errorf("looking for replayed letters: %w", err)
	}
	return nil
}

// Total returns the number of letters to be replayed.
func (p *Plan) Total() int { return len(p.chosen) }

// ErrNoRoom is wrapped by Run's error for a letter whose topic does not accept it with
// the header that marks it as replayed.
var ErrNoRoom = errors.New("its topic accepts no record larger than the original")

// Repair is what a letter is replayed with instead of what it has.
type Repair struct {
	Value   []byte
	Headers []kgo.RecordHeader // instead of those of their names; a null one: without them
}

// Run replays the letters and returns the number of acknowledged records. repair, if
// not nil, counts for each of them. After an error, a new plan excludes what was written.
func (p *Plan) Run(ctx context.Context, repair *Repair) (acknowledged int, err error) {
	topics := map[string]bool{}
	for kind := range p.Letters {
		topics[kind.Topic] = true
	}
	w, err := kafka.NewRewriter(ctx, p.client.config, slices.Sorted(maps.Keys(topics)), p.client.options...)
	if err != nil {
		return 0, err
	}
	defer w.Close()
	var mu sync.Mutex
	var failed error
	done := func(r *kgo.Record, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			acknowledged++
		} else if failed == nil {
			failed = fmt.Errorf("replaying a record into %s/%d: %w", r.Topic, r.Partition, acl.Check(err, acl.Write, acl.Topic(r.Topic)))
		}
	}
	_, err = p.client.Read(ctx, p.topics, p.filter, func(l *Letter) {
		if p.chosen[l.At] {
			p.write(ctx, w, l, repair, done)
		}
	})
	flushed := w.Flush(ctx)
	mu.Lock()
	defer mu.Unlock()
	return acknowledged, errors.Join(err, failed, flushed)
}

// write replays a letter. One that may be too large with its history is sent alone,
// and if it is, with its last refusal or with none.
func (p *Plan) write(ctx context.Context, w *kafka.Rewriter, l *Letter, repair *Repair, done func(*kgo.Record, error)) {
	value, more := l.Value, []string(nil)
	if repair != nil {
		value, more = repair.Value, []string{"repaired by hand"}
		l.setHeaders(repair.Headers)
	}
	history, trimmed := l.history(more...)
	r := l.record(value, history)
	if w.Fits(r) {
		if trimmed {
			p.Trimmed++
		}
		w.Write(ctx, r, done)
		return
	}
	err := w.WriteAlone(ctx, r)
	for keep := min(1, len(history)-1); errors.Is(err, kerr.MessageTooLarge) && keep >= 0; keep-- {
		trimmed = true
		err = w.WriteAlone(ctx, l.record(value, history[len(history)-keep:]))
	}
	if errors.Is(err, kerr.MessageTooLarge) {
		err = fmt.Errorf("%s: %w: %w", l.At, ErrNoRoom, err)
	} else if trimmed {
		p.Trimmed++
	}
	done(r, err)
}
