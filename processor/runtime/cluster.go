package runtime

import (
	"context"

	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// Versions with which requests take part in a transaction by themselves (KIP-890).
const (
	implicitVersion         = 2 // of the feature transaction.version
	implicitProduce         = 12
	implicitTxnOffsetCommit = 5
	implicitEndTxn          = 5
)

// cluster is what a session must know of one before it makes its client.
type cluster struct {
	implicit bool // transactions are of version 2
	topicIDs map[string][16]byte
}

// lookAt asks the cluster for the version of its transactions, and for the ids of
// the topics that the worker reads.
func (w *Worker) lookAt(ctx context.Context) (*cluster, error) {
	client, err := kafka.New(w.cfg.Kafka)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	c := &cluster{topicIDs: map[string][16]byte{}}
	versions, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, client)
	if err == nil {
		err = kerr.ErrorForCode(versions.ErrorCode)
	}
	if err != nil {
		return nil, broken("asking for the brokers' versions: %w", err)
	}
	for _, f := range versions.FinalizedFeatures {
		if f.Name == "transaction.version" && f.MaxVersionLevel >= implicitVersion {
			c.implicit = true
		}
	}
	req := kmsg.NewPtrMetadataRequest()
	for _, name := range w.cfg.Sources {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, t)
	}
	meta, err := req.RequestWith(ctx, client)
	if err != nil {
		return nil, broken("asking for the sources: %w", err)
	}
	for _, t := range meta.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return nil, broken("asking for topic %s: %w", *t.Topic, err)
		}
		c.topicIDs[*t.Topic] = t.TopicID
	}
	return c, nil
}

// versions keeps requests to what the cluster's transactions are.
func (c *cluster) versions() kgo.Opt {
	v := kversion.Stable()
	if !c.implicit {
		v.SetMaxKeyVersion(int16(kmsg.Produce), implicitProduce-1)
		v.SetMaxKeyVersion(int16(kmsg.TxnOffsetCommit), implicitTxnOffsetCommit-1)
		v.SetMaxKeyVersion(int16(kmsg.EndTxn), implicitEndTxn-1)
	}
	return kgo.MaxVersions(v)
}
