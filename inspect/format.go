package inspect

import (
	"bytes"

	"inv/internal/kafka/fetch"
	"inv/internal/termsafe"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Format renders records by a layout in franz-go's format language: %t topic, %p
// partition, %o offset, %d timestamp, %k key, %v value, %h{…} headers, and of the
// partition as of the fetch %[ log start, %| last stable offset, %] high watermark; see
// kgo.NewRecordFormatter. It adds no newline.
type Format struct {
	formatter *kgo.RecordFormatter
	safe      bool
	record    kgo.Record
	partition kgo.FetchPartition
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
	k, log := &f.record, fetch.Log{HighWatermark: -1, LastStable: -1, LogStart: -1}
	r.View(k)
	k.Headers, k.Attrs = r.AppendHeaders(k.Headers), attributes(r)
	if r.Log != nil {
		log = *r.Log
	}
	f.partition.HighWatermark, f.partition.LastStableOffset, f.partition.LogStartOffset = log.HighWatermark, log.LastStable, log.LogStart
	if !f.safe {
		return f.formatter.AppendPartitionRecord(dst, &f.partition, k)
	}
	f.text = f.formatter.AppendPartitionRecord(emptied(f.text), &f.partition, k)
	return appendSafeLines(dst, f.text)
}

// attributes returns what %a shows.
func attributes(r *Record) kgo.RecordAttrs {
	o := kgo.RecordAttrsOpts{Codec: kgo.CompressionCodecType(r.Codec), Transactional: r.Transactional}
	switch {
	case r.LogAppendTime:
		o.TimestampType = 1
	case r.Timestamp == noTime:
		o.TimestampType = -1
	}
	return kgo.NewRecordAttrs(o)
}

// appendSafeLines appends text made safe, except its newlines.
func appendSafeLines(dst, text []byte) []byte {
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		dst = append(termsafe.Append(dst, line), '\n')
	}
	return dst[:len(dst)-1]
}
