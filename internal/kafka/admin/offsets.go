package admin

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Target is where the offsets of a group are moved to.
type Target struct {
	at     targetKind
	offset int64
	time   time.Time
}

type targetKind uint8

const (
	toStart targetKind = iota
	toEnd
	toOffset
	toTime
)

// errTarget is returned for a text that is no target.
var errTarget = errors.New("it is start, end, an offset, a time such as 2026-05-01T00:00:00Z, or how long ago such as 15m")

// ParseTarget reads start, end, an offset, a time (RFC 3339) or how long before now.
func ParseTarget(text string, now time.Time) (Target, error) {
	switch text {
	case "start":
		return Target{at: toStart}, nil
	case "end":
		return Target{at: toEnd}, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		return Target{at: toOffset, offset: n}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return Target{at: toTime, time: now.Add(-d)}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return Target{at: toTime, time: t}, nil
	}
	return Target{}, errTarget
}

// Move is the change of one committed offset; From is -1 if there is none.
type Move struct {
	Topic     string
	Partition int32
	From, To  int64
}

// ErrNoOffsets is returned for a group without offsets if no topic is named.
var ErrNoOffsets = errors.New("the group has no offsets")

// PlanMoves finds what moving a group's offsets to a target changes, in the topics
// that are named or else in those that it has offsets in.
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
	listed, err := c.list(ctx, to, topics)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("listing offsets: %w", err)
	}
	var moves []Move
	for _, o := range listed.Offsets().Sorted() {
		m := Move{Topic: o.Topic, Partition: o.Partition, From: -1, To: o.At}
		if to.at == toOffset {
			m.To = to.offset
		}
		if was, ok := old.Lookup(o.Topic, o.Partition); ok && was.At >= 0 {
			m.From = was.At
		}
		moves = append(moves, m)
	}
	return moves, nil
}

func (c *Client) list(ctx context.Context, to Target, topics []string) (kadm.ListedOffsets, error) {
	switch to.at {
	case toStart:
		return c.admin.ListStartOffsets(ctx, topics...)
	case toTime:
		return c.admin.ListOffsetsAfterMilli(ctx, to.time.UnixMilli(), topics...)
	}
	return c.admin.ListEndOffsets(ctx, topics...)
}

// Commit commits moved offsets. A group with members refuses them.
func (c *Client) Commit(ctx context.Context, group string, moves []Move) error {
	var offsets kadm.Offsets
	for _, m := range moves {
		offsets.Add(kadm.Offset{Topic: m.Topic, Partition: m.Partition, At: m.To, LeaderEpoch: -1})
	}
	return fetch.AwaitCoordinator(ctx, func() error { return c.admin.CommitAllOffsets(ctx, group, offsets) })
}
