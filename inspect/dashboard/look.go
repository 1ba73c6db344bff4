package dashboard

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"inv/internal/kafka/fetch"
)

// look is what a look at the cluster found.
type look struct {
	topics map[string]*fetch.Topic
	added  []fetch.Span // of new partitions
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
			return look{err: err} // no leader yet
		}
	}
	for _, group := range s.groups {
		found.lag = append(found.lag, s.lag(ctx, group))
	}
	return found
}

// countBelow is the distance in offsets below which a group's lag in a partition
// is counted record by record: on a transactional topic the distance includes
// commit markers and never becomes 0.
const countBelow = 64

// lag returns a group's lag in all partitions that it has committed to.
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

// adopt applies the result of a look.
func (s *session) adopt(ctx context.Context, found look) error {
	if found.err != nil {
		return nil // the status shows since when nothing was heard
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
	if added := s.follow(found.added, func(sp fetch.Span) int64 { return sp.From }); len(added) > 0 {
		s.others.Go(func() { s.stream.Add(ctx, added) })
	}
	s.known = found.topics
	s.missing(found.topics)
	s.status.Lag = found.lag
	return nil
}

func (s *session) missing(topics map[string]*fetch.Topic) {
	s.status.Missing = nil
	for _, name := range slices.Sorted(maps.Keys(s.sources)) {
		if topics[name] == nil && s.sources[name] != DeadLetters { // created with the first dead letter
			s.status.Missing = append(s.status.Missing, name)
		}
	}
}
