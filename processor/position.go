package processor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"inv/processor/runtime"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// positionFormat begins the metadata of each offset that a stage commits. It
// changes when this program can't go on from what one before it has committed.
const positionFormat = "inv/1"

// A committed offset has, in its metadata, the offset once more, which other
// tools leave out when they move one, and the ids of all topics that state and
// offsets are about: a topic that was made anew has the old one's name but not
// its records. Deleting a topic removes its own offsets, so each has all ids.
// Rules other than the default ones are named behind them: state made by the
// one policy means nothing to the other.
//
//	inv/1 4711 wW3HZbXUTAWZ5cXqGbJFyQ== … [policy=reference]

const policyMark = " policy="

// bound are those topics.
func (t *topics) bound() []string {
	return []string{t.catalog, t.orders, t.receipts, t.reorders, t.log, t.ledgerChangelog, t.procurementChangelog}
}

// stamp returns what makes the metadata of an offset.
func (a *application) stamp() func(offset int64) string {
	var ids strings.Builder
	for _, topic := range a.topics.bound() {
		ids.WriteByte(' ')
		ids.WriteString(a.ids[topic].String())
	}
	if a.cfg.Policy != PolicyDefault {
		ids.WriteString(policyMark + a.cfg.Policy)
	}
	suffix := ids.String()
	return func(offset int64) string {
		return positionFormat + " " + strconv.FormatInt(offset, 10) + suffix
	}
}

// sources are the topics that a stage reads.
func (a *application) sources(stage string) []string {
	t := &a.topics
	switch {
	case stage == ledgerStage:
		return []string{t.log}
	case stage == procurementStage:
		return []string{t.reorders}
	case a.cfg.Policy == PolicyReference:
		return []string{t.catalog, t.reorders, t.receipts, t.orders}
	}
	return []string{t.catalog, t.receipts, t.orders}
}

// outputs are the topics that a stage writes, but for dead letters.
func (a *application) outputs(stage string) []string {
	t := &a.topics
	switch stage {
	case ledgerStage:
		return []string{t.updates, t.reorders, t.alerts, t.ledgerChangelog}
	case procurementStage:
		return []string{t.receipts, t.procurementChangelog}
	}
	return []string{t.log}
}

// pendingFor is how long offsets may wait for the end of a transaction. Brokers
// end each within the transaction timeout, which is shorter.
const pendingFor = time.Minute

// committed are the offsets of a stage's group; none if there is no such group.
func (a *application) committed(ctx context.Context, client *kgo.Client, stage string) (kadm.OffsetResponses, error) {
	group := a.cfg.group(stage)
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
			return nil, fmt.Errorf("asking for the offsets of %s: %w", group, err)
		case errors.Is(err, kerr.UnstableOffsetCommit) && time.Since(began) > pendingFor:
			return nil, fmt.Errorf("offsets of the group %s have waited for a transaction's end for %s, which is longer than a transaction lives: brokers that are stopped all at once can lose the end; start the process that has left it with its --instance, or end it with kafka-transactions.sh: %w",
				group, pendingFor, err)
		}
		if err := sleep(ctx, watchEvery/10); err != nil {
			return nil, err
		}
	}
}

// refuseMovedPositions compares what the groups have committed with the topics
// that are there.
func (a *application) refuseMovedPositions(ctx context.Context, client *kgo.Client) error {
	for _, stage := range []string{ingestStage, ledgerStage, procurementStage} {
		offsets, err := a.committed(ctx, client, stage)
		if err != nil {
			return err
		}
		for _, topic := range a.sources(stage) {
			for _, o := range offsets[topic] {
				if err := a.comparePosition(a.cfg.group(stage), o.Offset); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (a *application) comparePosition(group string, o kadm.Offset) error {
	if o.At < 0 {
		return nil
	}
	metadata, policy, named := strings.Cut(o.Metadata, policyMark)
	if !named {
		policy = PolicyDefault
	}
	fields := strings.Split(metadata, " ")
	bound := a.topics.bound()
	switch format := fields[0]; {
	case strings.HasPrefix(format, "inv/") && format != positionFormat:
		return fmt.Errorf("the group %s was left by another version of inv, as %s; this one goes on from %s only: use that version, or start over from the inputs with %s",
			group, quoted(format), positionFormat, a.reset())
	case format != positionFormat, len(fields) != 2+len(bound), fields[1] != strconv.FormatInt(o.At, 10):
		return fmt.Errorf("the group %s is at offset %d of %s/%d, where no inv process has left it: its offsets were set back or forward by another tool, so records would count twice or not at all; start over from the inputs with %s",
			group, o.At, o.Topic, o.Partition, a.reset())
	}
	if policy != a.cfg.Policy {
		return fmt.Errorf("the group %s was left by a processor with --policy %s, and this one has %s, whose rules can't go on from its state: use another --app-id with topics of its own, or start over from the inputs with %s",
			group, quoted(policy), quoted(a.cfg.Policy), a.reset())
	}
	for i, topic := range bound {
		if fields[2+i] != a.ids[topic].String() {
			return fmt.Errorf("topic %s was deleted and made anew since the group %s committed: its records are others now, or lost; start over from the inputs with %s",
				topic, group, a.reset())
		}
	}
	return nil
}

// reset is the command that starts this application over.
func (a *application) reset() string {
	return "inv reset --app-id " + a.cfg.AppID + " --outputs (without --outputs, what it wrote stays and is written a second time)"
}

// refuseForgottenInputs looks for partitions without a committed offset of which
// the log has something nevertheless: the group, or a part of its offsets, has
// expired or was removed, as a week without a member does. Ingest would begin
// with the first record again and count each twice. At least once does that
// anyway.
func (a *application) refuseForgottenInputs(ctx context.Context, client *kgo.Client) error {
	if a.cfg.Guarantee != ExactlyOnce {
		return nil
	}
	for again := false; ; again = true {
		open, err := a.uncommitted(ctx, client)
		if err != nil || len(open) == 0 {
			return err
		}
		decided, ok, err := a.decidedOf(ctx, open)
		if err != nil || !ok {
			return err
		}
		if again { // at first, another instance may just have begun with it
			return fmt.Errorf("the group %s has no offset of %s/%d, though %s has what it decided of it: it has expired or was removed, and records would count twice; start over from the inputs with %s",
				a.cfg.group(ingestStage), decided.Topic, decided.Partition, a.topics.log, a.reset())
		}
	}
}

// uncommitted are the partitions of ingest's sources that have had records and
// no offset of the group.
func (a *application) uncommitted(ctx context.Context, client *kgo.Client) (open []runtime.Source, err error) {
	offsets, err := a.committed(ctx, client, ingestStage)
	if err != nil {
		return nil, err
	}
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, a.sources(ingestStage)...)
	if err != nil {
		return nil, fmt.Errorf("asking for the inputs' ends: %w", err)
	}
	ends.Each(func(end kadm.ListedOffset) {
		if o, ok := offsets.Lookup(end.Topic, end.Partition); (!ok || o.At < 0) && end.Offset > 0 {
			open = append(open, runtime.Source{Topic: end.Topic, Partition: end.Partition})
		}
	})
	return open, nil
}

var errFound = errors.New("found")

// decidedOf looks into the log for a line of one of the partitions.
func (a *application) decidedOf(ctx context.Context, open []runtime.Source) (found runtime.Source, ok bool, err error) {
	causes := make([]string, len(open))
	for i, s := range open {
		causes[i] = fmt.Sprintf(`"src":"%s/%d@`, s.Topic, s.Partition) // as event.AppendEntry has it
	}
	for p := range int32(a.counts[a.topics.log]) {
		end, err := a.reader.StableEnd(ctx, a.topics.log, p)
		if err != nil {
			return found, false, err
		}
		err = a.reader.Read(ctx, a.topics.log, p, 0, end, func(r *kgo.Record) error {
			value := string(r.Value)
			for i, cause := range causes {
				if strings.Contains(value, cause) {
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
