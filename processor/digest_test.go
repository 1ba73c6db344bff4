package processor_test

import (
	"testing"

	"inv/processor"
)

// A digest depends on keys and values, not on their order, and what is removed
// leaves nothing behind. Committed offsets carry it, so it never changes.
func TestDigest(t *testing.T) {
	one, two := processor.Fingerprint([]byte("p/a"), []byte("1")), processor.Fingerprint([]byte("p/b"), []byte("2"))
	var a, b processor.Digest
	a.Add(one)
	a.Add(two)
	b.Add(two)
	b.Add(processor.Fingerprint([]byte("p/a"), []byte("0")))
	if a == b {
		t.Error("another value has the same digest")
	}
	b.Remove(processor.Fingerprint([]byte("p/a"), []byte("0")))
	b.Add(one)
	if a != b {
		t.Errorf("the digests of the same keys are %v and %v", a, b)
	}
	if got, want := a.String(), "2.16691336eed986eb"; got != want {
		t.Errorf("the digest is %s, and was %s in earlier versions", got, want)
	}
	a.Remove(one)
	a.Remove(two)
	if (a != processor.Digest{}) {
		t.Errorf("of no keys it is %v", a)
	}
	for _, other := range [][2]string{{"p/", "a1"}, {"p/a1", ""}, {"", "p/a1"}, {"a", "p/1"}} {
		if processor.Fingerprint([]byte(other[0]), []byte(other[1])) == one {
			t.Errorf("key %q with value %q has the fingerprint of another", other[0], other[1])
		}
	}
}
