package inspect

import (
	"errors"
	"testing"
	"time"
)

// Any text is parsed to something sane, or refused.
func FuzzFlags(f *testing.F) {
	for _, text := range []string{"15m", "3d", "1w2d3h", "14:02", "2026-11-23 14:02 Europe/Berlin", "1700000000000", "2026-11-23T14:02:11Z",
		"0,2,4-6", "-100", "end", "now", ".a <= 5 and .b == \"x\"", "any(.items[]; .q > 8)"} {
		f.Add(text)
	}
	now := time.UnixMilli(noon)
	f.Fuzz(func(t *testing.T, text string) {
		if at, err := ParseTime(text, now, time.UTC); err == nil && at.IsZero() {
			t.Errorf("%q is the time zero", text)
		}
		partitions, err := ParsePartitions(text)
		for _, p := range partitions {
			if p < 0 || err != nil {
				t.Errorf("%q names partition %d (%v)", text, p, err)
			}
		}
		if b, err := ParseOffset(text); err == nil && b.Offset < 0 {
			t.Errorf("%q is offset %d", text, b.Offset)
		}
		var usage *UsageError
		if err := Check(Options{Match: Match{Filter: text, Grep: []string{text}}}); err != nil && !errors.As(err, &usage) {
			t.Errorf("%q is refused as %v, no wrong usage", text, err)
		}
	})
}
