package processor

import (
	"math"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

const (
	futureLimit = 30 * time.Minute // brokers accept an hour ahead of their clocks by default; clocks differ
	timeMargin  = time.Minute      // for clocks, and for the way to the broker, where a topic sets a limit of its own
	anyAge      = math.MaxInt64 / 4
)

// Times are the timestamps that a topic accepts: how far before and after the
// broker's clock, in ms.
type Times struct{ before, after int64 }

// usualTimes returns the Times of a topic without limits of its own.
func usualTimes() Times { return Times{before: anyAge, after: futureLimit.Milliseconds()} }

// timesOf returns the Times of a topic with these settings.
func timesOf(settings []kadm.Config) Times {
	t := usualTimes()
	for _, s := range settings {
		limit, err := strconv.ParseInt(s.MaybeValue(), 10, 64)
		if err != nil || limit < 0 {
			continue
		}
		limit -= min(limit/2, timeMargin.Milliseconds())
		switch s.Key {
		case "message.timestamp.before.max.ms":
			t.before = min(t.before, limit)
		case "message.timestamp.after.max.ms":
			t.after = min(t.after, limit)
		case "message.timestamp.difference.max.ms": // before Kafka 3.6
			t.before, t.after = min(t.before, limit), min(t.after, limit)
		}
	}
	return t
}

// Record returns an event time as far as the topic accepts it as a record's timestamp,
// and otherwise the time now, in epoch ms.
func (t Times) Record(ms int64, now time.Time) int64 {
	at := now.UnixMilli()
	if ms > at+t.after || ms < at-t.before {
		return at
	}
	return ms
}

// RecordTime is [Times.Record] for a topic without limits of its own.
func RecordTime(ms int64, now time.Time) int64 { return usualTimes().Record(ms, now) }

// Times returns the timestamps that a topic, by its name on the broker, accepts.
func (e Env) Times(topic string) Times {
	if t, ok := e.layout.times[topic]; ok {
		return t
	}
	return usualTimes()
}
