package admin

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Target is where the offsets of a group are moved to.
type Target struct {
	offset int64 // if timestamp is fixed
	// timestamp is in milliseconds, or one of the constants. All but fixed are as in
	// a ListOffsets request.
	timestamp int64
}

const (
	end   = -1
	start = -2
	fixed = math.MinInt64
)

// errTarget is returned for a text that is no target.
var errTarget = errors.New("use start, end, an offset, a time such as 2026-05-01T00:00:00Z, or how long ago such as 15m")

// ParseTarget parses start, end, an offset, a time (RFC 3339) or a duration before
// now.
func ParseTarget(text string, now time.Time) (Target, error) {
	switch text {
	case "start":
		return Target{timestamp: start}, nil
	case "end":
		return Target{timestamp: end}, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		return Target{n, fixed}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if d, notDuration := time.ParseDuration(text); notDuration == nil && d > 0 {
		t, err = now.Add(-d), nil
	}
	if err != nil {
		return Target{}, errTarget
	}
	return Target{timestamp: max(t.UnixMilli(), 0)}, nil
}

// Move is the change of one committed offset; From is -1 without one.
type Move struct {
	Topic     string
	Partition int32
	From, To  int64
}

// ErrNoOffsets is returned for a group without committed offsets.
var ErrNoOffsets = errors.New("the group has no offsets")

// PlanMoves returns the changes that move a group's offsets to a target, in the
// named topics or else in all in which it has offsets.
func (c *Client) PlanMoves(ctx context.Context, group string, to Target, topics []string) ([]Move, error) {
	var old kadm.OffsetResponses
	err := fetch.AwaitCoordinator(ctx, func() (err error) {
		old, err = c.admin.FetchOffsets(ctx, group)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the offsets of group %s: %w", group, err)
	}
	if len(topics) == 0 {
		topics = old.Offsets().TopicsSet().Topics()
	}
	if len(topics) == 0 {
		return nil, ErrNoOffsets
	}
	timestamp := to.timestamp
	if timestamp == fixed {
		timestamp = end // for the partitions
	}
	listed, err := c.admin.ListOffsetsAfterMilli(ctx, timestamp, topics...)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("listing offsets: %w", err)
	}
	var moves []Move
	for _, o := range listed.Offsets().Sorted() {
		m := Move{Topic: o.Topic, Partition: o.Partition, From: -1, To: o.At}
		if to.timestamp == fixed {
			m.To = to.offset
		}
		if was, ok := old.Lookup(o.Topic, o.Partition); ok && was.At >= 0 {
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
	return fetch.AwaitCoordinator(ctx, func() error { return c.admin.CommitAllOffsets(ctx, group, offsets) })
}
