package runtime

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// packBytes is when a packed log record is full. It leaves room below the
// brokers' usual limit of 1 MiB for a line that comes last.
const packBytes = 128 << 10

// Tx is one transaction while it is filled.
type Tx struct {
	ctx      context.Context // ends with the session
	client   *kgo.Client
	now      time.Time
	topic    string // of packed records
	free     *buffers
	packed   map[int32][]byte
	arena    *arena
	promise  func(*kgo.Record, error)
	headers  []kgo.RecordHeader // of packed records
	touched  []*slot
	produced int
	polls    int

	mu  sync.Mutex
	err error // the first failed record
}

// Polls counts the session's polls. While it is the same, no record was fetched
// that is not known yet.
func (tx *Tx) Polls() int { return tx.polls }

// Now is the time at which the transaction began.
func (tx *Tx) Now() time.Time { return tx.now }

// Produce adds a record. It blocks while the client's buffer is full. Errors
// end the transaction, not this call.
func (tx *Tx) Produce(r *kgo.Record) {
	tx.produced++
	tx.client.Produce(tx.ctx, r, tx.promise)
}

func (tx *Tx) acknowledged(_ *kgo.Record, err error) {
	if err == nil {
		return
	}
	tx.mu.Lock()
	if tx.err == nil {
		tx.err = err
	}
	tx.mu.Unlock()
}

func (tx *Tx) failed() error {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	return tx.err
}

// Line adds lines, each with its line feed, to the packed records of one
// partition of the worker's packed topic. Lines of a partition keep their order.
func (tx *Tx) Line(partition int32, line []byte) {
	b := tx.packed[partition]
	if len(b) > 0 && len(b)+len(line) > packBytes {
		tx.pack(partition, b)
		b = nil
	}
	if b == nil {
		b = tx.free.take(len(line))
	}
	tx.packed[partition] = append(b, line...)
}

func (tx *Tx) pack(partition int32, value []byte) {
	tx.Produce(&kgo.Record{Topic: tx.topic, Partition: partition, Value: value, Headers: tx.headers})
}

func (tx *Tx) packAll() {
	for partition, value := range tx.packed {
		tx.pack(partition, value)
	}
	clear(tx.packed)
}

// buffers are packed values that can be used again.
type buffers struct {
	free, used [][]byte
}

func (f *buffers) take(n int) []byte {
	var b []byte
	if last := len(f.free) - 1; last >= 0 && n <= packBytes {
		b, f.free = f.free[last], f.free[:last]
	} else {
		b = make([]byte, 0, max(packBytes, n))
	}
	if n <= packBytes {
		f.used = append(f.used, b)
	}
	return b
}

func (f *buffers) reset() {
	for _, b := range f.used {
		if len(f.free) < keepChunks {
			f.free = append(f.free, b[:0])
		}
	}
	f.used = f.used[:0]
}

func (tx *Tx) touch(s *slot) {
	if !s.touched {
		s.touched = true
		tx.touched = append(tx.touched, s)
	}
}

func (tx *Tx) commit() {
	for _, s := range tx.touched {
		s.partition.Commit()
		s.committed, s.touched = s.next, false
	}
}

func (tx *Tx) rollback() {
	for _, s := range tx.touched {
		s.partition.Rollback()
		s.next, s.touched = s.committed, false
	}
}
