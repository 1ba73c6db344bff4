// Package stage runs a stage of a topology: it reads source topics as a
// member of a consumer group, keeps state for each source partition, and writes
// what a [Logic] decides, each step in one Kafka transaction with the source
// offsets. It knows no record and no rule.
//
// A [Worker] is one member. Its loop is: poll, process, poll again until the
// poll runs dry or the commit interval is over, seal, commit; then rebalances
// may happen, and only then. What it takes care of:
//
//   - State belongs to one ownership of a partition. A partition that comes
//     (again) is rebuilt from what the topics hold, after the group has given
//     its committed offset: only then are the former owner's transactions over.
//     It is paused meanwhile, and the others run on.
//   - Ownership is what the group's last sync said: callbacks give differences,
//     so the worker reads the assignment itself (see balancer) and drops what is
//     not in it. None of them runs during a transaction.
//   - A transaction commits its offsets in the name of the member and generation
//     that it began with. If the group has moved on it refuses them, which is a
//     normal outcome: every touched partition rolls back, the records come again.
//   - The client library only consumes. Records are put into batches as they are
//     made, package produce brings these to the brokers, and package txn has the protocol.
//   - Two producers take the transactions in turn (txn.Turns), which are some time apart:
//     the longer they take to end, the longer.
//   - A failed producer is not repaired: a new session replaces its session.
//   - A transaction of timers alone consumes nothing. It commits the position
//     of its partition nevertheless, under the member's generation, so that a
//     member that lost the partition without knowing is refused.
package stage

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Source is one partition of a source topic.
type Source struct {
	Topic     string
	Partition int32
}

// less orders sources by topic and partition.
func (s Source) less(o Source) bool {
	if s.Topic != o.Topic {
		return s.Topic < o.Topic
	}
	return s.Partition < o.Partition
}

// Logic is a stage's own part.
type Logic interface {
	// Start builds the state of a source partition whose committed offset is
	// given, -1 if there is none. It runs beside the loop, for several
	// partitions at once, and ends early with the context. The returned
	// offset is where to go on; it may differ from committed only if that
	// is -1, and is -1 for the topic's beginning. An error stops the worker.
	Start(ctx context.Context, source Source, committed int64) (Partition, int64, error)
}

// Partition is the state of one source partition. Its methods are called by one
// goroutine.
type Partition interface {
	// Process decides one record. The record and what it points to are used
	// again afterwards, so what is to last has to be a copy. An error stops
	// the worker, after the transaction was aborted: records that are merely
	// bad are no error.
	Process(ctx context.Context, tx *Tx, r *kgo.Record) error
	// Seal adds what must be in a transaction that touched this partition,
	// such as the changelog. It is called once, at the end.
	Seal(tx *Tx) error
	// Commit and Rollback end a transaction that touched this partition.
	// After a rollback the records come again.
	Commit()
	Rollback()
	// Close ends the ownership. It may be called while NextDue is.
	Close()
}

// Timed is a Partition in which something falls due without a record.
type Timed interface {
	Partition
	// NextDue is when, if anything is pending.
	NextDue() (due time.Time, pending bool)
	// Due does what has fallen due.
	Due(tx *Tx, now time.Time) error
}

// Noted is a Partition that adds something to the metadata of its committed
// offsets: fields without spaces, separated by one. Note is called when a
// transaction has been sealed, and describes the state that it makes, and before
// one begins. An empty note adds nothing.
type Noted interface {
	Partition
	Note() string
}
