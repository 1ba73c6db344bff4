package mutate

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// everywhere ends the names of mutations that all records of a topic have: of a
// processor that is wrong in the same way each time.
const everywhere = " everywhere"

// everywhere makes the same mutation of all records of an output.
func (e *enumerator) everywhere() bool {
	outputs := []Kind{Updates, Reorders, Alerts}
	if len(e.records) == 0 || !slices.Contains(outputs, e.topic.kind) {
		return true
	}
	each := func(part, name, op string, change func(r *kgo.Record)) bool {
		same := true
		records := make([]*kgo.Record, len(e.records))
		for i, old := range e.records {
			r := *old
			r.Headers = slices.Clone(r.Headers)
			change(&r)
			same = same && part == PartField && bytes.Equal(r.Value, old.Value)
			records[i] = &r
		}
		return same || e.pass(0, part, name, op+everywhere, nil, records)
	}
	fields, _ := members(e.records[0].Value)
	for _, f := range fields {
		with := func(op string, value []byte) bool {
			return each(PartField, f.name, op, func(r *kgo.Record) {
				r.Value = replaced(r.Value, f.name, func([]byte) []byte { return value })
			})
		}
		other := raw("0")
		if strings.HasPrefix(string(f.raw), `"`) {
			other = raw(`"other"`)
		}
		if !with("null", raw("null")) || !with(string(other), other) {
			return false
		}
	}
	for n, h := range e.records[0].Headers {
		ok := each(PartHeader, h.Key, "removed", func(r *kgo.Record) { r.Headers = slices.Delete(r.Headers, n, n+1) }) &&
			each(PartHeader, h.Key, "changed", func(r *kgo.Record) { r.Headers[n].Value = []byte("other") })
		if !ok {
			return false
		}
	}
	return each(PartHeader, "all", "removed", func(r *kgo.Record) { r.Headers = nil }) &&
		each(PartKey, "", "removed", func(r *kgo.Record) { r.Key = nil }) &&
		each(PartTimestamp, "", "−1 h", func(r *kgo.Record) { r.Timestamp = r.Timestamp.Add(-time.Hour) }) &&
		e.pass(0, PartCount, "", "dropped"+everywhere, nil, nil)
}
