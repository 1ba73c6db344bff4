package dashboard

import (
	"context"
	"errors"

	"inv/inspect"
	"inv/internal/kafka"
	"inv/internal/kafka/fetch"
)

// values decodes records, for one goroutine. The nil values decodes none.
type values struct {
	decoder inspect.SchemaDecoder
	records []fetch.Record // decoded
	arena   []byte         // of the records
}

func newValues(schemas func() inspect.SchemaDecoder) *values {
	if schemas == nil {
		return nil
	}
	return &values{decoder: schemas()}
}

// needed reports whether records of a source are decoded. Of dead letters only the headers
// are shown.
func (v *values) needed(s Source) bool { return v != nil && s != DeadLetters }

// away is why the schema registry is waited for.
type away struct {
	why   string
	tries int
}

// decode decodes a record. While the registry does not answer it waits, and the status
// says so: records that it skipped would be missing later. A record that can't be decoded
// is left as it is, which the model counts as malformed. The error is that ctx has ended.
func (s *session) decode(ctx context.Context, v *values, r *fetch.Record) error {
	if !v.needed(s.sources[r.Topic]) {
		return nil
	}
	key, value := r.Key, r.Value
	for tries := 1; ; tries++ {
		err := v.decoder.Decode(r, func() {})
		why := isAway(err)
		if why == nil {
			s.undecoded(r, err)
			if s.away.Load() != nil {
				s.away.Store(nil)
				s.log("the schema registry answers again")
			}
			return nil
		}
		if s.away.Swap(&away{clip(why.Error()), tries}) == nil {
			s.log(why.Error())
		}
		s.hub.Update(func(m *Model) { m.status.Trouble, m.status.failures = clip(why.Error()), tries; m.Beat() })
		r.Key, r.Value = key, value
		if err := kafka.Pause(ctx, statusEvery); err != nil {
			return err
		}
	}
}

// isAway returns the error that the registry does not answer; nil if err is none.
func isAway(err error) error {
	for _, why := range inspect.Joined(err) {
		var a interface{ Away() bool }
		if errors.As(why, &a) && a.Away() {
			return why
		}
	}
	return nil
}

// undecoded logs why a record can't be decoded, once for each kind of reason.
func (s *session) undecoded(r *fetch.Record, err error) {
	s.reasons.Report(r.Topic, err, func(err error) {
		one := Record{s.sources[r.Topic], r}
		s.log(one.place() + ": " + err.Error())
	})
}

// portion is about how many bytes of decoded records are folded at a time.
const portion = 1 << 20

// foldDecoded calls use with the decoded records of a chunk, some at a time while the
// model is locked. It decodes them before, since that may wait for the registry.
func (s *session) foldDecoded(ctx context.Context, c *fetch.Chunk, use func(*Model, *fetch.Record), damaged func(*Model, error)) error {
	v := s.values
	fold := func() {
		s.hub.Update(func(m *Model) {
			for i := range v.records {
				use(m, &v.records[i])
			}
		})
		clear(v.records)
		v.records, v.arena = v.records[:0], v.arena[:0]
	}
	var ended error
	err := s.decoder.Each(c, func(r *fetch.Record) bool {
		if ended = s.decode(ctx, v, r); ended != nil {
			return false
		}
		var kept fetch.Record
		kept, v.arena = r.CopyTo(v.arena)
		if v.records = append(v.records, kept); len(v.records) == atOnce || len(v.arena) >= portion {
			fold()
		}
		return true
	})
	if ended != nil {
		return ended
	}
	fold()
	s.hub.Update(func(m *Model) { damaged(m, err) })
	return nil
}
