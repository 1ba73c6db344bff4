package fetch

import (
	"encoding/binary"
	"sort"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// abortedSet knows, while a chunk's batches pass in order, whose transaction is
// one that was aborted. The broker names, for each, the producer and the first
// offset; it lasts until that producer's abort marker.
type abortedSet struct {
	waiting []kmsg.FetchResponseTopicPartitionAbortedTransaction // by first offset
	open    map[int64]bool                                       // by producer id
}

func newAbortedSet(c *Chunk) *abortedSet {
	if !c.readCommitted || len(c.aborted) == 0 {
		return &abortedSet{}
	}
	waiting := append([]kmsg.FetchResponseTopicPartitionAbortedTransaction(nil), c.aborted...)
	sort.SliceStable(waiting, func(i, j int) bool { return waiting[i].FirstOffset < waiting[j].FirstOffset })
	return &abortedSet{waiting: waiting, open: map[int64]bool{}}
}

// begin opens the aborted transactions that start in or before a batch.
func (s *abortedSet) begin(h *header) {
	for len(s.waiting) > 0 && s.waiting[0].FirstOffset < h.end {
		s.open[s.waiting[0].ProducerID] = true
		s.waiting = s.waiting[1:]
	}
}

// data reports whether a batch of data belongs to an aborted transaction.
func (s *abortedSet) data(h *header) bool {
	if s.open == nil {
		return false
	}
	s.begin(h)
	return h.attributes&transactionalBit != 0 && s.open[h.producerID]
}

// control notes a control batch: an abort marker ends its producer's
// transaction. The transaction may have no data in this chunk but its marker,
// so it must begin here too, or it would swallow the producer's next one.
func (s *abortedSet) control(h *header, records []byte) {
	if s.open == nil {
		return
	}
	s.begin(h)
	_, body, ok := varint(records)
	if !ok || len(body) < 1 {
		return
	}
	_, body, ok = varint(body[1:])
	if !ok {
		return
	}
	_, body, ok = varint(body)
	if !ok {
		return
	}
	key, _, ok := varBytes(body)
	if ok && len(key) >= 4 && binary.BigEndian.Uint16(key[2:]) == controlTypeAbort {
		delete(s.open, h.producerID)
	}
}
