package kafka

import (
	"context"
	"errors"
	"fmt"

	"inv/internal/kafka/acl"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// EmbeddedClusterID is the cluster id by which a client knows the embedded
// broker, which keeps records longer than its defaults say.
const EmbeddedClusterID = "inv-embedded"

// IsEmbedded reports whether the client talks to the embedded broker.
func IsEmbedded(ctx context.Context, client *kgo.Client) (bool, error) {
	meta, err := fetch.Metadata(ctx, client, []string{})
	if err != nil {
		return false, err
	}
	return meta.ClusterID != nil && *meta.ClusterID == EmbeddedClusterID, nil
}

// PartitionCounts returns the partitions of the topics that exist among those
// named, of all topics if none is. It asks the cluster, where package kadm may
// answer from a cache that is seconds old.
func PartitionCounts(ctx context.Context, client *kgo.Client, names ...string) (map[string]int, error) {
	meta, err := fetch.Metadata(ctx, client, names)
	if err != nil {
		return nil, err
	}
	counts := make(map[string]int, len(meta.Topics))
	for _, t := range meta.Topics {
		err := kerr.ErrorForCode(t.ErrorCode)
		switch {
		case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.InvalidTopicException):
		case err != nil:
			return nil, fmt.Errorf("topic %s: %w", *t.Topic, acl.Check(err, acl.Describe, acl.Topic(*t.Topic)))
		default:
			counts[*t.Topic] = len(t.Partitions)
		}
	}
	return counts, nil
}
