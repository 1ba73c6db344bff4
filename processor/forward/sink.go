package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Record is a committed record of one of a sink's topics. It is not changed after the
// sink got it, and its bytes stay valid as long as the sink refers to them.
type Record struct {
	// Alias, Topic, Partition and Offset are those of the original record, also of one
	// that is read from the sink's retry topic.
	Alias, Topic string
	Partition    int32
	Offset       int64
	// At is where the record was read: another place than the original's if it is
	// replayed.
	At Place
	// Time is the record's timestamp in epoch milliseconds.
	Time int64
	// Key is the text of a key whose topic has a format for keys, and the others and Value
	// are as they are on the topic; a nil Value is a tombstone.
	Key, Value []byte
	// JSON is the value as JSON text; nil if it is not JSON and no registry describes
	// it.
	JSON    []byte
	rawKey  []byte // as it is on the topic; nil: as Key
	Headers []kgo.RecordHeader
	// Recipient is the only one that a replayed message is for; "" for all.
	Recipient string
}

// Place is an offset in a partition.
type Place struct {
	Topic     string
	Partition int32
	Offset    int64
}

func (p Place) String() string { return fmt.Sprintf("%s/%d@%d", p.Topic, p.Partition, p.Offset) }

// Partition is a partition of a topic with the topic's identity.
type Partition struct {
	Alias, Topic string
	Partition    int32
	TopicID      string // as in the metadata of offsets; another one is another topic
	// Retry reports that it is of the sink's retry topic, whose records stand for others.
	Retry bool
}

// Cut is what is delivered together: a record, or those of a group, by time between
// partitions and by offset within one.
type Cut struct {
	// ID is the same at each try, also after a restart, and differs from that of any
	// other cut: 32 hexadecimal digits.
	ID      string
	Group   string // value of the group, "" without groups
	Grouped bool
	Records []*Record
}

// Message is one delivery of a cut. Its bytes don't change from one try to the next, but
// for what the sink documents.
type Message interface {
	// Recipient is whom the message is for if a cut has several messages, else "".
	Recipient() string
	// Show writes what would be sent, for a dry run. Secrets are replaced by the names
	// of their variables.
	Show(w io.Writer) error
}

// Sender delivers messages, each at least once. Its methods may be called at the same time.
type Sender interface {
	// Compose makes the messages of a cut; none: there is nothing to deliver. It uses no
	// network. An error refuses the cut's records, or one of them by a [RecordError].
	Compose(c *Cut) ([]Message, error)
	// Send delivers a message. docs/dev/forward.md says what its errors mean.
	Send(ctx context.Context, m Message) error
	// Check connects and logs in, and sends nothing.
	Check(ctx context.Context) error
	Close() error
}

// Store keeps records exactly once, and its position with them.
type Store interface {
	// Open takes over a partition. At most one stream of a partition is open in a process.
	Open(ctx context.Context, p Partition) (Stream, error)
	// Check connects and logs in, and writes nothing.
	Check(ctx context.Context) error
	// Show writes what would be kept of a record, for a dry run.
	Show(w io.Writer, r *Record) error
	Close() error
}

// Stream is a partition of a [Store]. Its methods are called by one goroutine at a time.
type Stream interface {
	// Next returns the offset of the first record that the store has not kept, and
	// false if it has kept none, so that `start` decides.
	Next() (offset int64, ok bool)
	// Append takes records, in the order of their offsets, which need not be
	// consecutive; they needn't be durable when it returns. A [RecordError] says that
	// the records before that one were taken and the others were not. After an error that
	// is not final, it took none, and is called again with the same records.
	Append(ctx context.Context, records []*Record) error
	// Due returns when the records that were taken should be made durable at the latest,
	// by Flush; the zero time: nothing waits. A time in the past means at once.
	Due() time.Time
	// Flush makes durable what was taken, and next the position. A [RecordError] says
	// that everything before that record is durable, and that the others must be
	// appended again. After [ErrNotOwner] the stream is closed and opened again; after
	// another error that is not final, Flush is called again, as what was taken still is.
	Flush(ctx context.Context, next int64) error
	// Close drops what is not durable.
	Close() error
}

// RecordError says that a record can't be delivered, however often it is tried.
type RecordError struct {
	// Record is the poison one; nil: the only one, or all of a cut.
	Record *Record
	Reason string // one word, as in docs/dev/forward.md
	Err    error
}

func (e *RecordError) Error() string { return e.Reason + ": " + e.Err.Error() }

func (e *RecordError) Unwrap() error { return e.Err }

// Reasons of dead letters.
const (
	NotJSON    = "not-json"
	NotUnicode = "not-unicode"
	Expression = "expression"
	Refused    = "refused" // by the receiver
	TooLarge   = "too-large"
	Failing    = "failing" // again and again, while others were delivered
)

// RetryError says when to try again.
type RetryError struct {
	After time.Duration // from now on, at least 0
	Err   error
}

func (e *RetryError) Error() string { return e.Err.Error() }

func (e *RetryError) Unwrap() error { return e.Err }

// StopError ends the sink: trying again can't help, and going on would do harm.
type StopError struct{ Err error }

func (e *StopError) Error() string { return e.Err.Error() }

func (e *StopError) Unwrap() error { return e.Err }

// ErrNotOwner is returned by a [Stream] whose partition another process has taken over.
var ErrNotOwner = errors.New("another process has taken the partition over")
