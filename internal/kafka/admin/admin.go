// Package admin lists, describes and changes the topics and consumer groups of a
// cluster. It returns data and typed errors; commands print them.
package admin

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"inv/internal/kafka"
	"inv/internal/kafka/acl"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Client administers one cluster. It is safe for concurrent use.
type Client struct {
	config kafka.Config
	client *kgo.Client
	admin  *kadm.Client
}

// Connect connects to a cluster.
func Connect(ctx context.Context, c kafka.Config) (*Client, error) {
	client, err := kafka.Connect(ctx, c)
	if err != nil {
		return nil, err
	}
	return &Client{c, client, kadm.NewClient(client)}, nil
}

// Close closes the connections.
func (c *Client) Close() { c.client.Close() }

// Topic is a topic in a list.
type Topic struct {
	Name       string
	Partitions int
	Offsets    int64 // from the starts of the partitions to their ends
}

// Topics returns the named topics, or all of them without names, sorted by name.
func (c *Client) Topics(ctx context.Context, names ...string) ([]Topic, error) {
	partitions, err := c.Partitions(ctx, names...)
	if err != nil {
		return nil, err
	}
	var topics []Topic
	for _, p := range partitions {
		if len(topics) == 0 || topics[len(topics)-1].Name != p.Topic {
			topics = append(topics, Topic{Name: p.Topic})
		}
		t := &topics[len(topics)-1]
		t.Partitions++
		t.Offsets += p.End - p.Start
	}
	return topics, nil
}

// CountRecords counts the committed records of topics by reading them.
func (c *Client) CountRecords(ctx context.Context, topics []Topic) (map[string]int64, error) {
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.Name
	}
	spans, err := kafka.Spans(ctx, c.client, names...)
	if err != nil {
		return nil, err
	}
	counts, err := kafka.CountRecords(ctx, c.config, math.MaxInt64, spans...)
	if err != nil {
		return nil, err
	}
	records := map[string]int64{}
	for i, s := range spans {
		records[s.Topic] += counts[i]
	}
	return records, nil
}

// PartitionCounts returns the number of partitions of each named topic that exists,
// or of all topics without names.
func (c *Client) PartitionCounts(ctx context.Context, names ...string) (map[string]int, error) {
	return kafka.PartitionCounts(ctx, c.client, names...)
}

// Hidden returns which of the named topics the user may not describe, sorted. Whether
// they exist is unknown, and lists of all topics lack them.
func (c *Client) Hidden(ctx context.Context, names ...string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	_, denied, err := fetch.NewCluster(c.client, true).Permitted(ctx, names...)
	return slices.Sorted(maps.Keys(denied)), err
}

// Partition is a partition of a topic.
type Partition struct {
	Topic              string
	Partition          int32
	Start, Stable, End int64 // offsets; Stable is the last stable offset
	Leader             int32
	Replicas           int
}

// Partitions returns the partitions of the named topics, or of all of them without
// names, sorted. A topic that is deleted meanwhile has none.
func (c *Client) Partitions(ctx context.Context, names ...string) ([]Partition, error) {
	listed, err := c.admin.ListTopics(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("listing topics: %w", err)
	}
	names = listed.Names()
	starts, err := kafka.Starts(ctx, c.client, names...)
	if err != nil {
		return nil, err
	}
	stable, err := kafka.StableEnds(ctx, c.client, names...)
	if err != nil {
		return nil, err
	}
	ends, err := kafka.Ends(ctx, c.client, names...)
	if err != nil {
		return nil, err
	}
	var partitions []Partition
	for _, t := range listed.Sorted() {
		for _, p := range t.Partitions.Sorted() {
			id := fetch.ID{Topic: t.Topic, Partition: p.Partition}
			if end, ok := ends[id]; ok {
				partitions = append(partitions, Partition{t.Topic, p.Partition, starts[id], stable[id], end, p.Leader, len(p.Replicas)})
			}
		}
	}
	return partitions, nil
}

// Setting is a configuration that a topic overrides.
type Setting struct{ Topic, Key, Value string }

// Settings returns the configurations that topics override. If a permission is lacking,
// it returns those that can be read, the topics whose can't, and the error.
func (c *Client) Settings(ctx context.Context, names ...string) (settings []Setting, hidden []string, err error) {
	all, err := c.admin.DescribeTopicConfigs(ctx, names...)
	switch {
	case acl.Denied(err):
		all, hidden, err = c.readableConfigs(ctx, names)
	case err != nil:
		hidden = names
	}
	if err != nil {
		err = fmt.Errorf("reading topic configurations: %w", err)
	}
	for _, topic := range all {
		for _, s := range topic.Configs {
			if s.Source.String() == "DYNAMIC_TOPIC_CONFIG" {
				settings = append(settings, Setting{topic.Name, s.Key, s.MaybeValue()})
			}
		}
	}
	return settings, hidden, err
}

// readableConfigs asks for each topic's configuration alone. The error is that of the
// first one that is hidden.
func (c *Client) readableConfigs(ctx context.Context, names []string) (all kadm.ResourceConfigs, hidden []string, first error) {
	for _, name := range names {
		one, err := c.admin.DescribeTopicConfigs(ctx, name)
		all = append(all, one...)
		if err != nil {
			hidden = append(hidden, name)
			first = cmp.Or(first, acl.Check(err, acl.DescribeConfigs, acl.Topic(name)))
		}
	}
	return all, hidden, first
}

// Create creates the topics that are missing and returns their names.
func (c *Client) Create(ctx context.Context, specs ...kafka.TopicSpec) ([]string, error) {
	return kafka.EnsureTopics(ctx, c.client, specs...)
}

// CheckCreate returns the topics that Create would create, or the cluster's refusal.
func (c *Client) CheckCreate(ctx context.Context, specs ...kafka.TopicSpec) ([]string, error) {
	return kafka.CheckTopics(ctx, c.client, specs...)
}

// Delete deletes topics and returns the names of those that existed.
func (c *Client) Delete(ctx context.Context, names ...string) ([]string, error) {
	return kafka.DeleteTopics(ctx, c.client, names...)
}
