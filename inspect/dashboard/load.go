package dashboard

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"inv/internal/kafka/fetch"
)

// How many offsets of a partition are read at a time, going backwards: the
// dashboard shows the present, and its memory must not grow with the topics.
const (
	firstRange  = 2_000   // for the current numbers at first: often enough
	newestRange = 10_000  // for the current numbers after that
	chartRange  = 2_000   // for the charts, whose records are held in memory to be reversed
	pastRange   = 200_000 // for reorders, receipts and dead letters
	alertsRange = 400
)

// loader reads the records that the topics held when the session began. It runs
// beside the session's own goroutine, with a decoder of its own.
type loader struct {
	*session
	decoder *fetch.Decoder
	values  *values
}

func newLoader(s *session) *loader { return &loader{s, fetch.NewDecoder(), newValues(s.schemas)} }

// numbers reads the records that the current numbers need.
func (l *loader) numbers(ctx context.Context, spans []fetch.Span) error {
	if err := l.forward(ctx, l.of(spans, Catalog), (*Model).Apply); err != nil {
		return err
	}
	if err := l.stock(ctx, l.of(spans, Updates)); err != nil {
		return err
	}
	return l.lastAlerts(ctx, l.of(spans, Alerts))
}

// history reads the rest: the newest part of the past sources, the charts' hour
// of updates, then all that is older of the past sources.
func (l *loader) history(ctx context.Context, spans []fetch.Span, updates *fetch.Topic, tell func(stage string, progress float64)) error {
	_, outputs := splitEnd(l.of(spans, Outputs), outputsRange)
	if err := l.forward(ctx, outputs, (*Model).Apply); err != nil {
		return err
	}
	older, err := l.past(ctx, l.of(spans, pastSources[:]...))
	if err != nil {
		return err
	}
	tell(LoadingCharts, 0)
	from, err := l.hourAgo(ctx, updates)
	if err != nil {
		return err
	}
	spans = l.of(spans, Updates)
	earlier, late := split(spans, func(s fetch.Span) int64 {
		if at, ok := from[s.ID]; ok && at >= 0 {
			return at
		}
		return s.To
	})
	if err := l.charts(ctx, late, func(p float64) { tell(LoadingCharts, p) }); err != nil {
		return err
	}
	complete := !slices.ContainsFunc(spans, func(s fetch.Span) bool { return s.From > 0 })
	if err := l.undecided(ctx, earlier, complete); err != nil {
		return err
	}
	for total, left := length(older), length(older); left > 0; left = length(older) {
		tell(LoadingPast, float64(total-left)/float64(total))
		if older, err = l.past(ctx, older); err != nil {
			return err
		}
	}
	return nil
}

// pastSources are read to their beginning: a reorder may be open for long, and
// all dead letters are counted.
var pastSources = [...]Source{Reorders, Receipts, DeadLetters}

// past reads the last pastRange offsets of each span and returns what is before
// them. The model keeps only the newest reorder and receipt of a product.
func (l *loader) past(ctx context.Context, spans []fetch.Span) (older []fetch.Span, err error) {
	older, late := splitEnd(spans, pastRange)
	for _, source := range pastSources {
		if err := l.forward(ctx, l.of(late, source), (*Model).Earlier); err != nil {
			return nil, err
		}
	}
	return older, nil
}

// hourAgo returns the offsets at which the charts' hour begins. If all updates are
// older than an hour, it is the hour up to the newest.
func (l *loader) hourAgo(ctx context.Context, updates *fetch.Topic) (map[fetch.ID]int64, error) {
	if updates == nil {
		return nil, nil
	}
	var newest int64
	l.hub.Look(func(m *Model, _ int64) { newest = m.NewestUpdate() })
	end := min(newest, l.now())
	if end > l.now()-hour {
		end = l.now()
	}
	return l.cluster.Offsets(ctx, []*fetch.Topic{updates}, fetch.At(max(end-hour, 0)))
}

// of returns the spans of some sources.
func (s *session) of(spans []fetch.Span, sources ...Source) []fetch.Span {
	return slices.DeleteFunc(slices.Clone(spans), func(sp fetch.Span) bool {
		return !slices.Contains(sources, s.sources[sp.Topic])
	})
}

// split divides each span at an offset and leaves out empty parts.
func split(spans []fetch.Span, at func(fetch.Span) int64) (early, late []fetch.Span) {
	for _, s := range spans {
		middle := max(s.From, min(at(s), s.To))
		if middle > s.From {
			early = append(early, fetch.Span{ID: s.ID, From: s.From, To: middle})
		}
		if middle < s.To {
			late = append(late, fetch.Span{ID: s.ID, From: middle, To: s.To})
		}
	}
	return early, late
}

// splitEnd divides each span before its last n offsets.
func splitEnd(spans []fetch.Span, n int64) (early, late []fetch.Span) {
	return split(spans, func(s fetch.Span) int64 { return s.To - n })
}

func length(spans []fetch.Span) (n int64) {
	for _, s := range spans {
		n += s.To - s.From
	}
	return n
}

func streamOptions() fetch.StreamOptions {
	return fetch.StreamOptions{MaxBytes: 1 << 20, Patience: fetch.Forever}
}

// read calls each with the records of the spans as they arrive.
func (l *loader) read(ctx context.Context, spans []fetch.Span, each func(*fetch.Record)) error {
	options := fetch.ReadOptions{
		StreamOptions: streamOptions(), Decoder: l.decoder, Notice: l.log, Denied: l.denied,
		Damaged: func(err error) { l.log(fmt.Sprintf("skipped a damaged batch: %v", err)) },
	}
	options.SkipDenied = true
	var ended error
	err := l.cluster.Read(ctx, spans, options, func(r *fetch.Record) bool {
		if ended = l.decode(ctx, l.values, r); ended == nil {
			each(r)
		}
		return ended == nil
	})
	return cmp.Or(ended, err)
}

// denied takes note that a permission was revoked while its topic was loaded.
func (l *loader) denied(d fetch.Denied) { l.refused.add(d.Topic, &d.ID, d.Err, partial, l.now()) }

// forward folds the records of the spans in their order.
func (l *loader) forward(ctx context.Context, spans []fetch.Span, apply func(*Model, *Record, int64)) error {
	return l.read(ctx, spans, func(r *fetch.Record) {
		l.hub.Update(func(m *Model) { apply(m, &Record{l.sources[r.Topic], r}, l.now()) })
	})
}

// back reads spans backwards, in ranges of size offsets of each partition. It calls
// use with the wanted records of each range, the newest of each partition first,
// until use returns true.
func (l *loader) back(ctx context.Context, spans []fetch.Span, size int64, wanted func(*fetch.Record) bool, use func([]fetch.Record) (enough bool)) error {
	var arena []byte
	for len(spans) > 0 {
		early, late := splitEnd(spans, size)
		records := map[int32][]fetch.Record{}
		arena = arena[:0]
		err := l.read(ctx, late, func(r *fetch.Record) {
			if wanted(r) {
				var kept fetch.Record
				r.SetHeaders(nil) // not needed
				kept, arena = r.CopyTo(arena)
				records[r.Partition] = append(records[r.Partition], kept)
			}
		})
		if err != nil {
			return err
		}
		enough := false
		for _, of := range records {
			slices.Reverse(of)
			enough = use(of)
		}
		if enough {
			return nil
		}
		spans = early
	}
	return nil
}

// atOnce is how many records are folded while the model is locked.
const atOnce = 500

// fold folds updates into the model in small portions.
func (l *loader) fold(records []fetch.Record, apply func(*Model, *Record)) {
	for part := range slices.Chunk(records, atOnce) {
		l.hub.Update(func(m *Model) {
			for i := range part {
				apply(m, &Record{Updates, &part[i]})
			}
		})
	}
}

// stock reads updates backwards until the stock of every product in the catalogue
// is known.
func (l *loader) stock(ctx context.Context, spans []fetch.Span) error {
	seen := map[string]struct{}{}
	wanted := func(r *fetch.Record) bool {
		_, known := seen[string(r.Key)]
		return !known || len(r.Key) == 0
	}
	complete := false
	use := func(records []fetch.Record) bool {
		l.fold(records, func(m *Model, r *Record) {
			m.Newest(r)
			if p := m.products[string(r.Key)]; p != nil && p.stocked {
				seen[string(r.Key)] = struct{}{}
			}
		})
		l.hub.Look(func(m *Model, _ int64) { complete = m.AllStocked() })
		return complete
	}
	early, late := splitEnd(spans, firstRange)
	if err := l.back(ctx, late, firstRange, wanted, use); err != nil || complete {
		return err
	}
	return l.back(ctx, early, newestRange, wanted, use)
}

func anyRecord(*fetch.Record) bool { return true }

// lastAlerts reads alerts backwards until the feed is full.
func (l *loader) lastAlerts(ctx context.Context, spans []fetch.Span) error {
	var found []*Record
	err := l.back(ctx, spans, alertsRange, anyRecord, func(records []fetch.Record) bool {
		for i := range records {
			found = append(found, &Record{Alerts, records[i].Clone()})
		}
		return len(found) >= feedLength
	})
	slices.SortStableFunc(found, func(a, b *Record) int { return int(a.Timestamp - b.Timestamp) })
	l.hub.Update(func(m *Model) {
		for _, r := range found[max(0, len(found)-feedLength):] {
			m.Apply(r, l.now())
		}
	})
	return err
}

// charts reads the updates of the last hour, the newest first.
func (l *loader) charts(ctx context.Context, spans []fetch.Span, progress func(float64)) error {
	total, done := max(length(spans), 1), int64(0)
	return l.back(ctx, spans, chartRange, anyRecord, func(records []fetch.Record) bool {
		now := l.now()
		l.fold(records, func(m *Model, r *Record) { m.Older(r, now) })
		done += chartRange
		progress(min(float64(done)/float64(total), 1))
		return false
	})
}

// undecided looks for the predecessors of the charts' first updates among the last
// pastRange offsets of each span before the charts. complete reports whether
// nothing was deleted from the topic.
func (l *loader) undecided(ctx context.Context, earlier []fetch.Span, complete bool) error {
	var left map[string]struct{}
	l.hub.Look(func(m *Model, _ int64) { left = m.Undecided() })
	further, near := splitEnd(earlier, pastRange)
	wanted := func(r *fetch.Record) bool {
		_, is := left[string(r.Key)]
		return is || len(r.Key) == 0
	}
	if len(left) > 0 {
		err := l.back(ctx, near, newestRange, wanted, func(records []fetch.Record) bool {
			now := l.now()
			l.fold(records, func(m *Model, r *Record) {
				if id := m.Before(r, now); id != "" {
					delete(left, id)
				}
			})
			return len(left) == 0
		})
		if err != nil {
			return err
		}
	}
	l.hub.Update(func(m *Model) { m.NothingOlder(complete && len(further) == 0, l.now()) })
	return nil
}
