package stage

import (
	"encoding/binary"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// fetchPool keeps what fetched records are made of for the next ones: what a
// batch was decompressed into, and its records. It gets them back when all
// records of a batch were recycled. It is safe for concurrent use.
type fetchPool struct {
	mu      sync.Mutex
	bytes   [][]byte
	held    int // bytes of them
	records [][]kgo.Record
}

// Limits of what a fetchPool keeps.
const (
	poolBytes   = 2 << 20
	poolSlices  = 16   // of records
	poolRecords = 4096 // of one slice
	poolRound   = 16 << 10
	// expansion is how much larger a batch is guessed to be that doesn't say.
	expansion = 4
)

// GetDecompressBytes returns a buffer that the batch fits into, so far as that
// can be told.
func (p *fetchPool) GetDecompressBytes(compressed []byte, codec kgo.CompressionCodecType) []byte {
	need := expansion * len(compressed)
	if codec == kgo.CodecSnappy {
		if n, used := binary.Uvarint(compressed); used > 0 && n <= poolBytes {
			need = int(n)
		}
	}
	p.mu.Lock()
	b := take(&p.bytes, need)
	p.held -= cap(b)
	p.mu.Unlock()
	if b == nil && need <= poolBytes {
		b = make([]byte, 0, (need+poolRound-1)/poolRound*poolRound)
	}
	return b
}

// PutDecompressBytes takes a buffer back.
func (p *fetchPool) PutDecompressBytes(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if cap(b) <= poolBytes-p.held {
		p.held += cap(b)
		p.bytes = append(p.bytes, b[:0])
	}
}

// GetRecords returns room for n records.
func (p *fetchPool) GetRecords(n int) []kgo.Record {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := take(&p.records, n); r != nil {
		return r
	}
	return make([]kgo.Record, 0, n)
}

// PutRecords takes it back.
func (p *fetchPool) PutRecords(r []kgo.Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.records) < poolSlices && cap(r) <= poolRecords {
		p.records = append(p.records, r[:0])
	}
}

// take removes the smallest slice of those with room for n, nil if there is
// none: what is put back is cleared to its capacity.
func take[T any](from *[][]T, n int) []T {
	best := -1
	for i, s := range *from {
		if cap(s) >= n && (best < 0 || cap(s) < cap((*from)[best])) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	s, last := (*from)[best], len(*from)-1
	(*from)[best], (*from)[last] = (*from)[last], nil
	*from = (*from)[:last]
	return s
}
