package admin

import (
	"cmp"
	"context"
	"slices"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Broker is a broker of the cluster.
type Broker struct {
	ID      int32
	Host    string
	Port    int32
	Rack    string // "": none
	Version string // a guess by the requests that it supports, or embedded; "": unknown
}

// Brokers returns the brokers by id, and the id of the active controller, -1 if it is
// unknown. A controller of a KRaft cluster need not be a broker.
func (c *Client) Brokers(ctx context.Context) (brokers []Broker, controller int32, err error) {
	meta, err := fetch.Metadata(ctx, c.client, []string{})
	if err != nil {
		return nil, -1, err
	}
	versions, err := c.admin.ApiVersions(ctx)
	if err != nil {
		return nil, -1, err
	}
	quorum := false
	for _, b := range meta.Brokers {
		broker := Broker{ID: b.NodeID, Host: b.Host, Port: b.Port}
		if b.Rack != nil {
			broker.Rack = *b.Rack
		}
		if v, ok := versions[b.NodeID]; ok && v.Err == nil {
			broker.Version = v.VersionGuess()
			if meta.ClusterID != nil && *meta.ClusterID == kafka.EmbeddedClusterID {
				broker.Version = "embedded"
			}
			_, has := v.KeyMaxVersion(int16(kmsg.DescribeQuorum))
			quorum = quorum || has
		}
		brokers = append(brokers, broker)
	}
	slices.SortFunc(brokers, func(a, b Broker) int { return cmp.Compare(a.ID, b.ID) })
	if quorum { // brokers of a KRaft cluster name any of them as the controller
		return brokers, c.quorumLeader(ctx), nil
	}
	return brokers, meta.ControllerID, nil
}

// quorumLeader returns the leader of the metadata quorum, or -1, such as for a user who
// may not describe the cluster.
func (c *Client) quorumLeader(ctx context.Context) int32 {
	req := kmsg.NewPtrDescribeQuorumRequest()
	topic := kmsg.NewDescribeQuorumRequestTopic()
	topic.Topic, topic.Partitions = "__cluster_metadata", []kmsg.DescribeQuorumRequestTopicPartition{kmsg.NewDescribeQuorumRequestTopicPartition()}
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, c.client)
	if err != nil || resp.ErrorCode != 0 || len(resp.Topics) == 0 || len(resp.Topics[0].Partitions) == 0 || resp.Topics[0].Partitions[0].ErrorCode != 0 {
		return -1
	}
	return resp.Topics[0].Partitions[0].LeaderID
}
