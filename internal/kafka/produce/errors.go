package produce

import (
	"errors"
	"fmt"

	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// action is what follows from the outcome of sending a batch.
type action uint8

const (
	fail    action = iota // the sender: a gap in a partition's sequence numbers can't be closed
	arrived               // the batch is in the log
	wait                  // send it again soon: the previous transaction is being completed
	retry                 // send it again to the same leader
	refresh               // fetch the leaders, then send it again
	bounded               // as refresh, but only for missingFor
)

// actionForCode returns the table of a produce response's error codes. The reference is
// the producer of franz-go 1.22 (sink.handleReqRespBatch): what that retries is
// retried here, without a limit, since giving up a batch that may have arrived
// would break the sequence. The differences are written beside their codes.
//
// A code that is not named here is not one that brokers answer a produce request
// with. It is retried if Kafka calls it retriable.
func actionForCode(err *kerr.Error) action {
	switch err {
	case kerr.DuplicateSequenceNumber:
		// An earlier try has arrived (KIP-98).
		return arrived

	case kerr.ConcurrentTransactions:
		// Not retriable by Kafka's table, but since KIP-890 the response to the
		// first batch of a transaction while the markers of the one before are
		// being written.
		return wait

	case kerr.RequestTimedOut, kerr.NotEnoughReplicasAfterAppend:
		// The leader has appended the batch and its replicas have not. It still
		// leads, so new metadata would say nothing.
		return retry
	case kerr.NotEnoughReplicas:
		// The same before appending (min.insync.replicas). Also what a broker
		// answers that was interrupted in verifying the transaction with its
		// coordinator (KIP-890; ReplicaManager maps the coordinator's errors to
		// this one). franz-go fetches metadata first; the leader has not changed.
		return retry
	case kerr.ThrottlingQuotaExceeded:
		return retry // KIP-599

	case kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.FencedLeaderEpoch, kerr.UnknownLeaderEpoch:
		// Leadership moved (KIP-320 for the epochs). The response may name the new
		// leader (KIP-951); metadata always does.
		return refresh
	case kerr.BrokerNotAvailable, kerr.ReplicaNotAvailable, kerr.NetworkException, kerr.ListenerNotFound:
		return refresh // the broker, or its view of the others, is on its way up or down
	case kerr.KafkaStorageError:
		return refresh // the log directory failed; its partitions move (KIP-112)
	case kerr.InconsistentTopicID:
		return refresh // the leader's log is of another incarnation of the topic (KIP-516)

	case kerr.UnknownTopicOrPartition, kerr.UnknownTopicID:
		// Just after a topic's creation its leader may lag behind the metadata.
		// franz-go gives up after four tries, some seconds; here the time counts.
		// A recreated topic has another id in the metadata (KIP-516), by which
		// refreshLeaders fails at once: its new id is never adopted, which would hide
		// that what the old topic had acknowledged is gone.
		return bounded

	case kerr.CorruptMessage:
		// Retriable by Kafka's table, for consumers. A batch is sent byte for byte
		// again, so it would be refused for ever: franz-go fails it at once.
		return fail
	case kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID:
		// Records that were acknowledged are gone (KIP-360, KAFKA-5793). franz-go
		// gets a new producer id and goes on, unless StopProducerOnDataLossDetected
		// is set. A caller that counts acknowledged records must know, so this is
		// as with that option.
		return fail
	case kerr.InvalidProducerEpoch, kerr.ProducerFenced, kerr.InvalidProducerIDMapping,
		kerr.InvalidTxnState, kerr.TransactionAbortable, kerr.TransactionCoordinatorFenced:
		// The transaction is over, or another producer's (KIP-98, KIP-360, KIP-890,
		// KIP-1050). What to do then is the caller's decision.
		return fail
	case kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed,
		kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp,
		kerr.InvalidTopicException, kerr.InvalidRequiredAcks, kerr.PolicyViolation,
		kerr.UnsupportedForMessageFormat, kerr.UnsupportedCompressionType, kerr.UnsupportedVersion,
		kerr.InvalidRequest, kerr.UnknownServerError:
		// The same bytes would be refused again.
		return fail
	}
	if err.Retriable {
		return refresh
	}
	return fail
}

// actionFor returns what follows from an error of a response, or of a request that got
// none, after which the batch may have arrived or not. As franz-go does
// (sink.handleReqClientErr), it takes an error of an unknown kind for one of the
// network, and the leader for one that may have changed: a failed dial, a timeout,
// a connection that was closed, a broker that left the cluster. Refusals are fatal;
// a broker that is too old has refused to give a producer id.
func (s *Sender) actionFor(err error) action {
	var code *kerr.Error
	switch {
	case err == nil:
		return arrived
	case s.ctx.Err() != nil, errors.Is(err, kgo.ErrClientClosed):
		return fail
	case errors.As(err, &code): // SASL's refusals, too
		return actionForCode(code)
	case kafka.RefusedByTLS(err):
		return fail
	}
	return refresh
}

// BatchError is why a batch was not written. Its records were not either.
type BatchError struct {
	Topic     string
	Partition int32
	Records   int
	Bytes     int // of the batch as it was sent, which max.message.bytes limits
	Err       error
}

func (e *BatchError) Error() string {
	batch := "one record"
	if e.Records != 1 {
		batch = fmt.Sprintf("a batch of %d records", e.Records)
	}
	if errors.Is(e.Err, kerr.MessageTooLarge) {
		batch = fmt.Sprintf("%s, %d bytes as sent", batch, e.Bytes)
	}
	return fmt.Sprintf("producing to %s/%d (%s): %v", e.Topic, e.Partition, batch, e.Err)
}

// Unwrap returns the broker's error.
func (e *BatchError) Unwrap() error { return e.Err }

// refusalOf returns the error of a partition's response with what the broker writes
// beside the code: of its first record if it names some, since the text for the batch
// repeats those.
func refusalOf(part *kmsg.ProduceResponseTopicPartition) error {
	err := kerr.ErrorForCode(part.ErrorCode)
	for _, r := range part.ErrorRecords {
		if r.ErrorMessage != nil {
			return kafka.WithMessage(err, fmt.Sprintf("Record %d of the batch: %s", r.RelativeOffset+1, *r.ErrorMessage))
		}
	}
	if part.ErrorMessage != nil {
		return kafka.WithMessage(err, *part.ErrorMessage)
	}
	return err
}

// errUnanswered is for a partition that a response doesn't name.
var errUnanswered = errors.New("the broker's response lacks it")
