package inspect

import (
	"bytes"
	"time"

	"inv/internal/termsafe"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Format renders records by a layout in franz-go's format language: %t topic, %p
// partition, %o offset, %d timestamp, %k key, %v value, %h{…} headers; see
// kgo.NewRecordFormatter. It adds no newline.
type Format struct {
	formatter *kgo.RecordFormatter
	safe      bool
	record    kgo.Record
	text      []byte
}

// NewFormat compiles a layout. With safe, all that a terminal would act on is made
// visible, but newlines. The error is a *UsageError.
func NewFormat(layout string, safe bool) (*Format, error) {
	f, err := kgo.NewRecordFormatter(layout)
	if err != nil {
		return nil, optionf("format", "%v", err)
	}
	return &Format{formatter: f, safe: safe}, nil
}

// Append appends the record by the layout.
func (f *Format) Append(dst []byte, r *Record) []byte {
	dst = reserve(dst, len(r.Value))
	k := &f.record
	k.Topic, k.Partition, k.Offset = r.Topic, r.Partition, r.Offset
	k.Key, k.Value, k.Timestamp = r.Key, r.Value, time.UnixMilli(r.Timestamp)
	k.LeaderEpoch, k.ProducerID, k.ProducerEpoch = r.LeaderEpoch, r.ProducerID, r.ProducerEpoch
	k.Headers = k.Headers[:0]
	r.EachHeader(func(key, value []byte) bool {
		k.Headers = append(k.Headers, kgo.RecordHeader{Key: string(key), Value: value})
		return true
	})
	if !f.safe {
		return f.formatter.AppendRecord(dst, k)
	}
	f.text = f.formatter.AppendRecord(f.text[:0], k)
	return appendSafeLines(dst, f.text)
}

// appendSafeLines appends text made safe, except its newlines.
func appendSafeLines(dst, text []byte) []byte {
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		dst = append(termsafe.Append(dst, line), '\n')
	}
	return dst[:len(dst)-1]
}
