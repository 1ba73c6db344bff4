package verify

import (
	"strings"

	"inv/internal/event"
	"inv/internal/kafka/fetch"
	"inv/internal/registry"

	"github.com/twmb/franz-go/pkg/kgo"
)

// reader reads parts of partitions.
type reader struct {
	client   *kgo.Client
	progress func(read, total int64)
	notices  []string // what the brokers did meanwhile, such as a topic that was deleted

	passed, size int64 // offsets
}

// expect sums up how many offsets are to be read, for the progress.
func (r *reader) expect(s *snapshot) {
	for _, spans := range s.spans {
		for _, p := range spans {
			r.size += p.To - p.From
		}
	}
}

// pass counts a chunk for the progress.
func (r *reader) pass(c *fetch.Chunk) {
	if r.passed += min(c.Next, c.To) - min(c.From, c.To); r.progress != nil {
		r.progress(r.passed, r.size)
	}
}

// view makes the parser's record a view of raw with the headers that the auditor
// looks at: all those of dead letters and of the records that they are of.
func (p *parser) view(raw *fetch.Record) {
	rec := &p.record
	raw.View(rec)
	p.appendTime = raw.LogAppendTime
	if raw.HeaderCount == 0 {
		return
	}
	all := strings.HasSuffix(raw.Topic, deadLetters(""))
	if !all {
		l, _ := p.letters.of(placeOf(rec))
		all = l != nil
	}
	if all {
		rec.Headers = raw.AppendHeaders(rec.Headers)
		return
	}
	raw.EachHeader(func(key, value []byte) bool {
		if name := headerName(key); name != "" {
			rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: name, Value: value})
		}
		return true
	})
}

// headerName returns the name of a header that the auditor looks at, else "".
func headerName(key []byte) string {
	switch string(key) {
	case event.HeaderSource:
		return event.HeaderSource
	case event.HeaderSpecVersion:
		return event.HeaderSpecVersion
	case event.HeaderID:
		return event.HeaderID
	case event.HeaderTime:
		return event.HeaderTime
	case event.HeaderContentType:
		return event.HeaderContentType
	case event.HeaderType:
		return event.HeaderType
	case event.HeaderDLQReplay:
		return event.HeaderDLQReplay
	case registry.KeyHeader:
		return registry.KeyHeader
	case registry.ValueHeader:
		return registry.ValueHeader
	}
	return ""
}
