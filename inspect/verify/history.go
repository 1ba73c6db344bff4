package verify

import (
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// History is the complete content of the system's topics in memory, at rest.
type History struct {
	Records    map[string][]*kgo.Record // by topic; those of a partition in the order of their offsets
	Partitions map[string]int32         // by topic, how many it has
}

// Audit audits the records as [Run] audits those of a cluster. It only reads them.
func (h *History) Audit(o Options) *Report {
	a := newAuditor(o)
	snap := h.snapshot()
	a.setRest("")
	a.judgeHistory(snap)
	a.makeRoom(snap)
	p := newParser(a)
	for _, s := range a.steps() {
		b := s.batches.New().(batch)
		for _, topic := range s.topics {
			if len(h.Records[topic]) == 0 {
				continue
			}
			b.begin(p)
			for _, r := range h.Records[topic] {
				b.add(p, r)
			}
			b.judge(a)
		}
	}
	a.finish()
	return a.report()
}

// snapshot returns the ranges that the records are in.
func (h *History) snapshot() *snapshot {
	s := &snapshot{spans: map[string][]fetch.Span{}}
	for topic, n := range h.Partitions {
		spans := make([]fetch.Span, n)
		for i := range spans {
			spans[i].ID = fetch.ID{Topic: topic, Partition: int32(i)}
		}
		for _, r := range h.Records[topic] {
			spans[r.Partition].To = r.Offset + 1
		}
		s.spans[topic] = spans
	}
	return s
}
