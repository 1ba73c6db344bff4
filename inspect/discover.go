package inspect

import (
	"context"
	"maps"
	"time"

	"inv/internal/kafka/fetch"
)

// How often a following run looks for new topics and partitions: often while a
// selected topic is missing, else now and then.
const (
	discoverMissing = 500 * time.Millisecond
	discoverNew     = 10 * time.Second
)

// discover adds topics and partitions that appear while following: missing topics, new
// matches of the globs, further partitions. They are read from their start.
func (t *tail) discover(ctx context.Context, stream *fetch.Stream) {
	for {
		asking, cancel := context.WithTimeout(ctx, discoverNew)
		found, err := t.describe(asking)
		cancel()
		pause := discoverNew
		if err == nil && t.addNew(ctx, stream, found) {
			pause = discoverMissing
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// addNew adds the new partitions among found to the stream, and reports whether a
// topic is still missing.
func (t *tail) addNew(ctx context.Context, stream *fetch.Stream, found map[string]*fetch.Topic) (missing bool) {
	names := t.sel.among(maps.Keys(found))
	for _, name := range names {
		topic := found[name]
		if topic == nil {
			missing = true
			continue
		}
		var spans []fetch.Span
		for _, p := range topic.Partitions[min(t.reading[name], len(topic.Partitions)):] {
			if t.wanted(topic, p.Number) {
				spans = append(spans, fetch.Span{ID: fetch.ID{Topic: name, Partition: p.Number}, To: fetch.Never})
			}
		}
		if len(spans) > 0 {
			stream.Add(ctx, spans)
		}
		t.reading[name] = max(t.reading[name], len(topic.Partitions))
	}
	return missing || len(names) == 0
}
