package score

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"inv/internal/kafka"
	"inv/internal/registry"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Topics adds all committed records of topics, up to their ends now, and returns those of
// the topics that don't exist. schemas reads those that have a format; nil: none has.
func (t *Tally) Topics(ctx context.Context, config kafka.Config, schemas *registry.Topics, inputs, outputs []string) (missing []string, err error) {
	client, err := kafka.Connect(ctx, config)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	isInput := map[string]bool{}
	for _, topic := range inputs {
		isInput[topic] = true
	}
	// Outputs are read up to an end that is not before that of the inputs.
	spans, err := kafka.Spans(ctx, client, inputs...)
	if err != nil {
		return nil, err
	}
	more, err := kafka.Spans(ctx, client, outputs...)
	if err != nil {
		return nil, err
	}
	spans = append(spans, more...)
	there := map[string]bool{}
	for _, s := range spans {
		there[s.Topic] = true
	}
	for _, topic := range append(append([]string(nil), inputs...), outputs...) {
		if !there[topic] {
			missing = append(missing, topic)
		}
	}
	var away error
	err = kafka.Read(ctx, config, spans, func(_ int, r *kgo.Record) bool {
		value, err := schemas.Value(nil, r)
		var failed *registry.Error
		switch {
		case errors.As(err, &failed) && failed.Away():
			away = err
			return true
		case err != nil:
			value = r.Value // which has no id
		}
		if isInput[r.Topic] {
			t.Input(r.Headers, value)
		} else {
			t.Output(value)
		}
		return false
	})
	if err = cmp.Or(away, err); err != nil {
		return missing, fmt.Errorf("reading the topics: %w", err)
	}
	return missing, nil
}
