package deadletter

import (
	"context"
	"fmt"
	"slices"

	"inv/internal/event"
	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Filter chooses letters. The zero value takes all.
type Filter struct {
	Reasons []event.Reason         // any of these; none: all
	Places  []event.Place          // just these; none: all
	Match   func(*kgo.Record) bool // nil: all
}

func (f *Filter) matches(r *kgo.Record, l *Letter) bool {
	return (len(f.Reasons) == 0 || slices.Contains(f.Reasons, l.Reason)) &&
		(len(f.Places) == 0 || slices.Contains(f.Places, l.At)) &&
		(f.Match == nil || f.Match(r))
}

// Read calls visit with the letters of the dead-letter topics that there are now
// and that the filter takes, each partition's in order. foreign counts the
// records that are no letters. The letters are valid during the call only.
func Read(ctx context.Context, c kafka.Config, client *kgo.Client, topics []string, f Filter, visit func(*Letter)) (foreign int, err error) {
	spans, err := kafka.Spans(ctx, client, topics...)
	if err != nil {
		return 0, fmt.Errorf("looking up the dead letters: %w", err)
	}
	if len(f.Places) > 0 {
		spans = slices.DeleteFunc(spans, func(s kafka.Span) bool { return !narrow(&s, f.Places) })
	}
	err = kafka.Read(ctx, c, spans, func(_ int, r *kgo.Record) bool {
		l, err := Parse(r)
		if err != nil {
			foreign++
		} else if f.matches(r, l) {
			visit(l)
		}
		return false
	})
	if err != nil {
		return foreign, fmt.Errorf("reading the dead letters: %w", err)
	}
	return foreign, nil
}

// narrow reports whether any of the places is in a span.
func narrow(s *kafka.Span, places []event.Place) bool {
	for _, p := range places {
		if p.Topic == s.Topic && p.Partition == s.Partition && p.Offset >= s.From && p.Offset < s.To {
			return true
		}
	}
	return false
}
