package produce_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"inv/internal/kafka/produce"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// answer returns the response to a produce request with one error code for all of it.
func answer(kreq kmsg.Request, code int16) kmsg.Response {
	req := kreq.(*kmsg.ProduceRequest)
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	for _, rt := range req.Topics {
		t := kmsg.NewProduceResponseTopic()
		t.Topic, t.TopicID = rt.Topic, rt.TopicID
		for _, rp := range rt.Partitions {
			p := kmsg.NewProduceResponseTopicPartition()
			p.Partition, p.ErrorCode = rp.Partition, code
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}

// Every error code of a produce response, answered so many times before the broker
// takes the batch, has the outcome that errors.go names: the batch arrives once,
// with or without new metadata, or the run fails at the first answer.
func TestErrorCodes(t *testing.T) {
	const always = 1 << 30
	retried := func(err *kerr.Error, times int) codeCase {
		return codeCase{err: err, times: times, tries: times + 1}
	}
	refreshed := func(err *kerr.Error, times int) codeCase {
		return codeCase{err: err, times: times, tries: times + 1, metadata: times}
	}
	failed := func(err *kerr.Error) codeCase { return codeCase{err: err, times: always, tries: 1, fails: true} }
	cases := []codeCase{
		{err: kerr.DuplicateSequenceNumber, times: always, tries: 1, absent: true}, // arrived before, as the broker says

		retried(kerr.ConcurrentTransactions, 20),
		retried(kerr.RequestTimedOut, 3),
		retried(kerr.NotEnoughReplicasAfterAppend, 3),
		retried(kerr.NotEnoughReplicas, 3),
		retried(kerr.ThrottlingQuotaExceeded, 2),

		refreshed(kerr.NotLeaderForPartition, 3),
		refreshed(kerr.LeaderNotAvailable, 3),
		refreshed(kerr.FencedLeaderEpoch, 1),
		refreshed(kerr.UnknownLeaderEpoch, 1),
		refreshed(kerr.BrokerNotAvailable, 1),
		refreshed(kerr.ReplicaNotAvailable, 1),
		refreshed(kerr.NetworkException, 1),
		refreshed(kerr.ListenerNotFound, 1),
		refreshed(kerr.KafkaStorageError, 1),
		refreshed(kerr.InconsistentTopicID, 1),
		refreshed(kerr.CoordinatorLoadInProgress, 1), // not named, retriable by Kafka's table
		refreshed(kerr.CoordinatorNotAvailable, 1),
		refreshed(kerr.NotCoordinator, 1),

		refreshed(kerr.UnknownTopicID, 1), // a leader that lags behind the topic's creation
		refreshed(kerr.UnknownTopicID, 5),
		refreshed(kerr.UnknownTopicOrPartition, 1),
		{err: kerr.UnknownTopicID, times: always, fails: true},
		{err: kerr.UnknownTopicOrPartition, times: always, fails: true},

		failed(kerr.CorruptMessage),
		failed(kerr.OutOfOrderSequenceNumber),
		failed(kerr.UnknownProducerID),
		failed(kerr.InvalidProducerEpoch),
		failed(kerr.ProducerFenced),
		failed(kerr.InvalidProducerIDMapping),
		failed(kerr.InvalidTxnState),
		failed(kerr.TransactionAbortable),
		failed(kerr.TransactionCoordinatorFenced),
		failed(kerr.TopicAuthorizationFailed),
		failed(kerr.ClusterAuthorizationFailed),
		failed(kerr.TransactionalIDAuthorizationFailed),
		failed(kerr.MessageTooLarge),
		failed(kerr.RecordListTooLarge),
		failed(kerr.InvalidRecord),
		failed(kerr.InvalidTimestamp),
		failed(kerr.InvalidTopicException),
		failed(kerr.InvalidRequiredAcks),
		failed(kerr.PolicyViolation),
		failed(kerr.UnsupportedForMessageFormat),
		failed(kerr.UnsupportedCompressionType),
		failed(kerr.UnsupportedVersion),
		failed(kerr.InvalidRequest),
		failed(kerr.UnknownServerError),
		failed(kerr.SecurityDisabled), // not named, not retriable by Kafka's table
	}
	for _, c := range cases {
		t.Run(c.err.Message, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}

type codeCase struct {
	err      *kerr.Error
	times    int // answered
	tries    int // produce requests, 0: any number
	metadata int // requests for it
	fails    bool
	absent   bool // from the log, though it counts as arrived
}

func (c codeCase) run(t *testing.T) {
	fake, brokers := cluster(t, 1, 1)
	s := sender(t, kafkatest.Client(t, brokers), produce.Options{})
	to := topic(t, s)
	var tries, metadata atomic.Int64
	fake.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		if tries.Add(1) > int64(c.times) {
			return nil, nil, false
		}
		return answer(req, c.err.Code), nil, true
	})
	fake.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		metadata.Add(1)
		return nil, nil, false
	})
	numbered(to, 0, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := s.Flush(ctx)
	if c.fails != (err != nil) || c.fails && !errors.Is(err, c.err) {
		t.Fatalf("after %d tries: %v", tries.Load(), err)
	}
	if n := tries.Load(); c.tries > 0 && n != int64(c.tries) {
		t.Errorf("%d tries, want %d", n, c.tries)
	}
	if n := metadata.Load(); c.tries > 0 && n != int64(c.metadata) {
		t.Errorf("%d metadata requests, want %d", n, c.metadata)
	}
	if want := 1; c.fails || c.absent {
		inOrder(t, brokers, []int{0})
	} else {
		inOrder(t, brokers, []int{want})
	}
}

// A response that lacks the partition leaves open what became of the batch, so it
// is sent again.
func TestResponseLacksPartition(t *testing.T) {
	fake, brokers := cluster(t, 1, 1)
	s := sender(t, kafkatest.Client(t, brokers), produce.Options{})
	to := topic(t, s)
	fake.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		return req.ResponseKind(), nil, true
	})
	numbered(to, 0, 0)
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	inOrder(t, brokers, []int{1})
}

// A request that got no response is repeated, unless the broker or the client has
// refused the connection.
func TestRequestErrors(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for _, c := range []struct {
		name  string
		err   error // of each new connection
		fails bool
	}{
		{"refused", dial(errors.New("connection refused")), false},
		{"no such host", dial(&net.DNSError{Err: "no such host", IsNotFound: true}), false},
		{"dial timeout", dial(context.DeadlineExceeded), false},
		{"end of file", io.EOF, false},
		{"closed", net.ErrClosed, false},
		{"certificate", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, true},
		{"no TLS", tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, true},
		{"TLS alert", &net.OpError{Op: "remote error", Err: tls.AlertError(42)}, true},
		{"SASL", kerr.SaslAuthenticationFailed, true},
		{"anything else", errors.New("of an unknown kind"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			fake, brokers := cluster(t, 1, 1)
			var broken, refused atomic.Int64
			client := kafkatest.Client(t, brokers, kgo.Dialer(func(ctx context.Context, network, host string) (net.Conn, error) {
				if broken.Load() == 1 && refused.Add(1) <= 8 {
					return nil, c.err
				}
				return (&net.Dialer{}).DialContext(ctx, network, host)
			}))
			s := sender(t, client, produce.Options{})
			to := topic(t, s)
			fake.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
				broken.Store(1)
				return nil, errors.New("the connection is closed"), true
			})
			numbered(to, 0, 0)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			err := s.Flush(ctx)
			if c.fails != (err != nil) || ctx.Err() != nil || c.fails && !errors.Is(err, c.err) {
				t.Fatalf("after %d refused connections: %v", refused.Load(), err)
			}
			if !c.fails {
				inOrder(t, brokers, []int{1})
			}
		})
	}
}

// A broker that has left the cluster is no reason to stop: another one leads.
func TestBrokerLeaves(t *testing.T) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	if err := fake.MoveTopicPartition("t", 0, 1); err != nil {
		t.Fatal(err)
	}
	brokers := fake.ListenAddrs()[:1]
	s := sender(t, kafkatest.Client(t, brokers), produce.Options{})
	to := topic(t, s)
	if err := fake.RemoveNode(1); err != nil {
		t.Fatal(err)
	}
	numbered(to, 0, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	inOrder(t, brokers, []int{1})
}
