package fetch

import (
	"context"
	"errors"
	"fmt"

	"inv/internal/kafka/acl"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Unreadable returns an [acl.DeniedError] for each of the topics that the user may
// describe but not read, by topic. It asks for one record of a partition of each, since
// brokers only check the permission then.
func (c *Cluster) Unreadable(ctx context.Context, topics []*Topic) (map[string]error, error) {
	denied := map[string]error{}
	byLeader := map[int32][]*Topic{}
	for _, t := range topics {
		if len(t.Partitions) > 0 && t.Partitions[0].Leader >= 0 {
			leader := t.Partitions[0].Leader
			byLeader[leader] = append(byLeader[leader], t)
		}
	}
	for leader, of := range byLeader {
		answer, err := c.client.Broker(int(leader)).RetriableRequest(ctx, probe(of))
		if err != nil {
			return nil, fmt.Errorf("broker %d: %w", leader, err)
		}
		names := map[[16]byte]string{}
		for _, t := range of {
			names[t.ID] = t.Name
		}
		for _, t := range answer.(*kmsg.FetchResponse).Topics {
			if t.Topic == "" {
				t.Topic = names[t.TopicID]
			}
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); errors.Is(err, kerr.TopicAuthorizationFailed) {
					denied[t.Topic] = acl.Check(err, acl.Read, acl.Topic(t.Topic))
				}
			}
		}
	}
	return denied, nil
}

// probe returns a request for the first record of each topic, which does not wait.
func probe(topics []*Topic) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.SessionEpoch, req.MaxBytes = -1, -1, 1
	for _, t := range topics {
		topic := kmsg.NewFetchRequestTopic()
		topic.Topic, topic.TopicID = t.Name, t.ID
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.CurrentLeaderEpoch, p.LastFetchedEpoch, p.LogStartOffset, p.PartitionMaxBytes = t.Partitions[0].Number, -1, -1, -1, 1
		topic.Partitions = append(topic.Partitions, p)
		req.Topics = append(req.Topics, topic)
	}
	return req
}
