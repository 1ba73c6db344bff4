package verify

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A record that was dead-lettered is judged again, by its value and by the rules that
// all readers of these records share, whatever reason the letter gives.

// rejudged is what was found of an input record that has a dead letter.
type rejudged struct {
	number   int32 // of the letter
	flaws    []flaw
	unlisted bool // nothing is wrong with the record, but its product may have been unknown
}

// smallValue is the size, in bytes, up to which no value is too large for the topics
// that its parts are written to, even if JSON escapes each byte and the topics accept
// 64 KiB only. longestID is that of a product's id which every reader accepts.
const smallValue, longestID = 2 << 10, 1 << 10

// rejudge compares an input record with its dead letter, if it has one. The row is
// complete otherwise.
func (p *parser) rejudge(r *kgo.Record, row *inputRow) {
	l, n := p.letters.of(row.at)
	if l == nil {
		return
	}
	row.rejudged = &rejudged{number: n}
	if l.reason != event.UnknownProduct && !row.marks.any(tombstone) {
		row.content = p.ownContent // other reasons are found before duplicates
	}
	p.compareLetter(r, l, row.rejudged)
	p.judgeReason(r, l, row)
}

func (v *rejudged) differ(expected, seen string) { v.flaws = append(v.flaws, flaw{expected, seen}) }

// compareLetter checks that the letter is the record: its value, unless that was
// cut, its key, headers and timestamp.
func (p *parser) compareLetter(r *kgo.Record, l *letter, v *rejudged) {
	of := placeOf(r).String()
	headers := p.headersHash(r.Headers)
	length, sameHeaders := l.length, headers == l.headers
	if length != whole && !sameHeaders && headers == l.behind {
		length, sameHeaders = whole, true // the header that says so is the record's own
	}
	if length != whole && l.bare && length == len(r.Value) {
		sameHeaders = true // not even they fitted
	} else {
		p.compareValue(r, l, length, v)
		if p.bytesHash(r.Key) != l.key {
			v.differ("the key of "+of, "another key")
		}
	}
	if p.o.App == "" {
		return // others may arrange headers in their way
	}
	if !sameHeaders {
		v.differ("the headers of "+of+" behind the letter's own", "other headers")
	}
	if ms := r.Timestamp.UnixMilli(); l.written != ms && l.written != noTime {
		seen := "dlq-timestamp " + strconv.FormatInt(l.written, 10)
		if l.written == badTime {
			seen = "a dlq-timestamp that is no number"
		}
		v.differ(fmt.Sprintf("dlq-timestamp %d, that of %s", ms, of), seen)
	}
}

// compareValue compares the value, of which the letter may have just the first bytes.
func (p *parser) compareValue(r *kgo.Record, l *letter, length int, v *rejudged) {
	of := placeOf(r).String()
	switch {
	case length == whole:
		if p.bytesHash(r.Value) != l.value {
			v.differ("the bytes of "+of, "other bytes")
		}
	case length != len(r.Value):
		v.differ(fmt.Sprintf("dlq-truncated %d, the length of %s", len(r.Value), of), fmt.Sprintf("dlq-truncated %d", length))
	case l.size >= length || l.size > 0 && p.bytesHash(r.Value[:l.size]) != l.value:
		v.differ("the first bytes of "+of, "other bytes")
	}
}

// writesSchemas reports whether what is made of inputs has a schema, which may have no
// place for it.
func (p *parser) writesSchemas() bool {
	t := &p.o.Topics
	return slices.ContainsFunc([]string{t.Updates, t.Reorders, t.Alerts, t.Receipts}, p.o.Schemas.Encoded)
}

// judgeReason checks that the record deserves its letter, and if the letter is this
// program's, for the reason that it gives.
func (p *parser) judgeReason(r *kgo.Record, l *letter, row *inputRow) {
	v := row.rejudged
	stated := "dead-lettered as " + string(l.reason)
	if l.reason == "" {
		stated = "dead-lettered without a reason"
	}
	tooLarge := l.reason == event.TooLarge && int64(len(r.Value)) > min(p.o.MaxValue, smallValue)
	own := p.o.App != ""
	switch {
	case row.marks.any(tombstone) && row.at.topic == p.o.Topics.Catalog && noID(p.key, l.reason):
	case row.marks.any(tombstone):
		v.differ(row.at.String()+" skipped: it has no value", stated)
	case tooLarge, l.reason == event.SchemaMismatch && p.writesSchemas():
	case row.reason != "":
		if own && l.reason != row.reason {
			v.differ(fmt.Sprintf("%s dead-lettered as %s", row.at, row.reason), stated)
		}
	case p.hasProducts(row.at.topic) && (l.reason == event.UnknownProduct || !own && l.reason != event.TooLarge && !structural(l.reason)):
		v.unlisted = true
	default:
		v.differ(row.at.String()+" processed: nothing is wrong with it", stated)
	}
}

// noID reports whether a tombstone's key is no product's id, for this reason. Such
// keys need not be refused: they delist nothing.
func noID(key []byte, reason event.Reason) bool {
	switch reason {
	case event.TooLarge:
		return len(key) > longestID
	case event.NotUnicode:
		return !utf8.Valid(key)
	}
	return false
}

// hasProducts reports whether a topic's records are refused if the catalogue does
// not have their products.
func (p *parser) hasProducts(topic string) bool {
	return topic != p.o.Topics.Catalog && (topic != p.o.Topics.Reorders || p.o.Policy == PolicyReference)
}

// structural reports whether a reason is one that a value shows by itself.
func structural(r event.Reason) bool {
	switch r {
	case event.NotJSON, event.WrongType, event.MissingID, event.NoItems, event.BadQuantity, event.NegativePrice, event.NegativeTotal,
		event.NegativeNumber, event.OutOfRange, event.KeyMismatch, event.UnknownVersion, event.TotalMismatch, event.NotUnicode, event.StructuredMode:
		return true
	}
	return false
}

// refusal returns the marks that an input record gets from its dead letter.
func (a *auditor) refusal(row *inputRow) marks {
	if row.putBack != nil {
		a.letters.putBack(*row.putBack)
	}
	v := row.rejudged
	if v == nil {
		return 0
	}
	a.letters.met[v.number] = true
	for _, f := range v.flaws {
		a.note(checkInput, Finding{Where: a.letters.all[v.number].at.String(), Expected: f.expected, Seen: f.seen})
	}
	if v.unlisted {
		a.anyUnlisted = true
		return refused | unlisted
	}
	return refused
}

// listing is where a product's first catalogue record stands, by the cause of its
// opening.
type listing struct {
	partition int32
	offset    int64
	known     bool
}

// wereKnown follows what the catalogue was known to have while the records of one
// input partition were decided, in the order of their offsets: a record that was
// applied shows that its product had been read, and with it all of the catalogue's
// partition up to there.
type wereKnown struct {
	read map[int32]int64 // by the catalogue's partition
	by   map[int32]place // the record that shows it
}

// applied adds a record that was applied.
func (k *wereKnown) applied(at place, p *product) {
	l := p.listing
	if !l.known {
		return
	}
	if k.read == nil {
		k.read, k.by = map[int32]int64{}, map[int32]place{}
	}
	if read, ok := k.read[l.partition]; !ok || read < l.offset {
		k.read[l.partition], k.by[l.partition] = l.offset, at
	}
}

// known returns a record that shows that a product was known. The product must never
// have been delisted, which only its first record can show.
func (a *auditor) known(k *wereKnown, p *product) (by place, ok bool) {
	l := p.listing
	if !l.known || p.delisted {
		return place{}, false
	}
	if row := a.catalog[l.partition].at(l.offset); row == nil || !row.marks.any(present) {
		return place{}, false
	}
	read, ok := k.read[l.partition]
	return k.by[l.partition], ok && read >= l.offset
}

// rejudgeUnlisted looks for records that were refused for an unknown product though
// their products were known. Whether they were can often not be told.
func (a *auditor) rejudgeUnlisted() {
	if !a.anyUnlisted {
		return
	}
	for _, partition := range slices.Sorted(maps.Keys(a.orders)) {
		var k wereKnown
		t := a.orders[partition]
		for i := range t.rows {
			o := &t.rows[i]
			at := place{a.o.Topics.Orders, partition, t.start + int64(i)}
			a.rejudgeProducts(&k, at, o.marks, func(yield func(uint32) bool) {
				for _, l := range t.lines(o) {
					if !yield(l.product) {
						return
					}
				}
			})
		}
	}
	for _, partition := range slices.Sorted(maps.Keys(a.receipts)) {
		var k wereKnown
		t := a.receipts[partition]
		for i := range t.rows {
			row := &t.rows[i]
			a.rejudgeProducts(&k, place{a.o.Topics.Receipts, partition, t.offsets[i]}, row.marks, func(yield func(uint32) bool) { yield(row.product) })
		}
	}
	if a.unproven > 0 {
		a.warnings = append(a.warnings, fmt.Sprintf("%s dead-lettered for products that the catalogue has now; whether it had them then can't be seen", Counted(a.unproven, "record")))
	}
}

// rejudgeProducts takes the next record of an input partition, with its products.
func (a *auditor) rejudgeProducts(k *wereKnown, at place, m marks, products func(yield func(uint32) bool)) {
	switch {
	case m.any(applied):
		for i := range products {
			k.applied(at, &a.products[i])
		}
	case m.any(unlisted) && !m.any(duplicate):
		all, listed := true, true
		var by place
		for i := range products {
			p := &a.products[i]
			shown, ok := a.known(k, p)
			all, listed, by = all && ok, listed && p.inCatalogue && !p.delisted, shown
		}
		l, _ := a.letters.of(at)
		switch {
		case all:
			a.note(checkInput, Finding{Where: l.at.String(), Expected: fmt.Sprintf("%s processed: its products were in the catalogue when %s was", at, by), Seen: "dead-lettered as " + string(l.reason)})
		case listed && !a.letters.replayed[l.at]:
			a.unproven++
		}
	}
}
