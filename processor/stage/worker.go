package stage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Config is a worker's place in the cluster and its pace.
type Config struct {
	Name            string // of the stage, for messages
	Kafka           kafka.Config
	Group           string
	TransactionalID string
	Stable          bool                    // the transactional id is one that another process may take over
	AtLeastOnce     bool                    // no transactions: what is written may be written again
	Sources         []string                // topics; of what is polled together, in this order
	First           string                  // of Sources, one that is read to its end before the others, at the start
	TopicIDs        map[string]kadm.TopicID // of the sources
	Outputs         []string                // topics that are written to, but for dead letters
	BatchBytes      func(topic string) int  // largest record batch of a topic
	// Stamp is the metadata of each offset that is committed, with the note of its
	// partition, see [Noted].
	Stamp       func(offset int64, note string) string
	CommitEvery time.Duration         // at the latest, while records keep coming
	MaxPoll     int                   // records
	Gate        func(context.Context) // called before each transaction, to hold the worker back
	StopWithin  time.Duration         // for the last commit once the context ends
	Log         *slog.Logger
	Now         func() time.Time
	Observer    Observer
	Hooks       func() []kgo.Hook  // of each new client
	At          func(point string) // called at named points of a transaction, for fault tests
}

// Names of the points that Config.At is called with.
const (
	AtSealed    = "sealed"    // all is decided; of a small transaction, nothing is sent
	AtProduced  = "produced"  // records are written; of a large transaction, offsets are not
	AtOffsets   = "offsets"   // offsets are in the transaction, too, which is open
	AtEnding    = "ending"    // the transaction's end is asked for and not answered
	AtCommitted = "committed" // the transaction is committed, the state is not
	AtRestoring = "restoring" // a partition's state is being rebuilt
)

// Observer is told what a worker does. Calls come from several goroutines.
type Observer interface {
	// Transaction reports one transaction's end: what it consumed and wrote,
	// and how long ending it took.
	Transaction(committed bool, consumed, produced int, took time.Duration)
	// Partitions reports how many partitions are assigned to the worker, and
	// how many of them have their state.
	Partitions(assigned, ready int)
	Rebuilt(error) // the session failed, and a new one replaces it
}

// ErrFenced is returned by a worker whose transactional id another process took.
var ErrFenced = errors.New("another process runs with the same instance id and took over")

// LostRecordsError is returned for records that the source topic lost before they
// were processed: by retention, or since the topic was recreated.
type LostRecordsError struct {
	Topic     string
	Partition int32
	Err       error
}

func (e *LostRecordsError) Error() string {
	return fmt.Sprintf("%s/%d has lost records that were not processed yet (retention, or the topic was recreated): %v", e.Topic, e.Partition, e.Err)
}

// Unwrap returns the broker's error.
func (e *LostRecordsError) Unwrap() error { return e.Err }

// Worker is one member of a stage's group.
type Worker struct {
	cfg    Config
	logic  Logic
	client atomic.Pointer[kgo.Client] // of the session, nil between sessions
}

// Reads reports whether a topic is among the worker's sources.
func (w *Worker) Reads(topic string) bool { return slices.Contains(w.cfg.Sources, topic) }

// Refresh has the worker look for new partitions of its sources now. Its client does
// so by itself only every few minutes. It may be called at any time.
func (w *Worker) Refresh() {
	if client := w.client.Load(); client != nil {
		client.ForceMetadataRefresh()
	}
}

// NewWorker makes a worker; Run starts it.
func NewWorker(cfg Config, logic Logic) *Worker {
	return &Worker{cfg: cfg, logic: logic}
}

// Name returns the stage.
func (w *Worker) Name() string { return w.cfg.Name }

func (w *Worker) observe() Observer { return w.cfg.Observer }

// Backoff between sessions that fail.
const (
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 5 * time.Second
	calmAfter    = 30 * time.Second // a session that lived this long starts over
)

// Run processes until the context ends, which is no error, or until something
// is wrong that a new session can't recover from. Once the context ends it commits what
// is in the transaction, and returns within StopWithin whatever the broker does.
func (w *Worker) Run(ctx context.Context) error {
	hard, cancel := graceful(ctx, w.cfg.StopWithin)
	defer cancel()
	backoff := firstBackoff
	for {
		began := time.Now()
		err := w.runSession(ctx, hard)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil || fatal(err) {
			return err
		}
		w.observe().Rebuilt(err)
		w.cfg.Log.Warn("starting over from the changelog", "stage", w.cfg.Name, "because", err)
		if time.Since(began) > calmAfter {
			backoff = firstBackoff
		}
		if kafka.Pause(ctx, backoff) != nil {
			return nil
		}
		backoff = min(2*backoff, lastBackoff)
	}
}

// graceful returns a context that outlives ctx by the given time.
func graceful(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.NewTimer(by)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-hard.Done():
		}
	})
	return hard, func() { stop(); cancel() }
}

// brokenError marks an error that a new session can recover from.
type brokenError struct{ err error }

func (e brokenError) Error() string { return e.err.Error() }
func (e brokenError) Unwrap() error { return e.err }

// Retry marks an error of a [Partition] that a new session may not have: the worker starts
// over, and goes on.
func Retry(err error) error { return brokenError{err} }

func broken(format string, args ...any) error { return brokenError{fmt.Errorf(format, args...)} }

// fatalCodes are the error codes that a new session would get again.
var fatalCodes = []error{
	kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed,
	kerr.TransactionalIDAuthorizationFailed, kerr.SaslAuthenticationFailed, kerr.UnsupportedVersion,
	kerr.InvalidTransactionTimeout, kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidTimestamp,
	kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.InvalidTopicException, kerr.InvalidRecord,
	kerr.InconsistentGroupProtocol, kerr.InvalidSessionTimeout, kerr.PolicyViolation,
}

// fatal reports whether a session's error ends the worker.
func fatal(err error) bool {
	var b brokenError
	if !errors.As(err, &b) {
		return true
	}
	for _, code := range fatalCodes {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}
