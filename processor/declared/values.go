package declared

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"inv/internal/registry"

	"github.com/twmb/franz-go/pkg/kgo"
)

// topicDecoder decodes the keys and values of topics that have a format, or that a schema
// registry describes. It is for one goroutine.
type topicDecoder struct {
	schemas    *registry.Topics // nil: there are none
	log        *slog.Logger
	key, value []byte // room
}

// While the registry does not answer, it is asked again so often and for so long. What is
// known is not asked for, so this concerns the first record of a schema.
const (
	awayPause    = time.Second
	awayPatience = 30 * time.Second
)

// leastRoom is the least room of a key or a value, in bytes.
const leastRoom = 256

// valueOf returns the JSON of a value that has a schema, and other values as they are. It
// is valid until the next call. A value that can't be decoded is a *refusalError; other
// errors end the step.
func (d *topicDecoder) valueOf(ctx context.Context, r *kgo.Record) ([]byte, error) {
	return d.decode(ctx, r, r.Value, &d.value, d.schemas.Value)
}

// keyOf returns the text of a key likewise.
func (d *topicDecoder) keyOf(ctx context.Context, r *kgo.Record) ([]byte, error) {
	return d.decode(ctx, r, r.Key, &d.key, d.schemas.Key)
}

func (d *topicDecoder) decode(ctx context.Context, r *kgo.Record, original []byte, room *[]byte, decode func([]byte, *kgo.Record) ([]byte, error)) ([]byte, error) {
	if d.schemas == nil || len(original) == 0 {
		return original, nil
	}
	for waited := time.Duration(0); ; waited += awayPause {
		out, err := decode((*room)[:0], r)
		if err == nil {
			if len(out) > cap(*room) && &out[0] != &original[0] {
				// Not out itself, which may be a part of the record. Decoding may need a
				// little more than the result.
				*room = make([]byte, 0, leastRoom+len(out)+len(out)/4)
			}
			return out, nil
		}
		switch {
		case !isAway(err):
			return nil, refused(registry.Reason(err), "%v", err)
		case waited >= awayPatience:
			return nil, fmt.Errorf("decoding %s/%d@%d: %w", r.Topic, r.Partition, r.Offset, err)
		case waited == 0:
			d.log.Warn("waiting for the schema registry", "topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "because", err)
		}
		select {
		case <-time.After(awayPause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// isAway reports whether an error is that the registry did not answer.
func isAway(err error) bool {
	var e *registry.Error
	return errors.As(err, &e) && e.Away()
}

// undecoded is what becomes of a record that was not decoded.
func undecoded(err error) (Outcome, *Refusal, error) {
	if why, ok := refusal(err); ok {
		return Refused, &why, nil
	}
	return 0, nil, err
}
