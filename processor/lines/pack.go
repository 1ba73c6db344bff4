// Package lines packs lines into the records of a log, for stages that decide their
// inputs into one.
package lines

import (
	"inv/internal/kafka/recordbatch"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// FormatHeader is the header with the layout of a log's records.
const FormatHeader = "inv-format"

const (
	packBytes = 128 << 10 // when a record is full, if the topic accepts as much
	packFrame = 1 << 10   // more than a record takes beside its lines, in a batch of its own
)

// Packer packs lines into the records of a topic: fewer and larger records cost
// the brokers and the reader less. Lines of a partition keep their order. It is
// for the goroutine of the stage's loop, and its buffers are reused.
type Packer struct {
	topic   string
	longest int      // bytes of a line
	full    int      // bytes of a record that has several lines
	headers []byte   // of each record, encoded
	filling [][]byte // by partition
}

// New makes a Packer for a topic that accepts batches of so many bytes. Each record
// gets the format in its [FormatHeader].
func New(topic, format string, partitions, batch int) *Packer {
	return &Packer{
		topic:   topic,
		longest: batch - packFrame,
		full:    min(packBytes, batch-packFrame),
		headers: recordbatch.AppendHeaders(nil, []kgo.RecordHeader{{Key: FormatHeader, Value: []byte(format)}}),
		filling: make([][]byte, partitions),
	}
}

// Partitions returns the number of the topic's partitions.
func (k *Packer) Partitions() int { return len(k.filling) }

// Longest returns the length of the longest line that the topic accepts, in bytes
// with its line feed.
func (k *Packer) Longest() int { return k.longest }

// Add adds a line, with its line feed, to a partition.
func (k *Packer) Add(tx *stage.Tx, partition int32, line []byte) error {
	b := k.filling[partition]
	if len(b) > 0 && len(b)+len(line) > k.full {
		out, err := tx.Output(k.topic)
		if err != nil {
			return err
		}
		out.Append(partition, tx.Now().UnixMilli(), nil, b, k.headers)
		b = b[:0]
	}
	if b == nil {
		b = make([]byte, 0, packBytes)
	}
	k.filling[partition] = append(b, line...)
	return nil
}

// Flush writes what is not full yet.
func (k *Packer) Flush(tx *stage.Tx) error {
	for partition, b := range k.filling {
		if len(b) == 0 {
			continue
		}
		out, err := tx.Output(k.topic)
		if err != nil {
			return err
		}
		out.Append(int32(partition), tx.Now().UnixMilli(), nil, b, k.headers)
	}
	k.Discard()
	return nil
}

// Discard empties the buffers. Those that a long line has grown are released.
func (k *Packer) Discard() {
	for partition, b := range k.filling {
		k.filling[partition] = b[:0]
		if cap(b) > 2*packBytes {
			k.filling[partition] = nil
		}
	}
}
