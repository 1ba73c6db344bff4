package forward

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/acl"
	"inv/internal/kafka/fetch"
	"inv/internal/kafka/stamp"
	"inv/internal/kafka/txn"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// NoTopicError is returned for a topic of Config.Sources that does not exist.
type NoTopicError struct{ Topic string }

func (e *NoTopicError) Error() string { return "topic " + e.Topic + " does not exist" }

// RecreatedError is returned for a topic that was deleted and created again since the sink
// has read it: its records are others, and offsets mean nothing.
type RecreatedError struct{ Group, Topic string }

func (e *RecreatedError) Error() string {
	return fmt.Sprintf("topic %s was deleted and recreated since the group %s committed: its records are others now", e.Topic, e.Group)
}

// topic is a topic that is read.
type topic struct {
	alias, name string
	id          kadm.TopicID
	partitions  int
	retry       bool
}

// noteDead is the note of a [Store]'s offset: @dead=FROM-TO. FROM is empty if the store
// had kept nothing.
const noteDead = "@dead"

// lookUp finds the topics, once they all exist.
func (l *loop) lookUp(ctx context.Context, client *kgo.Client) error {
	names := []string{l.retryTopic}
	for _, s := range l.cfg.Sources {
		names = append(names, s.Topic)
		l.topics[s.Topic] = &topic{alias: s.Alias, name: s.Topic}
	}
	l.topics[l.retryTopic] = &topic{alias: RetryAlias, name: l.retryTopic, retry: true}
	meta, err := fetch.Metadata(ctx, client, names)
	if err != nil {
		return err
	}
	for i := range meta.Topics {
		t := &meta.Topics[i]
		if t.Topic == nil || l.topics[*t.Topic] == nil {
			continue
		}
		err := kerr.ErrorForCode(t.ErrorCode)
		if errors.Is(err, kerr.UnknownTopicOrPartition) {
			return &NoTopicError{*t.Topic}
		} else if err != nil {
			return fmt.Errorf("topic %s: %w", *t.Topic, acl.Check(err, acl.Describe, acl.Topic(*t.Topic)))
		}
		known := l.topics[*t.Topic]
		known.id, known.partitions = kadm.TopicID(t.TopicID), len(t.Partitions)
	}
	for _, name := range names {
		l.ids = append(l.ids, l.topics[name].alias+"="+l.topics[name].id.String())
	}
	slices.Sort(l.ids)
	return nil
}

// position is a committed offset.
type position struct {
	offset int64
	stamp  stamp.Stamp // only if the offset is that of the stamp
}

// committed returns the group's positions. Offsets of recreated topics are refused.
func (l *loop) committed(ctx context.Context, client *kgo.Client) (map[fetch.ID]position, error) {
	commits, err := fetch.NewCluster(client, true).Commits(ctx, l.group)
	if err != nil {
		return nil, err
	}
	positions := map[fetch.ID]position{}
	for id, c := range commits {
		p := position{offset: c.At}
		s, err := stamp.Parse(c.Metadata)
		var other stamp.FormatError
		if errors.As(err, &other) {
			return nil, fmt.Errorf("the group %s was left by another version of inv: %w", l.group, err)
		}
		for _, t := range l.topics {
			if was := s.Fields[t.alias]; was != "" && was != t.id.String() {
				return nil, &RecreatedError{l.group, t.name}
			}
		}
		if err == nil && s.Offset == c.At {
			p.stamp = s
		}
		positions[id] = p
	}
	return positions, nil
}

// begin commits where a sink begins that has no position, so that it stays there if it is
// restarted before the first record, and so that a recreated topic is noticed. Of topics
// with a position, further partitions are new, and begin at their start.
func (l *loop) begin(ctx context.Context, client *kgo.Client) error {
	positions, err := l.committed(ctx, client)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for id := range positions {
		known[id.Topic] = true
	}
	var first, last []string
	for name, t := range l.topics {
		switch {
		case known[name]:
		case l.cfg.Latest && !t.retry:
			last = append(last, name)
		default:
			first = append(first, name)
		}
	}
	starts, err := kafka.Starts(ctx, client, first...)
	if err != nil {
		return err
	}
	ends, err := kafka.Ends(ctx, client, last...)
	if err != nil {
		return err
	}
	var all []offsetOf
	for _, offsets := range []map[fetch.ID]int64{starts, ends} {
		for id, at := range offsets {
			all = append(all, offsetOf{id, at, stamp.Metadata(at, l.ids...)})
		}
	}
	if len(all) == 0 {
		return nil
	}
	err = commitOffsets(ctx, client, l.group, "", -1, l.topics, all)
	if movedOn(err) {
		return nil // another member has done it
	}
	return err
}

// offsetOf is an offset that is to be committed.
type offsetOf struct {
	fetch.ID
	at       int64
	metadata string
}

// commitOffsets commits offsets for a member of a generation.
func commitOffsets(ctx context.Context, client *kgo.Client, group, member string, generation int32, topics map[string]*topic, all []offsetOf) error {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation = group, member, generation
	byTopic := map[string]int{}
	for _, o := range all {
		i, ok := byTopic[o.Topic]
		if !ok {
			i = len(req.Topics)
			byTopic[o.Topic] = i
			t := kmsg.NewOffsetCommitRequestTopic()
			t.Topic, t.TopicID = o.Topic, topics[o.Topic].id
			req.Topics = append(req.Topics, t)
		}
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.Metadata = o.Partition, o.at, kmsg.StringPtr(o.metadata)
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, p)
	}
	return fetch.AwaitCoordinator(ctx, func() error {
		resp, err := req.RequestWith(ctx, client)
		if err != nil {
			return fmt.Errorf("committing offsets: %w", err)
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return uncommitted(err, group, nameIn(req, t), p.Partition)
				}
			}
		}
		return nil
	})
}

// nameIn returns the name of a topic in the response to a request. Brokers that take IDs
// leave it out (KIP-848).
func nameIn(req *kmsg.OffsetCommitRequest, t kmsg.OffsetCommitResponseTopic) string {
	if t.Topic != "" {
		return t.Topic
	}
	for i := range req.Topics {
		if req.Topics[i].TopicID == t.TopicID {
			return req.Topics[i].Topic
		}
	}
	return ""
}

// uncommitted returns the error of an offset that was not committed, with the permission
// that is missing, of the group or of the topic.
func uncommitted(err error, group, topic string, partition int32) error {
	resource := acl.Group(group)
	if errors.Is(err, kerr.TopicAuthorizationFailed) {
		resource = acl.Topic(topic)
	}
	return fmt.Errorf("committing the offset of %s/%d: %w", topic, partition, acl.Check(err, acl.Read, resource))
}

// movedOn reports whether the group does not take offsets from a member, because it has
// rebalanced, or is about to.
func movedOn(err error) bool {
	return isAny(err, kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.RebalanceInProgress, kerr.StaleMemberEpoch, kerr.FencedInstanceID, txn.ErrRefused)
}

func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

// deadNote is the note @dead: from FROM on, a store goes on at TO.
type deadNote struct {
	from int64 // -1: the store had kept nothing
	to   int64
}

func (d deadNote) String() string {
	from := ""
	if d.from >= 0 {
		from = strconv.FormatInt(d.from, 10)
	}
	return noteDead + "=" + from + "-" + strconv.FormatInt(d.to, 10)
}

// parseDead parses the value of the note.
func parseDead(value string) (d deadNote, ok bool) {
	from, to, ok := strings.Cut(value, "-")
	if !ok {
		return d, false
	}
	d.from = -1
	var err1, err2 error
	if from != "" {
		d.from, err1 = strconv.ParseInt(from, 10, 64)
	}
	d.to, err2 = strconv.ParseInt(to, 10, 64)
	return d, err1 == nil && err2 == nil && (from == "" || d.from >= 0) && d.to > max(d.from, 0)
}

// createTopics creates the sink's own topics, and waits for brokers that are out of reach.
func (l *loop) createTopics(ctx context.Context, client *kgo.Client) error {
	created, err := kafka.EnsureTopics(ctx, client, Topics(l.cfg.App, l.cfg.Name)...)
	if err != nil {
		return err
	}
	if len(created) > 0 {
		l.cfg.Log.Info("created topics", "topics", created)
	}
	if limit := kafka.BatchLimits(ctx, client, []string{l.deadTopic})[l.deadTopic]; limit > 0 {
		l.deadMax = limit
	}
	return nil
}

// outagePause is between two tries to start while the brokers are out of reach.
const outagePause = 500 * time.Millisecond
