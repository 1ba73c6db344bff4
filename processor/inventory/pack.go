package inventory

import (
	"inv/internal/kafka/recordbatch"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// packBytes is when a record of the log is full, if the topic accepts as much.
const packBytes = 128 << 10

// packFrame is more than a record of the log takes beside its lines, in a batch of
// its own.
const packFrame = 1 << 10

// packer packs lines into the records of a topic: fewer and larger records cost
// the brokers and the reader less. Lines of a partition keep their order. It is
// for the goroutine of the stage's loop, and its buffers are reused.
type packer struct {
	topic   string
	full    int      // bytes of a record that has several lines
	headers []byte   // of each record, encoded
	filling [][]byte // by partition
}

// newPacker makes a packer for a topic that accepts batches of so many bytes.
func newPacker(topic string, partitions, batch int) *packer {
	return &packer{
		topic:   topic,
		full:    min(packBytes, batch-packFrame),
		headers: recordbatch.AppendHeaders(nil, []kgo.RecordHeader{{Key: logFormatHeader, Value: []byte(logFormat)}}),
		filling: make([][]byte, partitions),
	}
}

func (k *packer) partitions() int { return len(k.filling) }

// add adds a line, with its line feed, to a partition.
func (k *packer) add(tx *stage.Tx, partition int32, line []byte) error {
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

// flush writes what is not full yet.
func (k *packer) flush(tx *stage.Tx) error {
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
	k.discard()
	return nil
}

// discard empties the buffers. Those that a long line has grown are released.
func (k *packer) discard() {
	for partition, b := range k.filling {
		k.filling[partition] = b[:0]
		if cap(b) > 2*packBytes {
			k.filling[partition] = nil
		}
	}
}
