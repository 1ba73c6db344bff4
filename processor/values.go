package processor

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"inv/internal/event"
	"inv/internal/registry"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Values decodes the keys and values of the records of a topic by its formats. It is for
// one goroutine.
type Values struct {
	schemas    *registry.Topics // nil: the topic has neither formats nor upgrades
	log        *slog.Logger
	key, value []byte        // room
	Patience   time.Duration // how long Of and Key wait for the registry; 0: until the context ends
	Final      bool          // the error that it does not answer ends the run, and not only the step
}

// While the schema registry does not answer, it is asked again so often and for so long.
// What is known is not asked for, so this concerns the first record of a schema.
const (
	awayPause    = time.Second
	awayPatience = 30 * time.Second
)

// leastRoom is the least room of a key or a value, in bytes.
const leastRoom = 256

// Values returns what decodes the records of one of the stage's topics.
func (e Env) Values(alias string) *Values {
	if !e.Encoded(alias) {
		return NewValues(nil, e.Logger)
	}
	return NewValues(e.Schemas, e.Logger)
}

// NewValues returns what decodes records by schemas; nil: it leaves them as they are.
func NewValues(schemas *registry.Topics, log *slog.Logger) *Values {
	return &Values{schemas: schemas, log: log, Patience: awayPatience}
}

// CheckVersion returns an *event.Error if the record's version is not known, see
// [event.CheckVersion], and has no upgrade.
func (v *Values) CheckVersion(r *kgo.Record) error {
	return v.schemas.Upgrades(r.Topic).CheckVersion(r.Headers)
}

// Of returns the JSON of a record's value by the topic's format, upgraded if its type has
// an upgrade, and other values as they are. It is valid until the next call, and as long
// as the record is. A value that can't be decoded is an *event.Error. Other errors, that
// the registry does not answer, are for the step to end with: it is tried again, unless
// Final is set.
func (v *Values) Of(ctx context.Context, r *kgo.Record) ([]byte, error) {
	if v.schemas == nil || r.Value == nil {
		return r.Value, nil
	}
	return v.decode(ctx, r, r.Value, &v.value, v.schemas.Value)
}

// Key returns a record's key likewise; one that is a JSON string is its text.
func (v *Values) Key(ctx context.Context, r *kgo.Record) ([]byte, error) {
	if v.schemas == nil || r.Key == nil {
		return r.Key, nil
	}
	return v.decode(ctx, r, r.Key, &v.key, v.schemas.Key)
}

func (v *Values) decode(ctx context.Context, r *kgo.Record, original []byte, room *[]byte, decode func([]byte, *kgo.Record) ([]byte, error)) ([]byte, error) {
	for waited := time.Duration(0); ; waited += awayPause {
		out, err := decode((*room)[:0], r)
		if err == nil {
			if len(out) > cap(*room) && (len(original) == 0 || &out[0] != &original[0]) {
				// Not out itself, which may be a part of the record. Decoding may need a
				// little more than the result.
				*room = make([]byte, 0, leastRoom+len(out)+len(out)/4)
			}
			return out, nil
		}
		switch {
		case !registry.Away(err):
			return nil, &event.Error{Reason: registry.Reason(err), Message: err.Error()}
		case v.Patience > 0 && waited >= v.Patience:
			if err = fmt.Errorf("decoding %s/%d@%d: %w", r.Topic, r.Partition, r.Offset, err); v.Final {
				return nil, err
			}
			return nil, stage.Retry(err)
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
