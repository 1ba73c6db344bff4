package processor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"inv/internal/event"
	"inv/internal/registry"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// While the schema registry does not answer, it is asked again so often and for so long.
// What is known is not asked for, so this concerns the first record of a schema.
const (
	awayPause    = time.Second
	AwayPatience = 30 * time.Second
)

// Value returns the JSON of a record's value by the topic's format, upgraded if its type
// has an upgrade, and the value of a topic without a format as it is. dst is the room to
// use; the result may be the record's value. A value that can't be decoded is an
// *event.Error. Other errors, that the registry does not answer, are for the step to end
// with: a new session has the record again.
func (e Env) Value(ctx context.Context, dst []byte, r *kgo.Record) ([]byte, error) {
	value, err := e.Schemas.Value(dst, r)
	if err == nil {
		return value, nil
	}
	return e.valueLater(ctx, dst, r, err)
}

// valueLater waits for the registry, if that is what an error of decoding is about.
func (e Env) valueLater(ctx context.Context, dst []byte, r *kgo.Record, err error) ([]byte, error) {
	for waited := time.Duration(0); ; waited += awayPause {
		var undecoded *registry.Error
		switch {
		case !errors.As(err, &undecoded) || !undecoded.Away():
			return nil, &event.Error{Reason: registry.Reason(err), Message: err.Error()}
		case waited >= AwayPatience:
			return nil, stage.Retry(fmt.Errorf("decoding %s/%d@%d: %w", r.Topic, r.Partition, r.Offset, err))
		case waited == 0:
			e.Logger.Warn("waiting for the schema registry", "topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "because", err)
		}
		select {
		case <-time.After(awayPause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		var value []byte
		if value, err = e.Schemas.Value(dst, r); err == nil {
			return value, nil
		}
	}
}
