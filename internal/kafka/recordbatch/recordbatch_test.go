package recordbatch_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"inv/internal/kafka/recordbatch"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// record is what is put in and must come out.
type record struct {
	ms         int64
	key, value []byte
	headers    []kgo.RecordHeader
}

// decode reads a batch back with the client library.
func decode(t testing.TB, batch []byte) (kmsg.RecordBatch, []*kgo.Record) {
	t.Helper()
	var raw kmsg.RecordBatch
	if err := raw.ReadFrom(batch); err != nil {
		t.Fatal(err)
	}
	in := kmsg.NewFetchResponseTopicPartition()
	in.RecordBatches, in.HighWatermark = batch, math.MaxInt32
	out, _ := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Topic: "t", KeepControlRecords: true}, &in, kgo.DefaultDecompressor(), nil)
	if out.Err != nil {
		t.Fatal(out.Err)
	}
	return raw, out.Records
}

func build(records []record, p recordbatch.Producer, sequence int32, compressor kgo.Compressor) []byte {
	var b recordbatch.Builder
	for _, r := range records {
		b.Append(r.ms, r.key, r.value, recordbatch.AppendHeaders(nil, r.headers))
	}
	return b.Seal(nil, p, sequence, compressor, &bytes.Buffer{})
}

func compare(t testing.TB, got []*kgo.Record, want []record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		same := g.Offset == int64(i) && g.Timestamp.UnixMilli() == w.ms && len(g.Headers) == len(w.headers) &&
			bytes.Equal(g.Key, w.key) && (g.Key == nil) == (w.key == nil) && bytes.Equal(g.Value, w.value) && (g.Value == nil) == (w.value == nil)
		for j := range w.headers {
			same = same && g.Headers[j].Key == w.headers[j].Key && bytes.Equal(g.Headers[j].Value, w.headers[j].Value) &&
				(g.Headers[j].Value == nil) == (w.headers[j].Value == nil)
		}
		if !same {
			t.Errorf("record %d is %+v, want %+v", i, g, w)
		}
	}
}

func TestClientReadsBatches(t *testing.T) {
	long := []byte(strings.Repeat("inventory ", 20_000))
	records := []record{
		{ms: 1_700_000_000_000, key: []byte("k"), value: []byte("v")},
		{ms: 1_700_000_000_001, value: []byte{}, headers: []kgo.RecordHeader{{Key: "", Value: nil}, {Key: "a", Value: []byte{}}, {Key: "b", Value: long}}},
		{ms: -1, key: []byte{}},
		{ms: 1_700_000_000_000 + math.MaxInt32*10, key: long, value: long},
	}
	for i := range 300 { // numbers of two bytes
		records = append(records, record{ms: int64(i), key: []byte{byte(i)}, value: long[:i]})
	}
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		t.Run(name, func(t *testing.T) {
			compressor, err := kgo.DefaultCompressor(codec)
			if err != nil {
				t.Fatal(err)
			}
			batch := build(records, recordbatch.Producer{ID: 1 << 40, Epoch: 7, Transactional: true}, math.MaxInt32-1, compressor)
			raw, got := decode(t, batch)
			compare(t, got, records)
			if raw.ProducerID != 1<<40 || raw.ProducerEpoch != 7 || raw.FirstSequence != math.MaxInt32-1 || raw.Attributes&0x10 == 0 ||
				raw.NumRecords != int32(len(records)) || raw.LastOffsetDelta != int32(len(records))-1 || raw.PartitionLeaderEpoch != -1 ||
				raw.FirstTimestamp != records[0].ms || raw.MaxTimestamp != records[3].ms {
				t.Errorf("%+v", raw)
			}
			if compressed := raw.Attributes&7 != 0; compressed != (name != "none") {
				t.Errorf("attributes %#x", raw.Attributes)
			}
		})
	}
}

// What compression makes larger is left as it is.
func TestSmallBatchesStayPlain(t *testing.T) {
	compressor, err := kgo.DefaultCompressor(kgo.GzipCompression())
	if err != nil {
		t.Fatal(err)
	}
	records := []record{{ms: 1, key: []byte("k"), value: []byte("v")}}
	raw, got := decode(t, build(records, recordbatch.Producer{ID: -1, Epoch: -1}, 0, compressor))
	compare(t, got, records)
	if raw.Attributes != 0 {
		t.Errorf("attributes %#x", raw.Attributes)
	}
}

// A builder and its buffer are used again.
func TestReset(t *testing.T) {
	var b recordbatch.Builder
	for _, want := range []string{"a longer value", "b"} {
		b.Reset(b.Buffer())
		b.Append(5, nil, []byte(want), recordbatch.NoHeaders())
		if b.Count() != 1 || b.Size() == 0 || b.Size() > recordbatch.Room(nil, []byte(want), recordbatch.NoHeaders()) {
			t.Errorf("%d records, %d bytes", b.Count(), b.Size())
		}
		_, got := decode(t, b.Seal(nil, recordbatch.Producer{}, 0, nil, nil))
		compare(t, got, []record{{ms: 5, value: []byte(want)}})
	}
}

func FuzzAppend(f *testing.F) {
	f.Add(int64(0), []byte("key"), []byte("value"), "header", []byte("text"))
	f.Add(int64(math.MaxInt64), []byte(nil), []byte(nil), "", []byte(nil))
	f.Add(int64(math.MinInt64), []byte{}, []byte{0x80}, strings.Repeat("h", 200), []byte{})
	f.Fuzz(func(t *testing.T, ms int64, key, value []byte, header string, text []byte) {
		ms %= 1 << 42 // the client counts nanoseconds
		records := []record{{ms: ms, key: key, value: value, headers: []kgo.RecordHeader{{Key: header, Value: text}}}, {ms: 0, key: value, value: key}}
		_, got := decode(t, build(records, recordbatch.Producer{}, 0, nil))
		compare(t, got, records)
	})
}

func BenchmarkAppend(b *testing.B) {
	var batch recordbatch.Builder
	key, value := []byte("prod-123"), bytes.Repeat([]byte("x"), 400)
	headers := recordbatch.AppendHeaders(nil, []kgo.RecordHeader{{Key: "ce_type", Value: []byte("inventory.update.v1")}, {Key: "ce_id", Value: []byte("update-prod-123-1")}})
	b.ReportAllocs()
	for b.Loop() {
		if batch.Size() > 200<<10 {
			batch.Reset(batch.Buffer())
		}
		batch.Append(1, key, value, headers)
	}
}
