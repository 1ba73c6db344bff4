package declared

import (
	"context"
	"errors"
	"log/slog"

	"inv/internal/event"
	"inv/internal/registry"
	"inv/processor"

	"github.com/twmb/franz-go/pkg/kgo"
)

// topicDecoder is [processor.Values] whose errors are those of this package. An
// empty key or value stays as it is.
type topicDecoder struct{ values *processor.Values }

func newTopicDecoder(schemas *registry.Topics, log *slog.Logger) topicDecoder {
	values := processor.NewValues(schemas, log)
	values.Final = true
	return topicDecoder{values}
}

// valueOf returns the JSON of a value that has a schema, and other values as they are. It
// is valid until the next call. A value that can't be decoded is a *refusalError; other
// errors end the step.
func (d topicDecoder) valueOf(ctx context.Context, r *kgo.Record) ([]byte, error) {
	if len(r.Value) == 0 {
		return r.Value, nil
	}
	value, err := d.values.Of(ctx, r)
	return value, asRefusal(err)
}

// keyOf returns the text of a key likewise.
func (d topicDecoder) keyOf(ctx context.Context, r *kgo.Record) ([]byte, error) {
	if len(r.Key) == 0 {
		return r.Key, nil
	}
	key, err := d.values.Key(ctx, r)
	return key, asRefusal(err)
}

func asRefusal(err error) error {
	if err == nil {
		return nil // without the allocation of what follows
	}
	var e *event.Error
	if errors.As(err, &e) {
		return refused(e.Reason, "%s", e.Message)
	}
	return err
}

// undecoded is what becomes of a record that was not decoded.
func undecoded(err error) (Outcome, *Refusal, error) {
	if why, ok := refusal(err); ok {
		return Refused, &why, nil
	}
	return 0, nil, err
}
