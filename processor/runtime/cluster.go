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

// implicit asks the cluster whether its transactions are of that version. It must
// be known before a session makes its client.
func (w *Worker) implicit(ctx context.Context) (bool, error) {
	client, err := kafka.New(w.cfg.Kafka)
	if err != nil {
		return false, err
	}
	defer client.Close()
	versions, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, client)
	if err == nil {
		err = kerr.ErrorForCode(versions.ErrorCode)
	}
	if err != nil {
		return false, broken("asking for the brokers' versions: %w", err)
	}
	for _, f := range versions.FinalizedFeatures {
		if f.Name == "transaction.version" {
			return f.MaxVersionLevel >= implicitVersion, nil
		}
	}
	return false, nil
}

// versions keeps requests to what the cluster's transactions are.
func versions(implicit bool) kgo.Opt {
	v := kversion.Stable()
	if !implicit {
		v.SetMaxKeyVersion(int16(kmsg.Produce), implicitProduce-1)
		v.SetMaxKeyVersion(int16(kmsg.TxnOffsetCommit), implicitTxnOffsetCommit-1)
		v.SetMaxKeyVersion(int16(kmsg.EndTxn), implicitEndTxn-1)
	}
	return kgo.MaxVersions(v)
}
