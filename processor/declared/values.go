package declared

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"inv/internal/event"
	"inv/internal/registry"

	"github.com/twmb/franz-go/pkg/kgo"
)

// valueDecoder decodes values that a schema registry describes.
type valueDecoder struct {
	schemas *registry.Topics // nil: there are none
	log     *slog.Logger
}

// While the registry does not answer, it is asked again so often and for so long. What is
// known is not asked for, so this concerns the first record of a schema.
const (
	awayPause    = time.Second
	awayPatience = 30 * time.Second
)

// of returns the JSON of a value that the registry describes, and other values as they
// are. A value that can't be decoded is a *refusalError; other errors end the step.
func (v *valueDecoder) of(ctx context.Context, r *kgo.Record) ([]byte, error) {
	if v.schemas == nil {
		return r.Value, nil
	}
	for waited := time.Duration(0); ; waited += awayPause {
		value, err := v.schemas.Value(nil, r)
		var e *registry.Error
		switch {
		case err == nil:
			return value, nil
		case !errors.As(err, &e) || !e.Away():
			return nil, refused(event.NotJSON, "%v", err)
		case waited >= awayPatience:
			return nil, fmt.Errorf("decoding %s/%d@%d: %w", r.Topic, r.Partition, r.Offset, err)
		case waited == 0:
			v.log.Warn("waiting for the schema registry", "topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "because", err)
		}
		select {
		case <-time.After(awayPause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// undecoded is what becomes of a record whose value was not decoded.
func undecoded(err error) (Outcome, *Refusal, error) {
	if why, ok := refusal(err); ok {
		return Refused, &why, nil
	}
	return 0, nil, err
}
