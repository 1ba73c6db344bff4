package produce

import (
	"context"
	"fmt"
	"time"

	"inv/internal/kafka/acl"
	"inv/internal/kafka/recordbatch"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Identify gets a producer id, by which brokers recognize a batch that is sent again.
// With a transactional id, "" if there is none, it fences the producer that had it and
// aborts what that left open; brokers abort transactions after the timeout, which
// has a resolution of milliseconds.
func Identify(ctx context.Context, client *kgo.Client, transactionalID string, timeout time.Duration) (recordbatch.Producer, error) {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.ProducerID, req.ProducerEpoch = -1, -1
	if transactionalID != "" {
		req.TransactionalID, req.TransactionTimeoutMillis = &transactionalID, int32(timeout.Milliseconds())
	}
	resp, err := req.RequestWith(ctx, client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if transactionalID != "" {
		err = acl.Check(err, acl.Write, acl.Transactional(transactionalID))
	}
	if err != nil {
		return recordbatch.Producer{}, fmt.Errorf("getting a producer id: %w", err)
	}
	return recordbatch.Producer{ID: resp.ProducerID, Epoch: resp.ProducerEpoch, Transactional: transactionalID != ""}, nil
}
