package inspect

import (
	"context"
	"fmt"

	"inv/internal/kafka/fetch"
)

// committed returns the committed offsets of the group, at most the partitions' high
// watermarks, and reports them in notices with their distances from these.
func (t *tail) committed(ctx context.Context, topics []*fetch.Topic, spans []*span) (map[fetch.ID]int64, error) {
	group := t.o.Begin.Group
	at, err := t.cluster.Committed(ctx, group)
	if err != nil {
		return nil, err
	}
	// The ends after the commits: a group at work may have passed the ones known.
	var highs map[fetch.ID]int64
	err = t.patiently(ctx, topics, func() (err error) {
		highs, err = t.highs.Offsets(ctx, topics, fetch.End)
		return err
	})
	if err != nil {
		return nil, err
	}
	var none []string
	for _, s := range spans {
		offset, known := at[s.ID]
		if !known {
			none = append(none, fmt.Sprintf("%s p%d", s.Topic, s.Partition))
			continue
		}
		t.notice(fmt.Sprintf("group %s is at %s p%d@%d, %s", group, s.Topic, s.Partition, offset, distance(offset, s.From, highs[s.ID])))
		at[s.ID] = min(offset, highs[s.ID])
	}
	if len(none) > 0 && len(none) == len(spans) {
		t.notice(fmt.Sprintf("group %s has committed nothing here; beginning at the start", group))
	} else if len(none) > 0 {
		t.notice(fmt.Sprintf("group %s has committed nothing in %s; beginning at the start there", group, list(none)))
	}
	return at, nil
}

// distance describes a committed offset in a partition that holds the offsets from
// start until end.
func distance(offset, start, end int64) string {
	switch {
	case offset > end:
		return fmt.Sprintf("%s beyond the end at %d; beginning at the end", offsets(offset-end), end)
	case offset < start:
		return fmt.Sprintf("but %s from there on are deleted; beginning at %d, %s before the end", offsets(start-offset), start, offsets(max(end-start, 0)))
	}
	return offsets(end-offset) + " before the end"
}
