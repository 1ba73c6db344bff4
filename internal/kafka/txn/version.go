package txn

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// Request versions from which records and offsets join a transaction implicitly
// (KIP-890).
const (
	implicitVersion         = 2 // of the feature transaction.version
	implicitProduce         = 12
	implicitTxnOffsetCommit = 5
	implicitEndTxn          = 5
)

// Implicit reports whether records and offsets join the cluster's transactions
// implicitly: its transaction.version is 2 or higher. A client that speaks
// transactions needs [Versions] for the answer, so another client asks.
func Implicit(ctx context.Context, client *kgo.Client) (bool, error) {
	resp, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return false, fmt.Errorf("asking for the brokers' versions: %w", err)
	}
	for _, f := range resp.FinalizedFeatures {
		if f.Name == "transaction.version" {
			return f.MaxVersionLevel >= implicitVersion, nil
		}
	}
	return false, nil
}

// Versions keeps a client's requests to those that fit the cluster's transactions.
func Versions(implicit bool) kgo.Opt {
	v := kversion.Stable()
	if !implicit {
		v.SetMaxKeyVersion(int16(kmsg.Produce), implicitProduce-1)
		v.SetMaxKeyVersion(int16(kmsg.TxnOffsetCommit), implicitTxnOffsetCommit-1)
		v.SetMaxKeyVersion(int16(kmsg.EndTxn), implicitEndTxn-1)
	}
	return kgo.MaxVersions(v)
}

// askVersionWithin bounds the question of VersionChanged.
const askVersionWithin = time.Second

// VersionChanged reports whether the cluster has been upgraded, or downgraded, to
// another protocol than this producer speaks, as far as that was not asked within
// the last maxAge. The feature may change at any time, while all brokers run.
//
// Brokers go on to accept the requests of either protocol, whose versions tell them
// which one is meant (Kafka 4.3.1, changed in both directions under a running
// producer), so nothing breaks at once. But after an upgrade a producer that goes on
// as before lacks the safety of an epoch for each transaction, and after a downgrade
// it depends on what the administrator has just turned off. The versions are fixed
// when a client is made, so a new client, with a producer of its own, takes over
// between two transactions.
func (p *Producer) VersionChanged(ctx context.Context, maxAge time.Duration) bool {
	if p.cfg.ID == "" || time.Since(p.sampled) < maxAge {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, askVersionWithin)
	defer cancel()
	implicit, err := Implicit(ctx, p.client)
	if err != nil {
		return false // the next time, or the requests themselves will show it
	}
	p.sampled = time.Now()
	return implicit != p.cfg.Implicit
}
