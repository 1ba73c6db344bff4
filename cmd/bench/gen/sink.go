package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"math"

	"inv/producer"
)

// hashSink hashes every byte of every record, and keeps some records to check.
type hashSink struct {
	seed  maphash.Seed
	sum   uint64
	bytes int64
	count int64
	kept  []kept
	copy  []byte // of the kept records
	to    *format
}

func newSink(count int64, to *format) *hashSink {
	keep := count/keepEach + 1
	return &hashSink{to: to, seed: maphash.MakeSeed(), kept: make([]kept, 0, keep), copy: make([]byte, 0, keep*1024)}
}

// kept is a record that is checked after the measurement.
type kept struct {
	key, value []byte
	partition  int32
	headers    int
}

// keepEach is how many records there are for each kept one.
const keepEach = 1 << 14

func (s *hashSink) Write(_ context.Context, b *producer.Batch) error {
	for i := range b.Records {
		s.record(&b.Records[i])
	}
	b.Release()
	return nil
}

func (s *hashSink) record(r *producer.Record) {
	s.add(r.Key)
	s.add(r.Value)
	for i := range r.Headers {
		s.bytes += int64(len(r.Headers[i].Key))
		s.add(r.Headers[i].Value)
	}
	if s.count%keepEach == 0 {
		s.kept = append(s.kept, kept{s.keep(r.Key), s.keep(r.Value), r.Partition, len(r.Headers)})
	}
	s.count++
}

func (s *hashSink) keep(b []byte) []byte {
	s.copy = append(s.copy, b...)
	return s.copy[len(s.copy)-len(b):]
}

func (s *hashSink) add(b []byte) {
	s.sum = s.sum*31 ^ maphash.Bytes(s.seed, b)
	s.bytes += int64(len(b))
}

func (s *hashSink) Flush(context.Context) error { return nil }
func (s *hashSink) Counts() producer.Counts     { return producer.Counts{Acknowledged: s.count} }
func (s *hashSink) Failed() <-chan struct{}     { return nil }

// check reports wrong records.
func (s *hashSink) check(count int64, headers bool) error {
	if s.count != count {
		return fmt.Errorf("%d records, not %d", s.count, count)
	}
	wanted := 0
	if headers {
		wanted = 6
	}
	for i, r := range s.kept {
		var o order
		value, err := s.to.json(r.value)
		if err == nil {
			err = json.Unmarshal(value, &o)
		}
		if err != nil {
			return fmt.Errorf("%q: %w", r.value, err)
		}
		total := 0.0
		for _, i := range o.Items {
			total += float64(i.Quantity) * i.UnitPrice
		}
		id := fmt.Sprintf("order-%d-%d", seed, i*keepEach+1)
		if o.OrderID != id || string(r.key) != id || len(o.Items) == 0 || math.Abs(o.Total-total) > 0.001 || o.Timestamp == 0 ||
			r.partition < 0 || r.partition >= partitions || r.headers != wanted {
			return fmt.Errorf("a wrong record: key %s, partition %d, %d headers, %s", r.key, r.partition, r.headers, r.value)
		}
	}
	return nil
}
