package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sort"
	"sync"
	"time"

	"inv/internal/kafka/acl"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Cluster asks a cluster for topics, offsets and batches. It is safe for
// concurrent use.
type Cluster struct {
	client        *kgo.Client
	ReadCommitted bool
}

// NewCluster reads through client. With readCommitted the end of a partition is
// its last stable offset and aborted data is left out.
func NewCluster(client *kgo.Client, readCommitted bool) *Cluster {
	return &Cluster{client: client, ReadCommitted: readCommitted}
}

// Topic is a topic as the cluster describes it.
type Topic struct {
	Name       string
	ID         [16]byte // another one after it was deleted and made again
	Internal   bool
	Partitions []Partition // by number
}

// Partition is where one partition is led.
type Partition struct {
	Number int32
	Leader int32 // -1: none now
	epoch  int32
}

// ErrNoTopic is wrapped when a topic does not exist.
var ErrNoTopic = errors.New("no such topic")

// Metadata asks for these topics: all if the slice is nil, none if it is empty.
func Metadata(ctx context.Context, client *kgo.Client, names []string) (*kmsg.MetadataResponse, error) {
	meta, err := metadataRequest(names).RequestWith(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("asking the cluster for its topics: %w", err)
	}
	return meta, nil
}

func metadataRequest(names []string) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	if names != nil {
		req.Topics = []kmsg.MetadataRequestTopic{}
	}
	for _, n := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(n)
		req.Topics = append(req.Topics, t)
	}
	return req
}

// Topics describes the named topics, or all of them that the user may describe if no
// name is given. The result has no entry for a topic that does not exist. A named topic
// that the user may not describe is an [acl.DeniedError].
func (c *Cluster) Topics(ctx context.Context, names ...string) (map[string]*Topic, error) {
	topics, denied, err := c.Permitted(ctx, names...)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(denied)) {
		return nil, denied[name]
	}
	return topics, nil
}

// Permitted is Topics with the refusals apart, by topic: the others are described.
func (c *Cluster) Permitted(ctx context.Context, names ...string) (topics map[string]*Topic, denied map[string]error, err error) {
	if len(names) == 0 {
		names = nil
	}
	resp, err := Metadata(ctx, c.client, names)
	if err != nil {
		return nil, nil, err
	}
	topics, denied = make(map[string]*Topic, len(resp.Topics)), map[string]error{}
	for i := range resp.Topics {
		t := &resp.Topics[i]
		err := kerr.ErrorForCode(t.ErrorCode)
		switch {
		case t.Topic == nil || errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.InvalidTopicException):
			continue
		case acl.Denied(err):
			denied[*t.Topic] = acl.Check(err, acl.Describe, acl.Topic(*t.Topic))
			continue
		case err != nil && !kerr.IsRetriable(err):
			return nil, nil, fmt.Errorf("asking for topic %s: %w", *t.Topic, err)
		}
		topics[*t.Topic] = topicOf(t)
	}
	return topics, denied, nil
}

// newestWithin bounds the wait for each broker that Newest asks.
const newestWithin = time.Second

// Newest describes a topic as the broker does that knows most of its partitions: a
// new partition can be written to before all brokers have heard of it. Brokers that
// don't answer are left out. The result is nil if the topic does not exist.
func (c *Cluster) Newest(ctx context.Context, name string) (*Topic, error) {
	topics, err := c.Topics(ctx, name)
	if err != nil {
		return nil, err
	}
	newest := topics[name]
	brokers := c.client.DiscoveredBrokers()
	if newest == nil || len(brokers) < 2 {
		return newest, nil
	}
	ctx, cancel := context.WithTimeout(ctx, newestWithin)
	defer cancel()
	answers := make(chan *kmsg.MetadataResponse, len(brokers))
	for _, b := range brokers {
		go func() {
			answer, err := b.Request(ctx, metadataRequest([]string{name}))
			if meta, ok := answer.(*kmsg.MetadataResponse); err == nil && ok {
				answers <- meta
				return
			}
			answers <- &kmsg.MetadataResponse{}
		}()
	}
	for range brokers {
		for _, t := range (<-answers).Topics {
			if t.Topic != nil && t.ErrorCode == 0 && t.TopicID == newest.ID && len(t.Partitions) > len(newest.Partitions) {
				newest = topicOf(&t)
			}
		}
	}
	return newest, nil
}

// Existing returns which of the named topics exist, as far as the user may describe
// them: about others a cluster does not tell.
func (c *Cluster) Existing(ctx context.Context, names ...string) (map[string]bool, error) {
	existing := map[string]bool{}
	if len(names) == 0 {
		return existing, nil
	}
	resp, err := Metadata(ctx, c.client, names)
	if err != nil {
		return nil, err
	}
	for _, t := range resp.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); t.Topic != nil && (err == nil || kerr.IsRetriable(err) && !errors.Is(err, kerr.UnknownTopicOrPartition)) {
			existing[*t.Topic] = true
		}
	}
	return existing, nil
}

func topicOf(t *kmsg.MetadataResponseTopic) *Topic {
	topic := &Topic{Name: *t.Topic, ID: t.TopicID, Internal: t.IsInternal}
	for _, p := range t.Partitions {
		leader := p.Leader
		if p.ErrorCode != 0 && kerr.ErrorForCode(p.ErrorCode) != kerr.ReplicaNotAvailable {
			leader = -1
		}
		topic.Partitions = append(topic.Partitions, Partition{p.Partition, leader, p.LeaderEpoch})
	}
	sort.Slice(topic.Partitions, func(i, j int) bool { return topic.Partitions[i].Number < topic.Partitions[j].Number })
	return topic
}

// At says which offset of a partition Offsets looks for: an epoch ms (the first
// record at or after it), or one of the constants.
type At int64

// The ends of a partition.
const (
	End   At = -1
	Start At = -2
)

// ID names a partition of a topic.
type ID struct {
	Topic     string
	Partition int32
}

// Compare orders partitions by topic and number.
func (a ID) Compare(b ID) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
}

// Offsets looks up an offset of each partition of the topics, in one round trip
// to each leader. A partition without a record at or after a time is answered
// with -1; one without a leader, or whose leader fails, is an error.
func (c *Cluster) Offsets(ctx context.Context, topics []*Topic, at At) (map[ID]int64, error) {
	requests := map[int32]*kmsg.ListOffsetsRequest{}
	for _, t := range topics {
		for _, p := range t.Partitions {
			if p.Leader < 0 {
				return nil, fmt.Errorf("%s/%d has no leader now", t.Name, p.Number)
			}
			addOffset(requests, t.Name, p, at, c.ReadCommitted)
		}
	}
	var (
		mu      sync.Mutex
		wg      sync.WaitGroup
		offsets = map[ID]int64{}
		failed  error
	)
	for leader, req := range requests {
		wg.Go(func() {
			answer, err := c.client.Broker(int(leader)).RetriableRequest(ctx, req)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				err = readOffsets(answer.(*kmsg.ListOffsetsResponse), offsets)
			}
			if err != nil && failed == nil {
				failed = fmt.Errorf("asking broker %d for offsets: %w", leader, err)
			}
		})
	}
	wg.Wait()
	return offsets, failed
}

// Edges looks up both ends of each partition at once. Where records are deleted
// meanwhile, a start can be behind its end: there is nothing between them.
func (c *Cluster) Edges(ctx context.Context, topics []*Topic) (starts, ends map[ID]int64, err error) {
	var startErr error
	var wg sync.WaitGroup
	wg.Go(func() { starts, startErr = c.Offsets(ctx, topics, Start) })
	ends, err = c.Offsets(ctx, topics, End)
	wg.Wait()
	return starts, ends, cmp.Or(err, startErr)
}

// Warm begins to open the connections over which the topics' leaders will be
// read from, by asking them for nothing. It does not wait; what goes wrong,
// reading will find out.
func (c *Cluster) Warm(ctx context.Context, topics []*Topic) {
	leaders := map[int32]bool{}
	for _, t := range topics {
		for _, p := range t.Partitions {
			if p.Leader < 0 || leaders[p.Leader] {
				continue
			}
			leaders[p.Leader] = true
			go func() {
				req := kmsg.NewPtrFetchRequest()
				req.ReplicaID, req.SessionEpoch, req.MaxBytes = -1, -1, 1
				_, _ = c.client.Broker(int(p.Leader)).Request(ctx, req)
			}()
		}
	}
}

func addOffset(requests map[int32]*kmsg.ListOffsetsRequest, topic string, p Partition, at At, readCommitted bool) {
	req := requests[p.Leader]
	if req == nil {
		req = kmsg.NewPtrListOffsetsRequest()
		req.ReplicaID = -1
		if readCommitted {
			req.IsolationLevel = 1
		}
		requests[p.Leader] = req
	}
	if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != topic {
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic = topic
		req.Topics = append(req.Topics, t)
	}
	one := kmsg.NewListOffsetsRequestTopicPartition()
	one.Partition, one.CurrentLeaderEpoch, one.Timestamp = p.Number, -1, int64(at)
	last := &req.Topics[len(req.Topics)-1]
	last.Partitions = append(last.Partitions, one)
}

func readOffsets(resp *kmsg.ListOffsetsResponse, offsets map[ID]int64) error {
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("%s/%d: %w", t.Topic, p.Partition, acl.Check(err, acl.Describe, acl.Topic(t.Topic)))
			}
			offsets[ID{t.Topic, p.Partition}] = p.Offset
		}
	}
	return nil
}

// Committed returns the offsets that a consumer group has committed; a partition
// without one is not among them. With [kadm.RequireStable] in the context, an
// offset that is part of an open transaction is an error.
func (c *Cluster) Committed(ctx context.Context, group string) (map[ID]int64, error) {
	commits, err := c.Commits(ctx, group)
	if err != nil {
		return nil, err
	}
	offsets := make(map[ID]int64, len(commits))
	for id, commit := range commits {
		offsets[id] = commit.At
	}
	return offsets, nil
}

// Commit is a committed offset with its metadata.
type Commit struct {
	At       int64
	Metadata string
}

// Commits is Committed with the metadata of each offset.
func (c *Cluster) Commits(ctx context.Context, group string) (map[ID]Commit, error) {
	var answer kadm.OffsetResponses
	err := AwaitCoordinator(ctx, func() (err error) {
		answer, err = kadm.NewClient(c.client).FetchOffsets(ctx, group)
		return err
	})
	if errors.Is(err, kerr.GroupIDNotFound) {
		return map[ID]Commit{}, nil
	}
	commits := map[ID]Commit{}
	answer.Each(func(o kadm.OffsetResponse) {
		switch {
		case errors.Is(o.Err, kerr.UnstableOffsetCommit):
			err = o.Err
		case o.Err == nil && o.At >= 0:
			commits[ID{o.Topic, o.Partition}] = Commit{o.At, o.Metadata}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("asking for the offsets of group %s: %w", group, acl.Check(err, acl.Describe, acl.Group(group)))
	}
	return commits, nil
}

// AwaitCoordinator repeats a request to a group coordinator, for up to 15 s, while
// the cluster answers that it has none yet: a new cluster first creates its offsets
// topic, for which the client library does not wait. A connection that was closed while
// it was idle, as by a broker that has restarted, is tried twice more.
func AwaitCoordinator(ctx context.Context, request func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for closed := 0; ; {
		err := request()
		switch {
		case errors.Is(err, kerr.CoordinatorNotAvailable), errors.Is(err, kerr.CoordinatorLoadInProgress), errors.Is(err, kerr.NotCoordinator):
		case errors.Is(err, io.EOF) && closed < 2:
			closed++
		default:
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}
