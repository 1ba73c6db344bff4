package declared

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"inv/internal/jq"
)

// aggregate is how a field of `keep` is computed.
type aggregate struct {
	kind   aggregateKind
	within int64 // ms; 0: no limit
	last   int64 // values; 0: no limit
}

type aggregateKind uint8

const (
	countOf aggregateKind = iota
	sumOf
	meanOf
	minOf
	maxOf
	distinctOf
)

func (k aggregateKind) String() string {
	for name, kind := range aggregateKinds {
		if kind == k {
			return name
		}
	}
	return ""
}

var aggregateKinds = map[string]aggregateKind{
	"count": countOf, "sum": sumOf, "mean": meanOf, "min": minOf, "max": maxOf, "distinct": distinctOf,
}

// listed reports whether the values are kept one by one.
func (a *aggregate) listed() bool {
	switch {
	case a.within > 0, a.kind == distinctOf:
		return true
	case a.kind == countOf: // the number of values is all that is asked for
		return false
	}
	return a.last > 0
}

// timed reports whether the values are kept with their times.
func (a *aggregate) timed() bool { return a.within > 0 }

// kept are the values of an aggregate of a key. The zero value has none. Entries are
// appended to the body and cut off at its front, so that a copy of a kept goes on to be
// what it was.
type kept struct {
	count int64   // values
	total float64 // of those that are not listed: their sum, or the least or greatest
	first int64   // time before the first entry, which it is counted from; epoch ms
	last  int64   // time of the last entry
	mixed bool    // entries are not in the order of their times
	body  []byte  // entries, the oldest first: time since the one before, value
}

// add adds a value at a time, if it counts. Those with a time up to cut are let go.
func (k *kept) add(a *aggregate, v jq.Value, t, cut int64, mem *arena) error {
	if a.timed() {
		k.forget(a, cut)
	}
	if a.kind == countOf {
		if v.Truthy() {
			k.enter(a, t, 0, nil, mem)
		}
		return nil
	}
	if v.IsNull() {
		return nil
	}
	if a.kind == distinctOf {
		text := distinctText(v)
		if a.within > 0 || a.last > 0 || !k.has(text) {
			k.enter(a, t, 0, text, mem)
		}
		return nil
	}
	x, ok := v.Number()
	switch {
	case v.Type() != "number":
		return fmt.Errorf("%s of %s: it must be a number", a.kind, article(v.Type()))
	case !ok:
		return fmt.Errorf("%s of %.40s: no float64 holds it", a.kind, v.AppendJSON(nil))
	}
	k.enter(a, t, x, nil, mem)
	return nil
}

// enter adds a value: a number, or the text of a distinct one.
func (k *kept) enter(a *aggregate, t int64, x float64, text []byte, mem *arena) {
	if a.last > 0 && k.count >= a.last {
		if !a.listed() {
			return
		}
		k.drop(a)
	}
	k.count++
	if !a.listed() {
		k.total = combine(a.kind, k.count, k.total, x)
		return
	}
	k.body = mem.extend(k.body, 2*binary.MaxVarintLen64+len(text))
	if a.timed() {
		if k.count == 1 {
			k.first, k.last, k.mixed = t, t, false
		}
		k.mixed = k.mixed || t < k.last
		k.body = binary.AppendVarint(k.body, t-k.last)
		k.last = t
	}
	switch a.kind {
	case countOf:
	case distinctOf:
		k.body = append(binary.AppendUvarint(k.body, uint64(len(text))), text...)
	default:
		k.body = appendNumber(k.body, x)
	}
}

// combine adds a number, which makes count of them, to the sum, least or greatest.
func combine(kind aggregateKind, count int64, total, x float64) float64 {
	switch {
	case count == 1:
		return x
	case kind == minOf:
		return min(total, x)
	case kind == maxOf:
		return max(total, x)
	}
	return total + x
}

// forget drops the first entries as long as their times are not after cut.
func (k *kept) forget(a *aggregate, cut int64) {
	for k.count > 0 {
		since, _ := binary.Varint(k.body)
		if k.first+since > cut {
			return
		}
		k.drop(a)
	}
}

// drop drops the first entry.
func (k *kept) drop(a *aggregate) {
	if a.timed() {
		since, n := binary.Varint(k.body)
		k.first, k.body = k.first+since, k.body[n:]
	}
	switch a.kind {
	case countOf:
	case distinctOf:
		size, n := binary.Uvarint(k.body)
		k.body = k.body[n+int(size):]
	default:
		_, k.body = number(k.body)
	}
	k.count--
}

// has reports whether a distinct value is there.
func (k *kept) has(text []byte) bool {
	for rest := k.body; len(rest) > 0; {
		size, n := binary.Uvarint(rest)
		end := n + int(size)
		if bytes.Equal(rest[n:end], text) {
			return true
		}
		rest = rest[end:]
	}
	return false
}

// value returns the aggregate of the values with a time after cut.
func (k *kept) value(a *aggregate, cut int64) jq.Value {
	switch {
	case !a.listed():
		return result(a.kind, k.count, k.total)
	case a.kind == distinctOf:
		return jq.Int(k.distinct(a, cut))
	case a.kind == countOf:
		return jq.Int(k.after(cut))
	}
	count, total := int64(0), 0.0
	t, rest := k.first, k.body
	for range k.count {
		if a.within > 0 {
			since, n := binary.Varint(rest)
			t, rest = t+since, rest[n:]
		}
		var x float64
		if x, rest = number(rest); a.within > 0 && t <= cut {
			continue
		}
		count++
		total = combine(a.kind, count, total, x)
	}
	return result(a.kind, count, total)
}

// after returns the number of times after cut; the entries are nothing but times.
func (k *kept) after(cut int64) int64 {
	left := k.count
	t, rest := k.first, k.body
	for i := range k.count {
		since, n := binary.Varint(rest)
		t, rest = t+since, rest[n:]
		if t <= cut {
			left--
		} else if !k.mixed {
			return k.count - i
		}
	}
	return left
}

func result(kind aggregateKind, count int64, total float64) jq.Value {
	switch {
	case kind == countOf:
		return jq.Int(count)
	case kind == sumOf && count == 0:
		return jq.Int(0)
	case count == 0:
		return jq.Value{}
	case kind == meanOf:
		total /= float64(count)
	}
	return computed(total)
}

// computed returns a number that was computed: whole if it is, and never infinite.
func computed(f float64) jq.Value {
	if f == math.Trunc(f) && math.Abs(f) <= 1<<53 {
		return jq.Int(int64(f))
	}
	return jq.Float(max(-math.MaxFloat64, min(f, math.MaxFloat64)))
}

// distinct returns the number of different values after cut.
func (k *kept) distinct(a *aggregate, cut int64) int64 {
	if a.within == 0 && a.last == 0 {
		return k.count
	}
	var texts [][]byte
	t, rest := k.first, k.body
	for range k.count {
		if a.within > 0 {
			since, n := binary.Varint(rest)
			t, rest = t+since, rest[n:]
		}
		size, n := binary.Uvarint(rest)
		if a.within == 0 || t > cut {
			texts = append(texts, rest[n:n+int(size)])
		}
		rest = rest[n+int(size):]
	}
	slices.SortFunc(texts, bytes.Compare)
	return int64(len(slices.CompactFunc(texts, bytes.Equal)))
}

// distinctBytes is the length up to which the text of a distinct value is kept itself.
const distinctBytes = 64

// distinctText returns what stands for a value that is counted once: its text, or a hash,
// with a first byte that no text has.
func distinctText(v jq.Value) []byte {
	text := v.Canonical()
	if len(text) <= distinctBytes {
		return text
	}
	sum := sha256.Sum256(text)
	return append([]byte{0}, sum[:]...)
}

// append encodes the values; times are counted from ref.
func (k *kept) append(dst []byte, a *aggregate, ref int64) []byte {
	head := uint64(k.count) << 1
	if k.mixed {
		head |= 1
	}
	dst = binary.AppendUvarint(dst, head)
	switch {
	case k.count == 0 || a.kind == countOf && !a.listed():
		return dst
	case !a.listed():
		return appendNumber(dst, k.total)
	case a.timed():
		dst = binary.AppendVarint(binary.AppendVarint(dst, k.first-ref), k.last-ref)
	}
	return append(dst, k.body...)
}

var errKept = errors.New("values of keep that can't be read")

// parseKept decodes what append wrote. The body is a part of b, and is not looked at: see
// whole.
func parseKept(b []byte, a *aggregate, ref int64) (k kept, err error) {
	head, n := binary.Uvarint(b)
	if n <= 0 || head > 1<<50 {
		return k, errKept
	}
	k.count, k.mixed, b = int64(head>>1), head&1 != 0, b[n:]
	switch {
	case k.count == 0 || a.kind == countOf && !a.listed():
		if len(b) > 0 {
			return k, errKept
		}
		return k, nil
	case !a.listed():
		size, ok := numberSize(b)
		if !ok || size != len(b) {
			return k, errKept
		}
		k.total, _ = number(b)
		return k, nil
	case a.timed():
		for _, t := range []*int64{&k.first, &k.last} {
			since, n := binary.Varint(b)
			if n <= 0 {
				return k, errKept
			}
			*t, b = ref+since, b[n:]
		}
	}
	k.body = b[:len(b):len(b)]
	return k, nil
}

// whole reports whether the body has count entries and nothing else.
func (k *kept) whole(a *aggregate) bool {
	if !a.listed() {
		return true // parseKept has seen all of it
	}
	rest := k.body
	for range k.count {
		if a.timed() {
			_, n := binary.Varint(rest)
			if n <= 0 {
				return false
			}
			rest = rest[n:]
		}
		switch a.kind {
		case countOf:
		case distinctOf:
			size, n := binary.Uvarint(rest)
			if n <= 0 || size > uint64(len(rest)-n) {
				return false
			}
			rest = rest[n+int(size):]
		default:
			size, ok := numberSize(rest)
			if !ok {
				return false
			}
			rest = rest[size:]
		}
	}
	return len(rest) == 0
}
