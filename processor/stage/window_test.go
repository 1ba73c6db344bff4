package stage

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// reference is the definition, looked up the slow way.
type referenceWindow struct {
	span    int64
	kept    []int64 // offsets
	prints  []Fingerprint
	pending int
}

func (r *referenceWindow) add(print Fingerprint, offset int64) bool {
	duplicate := false
	for i := range r.kept {
		if r.prints[i] == print && offset-r.kept[i] <= r.span {
			duplicate = true
		}
	}
	r.kept, r.prints = append(r.kept, offset), append(r.prints, print)
	r.pending++
	return duplicate
}

func (r *referenceWindow) commit(next int64) {
	for len(r.kept) > 0 && next-r.kept[0] > r.span {
		r.kept, r.prints = r.kept[1:], r.prints[1:]
	}
	r.pending = 0
}

func (r *referenceWindow) rollback() {
	n := len(r.kept) - r.pending
	r.kept, r.prints, r.pending = r.kept[:n], r.prints[:n], 0
}

func TestWindowAgreesWithItsDefinition(t *testing.T) {
	for _, c := range []struct {
		span                int64
		records, prints, tx int // tx: records of a transaction, about
	}{{0, 5000, 40, 5}, {1, 5000, 40, 5}, {7, 5000, 40, 5}, {50, 5000, 40, 5}, {3000, 60_000, 10_000, 1500}} { // the last one in several chunks
		span := c.span
		rng := rand.New(rand.NewPCG(uint64(span), 1))
		w, ref := NewWindow(span), &referenceWindow{span: span}
		w.first = 1<<30 - 200 // goes through renumber
		if span == 0 {
			w.first = 0
		}
		next, committed := int64(0), int64(0)
		for range c.records {
			switch rng.IntN(2 * c.tx) {
			case 0:
				w.Commit(next)
				ref.commit(next)
				committed = next
			case 1:
				w.Rollback()
				ref.rollback()
				next = committed
			default:
				next += int64(rng.IntN(3))
				n := uint64(rng.IntN(c.prints)) // every fourth has the tag of three others
				print := Fingerprint{n>>2<<60 | n, 1}
				want := ref.add(print, next) && span > 0
				if got := w.Add(print, next); got != want {
					t.Fatalf("span %d, offset %d: duplicate %t, want %t", span, next, got, want)
				}
				next++
			}
		}
	}
}

func TestFingerprintsTellValueAndQualifierApart(t *testing.T) {
	f := NewFingerprinter()
	prints := map[Fingerprint]string{}
	for _, c := range [][2]string{{"a", ""}, {"b", ""}, {"a", "x"}, {"a", "y"}, {"x", "a"}, {"", ""}} {
		p := f.Of([]byte(c[0]), []byte(c[1]))
		if other, ok := prints[p]; ok {
			t.Errorf("%q has the fingerprint of %s", c, other)
		}
		prints[p] = c[0] + "|" + c[1]
	}
	for p, of := range prints {
		value, qualifier, _ := strings.Cut(of, "|")
		if f.Of([]byte(value), []byte(qualifier)) != p {
			t.Errorf("the fingerprint of %s is not stable", of)
		}
	}
}
