package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"

	"inv/internal/kafka/fetch"
)

// digest is what a side wrote, regardless of its order, partitions and white space.
type digest struct {
	records int
	sum     uint64
}

// digestOf reads the outputs of a task.
func (l *lab) digestOf(ctx context.Context, t task, seed maphash.Seed) (d digest, err error) {
	for _, topic := range t.outputs {
		var wrong error
		if err := l.records(ctx, topic, func(r *fetch.Record) bool {
			var value map[string]any
			if wrong = json.Unmarshal(r.Value, &value); wrong != nil {
				wrong = fmt.Errorf("%s/%d@%d: %w", topic, r.Partition, r.Offset, wrong)
				return false
			}
			if metadata, ok := value["metadata"].(map[string]any); ok {
				delete(metadata, "last_updated") // the clock
			}
			canonical, err := json.Marshal([]any{topic, string(r.Key), value})
			wrong = errors.Join(wrong, err)
			d.records++
			d.sum += maphash.Bytes(seed, canonical)
			return true
		}); err != nil {
			return d, err
		}
		if wrong != nil {
			return d, wrong
		}
	}
	return d, nil
}
