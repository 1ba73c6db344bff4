package forward

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"
	"weak"

	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetched returns records as the client does: places in one slice, and views of one buffer.
func fetched(n, size int) (records []*kgo.Record, slab []kgo.Record, buffer []byte) {
	slab, buffer = make([]kgo.Record, n), bytes.Repeat([]byte("0123456789abcdef"), n*size/16+1)
	for i := range slab {
		bytes := buffer[i*size:][:size:size]
		slab[i] = kgo.Record{
			Topic: "t", Partition: 1, Offset: int64(i), Timestamp: time.UnixMilli(int64(i)), Key: bytes[:size/4], Value: bytes[size/4 : size/2],
			Headers: []kgo.RecordHeader{{Key: "name", Value: bytes[size/2:]}},
		}
		records = append(records, &slab[i])
	}
	return records, slab, buffer
}

func plainPreparer() *preparer {
	return &preparer{cfg: &Config{}, topics: map[string]*topic{"t": {alias: "a", name: "t"}}}
}

// What waits keeps nothing of the fetch in which it came, and a record that waits alone
// nothing but its run.
func TestCopiesKeepNoFetch(t *testing.T) {
	const n = 20 * runRecords
	records, slab, buffer := fetched(n, 64)
	slabOf, bufferOf := weak.Make(&slab[n/2]), weak.Make(&buffer[0])
	b := plainPreparer().prepare(fetch.ID{Topic: "t", Partition: 1}, records)
	records, slab, buffer = nil, nil, nil
	runtime.GC()
	if slabOf.Value() != nil || bufferOf.Value() != nil {
		t.Errorf("the fetch is there: its records %t, its bytes %t", slabOf.Value() != nil, bufferOf.Value() != nil)
	}
	last := b.records[n-1].Record
	near, far := weak.Make(b.records[n-2].Record), weak.Make(b.records[n-2*runRecords].Record)
	value := weak.Make(&b.records[n-2*runRecords].Value[0])
	b = nil
	runtime.GC()
	if near.Value() == nil || far.Value() != nil || value.Value() != nil {
		t.Errorf("of the records with it, one of its run is there: %t; another one: %t, its value: %t", near.Value() != nil, far.Value() != nil, value.Value() != nil)
	}
	runtime.KeepAlive(last)
}

// A copy has what its record has, wherever runs end; no bytes and the absence of bytes are
// different, and markers are no records.
func TestCopiesAreTheRecords(t *testing.T) {
	records, _, _ := fetched(2*runRecords+10, 64)
	large := bytes.Repeat([]byte("x"), runBytes)
	for i, r := range records {
		switch i % 9 {
		case 1:
			r.Key = nil
		case 2:
			r.Key = []byte{}
		case 3:
			r.Value = nil
		case 4:
			r.Value = []byte{}
		case 5:
			r.Headers = nil
		case 6:
			r.Headers = []kgo.RecordHeader{{Key: "name"}, {Key: "other", Value: []byte{}}, {Key: fmt.Sprint(i), Value: []byte("v")}}
		case 7:
			r.Attrs = control(t)
		}
		if i%100 == 8 {
			r.Value = large
		}
	}
	var want []*Record
	for _, r := range records {
		if !r.Attrs.IsControl() {
			want = append(want, &Record{
				Alias: "a", Topic: "t", Partition: 1, Offset: r.Offset, At: Place{"t", 1, r.Offset}, Time: r.Offset,
				Key: r.Key, Value: r.Value, Headers: slices.Clone(r.Headers),
			})
		}
	}
	p := plainPreparer()
	for range 2 { // the second time with what the first has left
		b := p.prepare(fetch.ID{Topic: "t", Partition: 1}, records)
		if len(b.records) != len(want) || b.next != int64(len(records)) {
			t.Fatalf("%d records to %d, want %d to %d", len(b.records), b.next, len(want), len(records))
		}
		for i, r := range want {
			if got := b.records[i].Record; !reflect.DeepEqual(got, r) {
				t.Fatalf("%+v, want %+v", got, r)
			}
		}
	}
}

// control returns the attributes of a marker, as the client reads them.
func control(t *testing.T) kgo.RecordAttrs {
	t.Helper()
	batch := kmsg.RecordBatch{Magic: 2, Attributes: 0b0011_0000, NumRecords: 1, Records: []byte("\x10\x00\x00\x00\x04\x00\x01\x00")}
	batch.Records = append(batch.Records, 0) // no headers
	batch.Length = int32(len(batch.AppendTo(nil)) - 12)
	opts := kgo.ProcessFetchPartitionOpts{KeepControlRecords: true, DisableCRCValidation: true}
	p, _ := kgo.ProcessFetchPartition(opts, &kmsg.FetchResponseTopicPartition{RecordBatches: batch.AppendTo(nil)}, kgo.DefaultDecompressor(), nil)
	if len(p.Records) != 1 || !p.Records[0].Attrs.IsControl() {
		t.Fatalf("%+v is no marker", p)
	}
	return p.Records[0].Attrs
}

// forgetful is a Store and a Stream that keeps nothing in memory.
type forgetful struct{ records int }

func (f *forgetful) Open(context.Context, Partition) (Stream, error) { return f, nil }
func (f *forgetful) Check(context.Context) error                     { return nil }
func (f *forgetful) Show(io.Writer, *Record) error                   { return nil }
func (f *forgetful) Close() error                                    { return nil }
func (f *forgetful) Next() (int64, bool)                             { return 0, false }
func (f *forgetful) Due() time.Time                                  { return time.Time{} }
func (f *forgetful) Flush(context.Context, int64) error              { return nil }
func (f *forgetful) Append(_ context.Context, records []*Record) error {
	f.records += len(records)
	return nil
}

// A partition that waits for its next records keeps none that its stream has taken.
func TestStoragesKeepNothingThatWasTaken(t *testing.T) {
	cfg, err := Config{App: "app", Name: "sink", Sources: []Source{{Alias: "a", Topic: "t"}}}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	var f forgetful
	l, err := newLoop(cfg, &f)
	if err != nil {
		t.Fatal(err)
	}
	l.hard = t.Context()
	close(l.ended) // nobody is told
	s := l.newStorage(&owned{}, &f, 0)
	records, _, _ := fetched(3*runRecords, 64)
	s.add(plainPreparer().prepare(fetch.ID{Topic: "t", Partition: 1}, records))
	taken := weak.Make(s.queue[0].records[0].Record)
	if err := s.step(); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	if taken.Value() != nil {
		t.Error("a record is there that the stream has taken")
	}
	if got := s.load(); f.records != len(records) || got != (load{}) {
		t.Errorf("%d records were taken, and %+v is counted; want %d and nothing", f.records, got, len(records))
	}
	runtime.KeepAlive(s)
}
