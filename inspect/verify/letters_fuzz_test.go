package verify

import (
	"testing"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Whatever a dead letter has in its headers and its value, it is a finding or right,
// and a letter that is as it should be stays right with any record.
func FuzzDeadLetters(f *testing.F) {
	f.Add([]byte("["), []byte("key"), "trace", []byte("1"), "dlq-truncated", []byte("1"))
	f.Add([]byte{}, []byte{}, "dlq-truncated", []byte("0"), "dlq-offset", []byte("-1"))
	f.Add([]byte("[1"), []byte("k"), "dlq-reason", []byte(""), "dlq-timestamp", []byte("x"))
	f.Fuzz(func(t *testing.T, value, key []byte, name string, own []byte, wrong string, with []byte) {
		h := newHistory(t, 2)
		r := h.put("orders", 0, string(key), value, kgo.RecordHeader{Key: name, Value: own})
		a := newAuditor(testOptions())
		p := newParser(a)
		var row orderRow
		p.held = &held{}
		p.readOrder(r, &row)
		if row.reason == "" || row.reason == event.UnknownVersion {
			return
		}
		letter := h.refuse(r, row.reason)
		if got := h.audit(testOptions(), ""); got.Verdict != Holds {
			t.Errorf("right: %q, %+v", got.seen(), got.Findings)
		}
		for i := range letter.Headers {
			if letter.Headers[i].Key == wrong {
				letter.Headers[i].Value = with
				break
			}
		}
		h.audit(testOptions(), "")
		letter.Headers = append([]kgo.RecordHeader{{Key: wrong, Value: with}}, letter.Headers...)
		letter.Value = append(letter.Value[:len(letter.Value):len(letter.Value)], with...)
		h.audit(testOptions(), "")
	})
}
