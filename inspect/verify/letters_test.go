package verify

import (
	"slices"
	"strings"
	"testing"

	"inv/internal/event"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

const oneInput = "4.input violated 1"

// soundOrder puts an order that nothing is wrong with, which the keeper does not see.
func (h *history) soundOrder(id string, products ...string) *kgo.Record {
	o := event.Order{OrderID: id, CustomerID: "c", Timestamp: 1}
	for _, p := range products {
		o.Items = append(o.Items, line1(p, 1))
		o.Total += o.Items[0].UnitPrice
	}
	return h.put("orders", h.partitionOf("o1"), id, event.AppendOrder(nil, &o))
}

// A good record that was dead-lettered is found whatever the letter gives as reason.
func TestGoodRecordsDeadLettered(t *testing.T) {
	reasons := []event.Reason{"", "no idea", event.NotJSON, event.WrongType, event.MissingID, event.NoItems, event.BadQuantity, event.NegativePrice,
		event.NegativeTotal, event.NegativeNumber, event.OutOfRange, event.TotalMismatch, event.KeyMismatch, event.UnknownVersion, event.UnknownProduct, event.TooLarge}
	for _, reason := range reasons {
		for name, good := range map[string]func(h *history) *kgo.Record{
			"an order": func(h *history) *kgo.Record { return h.soundOrder("o9", "chair") },
			"a receipt": func(h *history) *kgo.Record {
				return h.put("receipts", h.partitionOf("chair"), "chair", []byte(`{"receipt_id":"r","product_id":"chair","quantity":1}`))
			},
			"a product": func(h *history) *kgo.Record {
				return h.put("catalog", 0, "lamp", []byte(`{"id":"lamp","name":"Lamp"}`))
			},
			"no headers": func(h *history) *kgo.Record { return h.soundOrder("o9", "chair") },
		} {
			h := plain(t)
			letter := h.refuse(good(h), reason)
			want := []string{oneInput}
			if name == "no headers" {
				letter.Headers = slices.DeleteFunc(letter.Headers, func(x kgo.RecordHeader) bool { return x.Key == event.HeaderDLQReason })
				want = []string{"4.input violated 2"}
			}
			if r := h.audit(testOptions(), ""); !slices.Equal(r.seen(), want) {
				t.Errorf("%s as %q: %q, %+v", name, reason, r.seen(), r.Findings)
			}
		}
	}
}

// A reorder that procurement refuses for no reason has no receipt either.
func TestGoodReorderDeadLettered(t *testing.T) {
	for _, reason := range []event.Reason{"", event.UnknownProduct, event.TooLarge, event.BadQuantity} {
		h := undelivered(t)
		h.refuse(h.by("reorders", "reorder-chair-2"), reason)
		h.waiting = h.waiting[1:]
		h.deliver()
		if got := h.audit(testOptions(), "").seen(); !slices.Equal(got, []string{oneInput}) {
			t.Errorf("%q: %q", reason, got)
		}
	}
}

// Whether a product was unknown is decided where an earlier record of the same
// partition shows that it was not.
func TestUnknownProductsAreRejudged(t *testing.T) {
	lamp := event.Product{ID: "lamp", Name: "Lamp", Price: 5 * event.MoneyUnit, InitialStock: 5}
	for name, c := range map[string]struct {
		history func(h *history)
		want    []string
		warned  bool
	}{
		"never listed": {func(h *history) { h.refuse(h.soundOrder("o9", "nothing"), event.UnknownProduct) }, nil, false},
		"one of two":   {func(h *history) { h.refuse(h.soundOrder("o9", "chair", "nothing"), event.UnknownProduct) }, nil, false},
		"known since the first order": {func(h *history) { h.refuse(h.soundOrder("o9", "chair", "desk-2"), event.UnknownProduct) },
			nil, true}, // o1, the first there, names the chair, whose record is before the desk's
		"known with a later one": {func(h *history) {
			r := h.soundOrder("o8", "desk-2")
			h.apply(h.stock["desk-2"], -1, r, 0, 0, line1("", 1).UnitPrice)
			h.deliver()
			h.refuse(h.soundOrder("o9", "chair", "desk-2"), event.UnknownProduct)
		}, []string{oneInput}, false},
		"listed behind it": {func(h *history) {
			h.refuse(h.soundOrder("o9", "lamp"), event.UnknownProduct)
			h.product(lamp)
		}, nil, true},
		"delisted": {func(h *history) {
			h.delist("chair")
			h.refuse(h.soundOrder("o9", "chair"), event.UnknownProduct)
		}, nil, false},
		"delisted and listed again": {func(h *history) {
			h.delist("chair")
			h.refuse(h.soundOrder("o9", "chair"), event.UnknownProduct)
			h.product(chair)
		}, nil, false},
		"perhaps delisted, before the catalogue was compacted": {func(h *history) {
			h.refuse(h.soundOrder("o9", "chair"), event.UnknownProduct)
			later := chair
			later.Name = "Armchair"
			h.product(later)
			h.remove(h.records["catalog"][0])
		}, nil, true},
		"put back": {func(h *history) {
			letter := h.refuse(h.soundOrder("o9", "lamp"), event.UnknownProduct)
			h.product(lamp)
			replay := h.put("orders", h.partitionOf("o1"), "o9", letter.Value, kgo.RecordHeader{Key: event.HeaderDLQReplay, Value: []byte(placeOf(letter).String())})
			h.apply(h.stock["lamp"], -1, replay, 0, 0, line1("", 1).UnitPrice)
		}, nil, false},
		"a receipt of a known product": {func(h *history) {
			h.refuse(h.put("receipts", h.partitionOf("chair"), "chair", []byte(`{"receipt_id":"r","product_id":"chair","quantity":1}`)), event.UnknownProduct)
		}, []string{oneInput}, false},
		"a receipt of a delisted product": {func(h *history) {
			h.delist("chair")
			h.refuse(h.put("receipts", h.partitionOf("chair"), "chair", []byte(`{"receipt_id":"r","product_id":"chair","quantity":1}`)), event.UnknownProduct)
		}, nil, false},
	} {
		h := plain(t)
		c.history(h)
		r := h.audit(testOptions(), "")
		if warned := len(r.Warnings) > 0; !slices.Equal(r.seen(), c.want) || warned != c.warned {
			t.Errorf("%s: %q, warnings %q, %+v", name, r.seen(), r.Warnings, r.Findings)
		}
	}
}

// A letter of a catalogue record that is gone may be right, unless there can't have
// been one.
func TestDeadLettersOfCompactedRecords(t *testing.T) {
	for _, c := range []struct {
		at    place
		spans []fetch.Span
		gone  bool
	}{
		{place{"catalog", 0, 5}, []fetch.Span{{From: 0, To: 6}}, true},
		{place{"catalog", 0, 6}, []fetch.Span{{From: 0, To: 6}}, false},
		{place{"catalog", 1, 5}, []fetch.Span{{From: 0, To: 6}}, false},
		{place{"orders", 0, 5}, []fetch.Span{{From: 0, To: 6}}, false},
		{place{"orders", 0, 5}, []fetch.Span{{From: 6, To: 9}}, true},
		{place{"orders", 0, 9}, []fetch.Span{{From: 6, To: 9}}, false},
		{place{"orders", 0, 7}, []fetch.Span{{From: 6, To: 9}}, true},
		{place{"orders", 0, 5}, nil, false},
		{place{"catalog", 0, 5}, nil, true},
	} {
		a := newAuditor(testOptions())
		s := &snapshot{spans: map[string][]fetch.Span{}}
		if c.spans != nil {
			s.spans[c.at.topic] = c.spans
		}
		a.judgeHistory(s)
		if gone := a.mayBeGone(c.at); gone != c.gone {
			t.Errorf("%v in %v: %t", c.at, c.spans, gone)
		}
	}
}

// What a letter says of its record is compared with the record.
func TestWrongDeadLetters(t *testing.T) {
	const twice = "1.once violated 1"
	set := func(header, value string) func(*kgo.Record) {
		return func(d *kgo.Record) {
			for i := range d.Headers {
				if d.Headers[i].Key == header {
					d.Headers[i].Value = []byte(value)
					return
				}
			}
			d.Headers = append(d.Headers, kgo.RecordHeader{Key: header, Value: []byte(value)})
		}
	}
	without := func(header string) func(*kgo.Record) {
		return func(d *kgo.Record) {
			d.Headers = slices.DeleteFunc(d.Headers, func(h kgo.RecordHeader) bool { return h.Key == header })
		}
	}
	lost := []string{twice, oneInput} // the letter is of no record, and the record has no letter
	for name, c := range map[string]struct {
		wrong func(d *kgo.Record)
		want  []string
	}{
		"no topic":                              {without(event.HeaderDLQTopic), lost},
		"another topic":                         {set(event.HeaderDLQTopic, "receipts"), lost},
		"no partition":                          {without(event.HeaderDLQPartition), lost},
		"another partition":                     {set(event.HeaderDLQPartition, "9"), lost},
		"a partition with a zero":               {set(event.HeaderDLQPartition, "00"), lost},
		"no offset":                             {without(event.HeaderDLQOffset), lost},
		"another offset":                        {set(event.HeaderDLQOffset, "999"), lost},
		"an offset below 0":                     {set(event.HeaderDLQOffset, "-1"), lost},
		"no timestamp":                          {without(event.HeaderDLQTimestamp), []string{oneInput}},
		"another timestamp":                     {set(event.HeaderDLQTimestamp, "1"), []string{oneInput}},
		"an empty timestamp":                    {set(event.HeaderDLQTimestamp, ""), []string{oneInput}},
		"a timestamp with a zero":               {set(event.HeaderDLQTimestamp, "00"), []string{oneInput}},
		"no stage":                              {without(event.HeaderDLQStage), []string{oneInput}},
		"an empty stage":                        {set(event.HeaderDLQStage, ""), []string{oneInput}},
		"another stage":                         {set(event.HeaderDLQStage, "procurement"), []string{oneInput}},
		"no reason":                             {without(event.HeaderDLQReason), []string{"4.input violated 2"}},
		"another reason":                        {set(event.HeaderDLQReason, string(event.WrongType)), []string{oneInput}},
		"a reason that the value does not show": {set(event.HeaderDLQReason, string(event.UnknownProduct)), []string{oneInput}},
		"too large":                             {set(event.HeaderDLQReason, string(event.TooLarge)), []string{oneInput}},
		"no message":                            {without(event.HeaderDLQMessage), []string{oneInput}},
		"an empty message":                      {set(event.HeaderDLQMessage, ""), []string{oneInput}},
		"a long message":                        {set(event.HeaderDLQMessage, strings.Repeat("x", 1025)), []string{oneInput}},
		"another key":                           {func(d *kgo.Record) { d.Key = []byte("other") }, []string{oneInput}},
		"an empty key":                          {func(d *kgo.Record) { d.Key = []byte{} }, []string{oneInput}},
		"no key":                                {func(d *kgo.Record) { d.Key = nil }, []string{oneInput}},
		"no value":                              {func(d *kgo.Record) { d.Value = nil }, []string{oneInput}},
		"a header too many":                     {set("x", "y"), []string{oneInput}},
		"a header less":                         {without("trace"), []string{oneInput}},
		"a header changed":                      {set("trace", "2"), []string{oneInput}},
		"a header repeated":                     {func(d *kgo.Record) { d.Headers = append(d.Headers, d.Headers[0]) }, []string{oneInput}},
		"cut, it says":                          {set(event.HeaderDLQTruncated, "1"), []string{oneInput}},
		"no headers":                            {func(d *kgo.Record) { d.Headers = nil }, lost},
	} {
		h := plain(t)
		r := h.put("orders", 0, "key", []byte(`[1,2,3`), kgo.RecordHeader{Key: "trace", Value: []byte("1")})
		d := h.refuse(r, event.NotJSON)
		c.wrong(d)
		if got := h.audit(testOptions(), "").seen(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// A letter that did not fit has the first bytes of the value, and its length.
func TestCutDeadLetters(t *testing.T) {
	cut := func(d *kgo.Record, size int, length string) {
		own := ownHeaders(d.Headers)
		d.Value = d.Value[:size]
		d.Headers = slices.Insert(d.Headers, own, kgo.RecordHeader{Key: event.HeaderDLQTruncated, Value: []byte(length)})
	}
	bare := func(d *kgo.Record, length string) {
		d.Key, d.Value = nil, nil
		d.Headers = append(d.Headers[:ownHeaders(d.Headers):ownHeaders(d.Headers)], kgo.RecordHeader{Key: event.HeaderDLQTruncated, Value: []byte(length)})
	}
	for name, c := range map[string]struct {
		change func(d *kgo.Record)
		want   []string
	}{
		"cut":                      {func(d *kgo.Record) { cut(d, 3, "6") }, nil},
		"to nothing":               {func(d *kgo.Record) { cut(d, 0, "6") }, nil},
		"with all that it had":     {func(d *kgo.Record) { bare(d, "6") }, nil},
		"to its whole length":      {func(d *kgo.Record) { cut(d, 6, "6") }, []string{oneInput}},
		"with another length":      {func(d *kgo.Record) { cut(d, 3, "7") }, []string{oneInput}},
		"with a length missing":    {func(d *kgo.Record) { cut(d, 3, "") }, []string{oneInput}},
		"with other bytes":         {func(d *kgo.Record) { cut(d, 3, "6"); d.Value = []byte("[1.") }, []string{oneInput}},
		"without its key":          {func(d *kgo.Record) { cut(d, 3, "6"); d.Key = nil }, []string{oneInput}},
		"without its headers":      {func(d *kgo.Record) { cut(d, 3, "6"); d.Headers = d.Headers[:ownHeaders(d.Headers)] }, []string{oneInput}},
		"without a mark":           {func(d *kgo.Record) { d.Value = d.Value[:3] }, []string{oneInput}},
		"bare with another length": {func(d *kgo.Record) { bare(d, "5") }, []string{"4.input violated 3"}},
	} {
		for _, own := range [][]kgo.RecordHeader{
			{{Key: "trace", Value: []byte("1")}},
			{{Key: event.HeaderDLQTopic, Value: []byte("old")}, {Key: event.HeaderDLQTruncated, Value: []byte("77")}},
			{{Key: event.HeaderDLQReplay, Value: []byte("orders.dlq/0@99")}},
		} {
			h := plain(t)
			c.change(h.refuse(h.put("orders", 0, "key", []byte(`[1,2,3`), own...), event.NotJSON))
			if got := h.audit(testOptions(), "").seen(); !slices.Equal(got, c.want) {
				t.Errorf("%s, record with %s: %q, want %q", name, own[0].Key, got, c.want)
			}
		}
	}
	// A record may bring a mark of its own, as one does that was copied from a
	// dead-letter topic.
	h := plain(t)
	h.refuse(h.put("orders", 0, "key", []byte(`[1,2,3`), kgo.RecordHeader{Key: event.HeaderDLQTruncated, Value: []byte("77")}), event.NotJSON)
	if r := h.audit(testOptions(), ""); r.Verdict != Holds {
		t.Errorf("a mark that is the record's own: %q, %+v", r.seen(), r.Findings)
	}
}

// Records that must or must not be dead-lettered, whatever their letters.
func TestTombstonesAndLargeValues(t *testing.T) {
	large := func(h *history, size int) *kgo.Record {
		return h.put("orders", 0, "big", []byte(strings.Replace(string(h.by("orders", "o4").Value), `"o4"`, `"o9","x":"`+strings.Repeat("x", size)+`"`, 1)))
	}
	eachIsFound(t, map[string]wrongCase{
		"a tombstone without a key, dead-lettered": {func(h *history) {
			r := h.put("catalog", 0, "", nil)
			r.Key = nil
			h.refuse(r, event.MissingID).Key = nil
		}, nil},
		"a tombstone without a key, lost":                     {func(h *history) { h.put("catalog", 0, "", nil).Key = nil }, []string{oneInput}},
		"a tombstone of an order, dead-lettered":              {func(h *history) { h.refuse(h.put("orders", 0, "o9", nil), event.NotJSON) }, []string{oneInput}},
		"a tombstone of a receipt, dead-lettered":             {func(h *history) { h.refuse(h.put("receipts", 0, "o9", nil), event.NotJSON) }, []string{oneInput}},
		"a tombstone of a product, dead-lettered":             {func(h *history) { h.refuse(h.put("catalog", 0, "nothing", nil), event.MissingID) }, []string{oneInput}},
		"a tombstone with a long key, dead-lettered":          {func(h *history) { h.refuse(h.put("catalog", 0, strings.Repeat("x", 1025), nil), event.TooLarge) }, nil},
		"a tombstone with a long key, skipped":                {func(h *history) { h.put("catalog", 0, strings.Repeat("x", 1025), nil) }, nil},
		"a tombstone with a shorter key, dead-lettered":       {func(h *history) { h.refuse(h.put("catalog", 0, strings.Repeat("x", 1024), nil), event.TooLarge) }, []string{oneInput}},
		"a tombstone whose key is no text, dead-lettered":     {func(h *history) { h.refuse(h.put("catalog", 0, "\xff", nil), "not-unicode") }, nil},
		"a tombstone whose key is text, dead-lettered for it": {func(h *history) { h.refuse(h.put("catalog", 0, "x", nil), "not-unicode") }, []string{oneInput}},
		"a value over the limit, dead-lettered":               {func(h *history) { h.refuse(large(h, 2<<20), event.TooLarge) }, nil},
		"a value that may not fit into the log":               {func(h *history) { h.refuse(large(h, 2<<10), event.TooLarge) }, nil},
		"a value that must fit, dead-lettered":                {func(h *history) { h.refuse(large(h, 1<<10), event.TooLarge) }, []string{oneInput}},
		"a large value refused for another reason":            {func(h *history) { h.refuse(large(h, 2<<20), event.NotJSON) }, []string{oneInput}},
	})
	h := plain(t)
	h.refuse(large(h, 1000), event.TooLarge)
	o := testOptions()
	o.MaxValue = 1000
	if r := h.audit(o, ""); r.Verdict != Holds {
		t.Errorf("with a smaller limit: %q, %+v", r.seen(), r.Findings)
	}
}

// Another processor may have other reasons and arrange its headers in another way; a
// good record that it refuses is found all the same.
func TestDeadLettersOfAnotherProcessor(t *testing.T) {
	minimal := func(d *kgo.Record, reason string) {
		d.Headers = append(slices.Clone(d.Headers[ownHeaders(d.Headers):]), slices.Clone(d.Headers[:3])...)
		if reason != "" {
			d.Headers = append(d.Headers, kgo.RecordHeader{Key: event.HeaderDLQReason, Value: []byte(reason)})
		}
	}
	for name, c := range map[string]struct {
		history func(h *history)
		want    []string
	}{
		"a bad one, in its words":  {func(h *history) { minimal(h.refuse(h.put("orders", 0, "k", []byte("[")), event.NotJSON), "garbage") }, nil},
		"a bad one, without any":   {func(h *history) { minimal(h.refuse(h.put("orders", 0, "k", []byte("[")), event.NotJSON), "") }, nil},
		"a good one, in its words": {func(h *history) { minimal(h.refuse(h.soundOrder("o9", "chair"), ""), "garbage") }, []string{oneInput}},
		"a good one, without any":  {func(h *history) { minimal(h.refuse(h.soundOrder("o9", "chair"), ""), "") }, []string{oneInput}},
		"a good one as a bad one":  {func(h *history) { minimal(h.refuse(h.soundOrder("o9", "nothing"), ""), "not-json") }, []string{oneInput}},
		"of an unknown product":    {func(h *history) { minimal(h.refuse(h.soundOrder("o9", "nothing"), ""), "no such thing") }, nil},
	} {
		h := plain(t)
		c.history(h)
		o := testOptions()
		o.App = ""
		if r := h.audit(o, ""); !slices.Equal(r.seen(), c.want) {
			t.Errorf("%s: %q, want %q, %+v", name, r.seen(), c.want, r.Findings)
		}
	}
}

// Letters of a declared topology, of a record that was applied, are not the audit's: but
// they don't account for an input either.
func TestLettersOfOtherTopologies(t *testing.T) {
	for name, c := range map[string]struct {
		of   func(h *history) *kgo.Record
		want []string
	}{
		"of a record that was applied": {func(h *history) *kgo.Record { return h.by("orders", "o1") }, nil},
		"of one that was not":          {func(h *history) *kgo.Record { return h.soundOrder("o9", "chair") }, []string{oneInput}},
	} {
		h := plain(t)
		letter := h.refuse(c.of(h), "late")
		for i := range letter.Headers {
			if letter.Headers[i].Key == event.HeaderDLQStage {
				letter.Headers[i].Value = []byte("fraud-state")
			}
		}
		if r := h.audit(testOptions(), ""); !slices.Equal(r.seen(), c.want) {
			t.Errorf("%s: %q, want %q: %+v", name, r.seen(), c.want, r.Findings)
		}
	}
}
