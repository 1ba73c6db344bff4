package processor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"inv/internal/event"
	"inv/internal/kafka"
	"inv/internal/kafka/acl"
	"inv/internal/kafka/fetch"
	"inv/internal/kafka/stamp"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func partitionID(topic string, partition int32) fetch.ID {
	return fetch.ID{Topic: topic, Partition: partition}
}

// pendingFor is how long offsets may wait for the end of a transaction. Brokers
// end each within the transaction timeout, which is shorter.
const pendingFor = time.Minute

// committed returns the offsets of a stage's group; none if there is no such
// group.
func (a *application) committed(ctx context.Context, client *kgo.Client, stage *Stage) (kadm.OffsetResponses, error) {
	group, w := Group(a.cfg.AppID, stage.Name), a.waits(stage)
	for began := time.Now(); ; {
		offsets, err := kadm.NewClient(client).FetchOffsets(kadm.RequireStable(ctx), group)
		if err == nil {
			err = offsets.Error()
		}
		switch {
		case err == nil:
			return offsets, nil
		case errors.Is(err, kerr.GroupIDNotFound):
			return nil, nil
		case !kerr.IsRetriable(err):
			return nil, fmt.Errorf("fetching the offsets of %s: %w", group, acl.Check(err, acl.Describe, acl.Group(group)))
		case errors.Is(err, kerr.UnstableOffsetCommit) && time.Since(began) > pendingFor:
			return nil, &PendingTransactionError{Group: group, Err: err}
		case errors.Is(err, kerr.UnstableOffsetCommit):
			w.say(func() string { return "the end of a transaction in the offsets of " + group })
		}
		if err := kafka.Pause(ctx, watchEvery/10); err != nil {
			return nil, err
		}
	}
}

// refuseMovedPositions compares what the groups have committed with the topics
// that are there.
func (a *application) refuseMovedPositions(ctx context.Context, client *kgo.Client) error {
	earlier := false
	for _, stage := range a.stages {
		offsets, err := a.committed(ctx, client, stage)
		if err != nil {
			return err
		}
		for _, topic := range a.layout.topics(stage.Reads) {
			for _, o := range offsets[topic] {
				if o.At < 0 {
					continue
				}
				if err := a.comparePosition(stage, o.Offset); err != nil {
					return err
				}
				earlier = earlier || isEarlier(o.Metadata)
			}
		}
	}
	if earlier {
		a.cfg.Log.Info("continuing from offsets of an earlier version", "format", firstFormat, "from now on", stamp.Format)
	}
	return nil
}

// lookBack is how many offsets at a partition's end are searched for the
// application that wrote them.
const lookBack = 20

// refuseOthersOutputs looks at the topics that only one application may write:
// two ledgers in one topic, for one, would give each product two stocks.
func (a *application) refuseOthersOutputs(ctx context.Context, stage *Stage) error {
	for _, w := range stage.Writes {
		if !w.Exclusive {
			continue
		}
		topic := a.layout.names[w.Topic]
		if a.layout.made[topic] {
			continue
		}
		for p := range int32(a.layout.count(topic)) {
			source, err := a.lastSource(ctx, topic, p)
			if err != nil {
				return err
			}
			if source != "" && source != a.cfg.AppID {
				return &OtherApplicationError{Topic: topic, App: source}
			}
		}
	}
	return nil
}

// lastSource returns the application that wrote a partition's last records, ""
// if they don't name one.
func (a *application) lastSource(ctx context.Context, topic string, partition int32) (source string, err error) {
	end, err := a.reader.StableEnd(ctx, topic, partition)
	if err != nil {
		return "", err
	}
	err = a.reader.Read(ctx, topic, partition, max(end-lookBack, 0), end, func(r *kgo.Record) error {
		if v, ok := event.Header(r.Headers, event.HeaderSource); ok {
			source = string(v)
		}
		return nil
	})
	return source, err
}

// refuseForgottenInputs looks for partitions without a committed offset although
// the stage's log has lines decided from them: the group, or a part of its
// offsets, has expired or was removed, as after a week without a member. The
// stage would begin with the first record again and count each twice. At least
// once does that anyway.
func (a *application) refuseForgottenInputs(ctx context.Context, client *kgo.Client, stage *Stage) error {
	if stage.Log == "" || !a.cfg.exact() {
		return nil
	}
	for again := false; ; again = true {
		open, err := a.uncommitted(ctx, client, stage)
		if err != nil || len(open) == 0 {
			return err
		}
		decided, ok, err := a.decidedOf(ctx, stage, open)
		if err != nil {
			return err
		}
		if !ok {
			return a.refuseTrimmedLog(ctx, client, stage)
		}
		if again { // at first, another instance may just have begun with it
			return StartOver("the group %s has no offset of %s/%d, though %s has what it decided of it: it has expired or was removed, and records would count twice",
				Group(a.cfg.AppID, stage.Name), decided.Topic, decided.Partition, a.layout.names[stage.Log])
		}
	}
}

// refuseTrimmedLog refuses a log that has lost its first records if the group has no
// offset at all: it can't be known what was decided before.
func (a *application) refuseTrimmedLog(ctx context.Context, client *kgo.Client, stage *Stage) error {
	offsets, err := a.committed(ctx, client, stage)
	if err != nil {
		return err
	}
	any := false
	offsets.Each(func(o kadm.OffsetResponse) { any = any || o.At >= 0 })
	if any {
		return nil
	}
	log := a.layout.names[stage.Log]
	starts, err := a.layout.startsAtFirst(ctx, client, log)
	if err != nil {
		return err
	}
	for p := range int32(a.layout.count(log)) {
		if start := starts[partitionID(log, p)]; start > 0 {
			return StartOver("the group %s has no offsets: they have expired or were removed; and %s/%d begins at offset %d, so that it can't be known what was decided before",
				Group(a.cfg.AppID, stage.Name), log, p, start)
		}
	}
	return nil
}

// uncommitted returns the partitions of a stage's sources that have had records
// and have no offset of the group.
func (a *application) uncommitted(ctx context.Context, client *kgo.Client, s *Stage) (open []stage.Source, err error) {
	offsets, err := a.committed(ctx, client, s)
	if err != nil {
		return nil, err
	}
	ends, err := a.layout.endsAtFirst(ctx, client, a.layout.topics(s.Reads)...)
	if err != nil {
		return nil, err
	}
	for id, end := range ends {
		if o, ok := offsets.Lookup(id.Topic, id.Partition); (!ok || o.At < 0) && end > 0 {
			open = append(open, stage.Source{Topic: id.Topic, Partition: id.Partition})
		}
	}
	return open, nil
}

var errFound = errors.New("found")

// decidedOf searches the stage's log for a line of one of the partitions.
func (a *application) decidedOf(ctx context.Context, s *Stage, open []stage.Source) (found stage.Source, ok bool, err error) {
	marks := make([]string, len(open))
	for i, source := range open {
		marks[i] = s.Decided(source)
	}
	topic := a.layout.names[s.Log]
	if a.layout.made[topic] {
		return found, false, nil
	}
	for p := range int32(a.layout.count(topic)) {
		end, err := a.reader.StableEnd(ctx, topic, p)
		if err != nil {
			return found, false, err
		}
		err = a.reader.Read(ctx, topic, p, 0, end, func(r *kgo.Record) error {
			value := string(r.Value)
			for i, mark := range marks {
				if strings.Contains(value, mark) {
					found = open[i]
					return errFound
				}
			}
			return nil
		})
		if errors.Is(err, errFound) {
			return found, true, nil
		}
		if err != nil {
			return found, false, err
		}
	}
	return found, false, nil
}
