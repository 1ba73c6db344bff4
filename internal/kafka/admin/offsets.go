package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"inv/internal/kafka"
	"inv/internal/kafka/acl"
	"inv/internal/kafka/fetch"
	"inv/internal/when"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Move is the change of one committed offset; From is -1 without one. Asked differs
// from To if the partition does not reach as far as it was asked for.
type Move struct {
	Topic           string
	Partition       int32
	From, Asked, To int64
}

// ErrNoOffsets is returned for a group without committed offsets.
var ErrNoOffsets = errors.New("the group has no offsets")

// PlanMoves returns the changes that move a group's offsets to a position, in the
// named topics, where it needs none yet, or else in all in which it has offsets. An offset outside of a
// partition is moved to its start or its end, as a time after its last record is.
func (c *Client) PlanMoves(ctx context.Context, group string, to when.Position, topics []string) ([]Move, error) {
	var old kadm.OffsetResponses
	err := fetch.AwaitCoordinator(ctx, func() (err error) {
		old, err = c.admin.FetchOffsets(ctx, group)
		return err
	})
	if errors.Is(err, kerr.GroupIDNotFound) && len(topics) > 0 {
		err = nil // it has none yet
	}
	if err != nil {
		return nil, fmt.Errorf("reading the offsets of group %s: %w", group, acl.Check(err, acl.Describe, acl.Group(group)))
	}
	if len(topics) == 0 {
		topics = old.Offsets().TopicsSet().Topics()
	}
	if len(topics) == 0 {
		return nil, ErrNoOffsets
	}
	starts, err := kafka.Starts(ctx, c.client, topics...)
	if err != nil {
		return nil, err
	}
	ends, err := kafka.Ends(ctx, c.client, topics...)
	if err != nil {
		return nil, err
	}
	var after kadm.ListedOffsets
	if to.Kind == when.Time {
		if after, err = c.admin.ListOffsetsAfterMilli(ctx, max(to.Time.UnixMilli(), 0), topics...); err == nil {
			err = after.Error()
		}
		if err != nil {
			return nil, fmt.Errorf("listing offsets: %w", err)
		}
	}
	var moves []Move
	for _, id := range slices.SortedFunc(maps.Keys(ends), fetch.ID.Compare) {
		m := Move{Topic: id.Topic, Partition: id.Partition, From: -1}
		switch to.Kind {
		case when.Start:
			m.Asked = starts[id]
		case when.End:
			m.Asked = ends[id]
		case when.Offset:
			m.Asked = to.Offset
		case when.Back:
			m.Asked = ends[id] - to.Offset
		case when.Time:
			o, _ := after.Lookup(id.Topic, id.Partition)
			m.Asked = o.Offset
		}
		m.To = max(min(m.Asked, ends[id]), starts[id])
		if was, ok := old.Lookup(id.Topic, id.Partition); ok && was.At >= 0 {
			m.From = was.At
		}
		moves = append(moves, m)
	}
	return moves, nil
}

// Commit commits moves. A group with members refuses them.
func (c *Client) Commit(ctx context.Context, group string, moves []Move) error {
	var offsets kadm.Offsets
	for _, m := range moves {
		offsets.Add(kadm.Offset{Topic: m.Topic, Partition: m.Partition, At: m.To, LeaderEpoch: -1})
	}
	var committed kadm.OffsetResponses
	err := fetch.AwaitCoordinator(ctx, func() (err error) {
		committed, err = c.admin.CommitOffsets(ctx, group, offsets)
		return cmp.Or(err, committed.Error())
	})
	for _, o := range committed.Sorted() {
		if errors.Is(o.Err, kerr.TopicAuthorizationFailed) {
			return acl.Check(o.Err, acl.Read, acl.Topic(o.Topic))
		}
	}
	return acl.Check(err, acl.Read, acl.Group(group))
}
