package registry

import (
	"errors"

	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Value returns the JSON of a record's value if it is framed or a header has the ID of its
// schema, and any other value as it is, also one that only looks framed. It does not
// change the record. The error is an [*Error].
func (d *Decoder) Value(r *kgo.Record) ([]byte, error) {
	var headers []fetch.Header
	for i := range r.Headers {
		if h := &r.Headers[i]; h.Key == valueHeader {
			headers = append(headers, fetch.Header{Key: h.Key, Value: h.Value})
		}
	}
	if headers == nil && (len(r.Value) <= idBytes || r.Value[0] != 0) {
		return r.Value, nil
	}
	framed := fetch.Record{Topic: r.Topic}
	framed.SetHeaders(headers)
	value, _, err := d.decode(&framed, column{topic: r.Topic}, r.Value, func() {})
	var e *Error
	if errors.As(err, &e) && e.Unsure() {
		return r.Value, nil
	}
	return value, err
}
