package dashboard

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"inv/internal/kafka/acl"
	"inv/internal/kafka/fetch"
)

// look is what a look at the cluster found.
type look struct {
	topics    map[string]*fetch.Topic // sources
	added     []fetch.Span            // of new partitions
	denied    map[string]error        // sources, by topic
	permitted []fetch.Span            // of sources that can be read now, of which the numbers are loaded
	gone      []string                // sources that were refused and do not exist
	again     error                   // a new session is needed
	lag       []Lag
	deniedLag []Denied
	err       error
}

// look asks the cluster for the topics and the processor's lag.
func (s *session) look(ctx context.Context) look {
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, 2*clusterLook)
	defer cancel()
	topics, denied, err := s.cluster.Permitted(ctx, s.topicsToLookFor()...)
	if err != nil {
		return look{err: err}
	}
	found := look{topics: map[string]*fetch.Topic{}, denied: map[string]error{}}
	fresh, suspects := map[string]*fetch.Topic{}, []*fetch.Topic{}
	for name := range s.sources {
		t := topics[name]
		if err := denied[name]; err != nil {
			found.denied[name] = err
		}
		e, refused := s.refused.has(name)
		switch {
		case t == nil && refused && denied[name] == nil:
			found.gone = append(found.gone, name)
			continue
		case t == nil:
			continue
		case refused && e != followed:
			suspects = append(suspects, t)
			continue
		}
		found.topics[name] = t
		if was := s.known[name]; was == nil || len(was.Partitions) != len(t.Partitions) {
			fresh[name] = t
		}
	}
	if err := s.readmit(whole, suspects, &found); err != nil {
		return look{err: err}
	}
	if len(fresh) > 0 {
		if found.added, err = s.spans(ctx, fresh); err != nil {
			return look{err: err} // no leader yet
		}
	}
	for _, group := range s.groups {
		lag, missing := s.lag(ctx, group, denied)
		if group.Optional && !lag.Known {
			continue
		}
		found.lag, found.deniedLag = append(found.lag, lag), append(found.deniedLag, missing...)
	}
	return found
}

// readmit looks which of the topics that were refused can be read now, and loads the
// numbers of those of which nothing was read.
func (s *session) readmit(ctx context.Context, suspects []*fetch.Topic, found *look) error {
	unreadable, err := s.cluster.Unreadable(ctx, suspects)
	if err != nil {
		return err
	}
	permitted := map[string]*fetch.Topic{}
	for _, t := range suspects {
		e, _ := s.refused.has(t.Name)
		switch err := unreadable[t.Name]; {
		case err != nil:
			found.denied[t.Name] = err
		case e == partial:
			found.again = &permittedError{t.Name}
		case s.loads.Load() == 0: // else with a later look
			permitted[t.Name] = t
		}
	}
	if len(permitted) == 0 || found.again != nil {
		return nil
	}
	if found.permitted, err = s.spans(ctx, permitted); err != nil {
		return err
	}
	maps.Copy(found.topics, permitted)
	l := newLoader(s)
	found.again = l.numbers(ctx, found.permitted)
	return nil
}

// topicsToLookFor returns the names of the sources and of the topics that the groups
// read.
func (s *session) topicsToLookFor() []string {
	names := slices.Collect(maps.Keys(s.sources))
	for _, group := range s.groups {
		names = append(names, group.Topics...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// countBelow is the distance in offsets below which a group's lag in a partition
// is counted record by record: on a transactional topic the distance includes
// commit markers and never becomes 0.
const countBelow = 64

// lag returns a group's lag in all partitions that it has committed to. Brokers leave
// out the offsets in topics that can't be described, so that it is unknown with one of
// those, which is what is missing then.
func (s *session) lag(ctx context.Context, group Group, denied map[string]error) (lag Lag, missing []Denied) {
	lag = Lag{Group: group.Name, Exact: true}
	for _, topic := range group.Topics {
		if err := denied[topic]; err != nil {
			lag.Denied = true
			if _, source := s.sources[topic]; !source { // which is reported already
				missing = append(missing, deniedOf(err, sectionLag, 0))
			}
		}
	}
	if lag.Denied {
		return lag, missing
	}
	partitions, err := s.lags.Lag(ctx, group.Name)
	if acl.Denied(err) {
		lag.Denied = true
		return lag, []Denied{deniedOf(err, sectionLag, 0)}
	}
	if err != nil {
		return lag, nil
	}
	for _, p := range partitions {
		lag.Known = lag.Known || p.Committed >= 0
		lag.Records += p.Records
		lag.Exact = lag.Exact && p.Exact
	}
	return lag, nil
}

// adopt applies the result of a look.
func (s *session) adopt(ctx context.Context, found look) error {
	s.status.looked = true
	if found.err != nil {
		return nil // the status shows since when nothing was heard
	}
	if found.again != nil {
		return found.again
	}
	for _, name := range found.gone {
		s.refused.remove(name)
	}
	for name, err := range found.denied {
		if s.known[name] == nil { // the stream finds out about the others
			s.refused.add(name, nil, err, unread, 0)
		}
	}
	for name, was := range s.known {
		switch t := found.topics[name]; {
		case t == nil && found.denied[name] != nil:
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
	added := s.follow(found.permitted, func(sp fetch.Span) int64 { return sp.To })
	for _, sp := range found.permitted {
		s.refused.remove(sp.Topic)
	}
	if len(found.permitted) > 0 {
		s.status.Loading, s.status.Progress = LoadingPast, 0
		s.load(ctx, newLoader(s), found.permitted, found.topics[s.topics.Updates])
	}
	if added = append(added, s.follow(found.added, func(sp fetch.Span) int64 { return sp.From })...); len(added) > 0 {
		s.others.Go(func() { s.stream.Add(ctx, added) })
	}
	s.missing(found.topics)
	for name, was := range s.known {
		if found.topics[name] == nil { // refused, or gone for a moment
			found.topics[name] = was
		}
	}
	s.known = found.topics
	s.status.Lag, s.deniedLags = found.lag, found.deniedLag
	return nil
}

func (s *session) isRefused(topic string) bool {
	_, refused := s.refused.has(topic)
	return refused
}

func (s *session) missing(topics map[string]*fetch.Topic) {
	s.status.Missing = nil
	for _, name := range slices.Sorted(maps.Keys(s.sources)) {
		source := s.sources[name]
		if topics[name] != nil && source == Outputs {
			s.hub.Update(func(m *Model) { m.outputsExist(name) })
		}
		// Topics of dead letters are created with the first one, outputs when their
		// topology first runs.
		if topics[name] == nil && source != DeadLetters && source != Outputs && !s.isRefused(name) {
			s.status.Missing = append(s.status.Missing, name)
		}
	}
}
