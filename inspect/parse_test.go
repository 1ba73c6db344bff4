package inspect

import (
	"errors"
	"testing"
)

// Any text is parsed to something sane, or refused.
func FuzzFlags(f *testing.F) {
	for _, text := range []string{"0,2,4-6", "-100", ".a <= 5 and .b == \"x\"", "any(.items[]; .q > 8)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		partitions, err := ParsePartitions(text)
		for _, p := range partitions {
			if p < 0 || err != nil {
				t.Errorf("%q names partition %d (%v)", text, p, err)
			}
		}
		var usage *UsageError
		if err := Check(Options{Match: Match{Filter: text, Grep: []string{text}}}); err != nil && !errors.As(err, &usage) {
			t.Errorf("%q is refused as %v, no wrong usage", text, err)
		}
	})
}
