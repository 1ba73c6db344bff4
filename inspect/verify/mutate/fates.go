package mutate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"inv/inspect/verify"
	"inv/internal/kafka/partition"

	"github.com/twmb/franz-go/pkg/kgo"
)

// fates are what became of the inputs of a history.
type fates struct {
	policy     verify.Policy
	partitions map[string]int32
	app        string
	causes     map[string]int64  // by place, the lowest seq of the updates that name it
	letters    map[string]string // by place, the reason of a dead-lettered record
	contents   map[string]int    // how many records there are
	last       map[string]string // by product, the place of its last record in the catalogue
	delisted   map[string]bool   // products that have a tombstone
}

func fatesOf(h *verify.History, o verify.Options) *fates {
	f := &fates{policy: o.Policy, partitions: h.Partitions, app: o.App, causes: map[string]int64{}, letters: map[string]string{}, contents: map[string]int{},
		last: map[string]string{}, delisted: map[string]bool{}}
	for topic, records := range h.Records {
		for _, r := range records {
			f.contents[contentOf(r)]++
			switch {
			case strings.HasSuffix(topic, ".dlq"):
				from := fmt.Sprintf("%s/%s@%s", headerOf(r, "dlq-topic"), headerOf(r, "dlq-partition"), headerOf(r, "dlq-offset"))
				f.letters[from] = string(headerOf(r, "dlq-reason"))
			case topic == o.Topics.Catalog:
				f.last[string(r.Key)] = placeOf(r)
				f.delisted[string(r.Key)] = f.delisted[string(r.Key)] || r.Value == nil
			case topic == o.Topics.Updates:
				f.caused(r)
			}
		}
	}
	return f
}

func (f *fates) caused(update *kgo.Record) {
	cause, _, _ := strings.Cut(textOf(update.Value, "cause"), "#")
	seq, _ := strconv.ParseInt(string(rawOf(update.Value, "seq")), 10, 64) // of a right history
	if old, there := f.causes[cause]; !there || seq < old {
		f.causes[cause] = seq
	}
}

func placeOf(r *kgo.Record) string { return fmt.Sprintf("%s/%d@%d", r.Topic, r.Partition, r.Offset) }

func (f *fates) refused(r *kgo.Record) bool { return f.letters[placeOf(r)] != "" }

func (f *fates) applied(r *kgo.Record) bool { return f.causes[placeOf(r)] > 0 }

func (f *fates) opens(r *kgo.Record) bool { return f.causes[placeOf(r)] == 1 }

// copied reports whether another record has the same value. If one of them is changed,
// the other is no copy any more.
func (f *fates) copied(r *kgo.Record) bool { return f.contents[contentOf(r)] > 1 }

// contentOf returns what a copy of a record has, too.
func contentOf(r *kgo.Record) string {
	return fmt.Sprintf("%s %q %s", r.Topic, r.Value, headerOf(r, "dlq-replay"))
}

// bytesCount reports whether the bytes of an input count, not only their meaning.
func (f *fates) bytesCount(m *Mutation) bool {
	return f.refused(m.Record) || m.Kind != Catalog && f.copied(m.Record)
}

// input reports whether the record is an input that others write.
func (f *fates) input(m *Mutation) bool {
	switch m.Kind {
	case Catalog, Orders:
		return true
	case Receipts:
		return string(headerOf(m.Record, "ce_source")) != f.app
	}
	return false
}

// untraced reports whether a mutation removes or adds an input that changes nothing.
func (f *fates) untraced(m *Mutation) bool {
	if m.Kind != Catalog && m.Kind != Orders && m.Kind != Receipts {
		return false
	}
	ignored := !f.applied(m.Record) && !f.refused(m.Record)
	switch {
	case m.Part == PartField:
		return m.Name == "all" && m.Op == "removed" && ignored && (m.Kind != Catalog || f.policy == verify.PolicyDefault)
	case m.Op == "tombstone added", m.Record.Value == nil && (m.Part == PartCount || m.Part == PartPartition):
		return true
	case m.Op == "dropped":
		return ignored && m.Kind != Catalog
	case m.Op == "doubled" && m.Kind == Catalog:
		return f.last[string(m.Record.Key)] == placeOf(m.Record) && !f.refused(m.Record)
	case m.Op == "doubled":
		reason := f.letters[placeOf(m.Record)]
		return (reason == "" || reason == "unknown-product") && f.input(m)
	}
	return false
}

// mayHaveGrown reports whether a record is where a smaller number of partitions puts it.
func (f *fates) mayHaveGrown(r *kgo.Record) bool {
	for n := r.Partition + 1; n < f.partitions[r.Topic]; n++ {
		if partition.Murmur2(r.Key, int(n)) == r.Partition {
			return true
		}
	}
	return false
}

// field reports whether a field is mutated in one of the ways.
func (m *Mutation) field(name string, ops ...string) bool {
	return m.Part == PartField && m.Name == name && slices.Contains(ops, m.Op)
}

// header does the same for a header.
func (m *Mutation) header(name string, ops ...string) bool {
	return m.Part == PartHeader && m.Name == name && slices.Contains(ops, m.Op)
}

// capped reports whether the record's Kafka timestamp is not the event's time.
func (m *Mutation) capped() bool {
	return strconv.FormatInt(m.Record.Timestamp.UnixMilli(), 10) != string(rawOf(m.Record.Value, "timestamp"))
}
