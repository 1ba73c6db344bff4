package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// EmbeddedClusterID is the cluster id by which a client knows the embedded
// broker, which must not be asked to compact.
const EmbeddedClusterID = "inv-embedded"

// IsEmbedded says whether the client talks to the embedded broker.
func IsEmbedded(ctx context.Context, client *kgo.Client) (bool, error) {
	meta, err := kadm.NewClient(client).BrokerMetadata(ctx)
	if err != nil {
		return false, fmt.Errorf("asking the cluster for its id: %w", err)
	}
	return meta.Cluster == EmbeddedClusterID, nil
}
