package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"inv/internal/kafka/fetch"
)

// wanted reports whether the run reads a partition of a topic.
func (t *tail) wanted(topic *fetch.Topic, partition int32) bool {
	if len(t.o.Partitions) > 0 && !slices.Contains(t.o.Partitions, partition) {
		return false
	}
	return t.filter.key == nil || t.filter.key.in(partition, len(topic.Partitions), t.o.Partitioner)
}

// spans returns the current range of each partition.
func (t *tail) spans(ctx context.Context, topics []*fetch.Topic) ([]*span, error) {
	if len(topics) == 0 {
		return nil, nil
	}
	var starts, ends map[fetch.ID]int64
	err := t.patiently(ctx, topics, func() (err error) {
		starts, ends, err = t.cluster.Edges(ctx, topics)
		return err
	})
	if err != nil {
		return nil, err
	}
	var spans []*span
	for _, topic := range topics {
		for _, p := range topic.Partitions {
			if t.wanted(topic, p.Number) {
				id := fetch.ID{Topic: topic.Name, Partition: p.Number}
				spans = append(spans, &span{Span: fetch.Span{ID: id, TopicID: topic.ID, From: starts[id], To: max(ends[id], starts[id])}})
			}
		}
	}
	return spans, nil
}

// offsetsPatience is how long a partition may be without a leader at the start.
const offsetsPatience = 30 * time.Second

// patiently retries until all leaders have answered: a partition that was just created
// or moved has no leader for a moment.
func (t *tail) patiently(ctx context.Context, topics []*fetch.Topic, ask func() error) error {
	deadline := time.Now().Add(offsetsPatience)
	for {
		err := ask()
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
		for _, topic := range topics {
			now, err := t.cluster.Topics(ctx, topic.Name)
			if err == nil && now[topic.Name] != nil {
				*topic = *now[topic.Name] // also in t.known
			}
		}
	}
}

// begin shows the last records, if requested, and returns where reading continues.
func (t *tail) begin(ctx context.Context, topics []*fetch.Topic, spans []*span) ([]fetch.Span, error) {
	if t.o.Begin != nil {
		if err := t.beginAt(ctx, topics, spans); err != nil {
			return nil, err
		}
	}
	all := t.o.Begin != nil && t.o.Last < 0 && !t.o.Latest
	follow := make([]fetch.Span, len(spans))
	for i, s := range spans {
		follow[i] = s.Span
		if !all {
			follow[i].From = s.To
		}
		if t.o.Follow {
			follow[i].To = fetch.Never
		}
	}
	if all || t.o.Last == 0 {
		return follow, nil
	}
	var records []*Record
	var err error
	if t.o.Latest {
		records, err = t.latest(ctx, spans)
	} else {
		records, err = t.last(ctx, spans, t.o.Last)
	}
	if err != nil {
		return nil, err
	}
	if m, ok := t.o.Renderer.(measurer); ok {
		m.Measure(records)
	}
	for _, r := range records {
		if err := t.show(r); err != nil {
			return nil, err
		}
	}
	return follow, t.flush()
}

// beginAt moves the spans' starts to the position that the options ask for.
func (t *tail) beginAt(ctx context.Context, topics []*fetch.Topic, spans []*span) error {
	b := t.o.Begin
	var at map[fetch.ID]int64
	var err error
	switch {
	case len(topics) == 0:
		return nil
	case b.Group != "":
		at, err = t.committed(ctx, topics, spans)
	case !b.Time.IsZero() && b.Time.UnixMilli() >= 0: // brokers take -1 for the end and -2 for the start
		err = t.patiently(ctx, topics, func() (err error) {
			at, err = t.cluster.Offsets(ctx, topics, fetch.At(b.Time.UnixMilli()))
			return err
		})
	}
	if err != nil {
		return err
	}
	var outside []string // ranges of partitions without the offset
	for _, s := range spans {
		offset, known := at[s.ID]
		switch {
		case known && offset >= 0:
		case b.Group != "":
			offset = s.From // the group has committed nothing
		case at != nil:
			offset = s.To // nothing at or after that time
		case b.Place == AtStart:
			offset = s.From
		case b.Place == AtEnd:
			offset = s.To
		case b.Place == Back:
			offset = s.To - b.Offset
		default:
			offset = b.Offset
			if last := max(b.Behind-1, offset); last < s.From || offset > s.To || b.Only && offset == s.To || offset < s.From && b.Behind == 0 {
				outside = append(outside, s.offsets())
			}
			if b.Behind > 0 {
				s.To = max(s.From, min(s.To, b.Behind))
			}
		}
		if b.Group != "" { // which may have passed the end, up to the high watermark
			s.From = max(s.From, offset)
			s.To = max(s.To, s.From)
			continue
		}
		s.From = max(s.From, min(offset, s.To))
		if b.Only {
			s.To = min(s.To, b.Offset+1)
		}
	}
	switch {
	case len(outside) == 0:
	case len(outside) == len(spans) && b.Behind > 0:
		return usagef("no offset from %d to %d: %s", b.Offset, b.Behind-1, list(outside))
	case b.Behind > 0:
		t.notice(fmt.Sprintf("no offset from %d to %d here: %s", b.Offset, b.Behind-1, list(outside)))
	case len(outside) == len(spans):
		return usagef("no offset %d: %s", b.Offset, list(outside))
	default: // other partitions have it
		t.notice(fmt.Sprintf("no offset %d here, so from the nearest: %s", b.Offset, list(outside)))
	}
	return nil
}

// offsets describes the offsets of a partition.
func (s *span) offsets() string {
	if s.From == s.To {
		return fmt.Sprintf("%s p%d is empty, its next offset is %d", s.Topic, s.Partition, s.To)
	}
	return fmt.Sprintf("%s p%d holds %d to %d", s.Topic, s.Partition, s.From, s.To-1)
}

// list joins a few texts, and counts the rest.
func list(texts []string) string {
	const few = 8
	if len(texts) <= few {
		return strings.Join(texts, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(texts[:few], "; "), len(texts)-few)
}
