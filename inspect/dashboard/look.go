package dashboard

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"inv/internal/kafka/fetch"
)

// look is the result of a look at the cluster.
type look struct {
	topics map[string]*fetch.Topic
	added  map[fetch.ID]span
	lag    []Lag
	err    error
}

// look asks the cluster for the topics and the processor's lag.
func (s *session) look(ctx context.Context) look {
	ctx, cancel := context.WithTimeout(ctx, 2*clusterLook)
	defer cancel()
	topics, err := s.cluster.Topics(ctx, slices.Sorted(maps.Keys(s.sources))...)
	if err != nil {
		return look{err: err}
	}
	found := look{topics: topics}
	fresh := map[string]*fetch.Topic{}
	for name, t := range topics {
		if was := s.known[name]; was == nil || len(was.Partitions) != len(t.Partitions) {
			fresh[name] = t
		}
	}
	if len(fresh) > 0 {
		if found.added, err = s.spans(ctx, fresh); err != nil {
			return look{err: err} // no leader yet: next time
		}
	}
	for _, group := range s.groups {
		if found.lag == nil {
			found.lag = []Lag{}
		}
		found.lag = append(found.lag, s.lag(ctx, group))
	}
	return found
}

// countBelow is how many offsets a group may be behind in a partition for the
// records there to be counted: commit markers take up offsets too, so that on a
// transactional topic the distance never becomes 0.
const countBelow = 64

// lag returns a group's lag over all that it has committed to.
func (s *session) lag(ctx context.Context, group string) Lag {
	lag := Lag{Group: group, Exact: true}
	partitions, err := s.lags.Lag(ctx, group)
	if err != nil {
		return lag
	}
	for _, p := range partitions {
		lag.Known = lag.Known || p.Committed >= 0
		lag.Records += p.Records
		lag.Exact = lag.Exact && p.Exact
	}
	return lag
}

// adopt applies what a look has found.
func (s *session) adopt(ctx context.Context, found look) error {
	if found.err != nil {
		return nil // as of tells
	}
	for name, was := range s.known {
		switch t := found.topics[name]; {
		case t == nil:
			if s.gone[name]++; s.gone[name] >= goneLooks {
				return fmt.Errorf("topic %s: %w", name, errTopicsChanged)
			}
		case t.ID != was.ID:
			return fmt.Errorf("topic %s: %w", name, errTopicsChanged)
		default:
			s.gone[name] = 0
		}
	}
	var spans []fetch.Span
	for id, sp := range found.added {
		if s.parts[id] == nil {
			s.parts[id] = &part{heard: s.clock()}
			spans = append(spans, fetch.Span{ID: id, From: sp.from, To: fetch.Never})
		}
	}
	if len(spans) > 0 {
		s.others.Go(func() { s.stream.Add(ctx, spans) })
	}
	s.known = found.topics
	s.missing(found.topics)
	s.status.Lag = found.lag
	return nil
}

func (s *session) missing(topics map[string]*fetch.Topic) {
	s.status.Missing = []string{}
	for _, name := range slices.Sorted(maps.Keys(s.sources)) {
		if topics[name] == nil && s.sources[name] != DeadLetters { // those appear with the first dead letter
			s.status.Missing = append(s.status.Missing, name)
		}
	}
}
