package deadletter

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"inv/internal/event"
	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Plan is what a replay will do: which letters it puts back and which it leaves.
type Plan struct {
	Letters map[Kind]int // to be put back
	Already int          // put back before
	Cut     int          // their values are not whole
	Foreign int          // records that are no letters

	client *Client
	topics []string
	filter Filter
	chosen map[event.Place]bool
}

// Kind is letters that were refused for the same reason.
type Kind struct {
	Topic  string // of the record that was refused
	Reason event.Reason
}

// Plan looks at the letters that the filter takes. Those that were put back
// before are left out unless it is to be done again: their source partitions
// are read for the dlq-replay header that says so.
func (c *Client) Plan(ctx context.Context, topics []string, f Filter, again bool) (*Plan, error) {
	p := &Plan{Letters: map[Kind]int{}, client: c, topics: topics, filter: f, chosen: map[event.Place]bool{}}
	kinds := map[event.Place]Kind{}
	earliest := map[partition]int64{}
	foreign, err := c.Read(ctx, topics, f, func(l *Letter) {
		if l.Cut() {
			p.Cut++
			return
		}
		p.chosen[l.At] = true
		kinds[l.At] = Kind{l.From.Topic, l.Reason}
		at := partition{l.From.Topic, l.From.Partition}
		if first, ok := earliest[at]; !ok || l.From.Offset < first {
			earliest[at] = l.From.Offset
		}
	})
	if err != nil {
		return nil, err
	}
	p.Foreign = foreign
	if !again {
		if err := p.leaveReplayed(ctx, earliest); err != nil {
			return nil, err
		}
	}
	for at := range p.chosen {
		p.Letters[kinds[at]]++
	}
	return p, nil
}

type partition struct {
	topic  string
	number int32
}

// leaveReplayed finds the letters that are back in their topics. A letter comes
// back behind the record that was refused, so each partition is read from there.
func (p *Plan) leaveReplayed(ctx context.Context, earliest map[partition]int64) error {
	names := map[string]bool{}
	for at := range earliest {
		names[at.topic] = true
	}
	var topics []string
	for name := range names {
		topics = append(topics, name)
	}
	if len(topics) == 0 {
		return nil
	}
	spans, err := kafka.Spans(ctx, p.client.client, topics...)
	if err != nil {
		return fmt.Errorf("looking up the topics that the letters came from: %w", err)
	}
	var behind []kafka.Span
	for _, s := range spans {
		if first, ok := earliest[partition{s.Topic, s.Partition}]; ok {
			s.From = max(s.From, first+1)
			behind = append(behind, s)
		}
	}
	err = kafka.Read(ctx, p.client.config, behind, func(_ int, r *kgo.Record) bool {
		value, ok := event.Header(r.Headers, event.HeaderDLQReplay)
		if !ok {
			return false
		}
		if at, err := event.ParsePlace(string(value)); err == nil && p.chosen[at] {
			delete(p.chosen, at)
			p.Already++
		}
		return false
	})
	if err != nil {
		return fmt.Errorf("looking for letters that are back already: %w", err)
	}
	return nil
}

// Total returns how many letters will be put back.
func (p *Plan) Total() int { return len(p.chosen) }

// Run puts the letters back and returns how many were acknowledged. repair, if
// not nil, is the value to write instead of the letter's. After an error, a new plan
// leaves out what was written.
func (p *Plan) Run(ctx context.Context, repair []byte) (acknowledged int, err error) {
	var mu sync.Mutex
	var failed error
	_, err = p.client.Read(ctx, p.topics, p.filter, func(l *Letter) {
		if !p.chosen[l.At] {
			return
		}
		r := l.record()
		if repair != nil {
			r.Value = repair
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: event.HeaderDLQHistory, Value: []byte("repaired by hand")})
		}
		p.client.client.Produce(ctx, r, func(r *kgo.Record, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				acknowledged++
			} else if failed == nil {
				failed = fmt.Errorf("putting a record back into %s/%d: %w", r.Topic, r.Partition, err)
			}
		})
	})
	flushed := p.client.client.Flush(ctx)
	mu.Lock()
	defer mu.Unlock()
	return acknowledged, errors.Join(err, failed, flushed)
}
