package declared

import (
	"context"
	"errors"
	"time"

	"inv/processor"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ends asks for the ends of partitions, those of a topic at once, and for what the group
// has noted of the times of all.
type ends struct {
	env    processor.Env
	at     time.Time // they were asked for
	topics map[string][]int64
	notes  map[stage.Source]string // noteClock
}

// endsWithin bounds the question for ends: the stage waits for it.
const endsWithin = 2 * time.Second

var errRecord = errors.New("a record")

// read reports whether a partition has no record from an offset on, committed or not, at
// a time or later.
func (e *ends) read(ctx context.Context, source stage.Source, next int64, now time.Time) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, endsWithin)
	defer cancel()
	if !e.at.Equal(now) {
		e.at, e.topics = now, map[string][]int64{}
		var err error
		if e.notes, err = e.env.AllNotes(ctx, noteClock); err != nil {
			e.at = time.Time{}
			return false, err
		}
	}
	high, ok := e.topics[source.Topic]
	if !ok {
		var err error
		if high, err = e.env.Reader.HighWatermarks(ctx, source.Topic); err != nil {
			return false, err
		}
		e.topics[source.Topic] = high
	}
	if int(source.Partition) >= len(high) {
		return false, nil
	}
	end := high[source.Partition]
	if next >= end {
		return true, nil
	}
	// What is left may be the end of a transaction, or have been compacted away.
	if stable, err := e.env.Reader.StableEnd(ctx, source.Topic, source.Partition); err != nil || stable < end {
		return false, err
	}
	err := e.env.Reader.Read(ctx, source.Topic, source.Partition, next, end, func(*kgo.Record) error { return errRecord })
	if errors.Is(err, errRecord) {
		return false, nil
	}
	return err == nil, err
}
