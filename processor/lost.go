package processor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"inv/internal/kafka"
	"inv/internal/kafka/admin"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// LostRange is a part of a topic that is deleted, by retention or on request,
// though a stage still needs it. From is its first offset, To the one behind it:
// the number of records in between is at most their difference.
type LostRange struct {
	Alias, Topic string
	Partition    int32
	From, To     int64
	// Group is the consumer group that has not read the range. If it is "", the
	// group has, but the topic is one that is read from its beginning at each
	// start, such as the catalogue.
	Group string

	metadata string // of the group's offset
	stage    *Stage
}

func (r LostRange) String() string {
	return fmt.Sprintf("%s/%d offsets %d to %d", r.Topic, r.Partition, r.From, r.To-1)
}

// LostError is returned at the start for records that are gone before they were
// processed.
type LostError struct {
	Ranges []LostRange
	// Gone is how many of the first offsets each input no longer has, in all of its
	// partitions: what starting over from the inputs would miss.
	Gone map[string]int64
}

// namedRanges is how many ranges a message names.
const namedRanges = 4

func (e *LostError) Error() string {
	var groups, parts []string
	for _, r := range e.Ranges {
		if !slices.Contains(groups, r.Group) {
			groups = append(groups, r.Group)
		}
	}
	for _, group := range groups {
		parts = append(parts, e.ofGroup(group))
	}
	return strings.Join(parts, "; ")
}

// ofGroup says what a group has not read, or what is missing from topics that are
// read whole.
func (e *LostError) ofGroup(group string) string {
	var named []string
	var offsets int64
	partitions := 0
	for _, r := range e.Ranges {
		if r.Group != group {
			continue
		}
		if partitions++; partitions <= namedRanges {
			named = append(named, r.String())
		}
		offsets += r.To - r.From
	}
	if partitions > namedRanges {
		named = append(named, fmt.Sprintf("and parts of %d more partitions", partitions-namedRanges))
	}
	what := "that are read from the beginning at each start"
	if group != "" {
		what = fmt.Sprintf("that the group %s has not read", group)
	}
	return fmt.Sprintf("up to %d records %s are deleted: %s", offsets, what, strings.Join(named, ", "))
}

// Aliases returns the topics that have lost records, each once.
func (e *LostError) Aliases() []string {
	aliases := map[string]bool{}
	for _, r := range e.Ranges {
		aliases[r.Alias] = true
	}
	return slices.Sorted(maps.Keys(aliases))
}

// refuseLostRecords compares what the groups have read with what is left of their
// topics. What [Config.SkipLost] names is skipped: the group's offset is set to the
// first one that is left, and the state stays what it is.
func (a *application) refuseLostRecords(ctx context.Context, client *kgo.Client) error {
	for try := 0; ; try++ {
		lost, err := a.lostRanges(ctx, client)
		if err != nil {
			return err
		}
		var refused, skipped []LostRange
		for _, r := range lost {
			if a.skips(r.Alias) {
				skipped = append(skipped, r)
			} else {
				refused = append(refused, r)
			}
		}
		if len(refused) > 0 {
			gone, err := a.gone(ctx, client)
			if err != nil {
				return err
			}
			return &LostError{Ranges: refused, Gone: gone}
		}
		err = a.skip(ctx, client, skipped)
		var used *admin.InUseError
		if err == nil || !errors.As(err, &used) || try == 2 { // another instance may have skipped them just now
			return err
		}
	}
}

// skips reports whether lost records of a topic may be skipped.
func (a *application) skips(alias string) bool { return slices.Contains(a.cfg.SkipLost, alias) }

// lostRanges returns what the topics have lost, in order.
func (a *application) lostRanges(ctx context.Context, client *kgo.Client) (lost []LostRange, err error) {
	for _, s := range a.stages {
		committed, err := a.committed(ctx, client, s)
		if err != nil {
			return nil, err
		}
		inputs := s.inputs()
		topics := a.layout.topics(inputs)
		starts, err := a.layout.startsAtFirst(ctx, client, topics...)
		if err != nil {
			return nil, err
		}
		ends, err := a.layout.endsAtFirst(ctx, client, topics...)
		if err != nil {
			return nil, err
		}
		for _, id := range slices.SortedFunc(maps.Keys(starts), fetch.ID.Compare) {
			o, ok := committed.Lookup(id.Topic, id.Partition)
			if end, known := ends[id]; ok && known && o.At > end {
				return nil, StartOver("%s/%d ends at offset %d, and the group %s has read to %d: its last records were lost, as when a replica that lagged behind became the leader",
					id.Topic, id.Partition, end, Group(a.cfg.AppID, s.Name), o.At)
			}
			r := LostRange{Alias: inputs[slices.Index(topics, id.Topic)], Topic: id.Topic, Partition: id.Partition, To: starts[id], stage: s}
			switch {
			case ok && o.At >= 0 && o.At < r.To:
				r.From, r.Group, r.metadata = o.At, Group(a.cfg.AppID, s.Name), o.Metadata
				lost = append(lost, r)
			case (r.Alias == s.Whole || slices.Contains(s.Tables, r.Alias)) && r.To > 0:
				lost = append(lost, r)
			}
		}
	}
	return lost, nil
}

// skip sets the groups' offsets behind the ranges.
func (a *application) skip(ctx context.Context, client *kgo.Client, ranges []LostRange) error {
	offsets := map[string]*kadm.Offsets{}
	for _, r := range ranges {
		if r.Group == "" {
			continue
		}
		if offsets[r.Group] == nil {
			offsets[r.Group] = &kadm.Offsets{}
		}
		offsets[r.Group].Add(kadm.Offset{
			Topic: r.Topic, Partition: r.Partition, At: r.To, LeaderEpoch: -1,
			Metadata: a.stamp(r.stage)(r.To, noteOf(r.metadata)),
		})
	}
	members := kadm.NewClient(client)
	for group, to := range offsets {
		err := members.CommitAllOffsets(ctx, group, *to)
		switch {
		case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.IllegalGeneration), errors.Is(err, kerr.RebalanceInProgress):
			described, describeErr := members.DescribeGroups(ctx, group)
			if describeErr != nil {
				return fmt.Errorf("moving the group %s behind what is lost: %w", group, describeErr)
			}
			return &admin.InUseError{Group: group, Members: len(described[group].Members)}
		case err != nil:
			return fmt.Errorf("moving the group %s behind what is lost: %w", group, err)
		}
	}
	for _, r := range ranges {
		a.cfg.Stats.skipped(r)
		a.cfg.Log.Warn("going on without what is lost", "topic", r.Topic, "partition", r.Partition, "from", r.From, "to", r.To-1, "records_at_most", r.To-r.From)
	}
	return nil
}

// noteOf returns the notes in the metadata of an offset that its partition has given,
// see [stage.Noted]: they stay the same when the offset is moved. The others are added
// to each offset.
func noteOf(metadata string) string {
	var notes []string
	for field := range strings.SplitSeq(metadata, " ") {
		name, _, _ := strings.Cut(field, "=")
		if strings.HasPrefix(name, notePrefix) && !slices.Contains([]string{notePartitions, noteShape, noteVersion}, name) {
			notes = append(notes, field)
		}
	}
	return strings.Join(notes, " ")
}

// gone returns how many of their first offsets the inputs no longer have.
func (a *application) gone(ctx context.Context, client *kgo.Client) (map[string]int64, error) {
	var inputs []string
	for _, s := range a.stages {
		for _, alias := range s.inputs() {
			if t, ok := a.cfg.Scenario.Topic(alias); ok && !t.Internal {
				inputs = append(inputs, a.layout.names[alias])
			}
		}
	}
	starts, err := kafka.Starts(ctx, client, inputs...)
	if err != nil {
		return nil, err
	}
	gone := map[string]int64{}
	for id, start := range starts {
		if start > 0 {
			gone[id.Topic] += start
		}
	}
	return gone, nil
}

// explainStartOver adds to an error against which starting over helps what that
// would miss.
func (a *application) explainStartOver(ctx context.Context, err error) error {
	var over *StartOverError
	var grown *GrownError
	var partitions *kafka.PartitionsError
	if !errors.As(err, &over) && !errors.As(err, &grown) && !errors.As(err, &partitions) {
		return err
	}
	client, connectErr := kafka.New(a.cfg.Kafka)
	if connectErr != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	gone, goneErr := a.gone(ctx, client)
	if goneErr != nil || len(gone) == 0 {
		return err
	}
	return &InputsGoneError{Gone: gone, Err: err}
}
