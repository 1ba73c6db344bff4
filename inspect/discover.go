package inspect

import (
	"context"
	"slices"
	"time"

	"inv/internal/kafka/fetch"
)

// How often a following run looks for topics and partitions that are new: often
// while something that it was asked for is missing, else now and then.
const (
	discoverMissing = 500 * time.Millisecond
	discoverNew     = 10 * time.Second
)

// discover adds what appears while following: the topics that are waited for,
// new matches of the globs, further partitions. They are read from their start.
func (t *tail) discover(ctx context.Context, stream *fetch.Stream) {
	partitions := map[string]int{}
	for {
		names := t.sel.names
		if len(t.sel.globs) > 0 {
			names = nil
		}
		pause := discoverNew
		asking, cancel := context.WithTimeout(ctx, discoverNew)
		found, err := t.cluster.Topics(asking, names...)
		cancel()
		if err == nil && t.addNew(ctx, stream, found, partitions) {
			pause = discoverMissing
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// addNew gives the stream what is new among found and reports whether a topic
// is still missing. partitions says how many of each topic are being read.
func (t *tail) addNew(ctx context.Context, stream *fetch.Stream, found map[string]*fetch.Topic, partitions map[string]int) (missing bool) {
	wanted := slices.Clone(t.sel.names)
	for _, n := range t.sel.matches(sortedNames(found)) {
		if !slices.Contains(wanted, n) {
			wanted = append(wanted, n)
		}
	}
	for _, name := range wanted {
		topic := found[name]
		if topic == nil {
			missing = true
			continue
		}
		from := max(partitions[name], t.reading[name])
		var spans []fetch.Span
		for _, p := range topic.Partitions[min(from, len(topic.Partitions)):] {
			if t.wanted(topic, p.Number) {
				spans = append(spans, fetch.Span{ID: fetch.ID{Topic: name, Partition: p.Number}, To: fetch.Never})
			}
		}
		if len(spans) > 0 {
			stream.Add(ctx, spans)
		}
		partitions[name] = max(from, len(topic.Partitions))
	}
	return missing || len(wanted) == 0
}
