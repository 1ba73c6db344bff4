package inventory

import (
	"fmt"

	"inv/internal/event"
	"inv/processor"
)

// Limits of the product log, in bytes. maxEntry bounds the line of a product, and
// through it every record that is made of it; maxEntries bounds all lines of one
// order, each of which has its id.
const (
	maxEntry   = 256 << 10
	maxEntries = 16 << 20
)

// besideTexts is more than a record that is written has beside a product's texts, in
// bytes: its ids, of which JSON may escape every byte, as key, value and headers, its
// numbers and its cause.
const besideTexts = 40 << 10

// minBatch is the smallest max.message.bytes that a topic which is written to may
// have.
const minBatch = 64 << 10

// entryLimit returns the longest line of a product for which all that is made of it
// fits into topics that accept batches of so many bytes. An alert has the product's name
// twice.
func entryLimit(batch int) int { return min(maxEntry, (batch-besideTexts)/2) }

// topicsWritten are the aliases of all topics that the stages write, dead letters
// aside. A stage may not know some of them.
var topicsWritten = []string{"log", "ledger-changelog", "updates", "reorders", "alerts", "procurement-changelog", "receipts"}

// limitsFor returns the limits for the topics as they are. It fails if one accepts too
// little for records of the size that must be accepted.
func (o Options) limitsFor(env processor.Env) (limits, error) {
	l := limits{maxValue: o.MaxValue, acceptTotals: o.AcceptTotals, entry: maxEntry}
	for _, alias := range topicsWritten {
		batch := env.MaxBatch(env.Topic(alias))
		if batch < minBatch {
			return l, fmt.Errorf("topic %s accepts records of %d bytes at most, and must accept %d: raise its max.message.bytes", env.Topic(alias), batch, minBatch)
		}
		l.entry = min(l.entry, entryLimit(batch))
	}
	return l, nil
}

// limits are what is accepted beyond the records' own ranges, in bytes.
type limits struct {
	maxValue     int
	entry        int // a product's line of the log
	acceptTotals bool
}

// value returns the largest value of an input. What the stages write themselves is
// never too large for them.
func (l limits) value(kind inputKind) int {
	if kind == receiptInput || kind == reorderInput {
		return max(l.maxValue, l.answer())
	}
	return l.maxValue
}

// answer returns the size that a pending receipt may have in its changelog. It leaves
// room for the receipt of every reorder that the ledger writes.
func (l limits) answer() int { return l.entry + besideTexts }

// tooLarge returns the error of a record that exceeds a limit.
func tooLarge(message string) *event.Error {
	return &event.Error{Reason: event.TooLarge, Message: message}
}
