package dashboard

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"inv/internal/fetch"
)

// look is what a look at the cluster brought.
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
		found.lag = append(found.lag, s.lags.lag(ctx, group))
	}
	return found
}

// adopt takes on what a look has found.
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
	var positions []fetch.Position
	for id, sp := range found.added {
		if s.parts[id] == nil {
			s.parts[id] = &part{heard: s.clock()}
			positions = append(positions, fetch.Position{ID: id, Offset: sp.from, Stop: fetch.Never})
		}
	}
	if len(positions) > 0 {
		s.others.Go(func() { s.stream.Add(ctx, positions) })
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
