package verify

import (
	"errors"
	"strings"

	"inv/internal/event"
	"inv/internal/registry"

	"github.com/twmb/franz-go/pkg/kgo"
)

// decode sets the parser's key and value to those of a record, as the scenario would
// have written them with the format json, in the version that this package knows. Those of
// dead letters are left as they are.
func (p *parser) decode(r *kgo.Record) {
	p.key, p.value, p.encoded, p.broken = r.Key, r.Value, false, nil
	if p.o.Schemas == nil || strings.HasSuffix(r.Topic, deadLetters("")) {
		return
	}
	key, err := p.o.Schemas.Key(p.keyRoom[:0], r)
	if p.failed(err); err == nil && !same(key, r.Key) {
		p.key, p.keyRoom = key, key
	}
	value, err := p.o.Schemas.Value(p.valueRoom[:0], r)
	if p.failed(err); err == nil && !same(value, r.Value) {
		p.value, p.valueRoom, p.encoded = value, value, true
	}
}

// failed notes that a record can't be decoded.
func (p *parser) failed(err error) {
	var e *registry.Error
	switch {
	case err == nil:
	case errors.As(err, &e) && e.Away():
		p.away = err
	default:
		p.broken = &event.Error{Reason: registry.Reason(err), Message: err.Error()}
	}
}

// same reports whether two values are the same bytes in memory.
func same(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// contentType returns what the record's content-type must be. A topic with a format may
// have older records without it.
func (p *parser) contentType(topic string) string {
	if p.encoded {
		return p.o.Schemas.ContentType(topic)
	}
	return "application/json"
}
